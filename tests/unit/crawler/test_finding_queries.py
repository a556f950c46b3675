from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.finding.product_names import short_names
from crawler.finding.queries import MAX_TEXT, Vocabulary, make_queries
from crawler.sources.interface import Query
from domain.catalog import Brand, Catalog, ReferenceImage, ReferenceProduct, RightsHolder, Trademark

EVERYDAY = frozenset({"bolt", "tote", "harbor", "bag", "running", "shoe"})
SLANG = {"en": ("replica", "1:1"), "zh": ("高仿", "精仿"), "ru": ("реплика",), "tr": ("çakma",)}


def variants(mark: str) -> Sequence[str]:
    return (mark[0] + "*" + mark[2:], " ".join(mark))


VOCABULARY = Vocabulary(is_everyday=lambda word: word.casefold() in EVERYDAY, variants=variants, slang=SLANG)


def product(reference_id: str, title: str, *, brand: str = "Aurelle", **more: str) -> ReferenceProduct:
    pictures = (
        ReferenceImage(sha256=f"{reference_id}-main", source="m.jpg"),
        ReferenceImage(sha256=f"{reference_id}-more", source="n.jpg", role="additional"),
    )
    return ReferenceProduct(
        reference_id=reference_id, rights_holder="Aurelle SA", title=title, brand=brand, images=pictures, **more
    )


def catalog(*products: ReferenceProduct, marks: Sequence[str] = ("Aurelle",)) -> Catalog:
    holder = RightsHolder(name="Aurelle SA", brands=tuple(Brand(name=mark) for mark in marks))
    return Catalog(rights_holder=holder, products=products)


def queries(made: Catalog, *, most: int = 1000, languages: Sequence[str] = ("en",)) -> tuple[Query, ...]:
    return make_queries(made, VOCABULARY, most=most, languages=languages)


def texts(made: Catalog) -> list[str]:
    return [query.text for query in queries(made)]


KOVA = product("A-100", "Aurelle Kova Tote Bag", category="Luggage & Bags > Handbags", gtin="4006381333931")


def test_marks_names_numbers_variants_slang_and_pictures_are_searched_for() -> None:
    found = {query.text: query for query in queries(catalog(KOVA)) if query.text}
    assert found["Aurelle"].reason == "brand Aurelle"
    assert found["Aurelle replica"].language == "en"
    assert found["Aurelle 1:1"].reason == "replica slang (en) with Aurelle"
    assert found["Aurelle 高仿"].language == "zh"
    assert found["A*relle"].reason == "coded variant of Aurelle"
    assert found["Aurelle Kova Tote Bag"].reason == "product A-100"
    assert found["Kova Tote Bag"].reason == "product A-100 without its brand"
    assert "Aurelle Handbags" in found
    assert found["4006381333931"].reason == "GTIN of product A-100"
    assert {query.rights_holder for query in found.values()} == {"Aurelle SA"}


def test_one_picture_query_for_each_product_of_its_main_picture() -> None:
    made = queries(catalog(KOVA, product("A-200", "Aurelle Mira Satchel")))
    assert [query.image_sha256 for query in made if query.image_sha256] == ["A-100-main", "A-200-main"]
    assert all(not query.text for query in made if query.image_sha256)


def test_an_everyday_word_is_never_searched_alone() -> None:
    bolt = product("B-1", "Bolt Running Shoe", brand="Bolt", category="Shoes > Sneakers")
    found = texts(catalog(bolt, marks=("Bolt",)))
    assert "Bolt" not in found
    assert "Bolt Sneakers replica" in found
    assert "B*lt Sneakers" in found
    assert "Bolt Running Shoe" in found
    assert "Running Shoe" not in found  # nothing but everyday words


def test_an_everyday_word_of_which_nothing_else_is_known_is_not_searched() -> None:
    assert texts(catalog(marks=("Bolt",))) == []


def test_a_short_mark_is_searched_with_what_it_stands_on_and_never_in_disguise() -> None:
    found = texts(catalog(product("H-1", "Ox Zephyrine Watch", brand="Ox", category="Watches"), marks=("Ox",)))
    assert "Ox" not in found
    assert "Ox Watches" in found
    assert not any("*" in text for text in found)


def test_two_signs_are_a_whole_word_where_words_are_not_set_apart() -> None:
    assert "华为" in texts(catalog(marks=("华为",)))


def test_the_languages_of_the_marketplace_come_before_the_others() -> None:
    made = [query.language for query in queries(catalog(KOVA), languages=("zh",)) if query.language]
    assert made[:2] == ["zh", "zh"]
    assert set(made) == {"zh", "en", "ru", "tr"}


def test_brand_and_registered_mark_are_searched_once() -> None:
    holder = RightsHolder(
        name="Aurelle SA", brands=(Brand(name="Aurelle"),), trademarks=(Trademark(mark="AURELLE"), Trademark(mark="·"))
    )
    found = [query.text.casefold() for query in queries(Catalog(rights_holder=holder))]
    assert len(found) == len(set(found))
    assert "aurelle" in found


@pytest.mark.parametrize(
    ("title", "color", "short", "alone"),
    [
        ("Aurelle Kova Tote Bag Blue", "Blue", "Kova Tote Bag", True),
        ("Aurelle Harbor Tote", "", "Harbor Tote", False),
        ("Aurelle", "", "", False),
        ("Aurelle – Kova (set of 2), 70 cm", "", "Kova set of cm", True),
        ("Aurelle Zeta XR-500 wireless noise cancelling headphones", "", "Zeta XR-500 wireless noise", True),
    ],
)
def test_a_name_is_shortened_to_what_tells_it_apart(title: str, color: str, short: str, alone: bool) -> None:
    (name,) = short_names([product("x", title, color=color)], is_everyday=VOCABULARY.is_everyday)
    assert (name.text, name.alone) == (short, alone)


def test_words_that_few_titles_share_are_kept() -> None:
    made = [
        product(str(n), f"Aurelle Original Premium Travel Luxury {word}") for n, word in enumerate(("Kova", "Mira"))
    ]
    names = short_names(made, is_everyday=VOCABULARY.is_everyday)
    assert names[0].text.endswith("Kova")
    assert names[1].text.endswith("Mira")


def test_words_alone_never_make_a_query_that_an_api_refuses() -> None:
    long = product("L", "Aurelle " + " ".join(f"wordnumber{n}" * 5 for n in range(9)))
    assert all(len(query.text) <= MAX_TEXT for query in queries(catalog(long, marks=("x" * 101,))))


WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
PRODUCTS = st.builds(
    lambda number, title, brand, category, gtin: product(
        str(number), title, brand=brand, category=category, gtin=gtin
    ),
    st.integers(0, 99), WORDS, WORDS, WORDS, st.sampled_from(["", "4006381333931", "٣٣", "no"]),
)  # fmt: skip


@given(st.lists(PRODUCTS, max_size=5), st.lists(WORDS, max_size=3), st.integers(0, 20))
def test_whatever_a_catalog_holds(products: list[ReferenceProduct], marks: list[str], most: int) -> None:
    made = catalog(*products, marks=marks)
    found = queries(made, most=most)
    assert found == queries(made, most=most)
    assert found == queries(made)[:most]
    keys = [(query.text.casefold(), query.image_sha256) for query in found]
    assert len(keys) == len(set(keys))
    for query in found:
        assert query.reason
        assert bool(query.text) != bool(query.image_sha256)
        assert query.text == " ".join(query.text.split())
        assert not query.text or any(character.isalnum() for character in query.text)
        assert query.text.casefold() not in EVERYDAY
