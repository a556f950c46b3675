"""The text eye on photographs: badges of car makes that write their name are named, and no photograph by a mark that
is not there."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from domain.catalog import Brand, RightsHolder
from index.mark_text import TextReader
from index.word_marks import WordMarks
from store.images import decode_image

DATA = Path(os.environ.get("ASSAYER_TEST_DATA") or Path(__file__).resolve().parents[4] / "shared" / "data")
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(not (DATA / "car_logos").is_dir(), reason="needs the photographs of ASSAYER_TEST_DATA"),
]
WRITE_THEIR_NAME = ("Dacia 1", "Jeep", "Kia 1", "Lancia 1", "Land Rover", "Nissan", "Volvo 1", "GMC")
NOT_THERE = ("adidas", "Apple", "DHL", "Ford", "Google", "HP", "Mini", "Puma", "Red Bull", "Shell")


def words_of(*brands: str) -> WordMarks:
    return WordMarks([RightsHolder(name=brand, brands=(Brand(name=brand),)) for brand in brands])


def test_makes_are_named_by_their_badges() -> None:
    rows = list(csv.DictReader((DATA / "car_logos" / "photos.csv").read_text(encoding="utf-8").splitlines()))
    photos = [row for brand in WRITE_THEIR_NAME for row in [r for r in rows if r["brand"] == brand][:3]]
    reader, marks = TextReader(threads=1), words_of(*(b.removesuffix(" 1") for b in WRITE_THEIR_NAME), *NOT_THERE)
    named = []
    for row in photos:
        found = marks.find(reader.read(decode_image((DATA / "car_logos" / row["file"]).read_bytes())))
        named.append({hit.brand for hit in found if hit.score > 0.5} == {row["brand"].removesuffix(" 1")})
    assert sum(named) >= 0.9 * len(photos)


def test_photographs_of_clothes_are_named_by_nothing() -> None:
    reader, marks = TextReader(threads=1), words_of(*NOT_THERE[1:])
    for path in sorted((DATA / "clothing").rglob("*.jpg"))[::120]:
        assert [hit for hit in marks.find(reader.read(decode_image(path.read_bytes()))) if hit.score > 0.5] == []
