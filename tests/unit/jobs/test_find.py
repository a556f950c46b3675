from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.assessment import Assessment, Band, Versions
from domain.catalog import Brand, Catalog, ReferenceImage, ReferenceProduct, RightsHolder
from domain.codec import dump, load
from domain.errors import BadInput, EmptyCatalog
from domain.listing import Listing, Seller, Unreadable
from domain.review import Decision, RejectionReason, Review
from domain.settings import Settings
from jobs.find import PERSON, plan_search, read_yields
from store.content import content_digest
from store.memory import MemoryRecords

VERSIONS = Versions(embedder="e", index="i", verifier="v", combiner="c", lexicon="l", code="0")
NOW = datetime(2026, 5, 10, tzinfo=UTC)
PROBABILITIES = {Band.CLEAR: 0.01, Band.REVIEW: 0.6, Band.ENFORCE: 1.0}


def listing(listing_id: str, title: str = "tote", seller: str = "s1") -> Listing:
    return Listing(
        marketplace="bazaar",
        listing_id=listing_id,
        url=f"https://www.bazaar.com/bags/{listing_id}",
        title=title,
        seller=Seller(id=seller, name=seller),
    )


def assessment(listing_id: str, band: Band, *, unreadable: Sequence[Unreadable] = ()) -> Assessment:
    return Assessment(
        marketplace="bazaar",
        listing_id=listing_id,
        probability=PROBABILITIES[band],
        band=band,
        signals=(),
        guards=(),
        unreadable=tuple(unreadable),
        versions=VERSIONS,
    )


def review(of: Listing, decision: Decision, *, holder: str = "Velmora Ltd", minutes: int = 0) -> Review:
    return Review(
        marketplace="bazaar",
        listing_id=of.listing_id,
        rights_holder=holder,
        case_id="case",
        decision=decision,
        reason=RejectionReason.GENUINE_RESALE if decision is Decision.REJECTED else None,
        decided_at=NOW + timedelta(minutes=minutes),
        reviewer="Ada",
        content_digest=content_digest(of),
        versions_digest="d" * 64,
        probability=0.5,
    )


def catalog(name: str, brand: str, products: int = 1) -> Catalog:
    holder = RightsHolder(name=name, brands=(Brand(name=brand),))
    made = tuple(
        ReferenceProduct(
            reference_id=f"{brand}-{number}",
            rights_holder=name,
            title=f"{brand} Zephyrine Tote {number}000",
            brand=brand,
            images=(ReferenceImage(sha256=f"{number:064}", source="a.jpg"),),
        )
        for number in range(products)
    )
    return Catalog(rights_holder=holder, products=made)


@pytest.fixture
def stocked() -> Callable[..., MemoryRecords]:
    def stock(*bands: tuple[Listing, Band | None]) -> MemoryRecords:
        records = MemoryRecords()
        records.save_catalogs([catalog("Velmora Ltd", "Velmora"), catalog("Brask AG", "Brask", 3)])
        records.save_listings(each for each, _ in bands)
        records.save_assessments(assessment(each.listing_id, band) for each, band in bands if band)
        return records

    return stock


def test_a_listing_counts_by_its_verdict(stocked: Callable[..., MemoryRecords]) -> None:
    found = read_yields(
        stocked(
            (listing("1", seller="bad"), Band.ENFORCE),
            (listing("2", seller="bad"), Band.REVIEW),
            (listing("3", seller="good"), Band.CLEAR),
            (listing("4", seller="unscored"), None),
        )
    )
    assert (found.everything.seen, found.everything.found) == (3.0, 1.6)
    assert found.sellers["bazaar.com bad"].found == 1.6
    assert found.sellers["bazaar.com good"].found == 0.0
    assert "bazaar.com unscored" not in found.sellers
    assert found.paths["bazaar.com/bags"].seen == 3.0


def test_a_person_counts_more_and_either_way(stocked: Callable[..., MemoryRecords]) -> None:
    confirmed, rejected = listing("1", seller="a"), listing("2", seller="b")
    records = stocked((confirmed, Band.REVIEW), (rejected, Band.ENFORCE))
    records.save_reviews([review(confirmed, Decision.CONFIRMED), review(rejected, Decision.REJECTED)])
    found = read_yields(records)
    assert (found.sellers["bazaar.com a"].seen, found.sellers["bazaar.com a"].found) == (PERSON, PERSON)
    assert (found.sellers["bazaar.com b"].seen, found.sellers["bazaar.com b"].found) == (PERSON, 0.0)


@pytest.mark.parametrize("first", [Decision.CONFIRMED, Decision.REJECTED])
def test_who_infringes_one_owner_infringes(stocked: Callable[..., MemoryRecords], first: Decision) -> None:
    one = listing("1")
    other = Decision.REJECTED if first is Decision.CONFIRMED else Decision.CONFIRMED
    records = stocked((one, Band.REVIEW))
    records.save_reviews([review(one, first), review(one, other, holder="Brask AG")])
    assert read_yields(records).everything.found == PERSON


def test_the_last_decision_stands(stocked: Callable[..., MemoryRecords]) -> None:
    one = listing("1")
    records = stocked((one, Band.REVIEW))
    records.save_reviews([review(one, Decision.CONFIRMED), review(one, Decision.REJECTED, minutes=1)])
    assert read_yields(records).everything.found == 0.0


