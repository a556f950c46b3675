"""What every implementation of `store.interfaces.Records` promises."""

from __future__ import annotations

import inspect
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.assessment import Assessment, Band, Finding, GuardName, SignalName, Versions
from domain.capture import Capture, CaptureKind
from domain.case import Case, CaseStatus
from domain.catalog import Brand, Catalog, Money, ReferenceImage, ReferenceProduct, RightsHolder, Trademark
from domain.codec import digest, dump
from domain.errors import BadInput, NotFound
from domain.listing import FoundValue, Listing, ListingImage, Seller, Unreadable
from domain.negative import Negative
from domain.notice import Notice, NoticeItem, Regime
from domain.review import Decision, RejectionReason, Review, SeenAs, SeenRegion
from domain.visit import SiteStop, Visit
from store.content import content_digest
from store.interfaces import Records, SaveCount
from store.memory import MemoryRecords
from store.records import open_records

OpenAs = Callable[[str], Records]

VERSIONS = Versions(embedder="net@1", index="i1", verifier="v@1", combiner="c@1", lexicon="1", code="0.1.0")
VERSIONS_DIGEST = digest(dump(VERSIONS))


def listing(listing_id: str = "L1", marketplace: str = "market", **changed: object) -> Listing:
    seller = Seller(id="s1", name="fashionfactory", feedback_score=80, feedback_percent=85.8, location="TR")
    image = ListingImage(source="1.jpg", sha256="a" * 64)
    price = Money(amount=Decimal("8.50"), currency="USD")
    one = Listing(
        marketplace=marketplace,
        listing_id=listing_id,
        url=f"https://{marketplace}.example/{listing_id}",
        title="Jacket",
        seller=seller,
        price=price,
        images=(image,),
    )
    return replace(one, **changed)  # type: ignore[arg-type]


def assessment(of: Listing, probability: float = 0.5, band: Band = Band.REVIEW, **changed: object) -> Assessment:
    signal = Finding(name=SignalName.COPIED_PHOTO, strength=0.9, sentence="Copied.", evidence={"points": [[1.5, 2]]})
    guard = Finding(name=GuardName.OWN_PHOTO, strength=0.1, sentence="Own.", contribution=-0.25)
    one = Assessment(
        marketplace=of.marketplace,
        listing_id=of.listing_id,
        probability=probability,
        band=band,
        signals=(signal,),
        guards=(guard,),
        unreadable=(Unreadable(what="image", source="2.jpg", reason="truncated"),),
        versions=VERSIONS,
    )
    return replace(one, **changed)  # type: ignore[arg-type]


def catalog(*reference_ids: str, holder: str = "Luma", title: str = "Jacket") -> Catalog:
    products = tuple(
        ReferenceProduct(
            reference_id=reference_id,
            rights_holder=holder,
            title=title,
            brand=holder,
            price=Money(amount=Decimal("57.00"), currency="USD"),
            images=(ReferenceImage(sha256="b" * 64, source="images/1.jpg"),),
        )
        for reference_id in reference_ids
    )
    owner = RightsHolder(name=holder, brands=(Brand(name=holder),), trademarks=(Trademark(mark=holder.upper()),))
    return Catalog(rights_holder=owner, products=products)


def case(case_id: str = "C1", *listing_ids: str) -> Case:
    return Case(
        case_id=case_id,
        marketplace="market",
        seller_id="s1",
        seller_name="fashionfactory",
        rights_holder="Luma",
        listing_ids=listing_ids or ("L1",),
    )


def notice(notice_id: str = "N1", case_id: str = "C1") -> Notice:
    item = NoticeItem(listing_id="L1", url="https://market.example/L1", reference_id="R1", explanation="Copied.")
    return Notice(
        notice_id=notice_id,
        case_id=case_id,
        marketplace="market",
        rights_holder="Luma",
        regime=Regime.DSA_ARTICLE_16,
        notifier_name="Luma",
        notifier_email="legal@luma.example",
        good_faith_statement="In good faith.",
        items=(item,),
        template_version="1",
    )


DECIDED = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)


def review(of: Listing, reason: RejectionReason | None = None, *, minutes: int = 0, **changed: object) -> Review:
    """Confirmed, or rejected where there is a reason."""
    one = Review(
        marketplace=of.marketplace,
        listing_id=of.listing_id,
        rights_holder="Luma",
        case_id="C1",
        decision=Decision.REJECTED if reason else Decision.CONFIRMED,
        reason=reason,
        decided_at=DECIDED + timedelta(minutes=minutes),
        reviewer="ann",
        content_digest=content_digest(of),
        versions_digest=VERSIONS_DIGEST,
        probability=0.97,
        strengths={"copied_photo": 0.9, "own_photo": 0.1},
        product="R1",
        regions=(
            SeenRegion(
                seen_as=SeenAs.MARK, image_sha256="a" * 64, reference_sha256="b" * 64, box=(1.5, 2.0, 30.0, 40.25)
            ),
        ),
    )
    return replace(one, **changed)  # type: ignore[arg-type]


def negative(sha256: str = "d" * 64, holder: str = "Luma", name: str = "theirs.png") -> Negative:
    return Negative(rights_holder=holder, sha256=sha256, name=name, added_at=DECIDED)


def capture(of_body: str = "e" * 64, **changed: object) -> Capture:
    one = Capture(
        kind=CaptureKind.PAGE,
        url="https://market.example/L1",
        final_url="https://market.example/L1?ref=1",
        captured_at=DECIDED,
        body_sha256=of_body,
        size=17,
        content_type="text/html",
        status=200,
        headers_sha256="f" * 64,
        ip_address="192.0.2.1",
        certificate_sha256="c" * 64,
        warc="crawl-1.warc.gz",
        warc_offset=512,
        crawl="crawl",
    )
    return replace(one, **changed)  # type: ignore[arg-type]


