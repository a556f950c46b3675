"""Recipes of pictures: what is shown, how it was photographed, what a thief did to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from crawler.marketplace.drawing.design import Design


class Shot(StrEnum):
    """Who photographed, and for what."""

    MAIN = "main"
    ALTERNATIVE = "alternative"
    OWN = "own"
    LOGO = "logo"
    COPY = "copy"


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """How to make one picture. Equal recipes give equal bytes."""

    shot: Shot
    seed: int
    design: Design | None = None
    sources: tuple[str, ...] = ()
    """Names of the pictures that a copy is made from."""
    edits: tuple[str, ...] = ()


def render(picture: Picture, sources: tuple[bytes, ...]) -> bytes:
    """The file's bytes. `sources` are the files of `picture.sources`, in that order."""
    # imported here: reading listings' words must not wait for OpenCV
    from crawler.marketplace.drawing.edits import edit_photo
    from crawler.marketplace.drawing.photograph import draw_logo_file, photograph

    if picture.shot is Shot.COPY:
        return edit_photo(sources, picture.edits, picture.seed)
    assert picture.design is not None
    if picture.shot is Shot.LOGO:
        return draw_logo_file(picture.design)
    return photograph(picture.design, picture.shot.value, picture.seed)
