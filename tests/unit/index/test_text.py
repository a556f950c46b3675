from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalog import ReferenceProduct
from domain.listing import Listing, Seller
from index.text import TextMatcher, words

Product = Callable[..., ReferenceProduct]


def offer(title: str) -> Listing:
    return Listing(
        marketplace="m", listing_id="1", url="https://m/1", title=title, seller=Seller(id="s", name="somebody")
    )


@pytest.fixture(scope="module")
def matcher(product: Product) -> TextMatcher:
    rows = [
        ("hoodie-red", "Circe Fleece Hoodie", "Red"),
        ("hoodie-blue", "Circe Fleece Hoodie", "Blue"),
        ("hoodie-other", "Aether Fleece Hoodie", "Red"),
        ("hoodie-third", "Hera Fleece Hoodie", "Red"),
        ("watch", "Watch", ""),
        ("bag", "Acme brand", ""),
        ("shorts", "Sybil Running Short", "Dark Blue"),
    ]
    return TextMatcher([product(name, [], title=title, color=color) for name, title, color in rows])


def named(matcher: TextMatcher, title: str) -> list[str]:
    return [match.reference_id for match in matcher.match(offer(title))]


def test_rare_words_outweigh_common_ones(matcher: TextMatcher) -> None:
    best = matcher.match(offer("fleece circe"))[0]
    assert best.reference_id.startswith("hoodie-")
    assert best.score > 2 / 3  # more than its share of the words
    assert named(matcher, "fleece hoodie, warm") == []
    assert "hoodie-other" not in named(matcher, "fleece circe")


def test_a_color_in_the_title_decides_between_variants(matcher: TextMatcher) -> None:
    found = matcher.match(offer("Circe fleece hoodie in BLUE"))
    assert [match.reference_id for match in found] == ["hoodie-blue", "hoodie-red"]
    assert [match.color_named for match in found] == [True, False]
    assert [match.score for match in found] == [1.0, 1.0]
    assert named(matcher, "Circe fleece hoodie")[0] == "hoodie-red"  # neither is named: the catalog's order


def test_a_color_of_two_words_must_be_there_whole(matcher: TextMatcher) -> None:
    assert not matcher.match(offer("Sybil running short blue"))[0].color_named
    assert matcher.match(offer("Sybil running short dark blue"))[0].color_named


def test_a_title_of_one_word_needs_the_brand(matcher: TextMatcher) -> None:
    assert named(matcher, "a watch") == []
    assert named(matcher, "acme brand watch, boxed") == ["watch"]


def test_a_title_that_is_only_the_brand_names_nothing(matcher: TextMatcher) -> None:
    assert named(matcher, "acme brand") == []


def test_at_most_five_are_named(product: Product) -> None:
    matcher = TextMatcher([product(f"p{n}", [], title="Circe Hoodie") for n in range(9)])
    assert named(matcher, "circe hoodie") == ["p0", "p1", "p2", "p3", "p4"]


def test_nothing_to_compare_with_names_nothing(product: Product) -> None:
    assert TextMatcher([]).match(offer("anything")) == ()
    assert TextMatcher([product("p", [], title="…")]).match(offer("…")) == ()


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("Café &amp; Crème", ["cafe", "creme"]),
        ("STRASSE straße", ["strasse", "strasse"]),
        ("Ｗａｔｃｈ 𝐖𝐚𝐭𝐜𝐡", ["watch", "watch"]),
        ("İpek", ["ipek"]),
        ("a-b/c", ["a", "b", "c"]),
        ("", []),
        ("鞋 обувь", ["鞋", "обувь"]),
    ],
)
def test_words_are_plain(said: str, heard: list[str]) -> None:
    assert words(said) == heard


@given(title=st.text(max_size=200))
def test_any_title_is_borne_and_scores_stay_in_range(title: str) -> None:
    rows = [
        ReferenceProduct(reference_id=str(n), rights_holder="h", title=name, brand="b", color="red")
        for n, name in enumerate(["Circe Hoodie", title, "Watch", ""])
    ]
    for match in TextMatcher(rows).match(offer(title)):
        assert 0.6 <= match.score <= 1
