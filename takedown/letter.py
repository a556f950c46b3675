"""A notice as a letter: PDF/A by typst from a template, with the proof's pictures in it.

The template reads one JSON text and shows its strings as text: typst evaluates no markup in them. No network is
touched (the template imports no package) and only the fonts inside typst are used, so equal input gives equal bytes.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import typst

from domain.errors import AssayerError
from takedown.lint import url_problem
from takedown.wording import ascii_only, legible

MAX_PICTURES = 150
"""Most pictures in one letter, in the order of its offers: it must still fit into an e-mail."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LetterPicture:
    """One picture in a letter."""

    content: bytes
    """JPEG or PNG."""
    description: str
    """What it shows, for those who cannot see it."""
    width_cm: float


def letter_pdf(document: Mapping[str, Any], pictures: Mapping[str, LetterPicture], *, subject: str) -> bytes:
    """The letter of one `dsa.dsa_notice` document.

    `pictures` are keyed by listing id. Raises AssayerError when typst refuses, which no text in
    the document should bring about.
    """
    with tempfile.TemporaryDirectory(prefix="assayer-letter-") as folder:
        root = Path(folder)
        (root / "letter.typ").write_bytes((files("takedown") / "templates/letter.typ").read_bytes())
        names = _lay_down(pictures, document, root)
        try:
            return _compiled(root, _letter(document, pictures, names, subject, legible), document["prepared_on"])
        except typst.TypstError:
            # PDF/A refuses a text its fonts cannot show whole; in ASCII they can show everything
            pass
        try:
            return _compiled(root, _letter(document, pictures, names, subject, ascii_only), document["prepared_on"])
        except typst.TypstError as error:
            raise AssayerError(
                f"notice {document['notice_id']}: the letter cannot be set ({error.message[:200]})"
            ) from error


def _compiled(root: Path, letter: dict[str, Any], prepared_on: str) -> bytes:
    compiler = typst.Compiler(
        root / "letter.typ",
        root=root,
        ignore_system_fonts=True,
        sys_inputs={"notice": json.dumps(letter)},
        package_path=root / "no-packages",
        package_cache_path=root / "no-packages",
    )
    day = date.fromisoformat(prepared_on)
    pdf = compiler.compile(
        format="pdf", pdf_standards="a-2b", timestamp=datetime(day.year, day.month, day.day, tzinfo=UTC)
    )
    if not isinstance(pdf, bytes):  # several files come only from image formats
        raise AssayerError("typst gave no PDF")
    return pdf


def _lay_down(pictures: Mapping[str, LetterPicture], document: Mapping[str, Any], root: Path) -> dict[str, str]:
    """Write the pictures under names of our own; listing id to file name."""
    names: dict[str, str] = {}
    for item in document["items"]:
        picture = pictures.get(item["listing_id"])
        if picture is not None and item["listing_id"] not in names and len(names) < MAX_PICTURES:
            suffix = "png" if picture.content.startswith(b"\x89PNG") else "jpg"
            names[item["listing_id"]] = f"picture-{len(names)}.{suffix}"
            (root / names[item["listing_id"]]).write_bytes(picture.content)
    return names


def _letter(
    document: Mapping[str, Any],
    pictures: Mapping[str, LetterPicture],
    names: Mapping[str, str],
    subject: str,
    shown: Callable[[str], str],
) -> dict[str, Any]:
    """The document in characters the fonts have, with what only the letter needs."""
    legible_document = _each_string(document, shown)
    letter: dict[str, Any] = {**legible_document, "subject": shown(subject)}
    letter["transliterated"] = legible_document != dict(document)
    for item, source in zip(letter["items"], document["items"], strict=True):
        item["linked"] = source["url"].isascii() and url_problem(source["url"]) is None
        name = names.get(source["listing_id"])
        item["picture"] = None
        if name is not None:
            picture = pictures[source["listing_id"]]
            item["picture"] = {"path": name, "description": picture.description, "width_cm": picture.width_cm}
    return letter


def _each_string(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _each_string(inner, change) for key, inner in value.items()}
    if isinstance(value, list):
        return [_each_string(inner, change) for inner in value]
    return value