def test_what_could_not_be_read_is_not_clear(stocked: Callable[..., MemoryRecords]) -> None:
    records = stocked((listing("1"), None), (listing("2", seller="s2"), None))
    broken = Unreadable(what="image", source="x", reason="truncated")
    records.save_assessments(
        [assessment("1", Band.CLEAR, unreadable=[broken]), assessment("2", Band.ENFORCE, unreadable=[broken])]
    )
    found = read_yields(records)
    assert (found.everything.seen, found.everything.found) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("title", "query", "fits"),
    [
        ("Velmora tote, replica!", "velmora Replica", True),
        ("Velmora tote", "Velmora replica", False),
        ("a replica sword", "Velmora replica", False),
        ("the V*lmora tote", "V*lmora", True),
        ("Velmorating", "Velmora", False),
        ("包 Velmora 高仿", "Velmora 高仿", True),
    ],
)
def test_a_query_finds_titles_that_hold_all_its_words(
    stocked: Callable[..., MemoryRecords], title: str, query: str, fits: bool
) -> None:
    found = read_yields(stocked((listing("1", title), Band.ENFORCE)), [query, "never"])
    assert set(found.queries) == ({query} if fits else set())


def test_yields_go_into_an_order_and_back(stocked: Callable[..., MemoryRecords]) -> None:
    found = read_yields(stocked((listing("1"), Band.ENFORCE)), ["tote"])
    assert load(type(found), dump(found)) == found


def test_a_plan_has_at_most_so_many_queries_of_each_source(stocked: Callable[..., MemoryRecords]) -> None:
    plan = plan_search(stocked(), Settings(), sources=["ebay", "etsy"], most_queries=10)
    assert [len(plan.of(source)) for source in ("ebay", "etsy", "elsewhere")] == [10, 10, 0]
    assert plan.left_out > 0
    assert plan == plan_search(stocked(), Settings(), sources=["ebay", "etsy"], most_queries=10)


def test_rights_holders_take_turns(stocked: Callable[..., MemoryRecords]) -> None:
    plan = plan_search(stocked(), Settings(), sources=["etsy"], most_queries=8)
    holders = [query.rights_holder for query in plan.of("etsy")]
    assert holders.count("Velmora Ltd") == holders.count("Brask AG") == 4


def test_pictures_go_where_they_can_be_searched_by(stocked: Callable[..., MemoryRecords]) -> None:
    plan = plan_search(stocked(), Settings(), sources=["ebay", "etsy"], most_queries=500)
    pictures = {source: sum(bool(q.image_sha256) for q in plan.of(source)) for source in ("ebay", "etsy")}
    assert pictures == {"ebay": 4 - 1, "etsy": 0}  # both have a product with the same picture


def test_what_found_before_comes_forward(stocked: Callable[..., MemoryRecords]) -> None:
    before = plan_search(stocked(), Settings(), sources=["etsy"], most_queries=40).of("etsy")
    late = before[-1]
    hits = [(listing(str(n), f"{late.text} new", seller=f"s{n}"), Band.ENFORCE) for n in range(20)]
    misses = [(listing(f"x{n}", "plain scarf", seller=f"s{n}"), Band.CLEAR) for n in range(80)]
    after = plan_search(stocked(*hits, *misses), Settings(), sources=["etsy"], most_queries=40)
    places = [planned.query.text for planned in after.queries]
    assert places.index(late.text) < len(before) // 2
    planned = after.queries[places.index(late.text)]
    assert (planned.seen, planned.found) == (20.0, 20.0)
    assert planned.bonus > 0


def test_what_found_nothing_goes_back(stocked: Callable[..., MemoryRecords]) -> None:
    first = plan_search(stocked(), Settings(), sources=["etsy"], most_queries=40).of("etsy")[0]
    misses = [(listing(str(n), f"{first.text} new", seller=f"s{n}"), Band.CLEAR) for n in range(30)]
    after = plan_search(stocked(*misses), Settings(), sources=["etsy"], most_queries=40).queries
    assert after[0].query.text != first.text
    assert all(planned.bonus < 0 for planned in after if planned.query.text == first.text)


@pytest.mark.parametrize(("site", "language"), [("EBAY_DE", "de"), ("EBAY_FR", "fr"), ("EBAY_GB", "en")])
def test_slang_is_that_of_the_marketplace_first(
    stocked: Callable[..., MemoryRecords], site: str, language: str
) -> None:
    plan = plan_search(stocked(), Settings(ebay_marketplace=site), sources=["ebay"], most_queries=60)
    assert next(query.language for query in plan.of("ebay") if query.language) == language


def test_an_everyday_word_is_not_searched_alone() -> None:
    records = MemoryRecords()
    records.save_catalog(catalog("Apple Ltd", "Apple"))
    plan = plan_search(records, Settings(), sources=["etsy"], most_queries=200)
    assert plan.queries
    assert all(query.text.casefold() != "apple" for query in plan.of("etsy"))


def test_nothing_to_search_for_is_said() -> None:
    with pytest.raises(EmptyCatalog):
        plan_search(MemoryRecords(), Settings(), sources=["ebay"], most_queries=5)


def test_no_query_at_all_is_no_plan(stocked: Callable[..., MemoryRecords]) -> None:
    with pytest.raises(BadInput, match="max_queries"):
        plan_search(stocked(), Settings(), sources=["ebay"], most_queries=0)


def test_without_a_source_there_are_yields_alone() -> None:
    plan = plan_search(MemoryRecords(), Settings(), sources=[], most_queries=5)
    assert plan.queries == ()


def test_a_listing_elsewhere_is_another_site(stocked: Callable[..., MemoryRecords]) -> None:
    elsewhere = replace(listing("1"), url="https://other.com/1")
    assert set(read_yields(stocked((elsewhere, Band.ENFORCE))).sites) == {"other.com"}
