from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domain.assessment import Finding
from domain.catalog import Brand, RightsHolder, Trademark
from domain.match import Matches
from scoring.brand_claim import BrandClaim
from scoring.context import CatalogView
from scoring.examples import offer
from scoring.words import is_common_word, is_known_word

HOMOGLYPHS = {
    "a": "аαａ",
    "c": "сϲ",
    "e": "еҽ",
    "i": "іι",
    "o": "оοо",
    "p": "рρ",
    "s": "ѕ",
    "x": "хχ",
    "y": "у",
    "h": "һ",
}
LEET = {"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7", "l": "1|", "b": "8"}
HIDDEN = ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad"]
marks = st.text(alphabet=string.ascii_lowercase, min_size=5, max_size=12).map(str.capitalize)


def catalog(*brands: str, holder: str = "Owner") -> CatalogView:
    return CatalogView([RightsHolder(name=holder, brands=tuple(Brand(name=b) for b in brands))], [])


def claim(title: str, *brands: str, brand: str = "", description: str = "") -> Finding | None:
    return BrandClaim().find(offer(title, brand=brand, description=description), Matches(), catalog(*brands))


def spans(finding: Finding | None) -> list[dict[str, Any]]:
    assert finding is not None
    found = finding.evidence["spans"]
    assert isinstance(found, list)
    return found  # type: ignore[return-value]


def is_free_of_words(mark: str) -> bool:
    return not is_known_word(mark) and not is_common_word(mark)


@st.composite
def disguised(draw: st.DrawFn) -> tuple[str, str]:
    """(mark, the mark in one disguise)."""
    mark = draw(marks)
    assume(is_free_of_words(mark))
    kind = draw(st.sampled_from(["homoglyph", "leet", "hidden", "spaced", "dotted", "doubled", "accent", "styled"]))
    if kind in ("homoglyph", "leet"):
        table = HOMOGLYPHS if kind == "homoglyph" else LEET
        places = [i for i, char in enumerate(mark) if i and char in table]
        assume(places)
        chosen = draw(st.sets(st.sampled_from(places), min_size=1, max_size=len(mark) // 2))
        # two different digits side by side in a short form are a model number, not a disguise
        assume(kind == "homoglyph" or all(i + 1 not in chosen for i in chosen))
        return mark, "".join(draw(st.sampled_from(table[c])) if i in chosen else c for i, c in enumerate(mark))
    at = draw(st.integers(min_value=1, max_value=len(mark) - 1))
    if kind == "hidden":
        return mark, mark[:at] + draw(st.sampled_from(HIDDEN)) + mark[at:]
    if kind in ("spaced", "dotted"):
        return mark, (" " if kind == "spaced" else draw(st.sampled_from(".-_*·"))).join(mark)
    if kind == "doubled":
        form = mark[:at] + mark[at] + mark[at:]
        assume(not is_known_word(form))
        return mark, form
    if kind == "accent":
        places = [i for i, char in enumerate(mark) if char in "aeiou"]
        assume(places)
        i = draw(st.sampled_from(places))
        return mark, mark[:i] + mark[i] + "\u0301" + mark[i + 1 :]
    return mark, "".join(chr(0x1D41A + ord(c) - 97) if c.islower() else chr(0x1D400 + ord(c) - 65) for c in mark)


@given(disguised(), st.sampled_from(["new {} bag", "{}", "bag ({})", "bag | {} | blue"]))
@settings(max_examples=300, deadline=None)
def test_a_disguised_mark_is_found_as_disguised_and_quoted(pair: tuple[str, str], around: str) -> None:
    mark, form = pair
    title = around.format(form)
    finding = claim(title, mark)
    span = spans(finding)[0]
    assert span["normalized"] == mark
    assert span["disguised"] is True
    assert title[span["start"] : span["end"]] == span["text"]
    assert finding is not None
    assert finding.strength >= 0.5


@given(marks, marks.map(str.lower), marks.map(str.lower))
@settings(deadline=None)
def test_a_mark_inside_a_longer_word_is_not_found(mark: str, before: str, after: str) -> None:
    longer = f"{before}{mark.lower()}{after}"
    assert claim(f"nice {longer} here", mark) is None


HONEST = (
    *(
        "leather",
        "tote",
        "with",
        "zip",
        "and",
        "long",
        "strap",
        "for",
        "women",
        "blue",
        "size",
        "new",
        "cotton",
        "shirt",
    ),
    *("black", "watch", "steel", "bottle", "500ml", "USB-C", "2.4GHz", "A50s", "42mm", "on", "in", "of", "the", "free"),
    *("shipping", "men's", "100%", "(pack", "of", "3)", "|", "-", "&", "$5", "off!", "L", "XL", "M", "no", "go", "so"),
)


@given(st.lists(st.sampled_from(HONEST), min_size=1, max_size=25).map(" ".join), marks)
@settings(max_examples=300, deadline=None)
def test_honest_text_is_no_claim(text: str, mark: str) -> None:
    assume(is_free_of_words(mark))
    assert claim(text, mark, "Luma", "Arla", "Valio", "Asos", "Nowhere", "Onion") is None


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("the old charlatan", "Arla"),
        ("lumar ring", "Luma"),
        ("tamanho L uma peça", "Luma"),
        ("clove oil", "Dove"),
        ("Galaxy A50s case", "Asos"),
        ("no where else", "Nowhere"),
        ("on ion", "Onion"),
        ("air-bus", "Airbus"),
        ("as us", "Asus"),
        ("good bravo sound", "Bravo"),
        ("mind the gap", "Gap"),
        ("G@p", "Gap"),
        ("HM", "H&M"),
        ("yessssss", "Yes"),
    ],
)
def test_near_misses_are_silent(text: str, mark: str) -> None:
    assert claim(text, mark) is None