def visit(url: str = "https://market.example/L1", **changed: object) -> Visit:
    one = Visit(
        url=url,
        visited_at=DECIDED,
        status=200,
        etag='W/"1"',
        last_modified="Sun, 01 Mar 2026 12:00:00 GMT",
        body_sha256="e" * 64,
        listing=("market", "L1"),
    )
    return replace(one, **changed)  # type: ignore[arg-type]


def site_stop(host: str = "market.example", **changed: object) -> SiteStop:
    one = SiteStop(
        host=host, reason="It answered 403 ten times.", stopped_at=DECIDED, until=DECIDED + timedelta(days=1)
    )
    return replace(one, **changed)  # type: ignore[arg-type]


def everything(records: Records) -> dict[str, object]:
    """All that can be read, to compare before and after."""
    return {
        "rights_holders": list(records.rights_holders()),
        "products": list(records.products()),
        "catalog_digest": records.catalog_digest(),
        "listings": list(records.listings()),
        "count": records.count_listings(),
        "unscored": list(records.unscored_listings(VERSIONS_DIGEST)),
        "assessments": list(records.assessments()),
        "cases": list(records.cases()),
        "notices": list(records.notices()),
        "reviews": list(records.reviews()),
        "standing_reviews": list(records.standing_reviews()),
        "count_reviews": records.count_reviews(),
        "negatives": list(records.negatives()),
        "listings_with_ids": records.listings_with_ids("market", ["L1"]),
        "listings_of_seller": list(records.listings_of_seller("market", "s1")),
        "captures": list(records.captures("e" * 64)),
        "captures_of": list(records.captures_of("https://market.example/L1")),
        "recorded_capture": records.recorded_capture("e" * 64),
        "visit": records.visit("https://market.example/L1"),
        "visits_of_listing": list(records.visits_of_listing("market", "L1")),
        "site_stops": list(records.site_stops()),
    }


def fill(records: Records) -> None:
    records.save_catalog(catalog("R1", "R2"))
    records.save_listings([listing("L1"), listing("L2")])
    records.save_assessments([assessment(listing("L1"))])
    records.save_cases([case("C1")])
    records.save_notices([notice("N1")])
    records.save_reviews([review(listing("L1"), RejectionReason.NOT_OURS)])
    records.save_negatives([negative()])
    records.save_captures([capture()])
    records.save_visits([visit()])
    records.save_site_stop(site_stop())


# Catalogs


def test_a_catalog_comes_back_as_it_was_and_saving_it_again_changes_nothing(records: Records) -> None:
    saved = catalog("R2", "R1")
    assert records.save_catalog(saved) == SaveCount(added=2)
    assert records.rights_holders() == [saved.rights_holder]
    assert [product.reference_id for product in records.products()] == ["R1", "R2"]
    assert set(records.products()) == set(saved.products)
    before = everything(records)
    assert records.save_catalog(saved) == SaveCount(unchanged=2)
    assert everything(records) == before


def test_a_catalog_replaces_its_rights_holders_last_one_and_no_other(records: Records) -> None:
    records.save_catalog(catalog("R1", "R2", "R3"))
    records.save_catalog(catalog("R1", holder="Other"))
    changed = replace(catalog("R2", title="Coat").products[0])
    renewed = replace(catalog("R1", "R4"), products=(*catalog("R1", "R4").products, changed))
    assert records.save_catalog(renewed) == SaveCount(added=1, updated=1, unchanged=1)
    assert {product.reference_id for product in records.products("Luma")} == {"R1", "R2", "R4"}
    assert [product.title for product in records.products("Luma")] == ["Jacket", "Coat", "Jacket"]
    assert [product.rights_holder for product in records.products()] == ["Luma"] * 3 + ["Other"]
    assert records.products("Nobody") == []


def test_several_catalogs_are_saved_together_or_not_at_all(records: Records) -> None:
    records.save_catalog(catalog("R1", "R2"))
    before = everything(records)
    with pytest.raises(BadInput):
        records.save_catalogs([catalog("R3"), catalog("R1", "R1", holder="Other")])
    assert everything(records) == before
    saved = records.save_catalogs(iter([catalog("R2", "R3"), catalog("R1", holder="Other")]))
    assert saved == SaveCount(added=2, unchanged=1)
    assert [product.reference_id for product in records.products()] == ["R2", "R3", "R1"]
    assert [holder.name for holder in records.rights_holders()] == ["Luma", "Other"]
    assert records.save_catalogs([]) == SaveCount()


def test_a_changed_rights_holder_is_saved_though_no_product_changed(records: Records) -> None:
    saved = catalog("R1")
    records.save_catalog(saved)
    before = records.catalog_digest()
    allowed = replace(saved, rights_holder=replace(saved.rights_holder, authorized_sellers=("s1",)))
    assert records.save_catalog(allowed) == SaveCount(unchanged=1)
    assert records.rights_holders() == [allowed.rights_holder]
    assert records.catalog_digest() != before


def test_a_catalog_of_logos_alone_is_kept(records: Records) -> None:
    records.save_catalog(catalog("R1"))
    with_products = records.catalog_digest()
    assert records.save_catalog(catalog()) == SaveCount()
    assert len(records.rights_holders()) == 1
    assert records.products() == []
    assert records.catalog_digest() != with_products


@pytest.mark.parametrize(
    "wrong", [catalog("R1", "R1"), replace(catalog("R1", holder="Other"), rights_holder=catalog().rights_holder)]
)
def test_a_repeated_or_a_strangers_product_is_refused_whole(records: Records, wrong: Catalog) -> None:
    before = everything(records)
    with pytest.raises(BadInput) as refusal:
        records.save_catalog(wrong)
    assert refusal.value.field in ("reference_id", "rights_holder")
    assert everything(records) == before


