from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crawler.finding.relisting import Resembling, gone_by_visits, relisted
from domain.listing import Listing, ListingImage, Seller, Unreadable
from domain.visit import Visit
from store.memory import MemoryRecords

START = datetime(2026, 5, 1, tzinfo=UTC)
TITLE = "Aurelle Kova tote bag"


def listing(
    listing_id: str,
    *,
    day: int | None = 0,
    title: str = TITLE,
    seller: str = "s1",
    pictures: Sequence[str] = (),
    marketplace: str = "bazaar",
    **more: str,
) -> Listing:
    return Listing(
        marketplace=marketplace,
        listing_id=listing_id,
        url=f"https://bazaar.example/{listing_id}",
        title=title,
        seller=Seller(id=seller, name=seller),
        images=tuple(ListingImage(source=p, sha256=p * 64) for p in pictures),
        captured_at=None if day is None else START + timedelta(days=day),
        **more,
    )


def gone(*listing_ids: str) -> Callable[[Listing], bool]:
    return lambda listing: listing.listing_id in listing_ids


OLD = listing("old", pictures="a")
NEW = listing("new", day=5, title="something else entirely here", pictures="z")


@pytest.mark.parametrize(
    "again",
    [
        replace(NEW, title=TITLE),
        replace(NEW, title="  AURELLE Kova-tote, bag!"),
        replace(NEW, images=OLD.images),
        replace(NEW, images=(*OLD.images, *NEW.images)),
    ],
)
def test_a_gone_listing_is_taken_up_by_title_or_picture(again: Listing) -> None:
    assert relisted(again, [OLD], gone("old")) == "old"


def test_what_still_stands_is_never_taken_up() -> None:
    assert relisted(replace(NEW, title=TITLE, images=OLD.images), [OLD], gone()) is None


def test_another_title_and_another_picture_are_another_thing() -> None:
    assert relisted(NEW, [OLD], gone("old")) is None


@pytest.mark.parametrize("title", ["Bag", "Tote bag", "!!!", ""])
def test_a_title_that_says_little_does_not_tell(title: str) -> None:
    assert relisted(replace(NEW, title=title), [replace(OLD, title=title)], gone("old")) is None


def test_a_title_in_a_script_without_spaces_tells() -> None:
    assert relisted(
        replace(NEW, title="欧莱尔女士真皮手提包"), [replace(OLD, title="欧莱尔女士真皮手提包")], gone("old")
    )
    assert relisted(replace(NEW, title="手提包"), [replace(OLD, title="手提包")], gone("old")) is None


def test_a_number_tells_beside_a_like_title() -> None:
    old = replace(OLD, gtin="4006381333931", title="Kova tote")
    like = replace(NEW, gtin="4006381333931", title="Kova tote new")
    assert relisted(like, [old], gone("old")) == "old"
    assert relisted(replace(like, title="phone charger white"), [old], gone("old")) is None
    assert relisted(replace(like, gtin="", mpn="K-1"), [replace(old, gtin="", mpn="K-1")], gone("old")) == "old"


def test_numbers_that_contradict_tell_too() -> None:
    old = replace(OLD, gtin="4006381333931")
    assert relisted(replace(NEW, title=TITLE, gtin="4006381333948"), [old], gone("old")) is None


def test_a_banner_beside_everything_tells_nothing() -> None:
    banner = [
        listing("1", title="blue wool scarf", pictures="bc"),
        listing("2", title="red wool scarf", pictures="bd"),
    ]
    new = replace(NEW, images=listing("x", pictures="be").images)
    assert relisted(new, banner, gone("1", "2")) is None


def test_a_picture_that_is_nobodys_first_tells_nothing() -> None:
    old = listing("old", title="blue wool scarf", pictures="xb")
    assert relisted(listing("new", day=5, pictures="yb"), [old], gone("old")) is None


def test_a_thing_that_is_offered_several_times_is_not_listed_anew() -> None:
    still = listing("still", day=1)
    assert relisted(replace(NEW, title=TITLE), [OLD, still], gone("old")) is None


def test_of_several_the_latest_is_taken_up() -> None:
    chain = [OLD, listing("older", day=-9), listing("middle", day=2)]
    assert relisted(replace(NEW, title=TITLE), chain, gone("old", "older", "middle")) == "middle"


def test_a_chain_points_to_the_direct_predecessor() -> None:
    second = replace(listing("second", day=2), relists="old")
    assert relisted(replace(NEW, title=TITLE), [OLD, second], gone("old", "second")) == "second"


def test_what_was_taken_up_already_is_not_taken_up_again() -> None:
    """By one that looks otherwise and still stands."""
    second = replace(listing("second", day=2, title="Kova carrier in blue"), relists="old")
    assert relisted(replace(NEW, title=TITLE), [OLD, second], gone("old")) is None


def test_a_stored_listing_keeps_what_it_has() -> None:
    """Both stood side by side once: the one that is gone was not taken up by the other."""
    stored = listing("new", day=-3)
    assert relisted(replace(NEW, title=TITLE), [OLD, stored], gone("old")) is None
    assert relisted(replace(NEW, title=TITLE), [OLD, replace(stored, relists="first")], gone("old")) == "first"


