"""What looking for logos costs: the labeled shop scored with a catalog of logos and without one, in turns."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from domain.catalog import RightsHolder
from domain.errors import NotReady
from domain.listing import Listing
from index.calibration import FORMAT, LIKELY_COPY, Calibration, Thresholds
from index.logo_index import LogoPicture, build_logo_index
from index.logo_verifier import load_logo_verifier
from index.matcher import Matcher
from index.text import TextMatcher
from jobs.evaluate_models.bench import Bench
from jobs.evaluate_models.figures import Measurement
from jobs.evaluate_models.logo_eyes import DETECTOR_FILE, VERIFIER_FILE, models_folder
from jobs.evaluate_models.retrieval import Weights, over_queries
from jobs.hidden_logo_search import HiddenLogoSearch
from jobs.logo_search import LogoSearch, open_eyes
from jobs.package_photos import package_set
from jobs.score_listings import Scorer
from scoring.combiner import Combiner
from scoring.context import CatalogView
from store.images import decode_image
from training.splits import normalized_name

LISTINGS = 60
_WARM_UP = 3
_SEED = 80_000
_NOTES = (
    "one listing after the other on one thread; the ratio of sums, its interval from listings drawn anew",
    "the catalog's rights holder of groceries has five pictures of the mark of each of seven brands",
)


def measure_logo_cost(bench: Bench) -> list[Measurement]:
    """Nothing, and the reason, where a model is missing."""
    try:
        plain, looking = scorers(bench)
    except NotReady as missing:
        bench.leave_out("logo_cost", None, str(missing))
        return []
    listings = drawn_listings(list(bench.shop.learning.records.listings()), LISTINGS)
    seconds = np.zeros((2, len(listings)))
    searched = 0
    for number in range(-_WARM_UP, len(listings)):
        listing = listings[number % len(listings)]
        for way in (0, 1) if number % 2 else (1, 0):
            began = time.perf_counter()
            scored = (plain, looking)[way].score(listing, bench.shop.learning.evidence)
            if number >= 0:
                seconds[way, number] = time.perf_counter() - began
                searched += scored.matches.logos_sought
        bench.progress("cost of logos", number + 1, len(listings))
    return [
        Measurement(
            name="logo_cost",
            about="Time to score the labeled shop's listings with logos in the catalog, over the time without.",
            methods={"line": {"time_ratio": over_queries(lambda weights: ratio(seconds, weights), len(listings))}},
            counts={"listings": len(listings), "searched_for_logos": searched},
            notes=_NOTES,
        )
    ]


def ratio(seconds: NDArray[np.float64], weights: Weights) -> float:
    """(2, listings) seconds without and with, to the second sum over the first."""
    without, with_logos = seconds @ weights
    return float(with_logos / without)


def drawn_listings(listings: Sequence[Listing], most: int) -> list[Listing]:
    """By seed, so that each kind comes as often as in the shop."""
    chosen = np.random.default_rng(_SEED).permutation(len(listings))[:most]
    return [listings[number] for number in chosen]


def scorers(bench: Bench) -> tuple[Scorer, Scorer]:
    """As `assayer score` makes them, with one thread: without logos, and with. Raises NotReady.

    A pair is a copy where it is likelier than not: thresholds of a rate, which take long to set, change no time.
    """
    learning, folder = bench.shop.learning, models_folder(bench)
    products, holders = learning.records.products(), learning.records.rights_holders()
    verifier = load_logo_verifier(folder / VERIFIER_FILE)
    eyes = open_eyes(bench.embedder, bench.embedder_path, folder / DETECTOR_FILE)
    catalog = CatalogView(holders, products)
    matcher = Matcher(bench.artifact, bench.embedder, bench.verifier, TextMatcher(products), copy_from=LIKELY_COPY)
    logos = shop_logos(bench, holders)
    if not logos:
        raise NotReady("no brand of the labeled shop has a labeled mark")
    index = build_logo_index(logos, bench.embedder, bench.progress)
    search = eyes.matcher(index, verifier, holders)
    hidden = HiddenLogoSearch(matcher=search, read_image=lambda sha256: decode_image(learning.evidence.read(sha256)))
    owners = frozenset(logo.rights_holder for logo in logos)

    def made(found: LogoSearch | None) -> Scorer:
        calibration = _calibration(bench)
        return Scorer(matcher, Combiner(folder), catalog, bench.settings, calibration=calibration, logos=found)

    return made(None), made(LogoSearch(matcher=search, catalog=catalog, holders=owners, hidden=hidden))


def shop_logos(bench: Bench, holders: Sequence[RightsHolder]) -> list[LogoPicture]:
    """Pictures of the packages' labeled marks, for those rights holders of the shop who own the brands."""
    owners = {normalized_name(brand.name): (holder.name, brand.name) for holder in holders for brand in holder.brands}
    logos = []
    for logo in package_set(bench.data, a_brand=0, without=0).logos:
        if owner := owners.get(normalized_name(logo.brand)):
            logos.append(replace(logo, rights_holder=owner[0], brand=owner[1]))
    return logos


def _calibration(bench: Bench) -> Calibration:
    checkpoint = bench.artifact.checkpoint
    return Calibration(
        format=FORMAT,
        embedder=checkpoint.embedder,
        verifier=bench.verifier.version,
        index=checkpoint.version,
        false_match_rate=0.5,
        distractors=0,
        background=0,
        thresholds=Thresholds(copy=LIKELY_COPY, copy_similarity=None, mark_similarity=None),
    )
