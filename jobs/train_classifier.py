"""Teach the combiner what signals and guards are worth: from marketplaces of other brands and a training half."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from domain.assessment import SignalName
from domain.match import LogoMatch
from domain.progress import Progress, silent
from domain.settings import Settings
from index.embedder import Embedder
from index.verification import load_verifier
from jobs.learning_sets import MARKETPLACE_SEEDS, LearningSet, folder_set, marketplace_set, product_titles, trains
from jobs.provenance import out_of_fold_figures, provenance
from jobs.read_pictures import read_pictures
from jobs.train_verifier import learning_matcher
from scoring.context import CatalogView
from scoring.features import FEATURE_NAMES, GUARD_NAMES, SIGNAL_NAMES, features
from scoring.lexicon import lexicon_version
from scoring.signals import find_guards, find_signals
from store.images import RGB
from training.revision import source_commit

ASSUMED_WEIGHTS: Mapping[str, float] = {SignalName.LOGO_MISUSE: 3.2, SignalName.ALTERED_LOGO: 4.5}
"""Log-odds per unit of strength, chosen and not learned, as long as the learning sets show no logos.

A sure logo together with a far too low price reaches review, and does not in a person's own photographs of a used
thing; an altered mark reaches review by itself. See docs/decisions/0010-logo-misuse.md.
"""


class LogoFinder(Protocol):
    """Finds a learning set's logos in pictures; `index.logo_matcher.LogoMatcher` is one."""

    def find(self, pictures: Sequence[tuple[str, RGB]]) -> tuple[LogoMatch, ...]:
        """Marks in pictures of one listing, each given with its digest, most probable first."""


LogoFinders = Callable[[LearningSet], LogoFinder | None]
"""The finder for a set's rights holders; None where they have no logos."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Examples:
    """Listings of one learning set as the combiner sees them."""

    source: str
    features: NDArray[np.float32]
    """(n, k) strengths, see scoring.features.FEATURE_NAMES."""
    infringing: NDArray[np.bool_]
    groups: tuple[str, ...]
    """(n,) product or listing: what may not stand on both sides of a fold."""


MOST_WEIGHT = 4.0
"""Of one listing, in means. A person's first three reviews say more than three drawn listings, not than a hundred."""


def classifier_sets(data_dir: Path | None, settings: Settings) -> Iterator[LearningSet]:
    """All sets to learn from; ``realshop`` in `data_dir` is optional, and only its training half is used."""
    for seed in MARKETPLACE_SEEDS:
        yield marketplace_set(seed, settings)
    if data_dir is not None and (data_dir / "realshop").is_dir():
        realshop = folder_set("realshop", data_dir / "realshop", settings, keep=trains)
        yield replace(realshop, datasets=("realshop",))


def gather_examples(
    learning: LearningSet,
    embedder: Embedder,
    models_dir: Path,
    settings: Settings,
    progress: Progress = silent,
    *,
    logos: LogoFinder | None = None,
) -> Examples:
    """Signals and guards of every listing whose truth is known; without `logos` none of them concerns a logo."""
    matcher = learning_matcher(learning, embedder, load_verifier(models_dir / "verifier.json"))
    catalog = CatalogView(learning.records.rights_holders(), learning.records.products())
    titles = product_titles(learning.records)
    rows, infringing, groups = [], [], []
    listings = [listing for listing in learning.records.listings() if listing.listing_id in learning.truth]
    for done, listing in enumerate(listings, start=1):
        pictures, _ = read_pictures(listing, learning.evidence, settings)
        matches = matcher.match(listing, pictures)
        if logos is not None:
            matches = replace(matches, logos=logos.find(pictures), logos_sought=True)
        found = (*find_signals(listing, matches, catalog), *find_guards(listing, matches, catalog))
        truth = learning.truth[listing.listing_id]
        rows.append(features(found))
        infringing.append(truth.infringing)
        groups.append(f"{learning.name}/{titles.get(truth.reference_id or '', listing.listing_id)}")
        progress(f"findings of {learning.name}", done, len(listings))
    return Examples(
        source=learning.name,
        features=np.asarray(rows, np.float32),
        infringing=np.asarray(infringing, bool),
        groups=tuple(groups),
    )


def train_combiner(
    data_dir: Path | None,
    out_dir: Path,
    models_dir: Path,
    embedder: Embedder,
    settings: Settings,
    *,
    progress: Progress = silent,
    logo_finders: LogoFinders = lambda learning: None,
    reviews: Examples | None = None,
) -> Path:
    """Learn from every set that `data_dir` allows and write the combiner with its manifest; the manifest's path.

    `reviews` are examples of the operator's own, beside those sets.
    """
    from training.classifier import export_classifier, train_classifier

    commit = source_commit()
    gathered, datasets = [], set[str]()
    for one in classifier_sets(data_dir, settings):
        gathered.append(gather_examples(one, embedder, models_dir, settings, progress, logos=logo_finders(one)))
        datasets.update(one.datasets)
    if reviews is not None:
        gathered.append(reviews)
    infringing = np.concatenate([examples.infringing for examples in gathered])
    trained = train_classifier(
        np.concatenate([examples.features for examples in gathered]),
        infringing,
        [group for examples in gathered for group in examples.groups],
        feature_names=FEATURE_NAMES,
        signal_names=SIGNAL_NAMES,
        guard_names=GUARD_NAMES,
        sources=[examples.source for examples in gathered for _ in examples.groups],
        # many offers state no price, or in another currency: what the other findings say must stand alone as well
        absent_shares={"suspicious_price": 0.3},
        assumed_weights=ASSUMED_WEIGHTS,
        most_weight=MOST_WEIGHT,
    )
    return export_classifier(
        trained,
        out_dir,
        version="1",
        lexicon_version=lexicon_version(),
        training_data={
            examples.source: {"listings": len(examples.infringing), "infringing": int(examples.infringing.sum())}
            for examples in gathered
        },
        details={
            **provenance(
                datasets,
                command=" ".join(
                    [
                        "assayer train classifier",
                        *(["--data DIR"] if data_dir is not None else []),
                        *(["--reviews"] if reviews is not None else []),
                    ]
                ),
                learned_with={
                    "embedder": embedder.version,
                    "verifier": load_verifier(models_dir / "verifier.json").version,
                },
                commit=commit,
            ),
            "measured": out_of_fold_figures(
                trained.out_of_fold, infringing, {"review": trained.review, "enforce": trained.enforce}
            ),
        },
    )
