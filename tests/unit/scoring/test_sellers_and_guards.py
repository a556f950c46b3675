from __future__ import annotations

from dataclasses import replace

import pytest

from domain.catalog import Brand, RightsHolder
from domain.listing import ListingImage, Unreadable
from domain.match import Matches
from scoring.authorized_seller import AuthorizedSeller
from scoring.confusing_seller_name import ConfusingSellerName
from scoring.context import CatalogView
from scoring.copied_photo import CopiedPhoto
from scoring.examples import HOLDER, OTHER_HOLDER, copied, example_catalog, offer
from scoring.own_photo import OwnPhoto


def name_catalog(*brands: str, authorized: tuple[str, ...] = ()) -> CatalogView:
    brands_ = tuple(Brand(name=b) for b in brands)
    return CatalogView([RightsHolder(name="Owner", brands=brands_, authorized_sellers=authorized)], [])


@pytest.mark.parametrize(
    "name", ["nike-outlet", "n1keshop", "NikeStore", "Nikee Official", "n i k e", "gucci2024", "Guccii_us"]
)
def test_names_that_pass_for_a_mark(name: str) -> None:
    assert ConfusingSellerName().find(offer(seller=name), Matches(), name_catalog("Nike", "Gucci")) is not None


@pytest.mark.parametrize(
    "name",
    ["mike_154", "jenny-nike", "nikel", "plumashop", "aria-store", "Carla", "luna-store", "coach_tom", "lee", "pike"],
)
def test_names_that_merely_resemble(name: str) -> None:
    view = name_catalog("Nike", "Luma", "Arla", "Coach", "Lee")
    assert ConfusingSellerName().find(offer(seller=name), Matches(), view) is None


def test_the_evidence_is_the_pair_and_its_distance() -> None:
    view = name_catalog(authorized=("sportsdirekt-luma",))
    finding = ConfusingSellerName().find(offer(seller="sportsdirect-luma"), Matches(), view)
    assert finding is not None
    assert finding.evidence["resembles"] == "sportsdirekt-luma"
    assert finding.evidence["distance"] == 1


@pytest.mark.parametrize(
    "seller",
    [
        *("velmora-dіrect", "velmora‐direct", "velmora-direct\u200b", "ve1mora-direct", "velmora direct"),
        *("𝐯𝐞𝐥𝐦𝐨𝐫𝐚-direct", "ⓥelmora-direct", "velmora-ᵈirect", "velmora-ⅾirect"),
    ],
)
def test_no_look_alike_of_an_authorized_seller_is_let_in(seller: str) -> None:
    listing = offer(seller=seller)
    assert AuthorizedSeller().find(listing, copied(), example_catalog()) is None
    assert CopiedPhoto().find(listing, copied(), example_catalog()) is not None
    assert ConfusingSellerName().find(listing, copied(), example_catalog()) is not None


def test_full_width_letters_are_the_same_name() -> None:
    assert example_catalog().authorizes(HOLDER, offer(seller="ＶＥＬＭＯＲＡ-direct ").seller)


def test_an_empty_entry_authorizes_nobody() -> None:
    view = name_catalog("Nike", authorized=("", " "))
    assert not view.authorizes("Owner", offer(seller="", seller_id="").seller)


def test_the_guard_carries_the_photo_that_it_excuses() -> None:
    finding = AuthorizedSeller().find(offer(seller_id="velmora-direct"), copied(), example_catalog())
    assert finding is not None
    photo = finding.evidence["photo"]
    assert isinstance(photo, dict)
    assert photo["reference_id"] == "V-100"


@pytest.mark.parametrize("title", ["Harbor tote, blue", "Velmora tote"])
def test_authorization_by_one_rights_holder_excuses_anothers_photo_by_half_only(title: str) -> None:
    stolen = Matches(photos=(replace(copied().photos[0], rights_holder=OTHER_HOLDER),), images_read=1)
    listing = offer(title, seller_id="velmora-direct")
    guard = AuthorizedSeller().find(listing, stolen, example_catalog())
    assert guard is not None
    assert (guard.strength, "not by" in guard.sentence) == (0.5, True)
    assert CopiedPhoto().find(listing, stolen, example_catalog()) is not None


def test_authorization_must_cover_every_copied_photo() -> None:
    best = copied(0.99).photos[0]
    second = replace(best, rights_holder=OTHER_HOLDER, reference_id="B-1", score=0.8)
    both = Matches(photos=(best, second), images_read=2)
    guard = AuthorizedSeller().find(offer(seller_id="velmora-direct"), both, example_catalog())
    assert guard is not None
    assert guard.strength == 0.5


def test_the_photo_of_the_strictest_holder_is_named_where_the_best_is_authorized() -> None:
    best = copied(0.99).photos[0]
    second = replace(best, rights_holder=OTHER_HOLDER, reference_id="B-1", score=0.8)
    both = Matches(photos=(best, second), images_read=1)
    finding = CopiedPhoto().find(offer(seller_id="velmora-direct"), both, example_catalog())
    assert finding is not None
    assert finding.reference_id == "B-1"


def test_signs_of_a_resale_strengthen_own_photo() -> None:
    read = Matches(images_read=1)

    def strength(title: str = "tote", quantity: int | None = None, condition: str = "") -> float:
        finding = OwnPhoto().find(offer(title, quantity=quantity, condition=condition), read, example_catalog())
        assert finding is not None
        return finding.strength

    assert strength() < strength(quantity=1) < strength("tote, worn twice", quantity=1)
    assert strength(condition="used") > strength()
    assert strength("çanta, ikinci el", quantity=1) > strength(quantity=1)
    assert strength("сумка б/у", quantity=1) > strength(quantity=1)
    assert strength("闲置手袋", quantity=1) > strength(quantity=1)
    assert strength("tote, worn twice", quantity=500) == strength(quantity=500)
    assert strength("never used tote, not worn once", quantity=1) == strength(quantity=1)


def test_unread_pictures_speak_for_nobody() -> None:
    broken = ListingImage(
        source="2.jpg", unreadable=Unreadable(what="image", source="2.jpg", reason="The file is truncated.")
    )
    whole = offer()
    half = replace(whole, images=(*whole.images, broken))
    one, other = (OwnPhoto().find(x, Matches(images_read=1), example_catalog()) for x in (whole, half))
    assert one is not None
    assert other is not None
    assert other.strength == pytest.approx(one.strength / 2)
    assert OwnPhoto().find(whole, Matches(images_read=0), example_catalog()) is None


def test_a_likely_copy_weakens_and_then_ends_own_photo() -> None:
    sure, doubtful = (OwnPhoto().find(offer(), m, example_catalog()) for m in (Matches(images_read=1), copied(0.3)))
    assert sure is not None
    assert doubtful is not None
    assert doubtful.strength == pytest.approx(sure.strength * 0.7)
    assert OwnPhoto().find(offer(), copied(0.5), example_catalog()) is None
