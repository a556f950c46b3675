"""What looks for logos, and when: only where what is found can change something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from domain.assessment import Assessment, Band, GuardName
from domain.catalog import RightsHolder
from domain.listing import Listing
from domain.match import Matches
from index.background import BACKGROUND_FILE, load_background
from index.embedder import Embedder, Space
from index.logo_detector import LogoDetector
from index.logo_index import LogoIndex
from index.logo_matcher import LogoMatcher
from index.logo_verifier import LogoVerifier
from index.mark_text import TextReader
from index.negative_bank import NO_NEGATIVES, NegativeBank
from index.word_marks import WordMarks
from jobs.hidden_logo_search import HiddenLogoSearch
from scoring.context import CatalogView
from store.images import RGB


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Eyes:
    """What looks for logos, whoever's; loaded once for all catalogs."""

    embedder: Embedder
    detector: LogoDetector
    reader: TextReader
    background: NDArray[np.float32]
    """(n, d) mark vectors of windows without a mark; n may be 0."""

    def matcher(
        self,
        logos: LogoIndex,
        verifier: LogoVerifier,
        holders: Sequence[RightsHolder],
        negatives: NegativeBank = NO_NEGATIVES,
    ) -> LogoMatcher:
        """Of one catalog: its logos, its owners' words, and what they called not theirs."""
        return LogoMatcher(
            logos,
            self.embedder,
            verifier,
            detector=self.detector,
            reader=self.reader,
            words=WordMarks(holders),
            background=self.background,
            negatives=negatives,
        )


def open_eyes(embedder: Embedder, embedder_file: Path, detector: Path) -> Eyes:
    """By the image model, its file, beside which its background set lies, and the detector's manifest.

    Raises NotReady where the detector is missing, or a file is broken.
    """
    background = np.zeros((0, 0), np.float32)
    if "mark" in embedder.spaces:
        dimensions: dict[Space, int] = {"mark": embedder.dimensions("mark")}
        file = embedder_file.with_name(BACKGROUND_FILE)
        background = load_background(file, embedder=embedder.version, dimensions=dimensions)["mark"]
    return Eyes(
        embedder=embedder,
        detector=LogoDetector(detector, threads=1),
        reader=TextReader(threads=1),
        background=background,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class LogoSearch:
    """The logos of one catalog, and who may show them."""

    matcher: LogoMatcher
    catalog: CatalogView
    holders: frozenset[str]
    """Rights holders of whom the index has logos."""
    hidden: HiddenLogoSearch

    def may_change(self, listing: Listing, verdict: Assessment) -> bool:
        """Whether a logo, or that there is none, could make the verdict another, or give a person a reason to look.

        Not where a notice is due without it, unless a guard may yet hold it back: that a part only fits is surer where
        the pictures were searched, and a seller whom some rights holder authorizes may show that one's logo. Nor where
        the owner of whatever logo it were authorizes the seller.
        """
        authorizing = self.catalog.authorizing(listing.seller)
        if self.holders <= authorizing:
            return False
        guarded = bool(authorizing) or verdict.guard(GuardName.COMPATIBLE_PART) is not None
        return verdict.band != Band.ENFORCE or guarded

    def search(
        self, listing: Listing, pictures: Sequence[tuple[str, RGB]], matches: Matches, verdict: Assessment
    ) -> Matches:
        """`matches` with the logos that stand in the pictures, and those that a copied photo hides.

        What is hidden is looked for wherever a photo was copied: it tells that the seller knew whose goods they show.
        As they are for a seller whom every owner of a logo authorizes.
        """
        if self.holders <= self.catalog.authorizing(listing.seller):
            return matches
        hidden = self.hidden.search(pictures, matches.photos)
        if not self.may_change(listing, verdict):
            return replace(matches, logos=hidden)
        found = self.matcher.find(pictures)
        logos = tuple(sorted((*hidden, *found), key=lambda logo: -logo.probability))
        return replace(matches, logos=logos, logos_sought=True, images_read=len(pictures))
