"""Pictures that have nothing to do with a catalog: drawn ones that come with Assayer, and a user's own folder."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

from crawler.marketplace.strangers import draw_stranger
from domain.errors import BadInput, ImageRefused
from domain.settings import Settings

DISTRACTOR_SEED = 6007
"""Of the drawn ones; no marketplace that trains or is measured on is drawn from it (see jobs.learning_sets)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Distractor:
    """One picture, not read yet."""

    name: str
    drawn: bool
    """Whether it came with Assayer; else it is the user's."""
    read: Callable[[], bytes]
    """Its bytes. Raises ImageRefused when they cannot be read."""


def drawn_distractors(settings: Settings) -> list[Distractor]:
    """`settings.drawn_distractors` of them, drawn when first read and kept in the home folder, to be looked at too."""
    # another release may draw otherwise
    folder = settings.home / "distractors" / version("assayer")
    return [
        Distractor(name=f"drawn {number}", drawn=True, read=partial(_drawn, folder / f"{number:05}.jpg", number))
        for number in range(settings.drawn_distractors)
    ]


def distractors_in(folder: Path, settings: Settings) -> list[Distractor]:
    """Every file of a folder and its folders, by name, hidden ones and links left out.

    Raises BadInput where there is no such folder, nothing in it, or more than `settings.max_archive_files`.
    """
    if not folder.is_dir():
        raise BadInput("is no folder", file=str(folder), field="distractors")
    found: list[Path] = []
    for path in _files(folder):
        if len(found) == settings.max_archive_files:
            raise BadInput(
                f"more than {settings.max_archive_files} files",
                file=str(folder),
                field="distractors",
                advice="Name a folder of fewer pictures, or raise ASSAYER_MAX_ARCHIVE_FILES.",
            )
        found.append(path)
    if not found:
        raise BadInput("holds no pictures", file=str(folder), field="distractors")
    return [
        Distractor(
            name=path.relative_to(folder).as_posix(),
            drawn=False,
            read=partial(_content, path, folder, settings.max_image_bytes),
        )
        for path in sorted(found)
    ]


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(place, name)
            # a pipe would be waited for, and a link may lead anywhere
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                yield path


def _content(path: Path, folder: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(max_bytes + 1)  # one more is too many, and is refused as such
    except OSError as error:
        name = path.relative_to(folder).as_posix()
        raise ImageRefused(f"cannot be read ({error.strerror})", file=name) from error


def _drawn(path: Path, number: int) -> bytes:
    with contextlib.suppress(OSError):
        return path.read_bytes()
    content = draw_stranger(DISTRACTOR_SEED, number)
    partial_path = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    # where nothing can be kept, it is drawn again the next time
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial_path.write_bytes(content)
        partial_path.replace(path)
    return content
