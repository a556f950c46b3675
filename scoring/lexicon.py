"""Word lists with weights, one TOML file per language, loaded once and versioned by content."""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import product
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from scoring.search import PhraseTrie

_CHOICE = re.compile(r"\(([^()]*)\)")

LexiconName = Literal["coded_language", "resale"]


class Entry(BaseModel):
    """One term."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    term: str = Field(min_length=2)
    """Spaces and hyphens also match a short run of separators, or none.

    Choices stand in parentheses: ``(dm|pm) (|me) for``.
    """
    weight: float = Field(gt=0, lt=1)
    """Strength of this term alone, 0 to 1."""
    note: str = Field(min_length=1)
    """What it means in the trade."""
    unless: tuple[str, ...] = ()
    """Words nearby that give the term an innocent meaning."""
    requires: tuple[str, ...] = ()
    """Words of which one must stand nearby; empty: none."""
    exact_case: bool = False
    """Counts only as written here."""


class Negation(BaseModel):
    """How the language denies a term."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    fillers: tuple[str, ...] = ()
    """Words that may stand between the denial and the term."""
    warnings: tuple[str, ...] = ()
    """Openings of a warning or comparison, choices as in `Entry.term`; other words may stand before the term."""
    offers: tuple[str, ...] = ()
    """But none of these: *warning, this is a replica* admits what it sells."""


class LexiconFile(BaseModel):
    """One language."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    language: str = Field(min_length=2)
    entries: tuple[Entry, ...]
    negation: Negation = Negation()


@dataclass(frozen=True, slots=True)
class Term:
    """One way to write an entry, with its language's way to deny it."""

    written: str
    entry: Entry
    language: str
    negation: Negation


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Every language's terms and the trie that finds them (`Hit.phrase` indexes `terms`)."""

    terms: tuple[Term, ...]
    trie: PhraseTrie


@cache
def load_lexicon(name: LexiconName) -> Lexicon:
    """The embedded lexicon of that name."""
    terms = tuple(
        Term(written, entry, parsed.language, parsed.negation)
        for parsed in (LexiconFile.model_validate(tomllib.loads(f.read_text("utf-8"))) for f in _lexicon_files(name))
        for entry in parsed.entries
        for written in expand_term(entry.term)
    )
    return Lexicon(terms, PhraseTrie([t.written for t in terms], punctuation_is_gap=False, tolerant=True))


def expand_term(term: str) -> list[str]:
    """Every way to write a term with choices in parentheses: ``(a|b) c`` gives ``a c`` and ``b c``."""
    parts = [part.split("|") if i % 2 else [part] for i, part in enumerate(_CHOICE.split(term))]
    return list(dict.fromkeys(" ".join("".join(choice).split()) for choice in product(*parts)))


@cache
def lexicon_version() -> str:
    """First 12 hex digits of the SHA-256 over all embedded lexicon files: equal content, equal version."""
    names: tuple[LexiconName, ...] = ("coded_language", "resale")
    content = (f.name.encode() + b"\0" + f.read_bytes() + b"\0" for name in names for f in _lexicon_files(name))
    return hashlib.sha256(b"".join(content)).hexdigest()[:12]


def _lexicon_files(name: LexiconName) -> list[Traversable]:
    folder = files("scoring").joinpath("lexicons", name)
    return sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