def test_the_catalog_digest_is_the_same_everywhere_and_changes_with_content_alone(open_as: OpenAs) -> None:
    records, memory = open_as("acme"), MemoryRecords()
    digests = [records.catalog_digest()]
    assert digests == [memory.catalog_digest()]
    for saved in (catalog("é", "B", "a"), catalog("B", holder="Z"), catalog("é", "B"), catalog("é", "B", title="X")):
        records.save_catalog(saved)
        memory.save_catalog(saved)
        digests.append(records.catalog_digest())
        assert digests[-1] == memory.catalog_digest()
    assert len(set(digests)) == len(digests)
    other_way_round = open_as("other")
    other_way_round.save_catalog(catalog("B", holder="Z"))
    other_way_round.save_catalog(catalog("B", "é", title="X"))
    assert other_way_round.catalog_digest() == digests[-1]


# Listings


def test_listings_come_back_as_they_were_by_code_point_of_their_keys(records: Records) -> None:
    saved = [listing(key, place) for place in ("b", "B", "ä") for key in ("a", "B", "é", "10", "9", "\U0001f45c", "ﬁ")]
    assert records.save_listings(iter(saved)) == SaveCount(added=len(saved))
    assert list(records.listings()) == sorted(saved, key=lambda each: each.key)
    assert records.count_listings() == len(saved)
    assert records.listing("ä", "é") == listing("é", "ä")


def test_saving_equal_listings_again_is_unchanged_and_changed_ones_are_updated(records: Records) -> None:
    records.save_listings([listing("L1"), listing("L2")])
    renewed = [listing("L1"), listing("L2", title="Coat"), listing("L3")]
    assert records.save_listings(renewed) == SaveCount(added=1, updated=1, unchanged=1)
    assert records.save_listings(renewed) == SaveCount(unchanged=3)
    assert list(records.listings()) == renewed


def test_the_same_listing_twice_in_one_save_counts_twice_and_the_last_one_stays(records: Records) -> None:
    twice = [listing(title="first"), listing(title="second"), listing(title="second")]
    assert records.save_listings(twice) == SaveCount(added=1, updated=1, unchanged=1)
    assert list(records.listings()) == [listing(title="second")]
    assert records.save_listings([listing(title="third"), listing(title="second")]) == SaveCount(updated=2)
    assert list(records.listings()) == [listing(title="second")]


def test_nothing_to_save_is_saved(records: Records) -> None:
    assert records.save_listings([]) == SaveCount()
    assert records.save_assessments([]) == SaveCount()
    assert records.save_cases([]) == SaveCount()
    assert records.save_notices([]) == SaveCount()
    assert records.save_reviews([]) == SaveCount()
    assert records.save_negatives([]) == SaveCount()
    assert records.delete_negatives([]) == 0
    assert records.delete_cases([]) == 0


def test_a_source_that_fails_midway_leaves_nothing(records: Records) -> None:
    def failing() -> Iterator[Listing]:
        yield listing("L1")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        records.save_listings(failing())
    assert records.count_listings() == 0


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (listing("nul\0"), "listing_id"),
        (listing("L1", marketplace=""), "marketplace"),
        (listing("long" * 1000), "listing_id"),
        (listing(title="half of a pair: \ud83d"), None),
        (listing(price=Money(amount=Decimal("NaN"), currency="USD")), "price.amount"),
        (listing(seller=Seller(id="s", name="s", feedback_percent=float("inf"))), None),
    ],
)
def test_what_could_not_be_read_again_is_refused_and_the_rest_of_its_save_too(
    records: Records, wrong: Listing, field: str | None
) -> None:
    with pytest.raises(BadInput) as refusal:
        records.save_listings([listing("L0"), wrong])
    assert refusal.value.field == field
    assert records.count_listings() == 0


@pytest.mark.parametrize("key", ["absent", "nul\0", "\ud83d", "", "long" * 1000])
def test_what_is_not_there_is_not_found_however_it_is_spelled(records: Records, key: str) -> None:
    fill(records)
    before = everything(records)
    with pytest.raises(NotFound):
        records.listing("market", key)
    with pytest.raises(NotFound):
        records.listing(key, "L1")
    with pytest.raises(NotFound):
        records.assessment("market", key)
    with pytest.raises(NotFound):
        records.case(key)
    with pytest.raises(NotFound):
        records.save_assessments([assessment(listing(key))])
    with pytest.raises((NotFound, BadInput)):
        records.save_notices([notice("N2", case_id=key)])
    with pytest.raises((NotFound, BadInput)):
        records.save_reviews([review(listing(key))])
    with pytest.raises((NotFound, BadInput)):
        records.save_negatives([negative(), negative(holder=key)])
    assert records.delete_negatives([("Luma", key), (key, "d" * 64)]) == 0
    assert records.products(key) == []
    assert records.delete_cases([key]) == 0
    assert everything(records) == before


# Assessments


def test_an_assessment_comes_back_as_it_was_until_another_replaces_it(records: Records) -> None:
    records.save_listings([listing("L1"), listing("L2")])
    first, second = assessment(listing("L1")), assessment(listing("L2"), 0.99, Band.ENFORCE)
    assert records.save_assessments([second, first]) == SaveCount(added=2)
    assert list(records.assessments()) == [first, second]
    assert list(records.assessments(Band.ENFORCE)) == [second]
    assert list(records.assessments(Band.CLEAR)) == []
    assert records.save_assessments([second, first]) == SaveCount(unchanged=2)
    milder = assessment(listing("L2"), 0.01, Band.CLEAR)
    assert records.save_assessments([milder]) == SaveCount(updated=1)
    assert records.assessment("market", "L2") == milder
    assert list(records.assessments(Band.ENFORCE)) == []


