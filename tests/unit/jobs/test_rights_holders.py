"""rights_holders.json: faults are named by JSON path, the other rights holders are read."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from domain.catalog import Money
from domain.errors import BadInput
from jobs.intake.findings import Findings
from jobs.intake.rights_holders import RightsHolderRow, read_rights_holders

FILE = "rights_holders.json"


def read(*holders: Any) -> tuple[list[RightsHolderRow], list[BadInput]]:
    findings = Findings()
    content = json.dumps({"rights_holders": list(holders)}).encode()
    return [holder for _, holder in read_rights_holders(content, file=FILE, findings=findings)], findings.bad


def holder(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Acme Ltd",
        "brands": [{"name": "Acme", "logos": ["logo.png"]}],
        "trademarks": [{"mark": "ACME", "office": "EUIPO", "registration_number": "018", "nice_classes": [18, 25]}],
        "authorized_sellers": ["acme-official"],
        "contact_email": "legal@acme.example",
        **changes,
    }


def test_a_whole_one() -> None:
    (found,), bad = read(holder())
    assert not bad
    assert found.brands[0].logos == ["logo.png"]
    assert found.trademarks[0].nice_classes == [18, 25]
    assert found.trademarks[0].status == "registered"


def test_a_name_is_enough() -> None:
    (found,), bad = read({"name": "Acme"})
    assert not bad
    assert found.brands == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"name": "a\u0000b"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"brands": [{"logos": []}]}, "brands[0].name"),
        ({"brands": [{"name": "A"}, {"name": "B", "logos": [1]}]}, "brands[1].logos[0]"),
        ({"brands": "Acme"}, "brands"),
        ({"trademarks": [{"mark": "A", "nice_classes": [46]}]}, "trademarks[0].nice_classes[0]"),
        ({"trademarks": [{"mark": "A", "nice_classes": ["25"]}]}, "trademarks[0].nice_classes[0]"),
        ({"trademarks": [{"mark": "A", "registration_number": 123}]}, "trademarks[0].registration_number"),
        ({"trademarks": [{}]}, "trademarks[0].mark"),
        ({"authorised_sellers": ["x"]}, "authorised_sellers"),
        ({"brands": [{"name": "A", "logo": "a.png"}]}, "brands[0].logo"),
        ({"trademarks": [{"mark": "A", "number": "1"}]}, "trademarks[0].number"),
        ({"authorized_sellers": [""]}, "authorized_sellers[0]"),
        ({"contact_email": "nobody"}, "contact_email"),
        ({"minimum_advertised_price": 49}, "minimum_advertised_price.str"),
        ({"minimum_advertised_price": "49.00 ABC"}, "minimum_advertised_price.str"),
    ],
)
def test_a_fault_is_named_by_its_path_and_costs_its_rights_holder_only(changes: dict[str, Any], field: str) -> None:
    found, bad = read({"name": "Other"}, holder(**changes))
    assert [one.name for one in found] == ["Other"]
    assert bad[0].file == FILE
    assert bad[0].field == f"rights_holders[1].{field.removesuffix('.str')}"


def test_a_bad_floor_of_one_product_is_named() -> None:
    _, bad = read(holder(minimum_advertised_price={"A": "49.00 USD", "B": "free"}))
    assert [error.field for error in bad] == ["rights_holders[0].minimum_advertised_price.B"]


def test_names_and_brands_have_one_owner() -> None:
    found, bad = read(holder(), holder(brands=[]), holder(name="C", brands=[{"name": "X"}, {"name": "ACME"}]))
    assert [one.name for one in found] == ["Acme Ltd"]
    assert [error.field for error in bad] == ["rights_holders[1].name", "rights_holders[2].brands[1].name"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b'{"rights_holders": [\n{"name": "A"},\n]}', 3),
        (b"", 1),
        (b'{"rights_holders":\n[{"name": "caf\xe9"}]}', 2),
        (b'{"rights_holders": [],\n"x": NaN}', 1),
        (b'{"rights_holders": [], "rights_holders": []}', 1),
        (b"[" * 100_000, 1),
        (b'{"x": ' + b"1" * 5_000 + b"}", 1),
    ],
)
def test_broken_json_is_refused_with_its_line(content: bytes, line: int) -> None:
    with pytest.raises(BadInput) as caught:
        read_rights_holders(content, file=FILE, findings=Findings())
    assert (caught.value.file, caught.value.line) == (FILE, line)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"[]", "rights_holders"),
        (b"{}", "rights_holders"),
        (b'{"rights_holders": {}}', "rights_holders"),
        (b'{"rights_holders": [], "righs": 1}', "righs"),
    ],
)
def test_another_form_is_refused(content: bytes, field: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_rights_holders(content, file=FILE, findings=Findings())
    assert (caught.value.file, caught.value.field) == (FILE, field)


def test_one_floor_for_all_spares_what_regularly_costs_less() -> None:
    (found,), _ = read(holder(minimum_advertised_price="49.00 USD"))
    floor = Money(amount=Decimal("49.00"), currency="USD")
    assert found.floor_of("A", Money(amount=Decimal(59), currency="USD")) == floor
    assert found.floor_of("A", None) == floor
    assert found.floor_of("A", Money(amount=Decimal(12), currency="USD")) is None
    assert found.floor_of("A", Money(amount=Decimal(59), currency="EUR")) is None


def test_a_floor_per_product() -> None:
    (found,), _ = read(holder(minimum_advertised_price={"A": "49.00 USD"}))
    assert found.floor_of("A", None) == Money(amount=Decimal("49.00"), currency="USD")
    assert found.floor_of("B", None) is None