@pytest.mark.parametrize(
    ("text", "mark", "disguise"),
    [
        ("Lu-ma bag", "Luma", "split"),
        ("Lu ma bag", "Luma", "split"),
        ("L u m a", "Luma", "spaced"),
        ("Iuma", "Luma", "homoglyph"),
        ("СОАСН bag", "Coach", "homoglyph"),
        ("ArIa milk", "Arla", "homoglyph"),
        ("Guci", "Gucci", "undoubled"),
        ("L&#8203;uma", "Luma", "hidden"),
        ("L̶u̶m̶a̶", "Luma", "hidden"),
        ("🅻🆄🅼🅰", "Luma", "styled"),
        ("vvolf bag", "Wolf", "homoglyph"),
        ("G0d M0rgon", "God Morgon", "leet"),
    ],
)
def test_each_disguise_is_named(text: str, mark: str, disguise: str) -> None:
    assert disguise in spans(claim(text, mark))[0]["disguises"]


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("LUMA bag", "Luma"),
        ("Ｌｕｍａ", "Luma"),
        ("Лума", "Luma"),
        ("Luma™ bag", "Luma"),
        ("GodMorgon juice", "God Morgon"),
        ("Nestle", "Nestlé"),
        ("Gap jeans", "Gap"),
        ("H & M", "H&M"),
        ("正品耐克鞋", "耐克"),
        ("Bravo juice", "Bravo"),
    ],
)
def test_plain_writing_is_weak(text: str, mark: str) -> None:
    finding = claim(text, mark)
    assert spans(finding)[0]["disguised"] is False
    assert finding is not None
    assert finding.strength <= 0.2


@pytest.mark.parametrize(
    "text",
    [
        "Case for Luma bottle",
        "compatible with Luma",
        "Luma compatible lid",
        "passend für Luma",
        "适用于Luma",
        "чехол для Luma",
    ],
)
def test_what_an_article_fits_is_weaker_still_and_says_so(text: str) -> None:
    finding = claim(text, "Luma")
    assert finding is not None
    assert finding.strength < 0.1
    assert "fits" in finding.sentence


def test_an_everyday_word_counts_in_the_brand_attribute_in_any_case() -> None:
    assert claim("fresh juice", "Bravo", brand="bravo") is not None


def test_a_registration_in_capitals_counts_beside_the_brand_name() -> None:
    holder = RightsHolder(name="Owner", brands=(Brand(name="Target"),), trademarks=(Trademark(mark="TARGET"),))
    view = CatalogView([holder], [])
    assert BrandClaim().find(offer("TARGET practice"), Matches(), view) is not None
    assert BrandClaim().find(offer("target practice"), Matches(), view) is None


def test_another_brand_or_a_catalog_word_is_no_disguise() -> None:
    assert claim("Velmorra tote", "Velmora", "Velmorra") is not None
    assert all(span["disguised"] is False for span in spans(claim("Velmorra tote", "Velmora", "Velmorra")))


def test_hostile_text_ends_soon() -> None:
    text = "l1|I!" * 2000
    assert claim(text, "L" * 30, "Luma", description=text) is None
