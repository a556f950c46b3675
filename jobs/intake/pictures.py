"""Links of a feed or listing to pictures: read, checked by decoding, and put into evidence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from domain.errors import AssayerError, BadInput, ImageRefused
from domain.settings import Settings
from jobs.intake.source import Source
from jobs.intake.text import is_url
from store.images import decode_image

Fetch = Callable[[str], bytes]
"""Gets a URL's bytes; raises AssayerError (FetchRefused) when it may not or cannot."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """What became of one link: a digest in evidence, a refusal, or both (bytes that are kept but no picture)."""

    sha256: str | None = None
    refused: ImageRefused | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureIntake:
    """Takes pictures of one source in. `write` stores bytes and returns their SHA-256."""

    source: Source
    settings: Settings
    write: Callable[[bytes], str]
    fetch: Fetch | None = None
    keep_refused: bool = False
    """Whether bytes that are no picture go to evidence too: a listing's are evidence whatever they are."""

    def take(self, link: str, decode: Callable[..., object] = decode_image) -> Picture:
        """The picture behind a link, kept where `decode` reads it. Never raises for what is wrong with the picture."""
        try:
            content = self._content(link)
        except AssayerError as error:
            reason = error.reason if isinstance(error, BadInput) else error.message
            return Picture(refused=ImageRefused(reason, file=link))
        name = None if is_url(link) else link  # servers transcode, so a URL's suffix says nothing
        try:
            decode(
                content,
                name=name,
                max_bytes=self.settings.max_image_bytes,
                max_pixels=self.settings.max_image_pixels,
            )
        except ImageRefused as error:
            sha256 = self.write(content) if content and self.keep_refused else None
            return Picture(sha256=sha256, refused=ImageRefused(error.reason, file=link, advice=error.advice))
        return Picture(sha256=self.write(content))

    def _content(self, link: str) -> bytes:
        if not is_url(link):
            return self.source.read(link, max_bytes=self.settings.max_image_bytes)
        if self.fetch is None:
            raise BadInput("is a URL, and this import reads files only", advice="Put the picture beside the file.")
        content = self.fetch(link)
        if len(content) > self.settings.max_image_bytes:
            raise BadInput(f"more than {self.settings.max_image_bytes} bytes")
        return content