def test_only_what_these_versions_have_not_scored_is_unscored(records: Records) -> None:
    records.save_listings([listing("L1"), listing("L2")])
    records.save_assessments([assessment(listing("L1"))])
    assert list(records.unscored_listings(VERSIONS_DIGEST)) == [listing("L2")]
    newer = replace(VERSIONS, lexicon="2")
    assert list(records.unscored_listings(digest(dump(newer)))) == [listing("L1"), listing("L2")]
    records.save_assessments([assessment(listing("L1"), versions=newer)])
    assert list(records.unscored_listings(digest(dump(newer)))) == [listing("L2")]
    assert list(records.unscored_listings(VERSIONS_DIGEST)) == [listing("L1"), listing("L2")]


def test_changed_content_voids_the_assessment_and_the_same_content_again_brings_it_back(records: Records) -> None:
    records.save_listings([listing()])
    verdict = assessment(listing(), 0.99, Band.ENFORCE)
    records.save_assessments([verdict])
    records.save_listings([listing(title="Own photo now")])
    assert list(records.assessments()) == []
    assert list(records.assessments(Band.ENFORCE)) == []
    assert list(records.unscored_listings(VERSIONS_DIGEST)) == [listing(title="Own photo now")]
    with pytest.raises(NotFound):
        records.assessment("market", "L1")
    records.save_listings([listing()])
    assert list(records.assessments()) == [verdict]
    assert list(records.unscored_listings(VERSIONS_DIGEST)) == []


def test_the_same_verdict_on_changed_content_is_an_update(records: Records) -> None:
    records.save_listings([listing()])
    records.save_assessments([assessment(listing())])
    records.save_listings([listing(title="Coat")])
    assert records.save_assessments([assessment(listing())]) == SaveCount(updated=1)
    assert list(records.assessments()) == [assessment(listing())]


def test_several_listings_are_found_by_their_ids_at_once(records: Records) -> None:
    records.save_listings([listing("L1"), listing("L2"), listing("L1", "other")])
    assert records.listings_with_ids("market", ["L1", "L3", "L1", "\0"]) == {"L1": listing("L1")}
    assert records.listings_with_ids("market", []) == {}
    assert records.listings_with_ids("mar\0ket", ["L1"]) == {}


def test_what_a_crawl_found_is_saved_together_or_not_at_all(records: Records) -> None:
    found = {"captures": [capture()], "visits": [visit()]}
    assert records.save_crawled(listings=[listing()], **found) == SaveCount(added=1)
    assert records.save_crawled(listings=[listing()], **found) == SaveCount(unchanged=1)
    assert records.listing(*listing().key) == listing()
    assert list(records.captures_of(capture().url)) == [capture()]
    broken = replace(visit("https://market.example/L9"), listing=("market", ""))
    with pytest.raises(BadInput):
        records.save_crawled(listings=[listing("L8")], visits=[broken])
    with pytest.raises(NotFound):
        records.listing("market", "L8")


def test_pages_that_are_gone_are_found_by_what_they_offered(records: Records) -> None:
    standing = visit("https://market.example/L2")
    nothing = visit("https://market.example/L3", status=404, listing=None)
    removed = visit("https://market.example/L4", status=410)
    records.save_visits([standing, nothing, removed, visit(status=404)])
    assert list(records.gone_visits()) == [visit(status=404), removed]


def test_another_visit_to_the_same_offer_is_kept_and_voids_nothing(records: Records) -> None:
    records.save_listings([listing(captured_at=datetime(2026, 1, 1, tzinfo=UTC), page_sha256="c" * 64)])
    records.save_assessments([assessment(listing())])
    later = listing(captured_at=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC), page_sha256="d" * 64)
    assert records.save_listings([later]) == SaveCount(updated=1)
    assert records.listing("market", "L1") == later
    assert list(records.assessments()) == [assessment(listing())]
    assert list(records.unscored_listings(VERSIONS_DIGEST)) == []


def test_fields_that_a_listing_leaves_empty_or_found_elsewhere_void_nothing(records: Records) -> None:
    """A digest made before these fields were known stays as it was, or what people decided would stand no more."""
    assert content_digest(listing()) == "17898817cb3a60cc2a740b2dc97daab296b70667fb07a6be8011f9a463597cc9"
    records.save_listings([listing()])
    records.save_assessments([assessment(listing())])
    moved = listing(found=(FoundValue(field="price", raw="8.50", where="css .now"),))
    assert records.save_listings([moved]) == SaveCount(updated=1)
    assert list(records.assessments()) == [assessment(listing())]
    for field in ("sku", "gtin", "mpn", "availability", "relists"):
        records.save_listings([listing(**{field: "something"})])
        assert list(records.assessments()) == []


def test_the_listings_of_a_seller_are_those_of_its_key_on_one_marketplace(records: Records) -> None:
    other = Seller(id="s2", name="fashionfactory")
    saved = [listing("L2"), listing("L1"), listing("L3", seller=other), listing("L4", "elsewhere")]
    records.save_listings(saved)
    assert records.listings_of_seller("market", "s1") == [saved[1], saved[0]]
    assert records.listings_of_seller("market", "s2") == [saved[2]]
    assert records.listings_of_seller("market", "s") == []
    records.save_listings([listing("L1", seller=other)])
    assert [each.listing_id for each in records.listings_of_seller("market", "s1")] == ["L2"]
    assert [each.listing_id for each in records.listings_of_seller("market", "s2")] == ["L1", "L3"]


def test_listings_of_an_id_are_those_of_every_marketplace(records: Records) -> None:
    saved = [listing("L1", "y"), listing("L1", "x"), listing("L10", "x")]
    records.save_listings(saved)
    assert records.listings_of_id("L1") == [saved[1], saved[0]]
    assert [*records.listings_of_id("L"), *records.listings_of_id("\0"), *records.listings_of_id("\ud800")] == []


