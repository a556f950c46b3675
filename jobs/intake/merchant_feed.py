"""A Google Merchant product feed, as TSV, CSV or XML, to product rows.

Fields: https://support.google.com/merchants/answer/7052112. Lengths here are wider than Google's, so that a feed that
Google takes is never refused for its length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from domain.catalog import Money
from domain.errors import BadInput
from domain.gtin import GTIN_LENGTHS, check_digit
from jobs.intake.feed_xml import read_xml
from jobs.intake.findings import Findings
from jobs.intake.price import feed_price
from jobs.intake.table import Row, read_table
from jobs.intake.text import collapse, fault_of
from store.content import MAX_KEY_BYTES

REQUIRED = ("id", "title", "image_link")
MAX_LENGTHS = {
    "id": 500,
    "title": 1_000,
    "description": 50_000,
    "brand": 200,
    "price": 100,
    "condition": 50,
    "color": 500,
    "google_product_category": 1_000,
    "product_type": 1_000,
    "gtin": 100,
    "image_link": 2_000,
    "additional_image_link": 50_000,
}
"""Columns that are read, and the most characters of each."""

FEED_SUFFIXES = (".tsv", ".csv", ".txt", ".xml")
_LONG_TEXT = ("description", "title")
_MAX_IMAGES = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedRow:
    """One product as its feed gives it, before it is tied to a rights holder and its pictures are read."""

    file: str
    line: int
    product_id: str
    title: str
    brand: str
    """Empty where the feed gives none."""
    description: str
    price: Money | None
    price_raw: str
    condition: str
    color: str
    category: str
    gtin: str
    images: tuple[str, ...]
    """Paths or URLs, the main picture first, each once."""


def read_feed(stream: BinaryIO, *, file: str, findings: Findings) -> Iterator[FeedRow]:
    """The good rows, streamed; each bad one goes to `findings` with file, line, field and reason.

    XML is told from tables by the suffix of `file`. Raises BadInput where the file cannot be read at all.
    """
    is_xml = PurePosixPath(file).suffix.lower() == ".xml"
    if is_xml:
        rows = read_xml(stream, file=file, findings=findings, known=MAX_LENGTHS)
    else:
        rows = read_table(stream, file=file, findings=findings, known=MAX_LENGTHS, required=REQUIRED)
    for row in rows:
        faults = list(_faults(row))
        for fault in faults:
            findings.refuse(fault.at(file=file, line=row.line))
        if not faults:
            additional = row.cells.get("additional_image_link", ())
            if not is_xml:  # XML repeats the element instead, and its links may hold commas
                additional = tuple(link for value in additional for link in value.split(","))
            yield _product(row, additional, file, findings)


def _faults(row: Row) -> Iterator[BadInput]:
    for field in REQUIRED:
        if not row.text(field):
            yield BadInput("empty", field=field)
    for field, most in MAX_LENGTHS.items():
        values = row.cells.get(field, ())
        if len(values) > 1 and field != "additional_image_link":
            yield BadInput(f"given {len(values)} times", field=field)
        for value in values:
            if fault := fault_of(value, max_length=most, one_line=field not in _LONG_TEXT):
                yield BadInput(fault, field=field)
    if len(row.text("id").encode()) > MAX_KEY_BYTES:
        yield BadInput(f"more than {MAX_KEY_BYTES} bytes", field="id")
    if price := row.text("price"):
        try:
            feed_price(price)
        except BadInput as error:
            yield BadInput(error.reason, field="price")


def _product(row: Row, additional: tuple[str, ...], file: str, findings: Findings) -> FeedRow:
    price = feed_price(row.text("price")) if row.text("price") else None
    if price is not None and price.amount == 0:
        price = None
        reason = "0 is not a price to compare with; the product is kept without one"
        findings.warn(BadInput(reason, file=file, line=row.line, field="price"))
    if (gtin := row.text("gtin")) and (fault := fault_of_gtin(gtin)):
        findings.warn(BadInput(fault, file=file, line=row.line, field="gtin"))
    links = [row.text("image_link"), *(link.strip() for link in additional)]
    images = tuple(dict.fromkeys(link for link in links if link))
    if len(images) > _MAX_IMAGES:
        reason = f"{len(images)} pictures; the first {_MAX_IMAGES} are read"
        findings.warn(BadInput(reason, file=file, line=row.line, field="additional_image_link"))
    return FeedRow(
        file=file,
        line=row.line,
        product_id=row.text("id"),
        title=collapse(row.text("title")),
        brand=collapse(row.text("brand")),
        description=row.text("description"),
        price=price,
        price_raw=row.text("price"),
        condition=row.text("condition").lower() or "new",
        color=row.text("color"),
        category=row.text("google_product_category") or row.text("product_type"),
        gtin=gtin,
        images=images[:_MAX_IMAGES],
    )


def fault_of_gtin(gtin: str) -> str | None:
    """What is wrong with a GTIN-8, -12, -13 or -14 (GS1 General Specifications, check digit), or None."""
    digits = gtin.replace(" ", "").replace("-", "")
    if not (digits.isascii() and digits.isdigit()) or len(digits) not in GTIN_LENGTHS:
        return f'"{gtin[:40]}" is not a GTIN of 8, 12, 13 or 14 digits'
    if (expected := check_digit(digits[:-1])) != int(digits[-1]):
        return f'the check digit of "{gtin}" is not {expected}'
    return None
