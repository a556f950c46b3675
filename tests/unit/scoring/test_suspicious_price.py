from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalog import Money, ReferenceProduct
from domain.match import Matches
from scoring.context import CatalogView
from scoring.examples import HOLDER, copied, example_catalog, offer
from scoring.suspicious_price import SuspiciousPrice, price_strength

ratios = st.floats(min_value=0.001, max_value=50)


def view(product: ReferenceProduct) -> CatalogView:
    return CatalogView(list(example_catalog().rights_holders.values()), [product])


@given(ratios, ratios, st.booleans(), st.booleans())
def test_strength_never_rises_with_the_price(one: float, other: float, used: bool, many: bool) -> None:
    low, high = sorted((one, other))
    assert price_strength(low, used=used, many=many) >= price_strength(high, used=used, many=many)
    assert 0 <= price_strength(low, used=used, many=many) <= 1


@pytest.mark.parametrize(("ratio", "strength"), [(0.15, 0.97), (0.25, 0.79), (0.35, 0.5), (0.5, 0.19), (0.61, 0.1)])
def test_the_documented_curve(ratio: float, strength: float) -> None:
    assert price_strength(ratio) == pytest.approx(strength, abs=0.01)


def test_used_is_compared_with_used_and_a_stock_weighs_more() -> None:
    assert price_strength(0.5, used=True) < 0.05
    assert price_strength(0.3, many=True) > price_strength(0.3)


def test_a_stock_of_worn_goods_is_not_believed() -> None:
    worn = offer("Velmora tote, worn twice", price="24.00", quantity=500)
    single = offer("Velmora tote, worn twice", price="24.00", quantity=1)
    many, one = (SuspiciousPrice().find(x, copied(), example_catalog()) for x in (worn, single))
    assert many is not None
    assert one is not None
    assert many.strength > 0.8 > 0.5 > one.strength


def test_the_evidence_is_the_comparison() -> None:
    finding = SuspiciousPrice().find(offer(price="18.00"), copied(), example_catalog())
    assert finding is not None
    assert finding.reference_id == "V-100"
    assert finding.evidence["ratio"] == pytest.approx(0.15)
    assert (finding.evidence["listing_price"], finding.evidence["reference_price"]) == ("18.00", "120.00")
    assert "quantile" not in finding.evidence


def test_the_minimum_advertised_price_stands_in_for_a_missing_regular_price() -> None:
    floor = Money(amount=Decimal(100), currency="USD")
    product = ReferenceProduct(
        reference_id="V-100", rights_holder=HOLDER, title="Tote", brand="Velmora", minimum_advertised_price=floor
    )
    finding = SuspiciousPrice().find(offer(price="18.00"), copied(), view(product))
    assert finding is not None
    assert finding.evidence["reference_kind"] == "minimum_advertised_price"


def test_without_a_stated_price_there_is_no_comparison() -> None:
    product = ReferenceProduct(reference_id="V-100", rights_holder=HOLDER, title="Tote", brand="Velmora")
    assert SuspiciousPrice().find(offer(price="1.00"), copied(), view(product)) is None


def test_reference_ids_are_looked_up_within_their_rights_holder() -> None:
    cheap = Money(amount=Decimal(20), currency="USD")
    other = ReferenceProduct(
        reference_id="V-100", rights_holder="Brask Instruments", title="x", brand="Brask", price=cheap
    )
    catalog = example_catalog()
    both = CatalogView(list(catalog.rights_holders.values()), [*catalog.products.values(), other])
    finding = SuspiciousPrice().find(offer(price="18.00"), copied(), both)
    assert finding is not None
    assert finding.evidence["reference_price"] == "120.00"


def test_no_match_no_comparison() -> None:
    assert SuspiciousPrice().find(offer(price="1.00"), Matches(images_read=1), example_catalog()) is None