@pytest.mark.parametrize("seller_id", ["", "\0", "s" * 5000, "Söl\u0308ler 店"])
def test_a_seller_has_any_key_that_a_marketplace_gives(records: Records, seller_id: str) -> None:
    one = listing(seller=Seller(id=seller_id, name="any"))
    records.save_listings([one])
    assert records.listings_of_seller("market", seller_id) == [one]
    assert records.listings_of_seller("mar\0ket", seller_id) == []
    assert records.listings_of_seller("market", "\ud800") == []


def test_a_verdict_on_content_that_has_changed_meanwhile_is_left_out(records: Records) -> None:
    records.save_listings([listing("L1"), listing("L2")])
    read = list(records.listings())
    records.save_listings([listing("L1", title="Coat")])
    verdicts = [assessment(each) for each in read]
    assert records.save_assessments(verdicts, scored=read) == SaveCount(added=1)
    assert list(records.assessments()) == [assessment(listing("L2"))]
    assert list(records.unscored_listings(VERSIONS_DIGEST)) == [listing("L1", title="Coat")]


def test_an_assessment_of_a_listing_that_is_not_stored_is_not_found_and_none_is_saved(records: Records) -> None:
    records.save_listings([listing("L1")])
    with pytest.raises(NotFound, match="L9"):
        records.save_assessments([assessment(listing("L1")), assessment(listing("L9"))])
    assert list(records.assessments()) == []


# Streaming


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.rows.PAGE_ROWS", 3)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 6, 7])
def test_pages_neither_repeat_nor_drop_a_listing(records: Records, size: int) -> None:
    saved = [listing(f"L{number}", place) for number in range(size) for place in ("x", "y")]
    assert records.save_listings(saved) == SaveCount(added=2 * size)
    assert list(records.listings()) == sorted(saved, key=lambda each: each.key)
    assert records.save_listings(saved) == SaveCount(unchanged=2 * size)
    records.save_assessments(map(assessment, saved))
    assert list(records.assessments()) == [assessment(each) for each in records.listings()]
    assert list(records.assessments(Band.REVIEW)) == list(records.assessments())


@pytest.mark.usefixtures("small_pages")
def test_saving_while_reading_scores_each_listing_once(records: Records) -> None:
    saved = [listing(f"L{number:02}") for number in range(11)]
    records.save_listings(saved)
    seen = []
    for each in records.unscored_listings(VERSIONS_DIGEST):
        records.save_assessments([assessment(each)])
        records.save_listings([listing("K0")])  # behind the reader
        seen.append(each)
    assert seen == saved
    assert list(records.unscored_listings(VERSIONS_DIGEST)) == [listing("K0")]


@pytest.mark.usefixtures("small_pages")
def test_a_save_may_take_what_it_saves_from_the_same_records(records: Records) -> None:
    records.save_listings(listing(f"L{number:02}") for number in range(8))
    assert records.save_listings(replace(each, title="Coat") for each in records.listings()) == SaveCount(updated=8)
    assert records.save_assessments(assessment(each) for each in records.listings()) == SaveCount(added=8)
    assert {each.title for each in records.listings()} == {"Coat"}


@pytest.mark.usefixtures("small_pages")
def test_an_unfinished_read_keeps_nobody_from_writing(open_as: OpenAs) -> None:
    reader, writer = open_as("acme"), open_as("acme")
    reader.save_listings(listing(f"L{number}") for number in range(8))
    stream = reader.listings()
    next(stream)
    assert writer.save_listings([listing("L7", title="Coat")]) == SaveCount(updated=1)
    assert len(list(stream)) == 7


# Cases and notices


def test_cases_come_back_largest_first(records: Records) -> None:
    saved = [case("b", "L1"), case("B", "L2"), case("a", "L1", "L2")]
    assert records.save_cases(saved) == SaveCount(added=3)
    assert [each.case_id for each in records.cases()] == ["a", "B", "b"]
    assert records.case("a") == saved[2]
    assert records.save_cases(saved) == SaveCount(unchanged=3)
    noticed = replace(saved[0], status=CaseStatus.NOTICED)
    assert records.save_cases([noticed]) == SaveCount(updated=1)
    assert records.case("b") == noticed


def test_notices_belong_to_a_case(records: Records) -> None:
    records.save_cases([case("C1")])
    with pytest.raises(NotFound, match="C9"):
        records.save_notices([notice("N1"), notice("N2", "C9")])
    assert records.notices() == []
    assert records.save_notices([notice("b"), notice("B")]) == SaveCount(added=2)
    assert records.save_notices([notice("b")]) == SaveCount(unchanged=1)
    assert records.notices() == [notice("B"), notice("b")]
    signed = replace(notice("b"), notifier_name="Counsel")
    assert records.save_notices([signed]) == SaveCount(updated=1)
    assert records.notices() == [notice("B"), signed]


def test_a_case_goes_with_its_drafts_and_with_no_others(records: Records) -> None:
    records.save_cases([case("C1"), case("C2"), case("C3")])
    records.save_notices([notice("N1", "C1"), notice("N2", "C2")])
    assert records.delete_cases(iter(["C1", "C1", "C3", "absent"])) == 2
    assert [each.case_id for each in records.cases()] == ["C2"]
    assert records.notices() == [notice("N2", "C2")]
    with pytest.raises(NotFound):
        records.case("C1")


# Reviews


def test_a_review_comes_back_as_it_was_and_saying_it_again_changes_nothing(records: Records) -> None:
    records.save_listings([listing("L1"), listing("L2")])
    first, second = review(listing("L2")), review(listing("L1"), RejectionReason.NOT_OURS, note="their own line")
    assert records.save_reviews(iter([first, second])) == SaveCount(added=2)
    assert records.reviews() == records.standing_reviews() == [second, first]
    again = [replace(first, decided_at=DECIDED + timedelta(days=1), reviewer="bob", probability=0.5), second]
    assert records.save_reviews(again) == SaveCount(unchanged=2)
    assert records.reviews() == [second, first]


