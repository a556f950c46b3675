"""The whole look: what eyes find is weighed, named, or left as no known mark."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from domain.catalog import Brand, RightsHolder, Trademark
from domain.review import SeenAs
from index.embedder import Embedder
from index.logistic import LogisticModel
from index.logo_alterations import SeenLogo
from index.logo_index import LogoIndex, build_logo_index
from index.logo_matcher import Eye, LogoMatcher
from index.logo_regions import intersection_over_union
from index.logo_verifier import FEATURE_NAMES, LogoVerifier
from index.negative_bank import NegativeBank
from index.word_marks import WordMarks

HOLDER = RightsHolder(name="Marks Ltd", brands=tuple(Brand(name=f"Brand {seed}") for seed in range(6)))
WEIGHTS = {"resemblance": 2.0, "distinctness": 1.0, "points": 3.0, "pixels": 3.0, "spread": 1.0, "words": 3.0}
VERIFIER = LogoVerifier(
    model=LogisticModel(
        version="drawn@1", weights=tuple(WEIGHTS.get(name, 0.0) for name in FEATURE_NAMES), intercept=-6.0
    ),
    name_from=0.5,
)


@pytest.fixture(scope="module")
def logos(shipped_embedder: Embedder, drawings: Any) -> LogoIndex:
    return build_logo_index(drawings.pictures(6), shipped_embedder)


def matcher(
    logos: LogoIndex,
    embedder: Embedder,
    *,
    negatives: NegativeBank | None = None,
    without: frozenset[Eye] = frozenset(),
) -> LogoMatcher:
    more = {"negatives": negatives} if negatives else {}
    words = WordMarks([HOLDER])
    return LogoMatcher(logos, embedder, VERIFIER, detector=None, reader=None, words=words, without=without, **more)


def test_a_known_mark_is_named_with_its_box_and_what_was_seen(
    logos: LogoIndex, shipped_embedder: Embedder, drawings: Any
) -> None:
    picture, box = drawings.photograph_of(drawings.logo(3), 3)

    (found,) = matcher(logos, shipped_embedder).find([("a" * 64, picture)])

    assert (found.rights_holder, found.brand) == ("Marks Ltd", "Brand 3")
    assert found.image_sha256 == "a" * 64
    assert found.logo_sha256 == f"{3:064x}"
    assert intersection_over_union(found.box, box) > 0.6
    assert len(found.outline) == 4
    assert found.inliers >= 10
    assert 0.5 <= found.probability <= 1
    assert -1 <= found.similarity <= 1


def test_a_brands_trademarks_and_other_brands_are_no_altered_marks(
    logos: LogoIndex, shipped_embedder: Embedder, drawings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[SeenLogo] = []

    def note(one: SeenLogo, reader: object) -> tuple[()]:
        seen.append(one)
        return ()

    monkeypatch.setattr("index.logo_matcher.find_alterations", note)
    owner = RightsHolder(name="Marks Ltd", brands=HOLDER.brands, trademarks=(Trademark(mark="Brand 3 Sport"),))
    words = WordMarks([owner, RightsHolder(name="Others", brands=(Brand(name="Brend 3"),))])
    looks = LogoMatcher(logos, shipped_embedder, VERIFIER, detector=None, reader=None, words=words)

    looks.find([("a" * 64, drawings.photograph_of(drawings.logo(3), 3)[0])])

    assert tuple(seen[0].marks) == ("Brand 3", "Brand 3 Sport")
    assert set(seen[0].known) == {"Brand 0", "Brand 1", "Brand 2", "Brand 4", "Brand 5", "Brend 3"}


def test_no_mark_and_an_unknown_mark_are_no_known_mark(
    logos: LogoIndex, shipped_embedder: Embedder, drawings: Any
) -> None:
    looks = matcher(logos, shipped_embedder)

    assert (
        looks.find([("b" * 64, drawings.photograph(4)), ("c" * 64, drawings.photograph_of(drawings.logo(90), 5)[0])])
        == ()
    )
    assert looks.candidates(drawings.photograph(4)), "what is unlikely is weighed all the same"


def test_an_eye_left_out_saw_nothing(logos: LogoIndex, shipped_embedder: Embedder, drawings: Any) -> None:
    picture, _ = drawings.photograph_of(drawings.logo(3), 3)

    blind = matcher(logos, shipped_embedder, without=frozenset({"features"})).candidates(picture)
    vectorless = matcher(logos, shipped_embedder, without=frozenset({"embedding"})).candidates(picture)

    points, resemblance = FEATURE_NAMES.index("points"), FEATURE_NAMES.index("resemblance")
    assert not any(one.features[points] or one.alignment for one in blind)
    assert any(one.features[resemblance] for one in blind)
    assert not any(one.features[resemblance] for one in vectorless)
    assert vectorless[0].brand.brand == "Brand 3"


def test_what_its_owner_calls_not_theirs_is_not_named(
    logos: LogoIndex, shipped_embedder: Embedder, drawings: Any
) -> None:
    picture, _ = drawings.photograph_of(drawings.logo(3), 3)
    best = matcher(logos, shipped_embedder).candidates(picture)[0]
    bank = NegativeBank(version="n", vectors={("Marks Ltd", SeenAs.MARK): best.views})

    assert matcher(logos, shipped_embedder, negatives=bank).find([("a" * 64, picture)]) == ()


def test_two_marks_in_one_picture_are_both_named(logos: LogoIndex, shipped_embedder: Embedder, drawings: Any) -> None:
    one, other = drawings.photograph_of(drawings.logo(1), 1)[0], drawings.photograph_of(drawings.logo(2), 2)[0]
    side_by_side = np.concatenate([one, other], axis=1)

    found = matcher(logos, shipped_embedder).find([("d" * 64, side_by_side)])

    assert {match.brand for match in found} == {"Brand 1", "Brand 2"}


def test_a_catalog_without_logos_finds_nothing(shipped_embedder: Embedder, drawings: Any) -> None:
    empty = build_logo_index([], shipped_embedder)

    assert matcher(empty, shipped_embedder).find([("a" * 64, drawings.photograph(1))]) == ()


def test_every_candidate_is_a_probability_over_features_of_shares(
    logos: LogoIndex, shipped_embedder: Embedder, drawings: Any
) -> None:
    candidates = matcher(logos, shipped_embedder).candidates(drawings.photograph_of(drawings.logo(0), 9)[0])

    assert [one.probability for one in candidates] == sorted((one.probability for one in candidates), reverse=True)
    assert len({one.brand for one in candidates}) == len(candidates)
    for one in candidates:
        assert one.features.shape == (len(FEATURE_NAMES),)
        assert ((one.features >= 0) & (one.features <= 1)).all()
