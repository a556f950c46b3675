"""From a person's decisions to cases, negatives, a trained model and its promotion: each by its command."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.promotion import EMBEDDED
from scoring.features import FEATURE_NAMES, GUARD_NAMES
from training.classifier import Measured, TrainedClassifier, export_classifier

pytestmark = pytest.mark.skipif(
    "ASSAYER_MODELS_DIR" in os.environ, reason="other models are named, which no promotion changes"
)


def noticed(home: Path) -> set[str]:
    from store.records import open_records

    records = open_records(f"sqlite:///{home / 'assayer.db'}", "default")
    try:
        return {item.listing_id for notice in records.notices() for item in notice.items}
    finally:
        records.close()


def candidate(folder: Path, *, weight: float) -> Path:
    """A combiner that is less sure of itself than the one in use, or that knows nothing."""
    trained = TrainedClassifier(
        feature_names=FEATURE_NAMES,
        weights=tuple(0.0 if name in GUARD_NAMES else weight for name in FEATURE_NAMES),
        intercept=-0.5,
        review=0.3,
        enforce=0.5,
        l2=0.0,
        calibration=(1.0, 0.0),
        measured=Measured(
            log_loss=0.0,
            listings=0,
            infringing=0,
            enforce_precision=0.0,
            enforce_precision_low=0.0,
            enforce_recall=0.0,
            review_recall=0.0,
        ),
        out_of_fold=np.zeros(0),
    )
    export_classifier(trained, folder, version="2", lexicon_version="", training_data={})
    return folder


def test_what_people_decide_reaches_cases_notices_pictures_and_models(
    command_line: Callable[[Path], Any], home_after: Callable[[str], Path], tmp_path: Path
) -> None:
    home = home_after("draft")
    assayer = command_line(home)
    cases = assayer("cases", "list", "--json").json
    case = next(case for case in cases if len(case["listing_ids"]) > 1)
    wrong, *right = case["listing_ids"]
    assert wrong in noticed(home)

    # a rejection takes the listing out of case and draft, now and after scoring again
    reject = ("cases", "reject", case["case_id"], wrong, "--reason", "not_ours", "--note", "our licensee's", "--json")
    said = assayer(*reject).json
    assert (said["added"], said["case"]["listing_ids"]) == (1, right)
    assert wrong not in noticed(home)
    assert set(right) <= noticed(home)
    assert assayer(*reject).json["unchanged"] == 1
    assayer("score", "--all", "--json")
    assayer("notices", "draft", "--json")
    assert wrong not in noticed(home)
    assert all(wrong not in found["listing_ids"] for found in assayer("cases", "list", "--json").json)

    # and what its pictures show is known as not theirs
    scored = assayer("score", "--new", "--json").json
    assert scored["scored"] == 0
    (known, *_) = assayer("catalog", "negatives", "list", "--json").json
    assert known["rights_holder"] == case["rights_holder"]

    # what cannot be decided is refused by name
    for arguments, code, field in (
        (("confirm", "0" * 24), 1, None),
        (("confirm", case["case_id"], "nowhere"), 2, "listing_id"),
        (("reject", case["case_id"], right[0], "--reason", "other", "--note", "n" * 3000), 2, "note"),
    ):
        error = assayer("cases", *arguments, "--json", code=code).json["error"]
        assert error.get("field") == field
    assert assayer("cases", "reject", case["case_id"], "--reason", "nonsense", code=2).err

    # the rest of what was found is right
    for found in assayer("cases", "list", "--json").json:
        assayer("cases", "confirm", found["case_id"], "--reviewer", "Ann", "--json")
    reviews = assayer("cases", "reviews", "--json").json
    assert [(one["decision"], one["stands"]) for one in reviews if one["listing_id"] == wrong] == [("rejected", True)]
    assert {one["reviewer"] for one in reviews if one["decision"] == "confirmed"} == {"Ann"}
    assert assayer("cases", "reviews").out

    # a model is promoted on the reviews that are kept back, unless it is worse; and undone
    before = assayer("models", "list", "--json").json["combiner"]
    bad = candidate(tmp_path / "bad", weight=0.0)
    refusal = assayer("models", "promote", bad, "--json", code=1).json["error"]
    assert refusal["code"] == "promotion-refused"
    assert " of the one in use " in refusal["message"]
    good = candidate(tmp_path / "good", weight=1.5)
    promoted = assayer("models", "promote", good, "--by", "Ann", "--json").json["promoted"]
    assert promoted["former"] == EMBEDDED
    listed = assayer("models", "list", "--json").json
    assert (listed["combiner"], listed["promoted"]) == (promoted["models"]["combiner"], promoted["version"])
    assert assayer("models", "promote", good, "--json").json == {"promoted": None}
    assert assayer("score", "--new", "--json").json["scored"] > 0
    undone = assayer("models", "undo", "--by", "Ann", "--json").json
    assert undone["version"] == EMBEDDED
    assert assayer("models", "list", "--json").json["combiner"] == before
    assert assayer("models", "undo", "--json", code=1).json["error"]["code"] == "not-found"
    history = assayer("models", "history", "--json").json
    assert [record["action"] for record in history] == ["promoted", "undone"]
    assert assayer("models", "history").out

    # adapters are learned from the same reviews
    adapted = tmp_path / "adapted"
    assayer("train", "embedder", "--reviews", "--adapters", "--out", adapted)
    manifest = json.loads((adapted / "embedder.json").read_text())
    assert manifest["adapters"]["confirmed"]["copy"] > 0
    assert manifest["sha256"] != manifest["adapters"]["sha256"]


def test_pictures_that_are_not_theirs_are_added_listed_and_removed(
    command_line: Callable[[Path], Any], home_after: Callable[[str], Path], tmp_path: Path
) -> None:
    home = home_after("catalog")
    assayer = command_line(home)
    shown = next(path for path in sorted((home / "evidence").rglob("*")) if path.is_file())
    good, bad = tmp_path / "theirs.jpg", tmp_path / "page.jpg"
    good.write_bytes(shown.read_bytes())
    bad.write_text("<html>")
    from store.records import open_records

    records = open_records(f"sqlite:///{home / 'assayer.db'}", "default")
    holder = records.rights_holders()[0].name
    records.close()
    add = ("catalog", "negatives", "add", "--rights-holder", holder)
    said = assayer(*add, good, bad, "--json", code=2).json
    assert (said["saved"]["added"], len(said["bad"])) == (1, 1)
    assert assayer(*add, good, "--json").json["saved"] == {"added": 0, "updated": 0, "unchanged": 1}
    listed = assayer("catalog", "negatives", "list", "--json").json
    assert {(one["name"], one["seen_as"], one["box"]) for one in listed} == {
        ("theirs.jpg", "copy", None),
        ("theirs.jpg", "mark", None),
    }
    remove = ("catalog", "negatives", "remove", "--rights-holder", holder)
    assert assayer(*remove, listed[0]["sha256"][:12], "--json").json == {"removed": 1}
    assert assayer(*remove, listed[0]["sha256"], code=1).err
    assert assayer("catalog", "negatives", "list", "--json").json == []
    assert assayer("catalog", "negatives", "add", "--rights-holder", "Nobody", good, code=2).err


def test_training_without_anything_to_learn_from_is_refused(
    command_line: Callable[[Path], Any], home_after: Callable[[str], Path], tmp_path: Path
) -> None:
    assayer = command_line(home_after("catalog"))
    out = ("--out", tmp_path / "out")
    for arguments in (
        ("classifier",),
        ("classifier", "--reviews"),
        ("embedder",),
        ("embedder", "--adapters"),
        ("embedder", "--adapters", "--reviews"),
    ):
        done = assayer("train", *arguments, *out, code=2)
        assert "--" in done.err
    assert not (tmp_path / "out").exists()