def test_a_changed_decision_stands_and_the_former_one_stays_to_be_read(records: Records) -> None:
    records.save_listings([listing("L1")])
    reasons = (None, RejectionReason.OTHER, None, RejectionReason.AUTHORIZED, RejectionReason.NOT_OURS)
    history = [review(listing("L1"), reason, minutes=minute) for minute, reason in enumerate(reasons)]
    for each in history[:3]:
        assert records.save_reviews([each]) == SaveCount(added=1)
        assert records.standing_reviews() == [each]
    assert records.save_reviews(history[3:]) == SaveCount(added=2)
    assert records.reviews() == history
    assert records.standing_reviews() == history[-1:]


def test_another_decision_at_an_earlier_or_the_same_time_is_refused_and_all_beside_it(records: Records) -> None:
    records.save_listings([listing("L1"), listing("L2")])
    records.save_reviews([review(listing("L1"))])
    for minutes in (0, -1):
        with pytest.raises(BadInput) as refusal:
            records.save_reviews([review(listing("L2")), review(listing("L1"), RejectionReason.OTHER, minutes=minutes)])
        assert refusal.value.field == "decided_at"
    assert records.reviews() == [review(listing("L1"))]


def test_a_review_stands_for_the_content_it_was_made_of_alone(records: Records) -> None:
    records.save_listings([listing("L1")])
    rejected = review(listing("L1"), RejectionReason.GENUINE_RESALE)
    records.save_reviews([rejected])
    changed = listing("L1", title="Replica")
    records.save_listings([changed])
    assert records.standing_reviews() == []
    assert records.reviews() == [rejected]
    confirmed = review(changed, minutes=1)
    assert records.save_reviews([confirmed]) == SaveCount(added=1)
    assert records.standing_reviews() == [confirmed]
    records.save_listings([listing("L1", captured_at=DECIDED)])
    assert records.standing_reviews() == [rejected]
    assert records.reviews() == [rejected, confirmed]


def test_rights_holders_decide_each_for_themselves(records: Records) -> None:
    records.save_listings([listing("L1")])
    both = [review(listing("L1"), RejectionReason.NOT_OURS), review(listing("L1"), rights_holder="Other")]
    assert records.save_reviews(both) == SaveCount(added=2)
    assert records.standing_reviews() == both


@pytest.mark.usefixtures("small_pages")
def test_many_reviews_at_once_are_held_against_what_stands(records: Records) -> None:
    saved = [listing(f"L{number}", place) for number in range(7) for place in ("x", "y")]
    records.save_listings(saved)
    reviews = [review(each) for each in saved]
    assert records.save_reviews(reviews[::2]) == SaveCount(added=7)
    assert records.save_reviews(reviews) == SaveCount(added=7, unchanged=7)
    assert records.standing_reviews() == sorted(reviews, key=lambda each: each.key)


# Negatives


def test_negatives_come_back_until_they_are_removed(records: Records) -> None:
    records.save_catalogs([catalog(), catalog(holder="Other")])
    saved = [negative("e" * 64), negative(), negative(holder="Other")]
    assert records.save_negatives(iter(saved)) == SaveCount(added=3)
    assert records.save_negatives(saved) == SaveCount(unchanged=3)
    assert records.negatives() == [saved[1], saved[0], saved[2]]
    assert records.save_negatives([negative(name="again.png")]) == SaveCount(updated=1)
    assert records.delete_negatives(iter([negative().key, negative().key, ("Luma", "f" * 64)])) == 1
    assert records.negatives() == [saved[0], saved[2]]


def test_a_catalog_that_is_imported_again_keeps_the_negatives(records: Records) -> None:
    records.save_catalog(catalog("R1"))
    records.save_negatives([negative()])
    records.save_catalog(catalog("R2"))
    assert records.negatives() == [negative()]


# Tenants

PROBES: dict[str, Callable[[Records], object]] = {
    "rights_holders": lambda other: list(other.rights_holders()) == [],
    "products": lambda other: list(other.products()) + list(other.products("Luma")) == [],
    "catalog_digest": lambda other: other.catalog_digest() == MemoryRecords().catalog_digest(),
    "save_catalog": lambda other: other.save_catalog(catalog("R1", title="Other")) == SaveCount(added=1),
    "save_catalogs": lambda other: other.save_catalogs([catalog("R1", title="Other")]) == SaveCount(added=1),
    "listings": lambda other: list(other.listings()) == [],
    "listing": lambda other: _is_not_found(lambda: other.listing("market", "L1")),
    "unscored_listings": lambda other: list(other.unscored_listings(VERSIONS_DIGEST)) == [],
    "count_listings": lambda other: other.count_listings() == 0,
    "save_listings": lambda other: other.save_listings([listing("L1", title="Other")]) == SaveCount(added=1),
    "assessments": lambda other: list(other.assessments()) + list(other.assessments(Band.REVIEW)) == [],
    "assessment": lambda other: _is_not_found(lambda: other.assessment("market", "L1")),
    "save_assessments": lambda other: _is_not_found(lambda: other.save_assessments([assessment(listing("L1"))])),
    "save_cases": lambda other: other.save_cases([case("C1", "L7", "L8")]) == SaveCount(added=1),
    "cases": lambda other: list(other.cases()) == [],
    "case": lambda other: _is_not_found(lambda: other.case("C1")),
    "delete_cases": lambda other: other.delete_cases(["C1"]) == 0,
    "save_notices": lambda other: _is_not_found(lambda: other.save_notices([notice("N1")])),
    "notices": lambda other: list(other.notices()) == [],
    "save_reviews": lambda other: _is_not_found(lambda: other.save_reviews([review(listing("L1"))])),
    "reviews": lambda other: list(other.reviews()) == [],
    "standing_reviews": lambda other: list(other.standing_reviews()) == [],
    "count_reviews": lambda other: other.count_reviews() == 0,
    "save_negatives": lambda other: _is_not_found(lambda: other.save_negatives([negative("e" * 64)])),
    "negatives": lambda other: list(other.negatives()) == [],
    "delete_negatives": lambda other: other.delete_negatives([negative().key]) == 0,
    "listings_with_ids": lambda other: other.listings_with_ids("market", ["L1"]) == {},
    "listings_of_seller": lambda other: list(other.listings_of_seller("market", "s1")) == [],
    "listings_of_id": lambda other: list(other.listings_of_id("L1")) == [],
    "all_captures": lambda other: list(other.all_captures()) == [],
    "save_captures": lambda other: other.save_captures([capture(size=1)]) == SaveCount(added=1),
    "captures": lambda other: list(other.captures("e" * 64)) == [],
    "captures_of": lambda other: list(other.captures_of("https://market.example/L1")) == [],
    "recorded_capture": lambda other: other.recorded_capture("e" * 64) is None,
    "save_visits": lambda other: other.save_visits([visit(status=410)]) == SaveCount(added=1),
    "save_crawled": lambda other: (
        other.save_crawled(listings=[listing()], visits=[visit(status=410)]) == SaveCount(added=1)
    ),
    "gone_visits": lambda other: other.gone_visits() == [],
    "visit": lambda other: other.visit("https://market.example/L1") is None,
    "visits": lambda other: other.visits(["https://market.example/L1"]) == {},
    "visits_of_listing": lambda other: list(other.visits_of_listing("market", "L1")) == [],
    "save_site_stop": lambda other: other.save_site_stop(site_stop(reason="Other.")) is None,
    "site_stops": lambda other: list(other.site_stops()) == [],
    "lift_site_stop": lambda other: not other.lift_site_stop("market.example"),
}