def test_nothing_is_taken_up_before_it_was_there() -> None:
    assert relisted(replace(NEW, title=TITLE), [listing("later", day=9)], gone("later")) is None


def test_sellers_without_an_id_are_not_the_same() -> None:
    nobody = Seller(id="", name="")
    new = replace(NEW, title=TITLE, seller=nobody)
    assert relisted(new, [replace(OLD, seller=nobody)], gone("old")) is None


def test_another_marketplace_is_another_world() -> None:
    assert relisted(replace(NEW, title=TITLE), [replace(OLD, marketplace="other")], gone("old")) is None


def test_a_picture_that_could_not_be_read_is_like_no_other() -> None:
    unread = ListingImage(source="u", unreadable=Unreadable(what="image", source="u", reason="broken"))
    assert relisted(replace(NEW, images=(unread,)), [replace(OLD, images=(unread,))], gone("old")) is None


@pytest.mark.parametrize(
    ("statuses", "is_gone"), [((), False), ((200,), False), ((404,), True), ((404, 200), False), ((410, 404), True)]
)
def test_gone_is_what_every_page_says(statuses: Sequence[int], is_gone: bool) -> None:
    memory = MemoryRecords()
    memory.save_visits(
        Visit(url=f"https://bazaar.example/{n}", visited_at=START, status=status, listing=OLD.key)
        for n, status in enumerate(statuses)
    )
    assert gone_by_visits(memory)(OLD) is is_gone


LISTINGS = st.builds(
    lambda number, day, title, seller, pictures, gtin, relists, marketplace: replace(
        listing(
            str(number), day=day, title=title, seller=seller, pictures=pictures, gtin=gtin, marketplace=marketplace
        ),
        relists=relists,
    ),
    st.integers(0, 6), st.one_of(st.none(), st.integers(0, 5)), st.sampled_from([TITLE, "red wool scarf", "bag", ""]),
    st.sampled_from(["s1", "s2", ""]), st.lists(st.sampled_from("abc"), max_size=2, unique=True),
    st.sampled_from(["", "1", "2"]), st.sampled_from(["", "0", "1"]), st.sampled_from(["bazaar", "other"]),
)  # fmt: skip


@example(listing("new"), [listing("0", day=None)], {0})
@given(LISTINGS, st.lists(LISTINGS, max_size=6), st.sets(st.integers(0, 6)))
def test_whatever_is_known(new: Listing, known: list[Listing], removed: Collection[int]) -> None:
    new = replace(new, listing_id="new")
    known = list({each.key: each for each in known}.values())
    is_gone = gone(*map(str, removed))
    found = relisted(new, known, is_gone)
    assert found == relisted(new, known[::-1], is_gone)
    if found is None:
        return
    (old,) = (each for each in known if each.key == (new.marketplace, found))
    assert is_gone(old)
    # what was handed over as the seller's own, and is not, counts for nothing
    own = [each for each in known if each.seller.id == new.seller.id]
    assert all(each.relists != found for each in own if each.marketplace == new.marketplace)
    assert old.captured_at is None or new.captured_at is None or old.captured_at < new.captured_at
    assert old.seller.id == new.seller.id
    assert not (old.gtin and new.gtin and old.gtin != new.gtin)
    # linked once, it stays as it is whoever asks again
    stored = replace(new, relists=found)
    assert relisted(new, [*known, stored], is_gone) == found


@st.composite
def shelves(draw: st.DrawFn) -> list[Listing]:
    """Listings of one seller that have much in common."""
    made = []
    for number in range(draw(st.integers(2, 9))):
        one = listing(
            str(number),
            day=draw(st.sampled_from([None, 0, 1, 2])),
            title=draw(st.sampled_from([TITLE, "Aurelle Kova tote bag, red", "Bag", "Wallet of red leather"])),
            pictures=draw(st.lists(st.sampled_from("abcd"), max_size=3, unique=True)),
            gtin=draw(st.sampled_from(["", "4006381333931", "5901234123457"])),
            mpn=draw(st.sampled_from(["", "K-1"])),
        )
        taken_up = draw(st.sampled_from(["", "", *(str(each) for each in range(number))]))
        made.append(replace(one, relists=taken_up))
    return made


@given(shelves(), st.sets(st.integers(0, 8)))
def test_what_resembles_is_all_that_is_needed(shelf: list[Listing], numbers: set[int]) -> None:
    is_gone = gone(*map(str, numbers))
    resembling = Resembling(shelf)
    for one in shelf:
        others = [other for other in shelf if other.listing_id != one.listing_id]
        assert relisted(one, resembling.to(one) or [], is_gone) == relisted(one, others, is_gone)


def test_of_what_many_have_in_common_nothing_follows() -> None:
    shelf = [listing(str(number), pictures="a") for number in range(102)]
    assert Resembling(shelf).to(shelf[0]) is None
    assert len(Resembling(shelf[:100]).to(shelf[0]) or ()) == 99
