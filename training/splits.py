"""Who trains, who validates, who tests: fixed by name, once and for all.

A brand or product that trained a model never tests it. So the split hangs on the brand or product, not on the
picture, and on nothing that changes between machines or runs: SHA-256 of the kind and the normalized name. Brands of
one family (``github``, ``githubactions``) share a split; what the evaluation sets show is test by name, whatever its
hash (``held_out.toml``).
"""

from __future__ import annotations

import hashlib
import tomllib
import unicodedata
from functools import cache
from pathlib import Path
from typing import Literal, get_args

Kind = Literal["mark", "photo", "product", "scene"]
Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

TRAIN_SHARE = 0.76
VALIDATION_SHARE = 0.06
"""What is left tests."""

_HELD_OUT = Path(__file__).with_name("held_out.toml")


def split_of(kind: Kind, name: str) -> Split:
    """The split that `name` belongs to; case, accents, spaces and punctuation do not matter.

    A mark goes where its brand family goes. Marks of car makes and the test catalog's products are always ``test``.
    """
    key = brand_key(name) if kind == "mark" else normalized_name(name)
    if key in _always_test(kind):
        return "test"
    digest = hashlib.sha256(f"{kind}\0{key}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    if place < TRAIN_SHARE:
        return "train"
    return "validation" if place < TRAIN_SHARE + VALIDATION_SHARE else "test"


def brand_key(name: str) -> str:
    """The name of the brand family that a mark belongs to: the shortest family name that it begins with, or itself."""
    key = normalized_name(name)
    families = _held_out("families")
    return next((key[:end] for end in range(4, len(key)) if key[:end] in families), key)


def normalized_name(name: str) -> str:
    """Letters and digits, without case and accents: ``Alfa-Romeo`` is ``alfaromeo``.

    A name without a letter or digit stays as it is, so that no two such names become one.
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold()).casefold()
    letters = "".join(character for character in plain if character.isalnum())
    return letters or name.encode("utf-8", "backslashreplace").decode()


@cache
def _held_out(table: Literal["families", "car_makes", "products"]) -> frozenset[str]:
    names: list[str] = tomllib.loads(_HELD_OUT.read_text(encoding="utf-8"))[table]
    return frozenset(normalized_name(name) for name in names)


@cache
def _always_test(kind: Kind) -> frozenset[str]:
    if kind == "mark":
        return frozenset(brand_key(make) for make in _held_out("car_makes"))
    return _held_out("products") if kind == "product" else frozenset()