def _is_not_found(action: Callable[[], object]) -> bool:
    with pytest.raises(NotFound):
        action()
    return True


def test_every_method_has_a_probe() -> None:
    methods = {name for name, _ in inspect.getmembers(Records, inspect.isfunction) if not name.startswith("_")}
    assert methods - {"close"} == set(PROBES)


@pytest.mark.parametrize("method", PROBES)
def test_no_method_sees_or_touches_another_tenants_records(open_as: OpenAs, method: str) -> None:
    mine, other = open_as("acme"), open_as("other")
    fill(mine)
    before = everything(mine)
    assert (mine.tenant, other.tenant) == ("acme", "other")
    assert PROBES[method](other)
    assert everything(mine) == before


def test_two_tenants_keep_different_records_under_the_same_keys(open_as: OpenAs) -> None:
    mine, other = open_as("acme"), open_as("other")
    fill(mine)
    before = everything(mine)
    fill(other)
    assert everything(other) == before
    other.save_catalog(catalog("R1", title="Other"))
    other.save_listings([listing("L1", title="Other"), listing("L2")])
    other.save_assessments([assessment(listing("L1"), 0.99, Band.ENFORCE), assessment(listing("L2"))])
    other.save_cases([case("C1", "L7", "L8")])
    other.save_notices([replace(notice("N1"), notifier_name="Other")])
    assert everything(mine) == before
    assert other.delete_cases(["C1"]) == 1
    assert everything(mine) == before


def test_a_tenant_finds_its_records_when_it_comes_back(open_as: OpenAs) -> None:
    fill(open_as("acme"))
    assert everything(open_as("acme"))["listings"] == [listing("L1"), listing("L2")]


# Whatever comes

