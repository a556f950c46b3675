"""When logos are looked for: where one, or that there is none, can change something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from domain.assessment import Assessment, Band, Finding, GuardName, Versions
from domain.match import Matches
from index.logo_matcher import LogoMatcher
from jobs.hidden_logo_search import HiddenLogoSearch
from jobs.logo_search import LogoSearch
from scoring.examples import HOLDER, IMAGE_SHA256, OTHER_HOLDER, copied, example_catalog, offer
from store.images import RGB, RGBA

STRANGER, PARTNER = offer(), offer(seller_id="velmora-direct")
"""Whom nobody, and whom Velmora alone authorizes."""
FITS = Finding(name=GuardName.COMPATIBLE_PART, strength=0.5, sentence="Velmora is named as what it fits.")


def verdict(band: Band, *guards: Finding) -> Assessment:
    return Assessment(
        marketplace="example",
        listing_id="1",
        probability=0.5,
        band=band,
        signals=(),
        guards=guards,
        unreadable=(),
        versions=Versions(embedder="e", index="i", verifier="v", combiner="c", lexicon="l", code="0"),
    )


@pytest.fixture(scope="module")
def search_for(logo_matcher: LogoMatcher) -> Callable[..., LogoSearch]:
    """What looks for the logos of these holders; a catalog photo that is read is given to it."""

    def make(*holders: str, read: Callable[[str], RGB] | None = None) -> LogoSearch:
        def unread(sha256: str) -> RGB:
            raise AssertionError(f"{sha256} was read")

        hidden = HiddenLogoSearch(matcher=logo_matcher, read_image=read or unread)
        return LogoSearch(matcher=logo_matcher, catalog=example_catalog(), holders=frozenset(holders), hidden=hidden)

    return make


@pytest.mark.parametrize(
    ("listing", "said", "searched"),
    [
        (STRANGER, verdict(Band.CLEAR), True),
        (STRANGER, verdict(Band.REVIEW), True),
        (STRANGER, verdict(Band.ENFORCE), False),
        (STRANGER, verdict(Band.ENFORCE, FITS), True),
        (STRANGER, verdict(Band.ENFORCE, replace(FITS, name=GuardName.OWN_PHOTO)), False),
        (PARTNER, verdict(Band.ENFORCE), True),
        (PARTNER, verdict(Band.CLEAR), True),
    ],
    ids=["clear", "review", "enforce", "a part that fits", "another guard", "known business", "clear, known business"],
)
def test_logos_are_looked_for_where_they_can_change_the_verdict_or_hold_a_notice_back(
    search_for: Callable[..., LogoSearch], drawn_logos: dict[str, RGBA], listing: Any, said: Assessment, searched: bool
) -> None:
    search = search_for(HOLDER, OTHER_HOLDER)
    picture = np.full((300, 400, 3), 180, np.uint8)
    picture[80:230, 90:290] = drawn_logos[OTHER_HOLDER][:, :, :3]
    assert search.may_change(listing, said) is searched
    found = search.search(listing, [(IMAGE_SHA256, picture)], Matches(images_read=1), said)
    assert found.logos_sought is searched
    assert [logo.rights_holder for logo in found.logos] == [OTHER_HOLDER] * searched


@pytest.mark.parametrize("band", Band)
def test_nothing_is_looked_for_where_every_owner_of_a_logo_authorizes_the_seller(
    search_for: Callable[..., LogoSearch], band: Band
) -> None:
    matches = replace(copied(), images_read=1)
    pictures = [(IMAGE_SHA256, np.zeros((50, 50, 3), np.uint8))]
    assert search_for(HOLDER).search(PARTNER, pictures, matches, verdict(band, FITS)) is matches


def test_hidden_logos_are_looked_for_where_a_notice_is_due_already(
    search_for: Callable[..., LogoSearch],
) -> None:
    read: list[str] = []

    def blank(sha256: str) -> RGB:
        read.append(sha256)
        return np.zeros((50, 50, 3), np.uint8)

    matches, pictures = copied(), [(IMAGE_SHA256, np.zeros((50, 50, 3), np.uint8))]
    assert search_for(HOLDER, read=blank).search(STRANGER, pictures, matches, verdict(Band.ENFORCE)) == matches
    assert read == [matches.photos[0].reference_sha256]
