"""From what was sent to a listing with its pictures; they live as long as the request."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

from crawler.fetch import GuardedFetcher
from domain.errors import AssayerError, BadInput, FetchTooLarge
from domain.listing import Listing, ListingImage
from domain.settings import Settings
from jobs.intake.json_text import read_json
from jobs.intake.listing_row import draft_listing
from jobs.intake.text import is_url
from jobs.read_pictures import NO_PICTURE, ListingDecoder
from jobs.score_listings import Scored, Scorer
from serving.bodies import ScoreRequest, SentFile
from serving.problems import ListingRefused
from store.images import RGB

_FETCHES_AT_ONCE = 4
"""Of one request."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedPicture:
    """A picture that is still a URL or a file."""

    field: str
    """Where it stands in the request, such as ``images[0]``."""
    source: str
    """URL or label."""
    content: bytes | None
    """None: to be fetched from `source`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadRequest:
    """A checked listing and where its pictures are."""

    listing: Listing
    """Without images."""
    pictures: tuple[NamedPicture, ...]


def read_listing(sent: ScoreRequest, settings: Settings) -> ReadRequest:
    """Parse and check; nothing is fetched. Raises ListingRefused with every fault and its field."""
    try:
        data = read_json(sent.listing, file="listing")
    except BadInput as error:
        reason = error.reason if error.line in (None, 1) else f"line {error.line}: {error.reason}"
        raise ListingRefused(BadInput(reason, field="listing")) from error
    draft, faults = draft_listing(data)
    if draft is None or not isinstance(data, Mapping):
        raise ListingRefused(faults[0], faults=faults if len(faults) > 1 else ())
    named = [link.strip() for link in data.get("images") or ()]
    if len(named) > settings.max_listing_images:
        reason = f"{len(named)} pictures; at most {settings.max_listing_images} are read"
        raise ListingRefused(BadInput(reason, field="images"))
    pictures = _linked(named) if sent.files is None else _sent(named, sent.files)
    return ReadRequest(listing=draft.listing, pictures=tuple(pictures))


def _linked(links: Sequence[str]) -> Iterator[NamedPicture]:
    """Each URL once, as an import takes them."""
    for at, link in enumerate(links):
        if not is_url(link):
            reason = "not an http or https URL; pictures in files are sent as multipart/form-data"
            raise ListingRefused(BadInput(reason, field=f"images[{at}]"))
        if link not in links[:at]:
            yield NamedPicture(field=f"images[{at}]", source=link, content=None)


def _sent(names: Sequence[str], files: Sequence[SentFile]) -> Iterator[NamedPicture]:
    if names and len(names) != len(files):
        reason = f"the listing names {len(names)} pictures and {len(files)} were sent; send all, or name none"
        raise ListingRefused(BadInput(reason, field="images"))
    for at, file in enumerate(files):
        field = f"images[{at}]"
        yield NamedPicture(field=field, source=names[at] if names else file.label or field, content=file.content)


def score_contents(scorer: Scorer, read: ReadRequest, contents: Sequence[bytes], settings: Settings) -> Scored:
    """The verdict on the listing and all its pictures, whose bytes are `contents`; each is decoded once.

    Raises ListingRefused for the first picture that cannot be read: the answer is a verdict on all pictures of the
    request, or none.
    """
    decoder, images, pictures = ListingDecoder(settings), [], dict[str, RGB]()
    for picture, content in zip(read.pictures, contents, strict=True):
        digest = hashlib.sha256(content).hexdigest()
        if digest not in pictures:
            with _placed(picture.field):
                # no name: a label says nothing about what is in the file, and web servers transcode
                pictures[digest] = decoder.decode(content)
        images.append(ListingImage(source=picture.source, sha256=digest))
    listing = replace(read.listing, images=tuple(images))
    return scorer.score_pictures(listing, list(pictures.items()), () if images else (NO_PICTURE,))


def picture_contents(read: ReadRequest, fetcher: GuardedFetcher, settings: Settings) -> list[bytes]:
    """All pictures' bytes, in order; fetched side by side, for most of that time is waiting.

    Raises ListingRefused for the first picture that cannot be fetched. Nothing is being fetched anymore by then, or
    refused requests would leave more and more threads behind.
    """
    allowance = _Allowance(settings.max_body_bytes)

    def content_of(picture: NamedPicture) -> bytes:
        if picture.content is not None:
            return picture.content
        most = min(settings.max_image_bytes, allowance.left(picture.source))
        content = fetcher.fetch(picture.source, max_bytes=most).content
        allowance.take(len(content), picture.source)
        return content

    pool = ThreadPoolExecutor(_FETCHES_AT_ONCE, thread_name_prefix="fetch")
    try:
        waiting = [(picture.field, pool.submit(content_of, picture)) for picture in read.pictures]
        contents = []
        for field, one in waiting:
            with _placed(field):
                contents.append(one.result())
        return contents
    finally:
        pool.shutdown(cancel_futures=True)


class _Allowance:
    """Bytes that one request's pictures may have together, whichever way they come. Threads share it."""

    def __init__(self, most: int) -> None:
        self._most = self._left = most
        self._lock = threading.Lock()

    def left(self, url: str) -> int:
        with self._lock:
            if self._left <= 0:
                raise self._used_up(url)
            return self._left

    def take(self, size: int, url: str) -> None:
        with self._lock:
            self._left -= size
            if self._left < 0:
                raise self._used_up(url)

    def _used_up(self, url: str) -> FetchTooLarge:
        return FetchTooLarge(f"the pictures have more than {self._most} bytes together", url=url)


@contextmanager
def _placed(field: str) -> Iterator[None]:
    try:
        yield
    except AssayerError as error:
        raise ListingRefused(error, field=field) from error
