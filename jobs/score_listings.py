"""Score listings: match, find signals and guards, combine, store. One listing's way is `Scorer.score`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from itertools import islice

from domain.assessment import Assessment, Band, Versions
from domain.listing import Listing, Unreadable
from domain.match import Matches
from domain.progress import Progress, silent
from domain.settings import Settings
from index.calibration import Calibration
from index.matcher import Matcher
from index.negative_bank import NO_NEGATIVES, NegativeBank, without_negatives
from jobs.logo_search import LogoSearch
from jobs.read_pictures import read_pictures
from scoring.combiner import Combiner
from scoring.context import CatalogView
from scoring.lexicon import lexicon_version
from store.images import RGB
from store.interfaces import AssessmentWriter, EvidenceReader, SaveCount

BATCH = 32
"""Listings per transaction: what a kill can cost."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """An assessment with the matches that it rests on."""

    assessment: Assessment
    matches: Matches


class Scorer:
    """Everything that turns a listing into an assessment; the command line and the service share it."""

    def __init__(
        self,
        matcher: Matcher,
        combiner: Combiner,
        catalog: CatalogView,
        settings: Settings,
        *,
        calibration: Calibration,
        negatives: NegativeBank = NO_NEGATIVES,
        logos: LogoSearch | None = None,
    ) -> None:
        """`calibration` is the one whose threshold `matcher` holds matches to; `logos` is None for want of any."""
        self._negatives, self._logos = negatives, logos
        combiner.ready()
        self.matcher, self.combiner, self.catalog, self._settings = matcher, combiner, catalog, settings
        checkpoint = matcher.artifact.checkpoint
        self.versions = Versions(
            embedder=checkpoint.embedder,
            index=checkpoint.version,
            verifier=matcher.verifier.version,
            combiner=combiner.version,
            lexicon=lexicon_version(),
            code=version("assayer"),
            calibration=calibration.version,
            negatives=negatives.version,
            **(logos.matcher.versions if logos else {}),
        )

    def score(self, listing: Listing, evidence: EvidenceReader) -> Scored:
        """The verdict on one listing whose pictures are in evidence."""
        return self.score_pictures(listing, *read_pictures(listing, evidence, self._settings))

    def score_pictures(
        self, listing: Listing, pictures: Sequence[tuple[str, RGB]], unreadable: tuple[Unreadable, ...]
    ) -> Scored:
        """The verdict on one listing by its pictures, each once and with its digest, and what of it cannot be read."""
        found = self.matcher.match(listing, pictures)
        photos = without_negatives(found.photos, pictures, self._negatives, self.matcher.model)
        matches = replace(found, photos=photos, unreadable=unreadable)
        scored = self._scored(listing, matches)
        if not pictures or not self._logos:
            return scored
        searched = self._logos.search(listing, pictures, matches, scored.assessment)
        return scored if searched == matches else self._scored(listing, searched)

    def _scored(self, listing: Listing, matches: Matches) -> Scored:
        assessment = self.combiner.assess(listing, matches, self.catalog, versions=self.versions)
        return Scored(assessment=assessment, matches=matches)


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreReport:
    """What a scoring run did."""

    scored: int = 0
    bands: Mapping[Band, int] = field(default_factory=dict)
    matched: int = 0
    """Listings in which a catalog photo was found."""
    without_image_verdict: int = 0
    """Listings of which some picture could not be read."""
    saved: SaveCount = field(default_factory=SaveCount)


def score_listings(
    listings: Iterable[Listing],
    scorer: Scorer,
    evidence: EvidenceReader,
    assessments: AssessmentWriter,
    *,
    total: int | None = None,
    keep: Callable[[Assessment], None] | None = None,
    progress: Progress = silent,
) -> ScoreReport:
    """Assess in parallel, save in order, a batch at a time; `keep` sees each assessment after it is saved."""
    bands: Counter[Band] = Counter()
    matched = unread = done = 0
    saved = SaveCount()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for batch, scored in _scored(listings, scorer, evidence, pool):
            saved += assessments.save_assessments((one.assessment for one in scored), scored=batch)
            for one in scored:
                bands[one.assessment.band] += 1
                matched += bool(one.matches.photos)
                unread += any(part.what == "image" for part in one.assessment.unreadable)
                if keep:
                    keep(one.assessment)
            done += len(scored)
            progress("score", done, total)
    return ScoreReport(scored=done, bands=dict(bands), matched=matched, without_image_verdict=unread, saved=saved)


def _scored(
    listings: Iterable[Listing], scorer: Scorer, evidence: EvidenceReader, pool: ThreadPoolExecutor
) -> Iterator[tuple[tuple[Listing, ...], list[Scored]]]:
    stream = iter(listings)
    while batch := tuple(islice(stream, BATCH)):
        yield batch, list(pool.map(lambda listing: scorer.score(listing, evidence), batch))
