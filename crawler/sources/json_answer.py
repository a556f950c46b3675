"""JSON that strangers answer: parsed within bounds, read value by value, each with the place where it stood."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from crawler.extraction.text import MAX_FIELD, clean
from crawler.sources.interface import Answer
from domain.gtin import valid_gtin
from domain.listing import FoundValue

MOST_PICTURES = 50
"""Pictures of one offer."""

_LONGEST_URL = 2_000
_LARGEST_NUMBER = 2**31 - 1
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_STEP = re.compile(r"[^.\[\]]+")
_WHOLE = re.compile(r"\d{1,16}")


class BrokenAnswer(Exception):
    """Not what was asked for; the message says why, for a person."""


def words(value: Any, longest: int = 300) -> str:
    """What a stranger says, fit to be shown in a terminal; empty for what is no text."""
    said = "".join(character if character.isprintable() else " " for character in clean(value)[:longest])
    return " ".join(said.split())


def parsed(answer: Answer) -> Any:
    """The JSON value of an answer. Raises BrokenAnswer."""
    try:
        return json.loads(answer.body.decode("utf-8-sig", "replace"))
    except RecursionError as error:
        raise BrokenAnswer("JSON that is nested too deeply") from error
    except ValueError as error:  # a number of too many digits is one, too
        raise BrokenAnswer(f"not JSON ({error})"[:200]) from error


def mapping(value: Any) -> Mapping[str, Any]:
    """The object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """The array, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def at(value: Any, path: str) -> Any:
    """What stands at a path such as ``variants[0].price``; None when nothing does."""
    for step in _STEP.findall(path):
        if isinstance(value, list):
            value = value[int(step)] if step.isdecimal() and int(step) < len(value) else None
        else:
            value = mapping(value).get(step)
    return value


def whole_number(value: Any, *, most: int = _LARGEST_NUMBER) -> int | None:
    """A count; None for anything else than a whole number from 0 to `most`, by default what fits a database."""
    text = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    number = int(text) if text.isascii() and _WHOLE.fullmatch(text) else None
    return number if number is not None and number <= most else None


def absolute_url(value: Any, base: str) -> str:
    """An http or https address without fragment; empty for anything else."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_URL:
        return ""
    try:
        url = urljoin(base, value.strip()).partition("#")[0]
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return ""
    return url if fits and url.isprintable() and " " not in url else ""


def picture_urls(values: Iterable[Any], base: str) -> tuple[str, ...]:
    """Addresses of pictures, each once, in the order given; the first `MOST_PICTURES`."""
    urls = dict.fromkeys(absolute_url(value, base) for value in values)
    return tuple(url for url in urls if url)[:MOST_PICTURES]


class Item:
    """One object of an answer; remembers where the fields of a listing were found in it."""

    def __init__(self, value: Any, where: str) -> None:
        self.value = mapping(value)
        self._where = where
        self._found: dict[str, FoundValue] = {}

    @property
    def found(self) -> tuple[FoundValue, ...]:
        """Where each field was found that was asked for by name and is not empty."""
        return tuple(self._found.values())

    def at(self, path: str) -> Any:
        """What stands at a path; None when nothing does."""
        return at(self.value, path)

    def text(self, field: str, *paths: str, longest: int = MAX_FIELD) -> str:
        """The first of these paths that holds text or a number, cleaned."""
        for path in paths:
            value = self.at(path)
            if said := clean(value, longest):
                self.note(field, value, path)
                return said
        return ""

    def gtin(self, *paths: str) -> str:
        """The first GTIN at these paths whose check digit holds."""
        for path in paths:
            value = self.at(path)
            if number := valid_gtin(clean(value)):
                self.note("gtin", value, path)
                return number
        return ""

    def count(self, field: str, path: str) -> int | None:
        """The whole number at this path."""
        number = whole_number(self.at(path))
        if number is not None:
            self.note(field, number, path)
        return number

    def note(self, field: str, value: Any, path: str) -> None:
        """Remember where a field was found; a path of its own says more than that of what is around it."""
        raw = value if isinstance(value, str) else json.dumps(value)
        raw = _CONTROLS.sub(" ", raw[:MAX_FIELD].encode("utf-8", "replace").decode())
        where = f"{self._where}.{path}" if self._where else path
        self._found[field] = FoundValue(field=field, raw=raw, where=f"api {where}")
