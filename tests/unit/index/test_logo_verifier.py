"""The logo verifier's file: read whole, or refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.errors import NotReady
from index.logo_verifier import FEATURE_NAMES, load_logo_verifier

STORED = {
    "name": "logo-verifier",
    "feature_names": list(FEATURE_NAMES),
    "weights": [1.0] * len(FEATURE_NAMES),
    "intercept": -4.0,
    "name_from": 0.8,
}


def stored(folder: Path, **changes: object) -> Path:
    path = folder / "logo-verifier.json"
    path.write_text(json.dumps(STORED | changes), encoding="utf-8")
    return path


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    verifier = load_logo_verifier(stored(tmp_path))

    assert verifier.name_from == 0.8
    assert verifier.version.startswith("logo-verifier@")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"weights": [-1.0] * len(FEATURE_NAMES)}, "wrong way round"),
        ({"weights": [1.0]}, "other features"),
        ({"feature_names": ["taste"]}, "other features"),
        ({"intercept": float("nan")}, "intercept"),
        ({"name_from": 0}, "from which probability"),
        ({"name_from": 1.5}, "from which probability"),
        ({"name_from": "high"}, "from which probability"),
        ({"name_from": None}, "from which probability"),
    ],
)
def test_a_broken_file_is_refused_by_what_is_wrong(tmp_path: Path, changes: dict[str, object], named: str) -> None:
    with pytest.raises(NotReady, match=named):
        load_logo_verifier(stored(tmp_path, **changes))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="no logo verifier"):
        load_logo_verifier(tmp_path / "logo-verifier.json")
