"""Request bodies, read while they stream in and never beyond their limits: JSON, or multipart/form-data."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import anyio
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from domain.errors import BadInput
from domain.settings import Settings
from jobs.intake.flat_listing import MAX_ROW_BYTES
from serving.problems import BodyTooLarge, BodyTooSlow, UnsupportedMediaType

MEDIA_TYPES = ("application/json", "multipart/form-data")
BODY_TIMEOUT_S = 60.0
"""Longest time for a body to come in."""
_BOUNDARY = re.compile(rb"[A-Za-z0-9'()+_,./:=? -]{0,69}[A-Za-z0-9'()+_,./:=?-]")
"""RFC 2046 section 5.1.1."""
_PARTS = ("listing", "images")


@dataclass(frozen=True, kw_only=True, slots=True)
class SentFile:
    """A picture that came with the request."""

    label: str
    """Its file name as sent: a label, never a path."""
    content: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreRequest:
    """What was sent."""

    listing: bytes
    """JSON, not yet looked at."""
    files: tuple[SentFile, ...] | None
    """Pictures in order; None when the request is JSON and its pictures are URLs."""


async def read_request(request: Request, settings: Settings) -> ScoreRequest:
    """The body of ``POST /v1/score``.

    Raises UnsupportedMediaType, BodyTooLarge (also without a Content-Length: bytes are counted as they come),
    BodyTooSlow, or BadInput for multipart that is broken or has other parts than are read.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in MEDIA_TYPES:
        raise UnsupportedMediaType(f"send {' or '.join(MEDIA_TYPES)}", field="Content-Type")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedMediaType("send the body as it is, not compressed", field="Content-Encoding")
    try:
        with anyio.fail_after(BODY_TIMEOUT_S):
            if media_type == MEDIA_TYPES[0]:
                return ScoreRequest(listing=await _read_json(request, settings), files=None)
            return await _read_multipart(request, settings)
    except TimeoutError as error:
        raise BodyTooSlow(f"the body did not come in within {BODY_TIMEOUT_S:g} s", field="body") from error


async def _read_json(request: Request, settings: Settings) -> bytes:
    most = min(MAX_ROW_BYTES, settings.max_body_bytes)
    async with aclosing(_bounded(request, most)) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def _bounded(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > most:
        raise _too_large(most)
    read = 0
    async with aclosing(request.stream()) as chunks:
        async for chunk in chunks:
            read += len(chunk)
            if read > most:
                raise _too_large(most)
            yield chunk


def _too_large(most: int) -> BodyTooLarge:
    return BodyTooLarge(f"more than {most} bytes", field="body")


async def _read_multipart(request: Request, settings: Settings) -> ScoreRequest:
    most_files = settings.max_listing_images + 1  # the listing may come as a file, too
    async with aclosing(_bounded(request, settings.max_body_bytes)) as chunks:
        parser = MultiPartParser(
            _lossless(request.headers),
            chunks,
            max_files=most_files,
            max_fields=len(_PARTS),
            max_part_size=MAX_ROW_BYTES,
        )
        try:
            form = await parser.parse()
        except MultiPartException as error:
            field = "images" if error.message.startswith("Too many files") else "body"
            raise BadInput(f"not acceptable multipart: {error.message}", field=field) from error
    try:
        return await _request_of(form, settings)
    finally:
        await form.close()


def _lossless(headers: Headers) -> Headers:
    """With a charset under which text parts come as the bytes that were sent: ours to check, not to be guessed.

    Of what was sent only the boundary stays. Raises BadInput where there is none.
    """
    _, parameters = parse_options_header(headers["content-type"])
    boundary = parameters.get(b"boundary", b"")
    if not _BOUNDARY.fullmatch(boundary):
        raise BadInput("not acceptable multipart: missing or impossible boundary", field="body")
    return Headers({"content-type": f'{MEDIA_TYPES[1]}; boundary="{boundary.decode("ascii")}"; charset=latin-1'})


async def _request_of(form: FormData, settings: Settings) -> ScoreRequest:
    for name in form:
        if name not in _PARTS:
            raise BadInput(f"a part that is not read; send {' and '.join(_PARTS)}", field=_utf8(name)[:100])
    listings, files = form.getlist("listing"), form.getlist("images")
    if len(listings) != 1:
        raise BadInput("one part of this name is wanted, the listing as JSON", field="listing")
    if len(files) > settings.max_listing_images:
        raise BadInput(f"{len(files)} pictures; at most {settings.max_listing_images} are read", field="images")
    return ScoreRequest(
        listing=await _content(listings[0], "listing", MAX_ROW_BYTES),
        files=tuple([await _file(part, f"images[{at}]", settings) for at, part in enumerate(files)]),
    )


async def _file(part: UploadFile | str, field: str, settings: Settings) -> SentFile:
    if isinstance(part, str):
        raise BadInput("is text; send the picture as a file", field=field)
    content = await _content(part, field, settings.max_image_bytes)
    return SentFile(label=_utf8(part.filename or "")[:200], content=content)


async def _content(part: UploadFile | str, field: str, most: int) -> bytes:
    if isinstance(part, str):
        return part.encode("latin-1")
    if (part.size or 0) > most:
        raise BodyTooLarge(f"more than {most} bytes", field=field)
    return await part.read()


def _utf8(lossless: str) -> str:
    return lossless.encode("latin-1").decode("utf-8", "replace")