keys = st.text(min_size=1, max_size=20).filter(lambda text: "\0" not in text)
money = st.builds(Money, amount=st.decimals(allow_nan=False, allow_infinity=False), currency=st.text(max_size=3))
numbers = st.floats(allow_nan=False, allow_infinity=False)
unreadables = st.builds(Unreadable, what=st.text(), source=st.text(), reason=st.text())
images = st.one_of(
    st.builds(ListingImage, source=st.text(), sha256=st.text(), unreadable=st.none()),
    st.builds(ListingImage, source=st.text(), sha256=st.none(), unreadable=unreadables),
)
sellers = st.builds(
    Seller,
    id=st.text(),
    name=st.text(),
    feedback_score=st.none() | st.integers(),
    feedback_percent=st.none() | numbers,
)
listings = st.builds(
    Listing,
    marketplace=keys,
    listing_id=keys,
    seller=sellers,
    description=st.text(),
    price=st.none() | money,
    price_raw=st.text(),
    quantity=st.none() | st.integers(),
    images=st.lists(images, max_size=3).map(tuple),
    captured_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    page_sha256=st.none() | st.text(),
    sku=st.text(max_size=9),
    found=st.lists(st.builds(FoundValue, field=st.text(), raw=st.text(), where=st.text()), max_size=2).map(tuple),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
findings = st.builds(
    Finding,
    name=st.sampled_from([*SignalName, *GuardName]),
    strength=st.floats(0, 1),
    evidence=st.dictionaries(st.text(), json_values, max_size=3),
    contribution=st.none() | numbers,
)
trademarks = st.builds(Trademark, mark=st.text(), nice_classes=st.lists(st.integers(1, 45), max_size=3).map(tuple))


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    holder = draw(st.builds(RightsHolder, name=keys, trademarks=st.lists(trademarks, max_size=2).map(tuple)))
    product = st.builds(
        ReferenceProduct,
        reference_id=keys,
        rights_holder=st.just(holder.name),
        description=st.text(),
        price=st.none() | money,
        minimum_advertised_price=st.none() | money,
        images=st.lists(st.builds(ReferenceImage), max_size=2).map(tuple),
    )
    products = draw(st.lists(product, max_size=4, unique_by=lambda each: each.reference_id))
    return Catalog(rights_holder=holder, products=tuple(products))


class Fresh:
    """A tenant of its own for every example."""

    def __init__(self, open_as: OpenAs) -> None:
        self._open_as, self._numbers = open_as, count()

    def open(self) -> Records:
        return self._open_as(f"tenant {next(self._numbers)}")


@pytest.fixture
def fresh(open_as: OpenAs) -> Fresh:
    return Fresh(open_as)


anything = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def _amount(value: Money | None) -> object:
    return None if value is None else value.amount.as_tuple()  # 1.10 and 1.1 are equal, and are not the same


@anything
@given(saved=st.lists(listings, max_size=5, unique_by=lambda each: each.key), signals=st.lists(findings, max_size=3))
def test_whatever_listings_and_findings_come_they_come_back(
    fresh: Fresh, saved: list[Listing], signals: list[Finding]
) -> None:
    records = fresh.open()
    assert records.save_listings(saved) == SaveCount(added=len(saved))
    found = list(records.listings())
    expected = sorted(saved, key=lambda each: each.key)
    assert found == expected
    assert [_amount(each.price) for each in found] == [_amount(each.price) for each in expected]
    assert list(map(content_digest, found)) == list(map(content_digest, expected))
    assert records.save_listings(found) == SaveCount(unchanged=len(saved))
    verdicts = [assessment(each, signals=tuple(signals)) for each in expected]
    assert records.save_assessments(verdicts, scored=found) == SaveCount(added=len(saved))
    assert list(records.assessments()) == verdicts
    assert list(records.unscored_listings(VERSIONS_DIGEST)) == []
    records.close()


@anything
@given(saved=st.lists(catalogs(), max_size=3, unique_by=lambda each: each.rights_holder.name))
def test_whatever_catalogs_come_they_come_back_with_the_same_digest(fresh: Fresh, saved: list[Catalog]) -> None:
    records, memory = fresh.open(), MemoryRecords()
    for each in saved:
        assert records.save_catalog(each) == memory.save_catalog(each) == SaveCount(added=len(each.products))
    assert list(records.rights_holders()) == list(memory.rights_holders())
    assert list(records.products()) == list(memory.products())
    for each in saved:
        found = records.products(each.rights_holder.name)
        expected = sorted(each.products, key=lambda product: product.reference_id)
        assert list(found) == expected
        assert [_amount(product.price) for product in found] == [_amount(product.price) for product in expected]
    assert records.catalog_digest() == memory.catalog_digest()
    records.close()


# Many at once

THREADS, ROUNDS = 4, 8


def test_threads_that_write_at_the_same_time_lose_nothing(open_as: OpenAs) -> None:
    shared = open_as("acme")
    counts: list[SaveCount] = []
    barrier = threading.Barrier(THREADS)

    def write(worker: int) -> None:
        own = shared if worker % 2 else open_as("acme")
        barrier.wait()
        for number in range(ROUNDS):
            saved = [listing(f"{worker}-{number}"), listing("everybody's", title=f"{worker}-{number}")]
            counts.append(own.save_listings(saved))
            own.save_assessments(map(assessment, saved[:1]), scored=saved[:1])

    threads = [threading.Thread(target=write, args=[worker]) for worker in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = sum(counts, SaveCount())
    assert total == SaveCount(added=THREADS * ROUNDS + 1, updated=THREADS * ROUNDS - 1)
    assert shared.count_listings() == THREADS * ROUNDS + 1
    assert len(list(shared.assessments())) == THREADS * ROUNDS


WRITER = """
import sys
from domain.listing import Listing, Seller
from store.records import open_records

url, worker = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
records = open_records(url, "acme")
for number in range(10):
    ids = [f"{worker}-{number}-{each}" for each in range(5)] + ["everybody's"]
    records.save_listings(
        Listing(marketplace="market", listing_id=i, url="", title=worker, seller=Seller(id="s", name="s")) for i in ids
    )
records.close()
"""


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", program, *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_processes_that_make_and_fill_one_database_at_the_same_time_lose_nothing(database_url: str) -> None:
    processes = [start(WRITER, database_url, str(worker)) for worker in range(3)]
    try:
        assert [said(process) for process in processes] == ["ready"] * 3
        for process in processes:  # all have imported what they need and now open at once
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            process.communicate(timeout=120)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert [process.returncode for process in processes] == [0, 0, 0]
    records = open_records(database_url, "acme")
    assert records.count_listings() == 3 * 10 * 5 + 1
    records.close()


KILLED = """
import sys
from domain.catalog import Brand, Catalog, ReferenceProduct, RightsHolder
from sqlalchemy import Engine, event
from store.records import open_records

@event.listens_for(Engine, "after_cursor_execute")
def stop(connection, cursor, statement, parameters, context, executemany):
    if statement.startswith("INSERT INTO products") and "late" in str(parameters):
        print("in mid transaction", flush=True)
        sys.stdin.read()

def half(name, word):
    products = (
        ReferenceProduct(reference_id=f"{word} {n}", rights_holder=name, title="Half", brand="Half") for n in range(50)
    )
    return Catalog(rights_holder=RightsHolder(name=name, brands=(Brand(name="Half"),)), products=tuple(products))

records = open_records(sys.argv[1], "acme")
records.save_catalogs([half("Luma", "early"), half("Other", "late")])
"""


def test_a_process_killed_in_mid_transaction_leaves_nothing_half_written(database_url: str) -> None:
    records = open_records(database_url, "acme")
    fill(records)
    before = everything(records)
    process = start(KILLED, database_url)
    try:
        assert said(process) == "in mid transaction"
        assert everything(records) == before  # a writer keeps nobody from reading
    finally:
        process.kill()
        process.communicate()
    assert everything(records) == before
    assert records.save_catalog(catalog("R1", "R9")) == SaveCount(added=1, unchanged=1)
    records.close()
