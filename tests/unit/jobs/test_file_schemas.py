"""docs/schemas are the readers' own: what a schema refuses, its reader refuses."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from domain.errors import BadInput
from jobs.intake.findings import Findings
from jobs.intake.listing_row import draft_listing
from jobs.intake.rights_holders import read_rights_holders
from jobs.intake.schemas import FORMS, json_schema, write_schemas

DOCS = Path(__file__).resolve().parents[3] / "docs"

LISTING: dict[str, Any] = {
    "marketplace": "market.example",
    "listing_id": "L1",
    "url": "https://market.example/1",
    "title": "Canvas bag",
    "description": "As\nnew",
    "price": 8.53,
    "currency": "USD",
    "quantity": 2,
    "brand": None,
    "sku": "CB-12",
    "gtin": "4006381333931",
    "mpn": "CB12/N",
    "availability": "InStock",
    "category": "Bags",
    "condition": "used",
    "ships_from": "DE",
    "images": ["a.jpg", "https://cdn.example/b.jpg"],
    "seller": {"id": "s1", "name": "shop", "feedback_score": 3, "feedback_percent": 99.5, "location": "DE"},
}
HOLDERS: dict[str, Any] = {
    "$schema": "rights_holders.schema.json",
    "rights_holders": [
        {
            "name": "Acme Ltd",
            "brands": [{"name": "Acme", "logos": ["logo.png"]}, {"name": "Bolt"}],
            "trademarks": [
                {
                    "mark": "ACME",
                    "office": "EUIPO",
                    "registration_number": "018",
                    "nice_classes": [18, 25],
                    "status": "registered",
                }
            ],
            "authorized_sellers": ["acme-official"],
            "contact_email": "legal@acme.example",
            "minimum_advertised_price": {"A": "49.00 USD"},
        },
        {"name": "Zeta", "minimum_advertised_price": "5.00 EUR"},
    ],
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**13), 10**13),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.sampled_from(
        ["", " ", "x" * 600, "x" * 5_001, "a\tb", "a\x07b", "free", "1.00 USD", "ftp://a.example", "a@b.c"]
    ),
    st.lists(st.integers(), max_size=2),
    st.just({}),
    st.just({"id": "s"}),
    st.just({"surprise": 1}),
)


def read_listing(data: Any) -> bool:
    draft, faults = draft_listing(data)
    assert (draft is None) == bool(faults)
    return draft is not None


def read_holders(data: Any) -> bool:
    findings = Findings()
    try:
        read_rights_holders(json.dumps(data).encode(), file="rights_holders.json", findings=findings)
    except BadInput:
        return False
    return not findings.bad


READERS = {
    "listing.schema.json": (LISTING, read_listing),
    "rights_holders.schema.json": (HOLDERS, read_holders),
}


def steps_of(value: Any, path: tuple[int | str, ...] = ()) -> Iterator[tuple[int | str, ...]]:
    if path:
        yield path
    children: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, child in children:
        yield from steps_of(child, (*path, step))


@st.composite
def mutated(draw: st.DrawFn, sample: dict[str, Any]) -> Any:
    """The sample with up to three of its values replaced, removed, or joined by a stranger."""
    data = copy.deepcopy(sample)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(steps_of(data)) or [("listing_id",)]))
        holder = data
        for step in path[:-1]:
            holder = holder[step]
        deed = draw(st.sampled_from(["replace", "remove", "add"]))
        if deed == "replace":
            holder[path[-1]] = copy.deepcopy(draw(ODD))
        elif deed == "remove":
            holder.pop(path[-1], None) if isinstance(holder, dict) else holder.pop(int(path[-1]))
        elif isinstance(holder, dict):
            holder[draw(st.sampled_from(["surprise", "authorised_sellers", "name"]))] = copy.deepcopy(draw(ODD))
    return data


@pytest.mark.parametrize("name", list(FORMS))
def test_the_schemas_in_the_docs_are_the_readers(name: str, tmp_path: Path) -> None:
    write_schemas(tmp_path)
    assert (DOCS / "schemas" / name).read_text() == (tmp_path / name).read_text()
    Draft202012Validator.check_schema(json_schema(name))


def test_every_schema_is_named_in_the_docs() -> None:
    text = (DOCS / "formats.md").read_text()
    assert all(f"schemas/{name}" in text for name in FORMS)


@pytest.mark.parametrize("name", list(FORMS))
def test_a_good_sample_is_good_for_both(name: str) -> None:
    sample, reads = READERS[name]
    Draft202012Validator(json_schema(name)).validate(sample)
    assert reads(sample)


@pytest.mark.parametrize("name", list(FORMS))
def test_samples_in_the_docs_are_good_for_both(name: str) -> None:
    blocks = (DOCS / "formats.md").read_text().split("\n\n")
    found = [json.loads(block) for block in blocks if block.startswith("    {")]
    sample = next(one for one in found if ("rights_holders" in one) == ("rights_holders" in name))
    Draft202012Validator(json_schema(name)).validate(sample)
    assert READERS[name][1](sample)


@pytest.mark.parametrize("name", list(FORMS))
def test_what_the_schema_refuses_the_reader_refuses(name: str) -> None:
    sample, reads = READERS[name]
    validator = Draft202012Validator(json_schema(name))
    refused = 0

    @given(mutated(sample))
    def check(data: Any) -> None:
        nonlocal refused
        if not validator.is_valid(data):
            refused += 1
            assert not reads(data)

    check()
    assert refused > 20


def test_the_listings_reader_refuses_nothing_that_its_schema_lets_through_but_what_is_documented() -> None:
    validator = Draft202012Validator(json_schema("listing.schema.json"))

    @given(mutated(LISTING))
    @example({**LISTING, "price": "\b"})
    @example({**LISTING, "sku": 0.0})
    def check(data: Any) -> None:
        if validator.is_valid(data) and not read_listing(data):
            _, faults = draft_listing(data)
            assert all(fault.field == "url" for fault in faults), faults  # a host, a port: no pattern can say that

    check()


def test_real_samples_are_good_for_both(realshop: Path) -> None:
    validator = Draft202012Validator(json_schema("listing.schema.json"))
    lines = (realshop / "listings.jsonl").read_text().splitlines()
    for line in lines[::20]:
        validator.validate(json.loads(line))
        assert read_listing(json.loads(line))
    holders = json.loads((realshop / "catalog" / "rights_holders.json").read_text())
    Draft202012Validator(json_schema("rights_holders.schema.json")).validate(holders)
    assert read_holders(holders)
