"""What truth says of a listing can be seen in it, and what it does not say cannot."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import fuzz

from crawler.marketplace import Marketplace, generate_marketplace
from crawler.marketplace.disguise import _HOMOGLYPHS, _LEET, broken, disguise, misspelled
from crawler.marketplace.model import InventedProduct, OfferedListing, Truth
from crawler.marketplace.phrases import DENIALS, FILLERS, REMARKS, REPLICA_SLANG, RESALE_STORIES
from crawler.marketplace.words import brand_names

SEEDS = range(70, 76)
Case = tuple[Marketplace, OfferedListing, Truth]


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    markets = [generate_marketplace(seed) for seed in SEEDS]
    return [(m, x, t) for m in markets for x, t in zip(m.listings, m.truths, strict=True)]


def readable(mark: str) -> re.Pattern[str]:
    """What a person reads as `mark`: similar letters, digits for letters, knocked-out letters, filled gaps."""
    gap = "[ .\\-·\u200b\u200d\u00ad\u2060]?"
    letters = []
    for letter in mark.casefold():
        similar = _HOMOGLYPHS.get(letter, "") + _LEET.get(letter, "") + chr(ord(letter) + 0xFEE0)
        full_width = chr(ord(letter.upper()) + 0xFEE0)
        letters.append("[" + re.escape(letter + letter.upper() + similar + similar.upper() + full_width) + "*_#]")
    return re.compile("(?<![a-z])" + gap.join(letters) + "(?![a-z])")


def text_of(listing: OfferedListing) -> str:
    return f"{listing.title}\n{listing.description}\n{listing.brand or ''}"


def product_of(market: Marketplace, truth: Truth) -> InventedProduct:
    return next(p for p in market.products if p.reference_id == truth.reference_id)


def says_slang(text: str) -> bool:
    return any(re.search(rf"(?<!\w){re.escape(slang.casefold())}(?!\w)", text.casefold()) for slang in REPLICA_SLANG)


def is_broken(text: str, mark: str) -> bool:
    found = readable(mark).search(text)
    return found is not None and any(knocked in found.group() for knocked in "*_#")


def test_a_brand_claim_can_be_read_and_nothing_else_names_the_brand(cases: list[Case]) -> None:
    for market, listing, truth in cases:
        if truth.label == "infringing":
            mark = product_of(market, truth).brand
            claimed = readable(mark).search(text_of(listing)) is not None
            assert claimed == ("brand_claim" in truth.violations), (mark, text_of(listing))


def test_coded_language_is_slang_or_a_broken_mark(cases: list[Case]) -> None:
    for market, listing, truth in cases:
        if truth.label == "infringing":
            text = text_of(listing)
            coded = says_slang(text) or is_broken(text, product_of(market, truth).brand)
            assert coded == ("coded_language" in truth.violations), text


def test_honest_sellers_use_slang_only_to_deny_it(cases: list[Case]) -> None:
    for _, listing, truth in cases:
        if truth.label == "legitimate":
            text = text_of(listing)
            for denial in DENIALS:
                text = text.replace(denial, "")
            assert not says_slang(text), text
    denied = [x for _, x, t in cases if t.kind == "disclaimer"]
    assert denied
    assert all(any(denial in x.description for denial in DENIALS) for x in denied)


def test_phrases_that_everybody_uses_contain_no_slang() -> None:
    for phrase in (*FILLERS, *REMARKS, *RESALE_STORIES):
        assert not says_slang(phrase), phrase


def test_a_suspicious_price_is_far_too_low_and_no_other_infringing_price_is(cases: list[Case]) -> None:
    for market, listing, truth in cases:
        if truth.label == "infringing":
            product = product_of(market, truth)
            assert listing.currency == product.price.currency
            share = float(listing.price / product.price.amount)
            assert (share < 0.42) == ("suspicious_price" in truth.violations)
            assert share < 0.42 or share > 0.7


def test_a_confusing_name_resembles_the_brand_and_is_not_authorized(cases: list[Case]) -> None:
    seen = 0
    for market, listing, truth in cases:
        product = product_of(market, truth) if truth.reference_id else None
        if product and truth.label == "infringing":
            brand = product.brand.casefold()
            likeness = max(fuzz.ratio(word, brand) for word in re.split(r"[\W_]+|shop", listing.seller.name.casefold()))
            confusing = "confusing_seller_name" in truth.violations
            assert confusing == (likeness >= 75), (listing.seller.name, product.brand)
            assert {listing.seller.id, listing.seller.name}.isdisjoint(market.authorized[product.brand])
            seen += confusing
    assert seen > 20


def test_authorized_offers_come_from_sellers_that_the_brand_lists(cases: list[Case]) -> None:
    for market, listing, truth in cases:
        if truth.kind == "authorised":
            entries = market.authorized[product_of(market, truth).brand]
            assert listing.seller.id in entries
            assert listing.seller.name in entries


def test_a_counterfeit_without_copied_photo_shows_two_other_violations(cases: list[Case]) -> None:
    counterfeits = [t for _, _, t in cases if t.kind == "counterfeit"]
    assert counterfeits
    for truth in counterfeits:
        assert "copied_photo" not in truth.violations
        assert len(truth.violations) >= 2
        assert {"coded_language", "confusing_seller_name"} & set(truth.violations)


def test_infringing_listings_show_varying_violations(cases: list[Case]) -> None:
    copied = [t.violations for _, _, t in cases if t.kind == "copied_photo"]
    alone = sum(v == ("copied_photo",) for v in copied)
    assert 0.08 < alone / len(copied) < 0.35
    assert len(set(copied)) >= 12
    assert all(t.violations == () for _, _, t in cases if t.label == "legitimate")


def test_an_honest_shop_contains_the_common_word_that_is_a_mark() -> None:
    for seed in SEEDS:
        market = generate_marketplace(seed)
        word = market.brands[-1].name
        tempting = [s for s in market.sellers if s.name.startswith(f"{word}brook")]
        assert len(tempting) == 1
        labels = {t.label for x, t in zip(market.listings, market.truths, strict=True) if x.seller == tempting[0]}
        assert labels <= {"legitimate"}


marks = st.integers(0, 10**6).map(lambda seed: brand_names(random.Random(seed), 3)[0])


@given(mark=marks, seed=st.integers())
def test_a_disguise_is_read_but_not_found(mark: str, seed: int) -> None:
    hidden = disguise(mark, random.Random(seed))
    assert mark.casefold() not in hidden.casefold()
    assert readable(mark).search(hidden)


@given(mark=marks, seed=st.integers())
def test_a_broken_mark_keeps_its_shape(mark: str, seed: int) -> None:
    shown = broken(mark, random.Random(seed))
    assert (len(shown), shown[0], shown[-1]) == (len(mark), mark[0], mark[-1])
    assert is_broken(shown, mark)


@given(mark=marks, seed=st.integers())
def test_a_misspelling_is_another_word_close_by(mark: str, seed: int) -> None:
    wrong = misspelled(mark, random.Random(seed))
    assert wrong != mark.casefold()
    assert fuzz.ratio(wrong, mark.casefold()) >= 75
