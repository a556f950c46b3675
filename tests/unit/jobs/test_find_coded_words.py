from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.assessment import SignalName
from domain.catalog import Brand, RightsHolder
from domain.listing import Listing, Seller
from domain.match import Matches
from jobs.coded_words import MOST_VARIANTS, slang_by_language, written_variants
from scoring.brand_claim import BrandClaim
from scoring.coded_language import CodedLanguage
from scoring.context import CatalogView
from scoring.words import is_known_word


def raised(title: str, mark: str) -> set[SignalName]:
    view = CatalogView([RightsHolder(name="Owner", brands=(Brand(name=mark),))], [])
    offer = Listing(marketplace="m", listing_id="1", url="", title=title, seller=Seller(id="s", name="s"))
    found = (signal.find(offer, Matches(), view) for signal in (BrandClaim(), CodedLanguage()))
    return {finding.name for finding in found if finding}


def test_the_ways_that_sellers_write_a_mark() -> None:
    found = set(written_variants("Velmora"))
    assert {"V*lmora", "V3lmora", "V e l m o r a", "V.e.l.m.o.r.a", "Vеlmоrа", "Велмора", "Vlmora"} <= found


@pytest.mark.parametrize("mark", ["Velmora", "Aurelle", "Nike", "New Balance", "Brask", "Café Noir"])
def test_scoring_sees_every_variant_for_what_it_is(mark: str) -> None:
    found = written_variants(mark)
    assert found
    for variant in found:
        assert raised(f"{variant} tote bag", mark), variant


@settings(max_examples=40)
@given(st.text(max_size=12))
@example("a")
@example("ß")
@example("İstanbul")
@example("* * *")
def test_whatever_a_mark_is(mark: str) -> None:
    found = written_variants(mark)
    assert len(found) <= MOST_VARIANTS
    assert len({variant.casefold() for variant in found}) == len(found)
    assert mark.casefold() not in {variant.casefold() for variant in found}
    assert not any(is_known_word(variant) for variant in found)


def test_slang_of_every_language_that_the_scorer_knows() -> None:
    slang = slang_by_language()
    assert {"en", "zh", "ru", "es", "pt", "tr", "ar"} <= set(slang)
    assert {"replica", "1:1"} <= set(slang["en"])
    assert "高仿" in slang["zh"]
    assert "реплика" in slang["ru"]
    assert "réplica" in slang["es"]
    assert "réplica" in slang["pt"]
    assert "çakma" in slang["tr"]
    assert "هاي كوبي" in slang["ar"]


def test_slang_beside_a_mark_is_what_the_scorer_finds() -> None:
    for language, terms in slang_by_language().items():
        for term in terms:
            assert SignalName.CODED_LANGUAGE in raised(f"Velmora {term}", "Velmora"), (language, term)
