"""One listing's way through the house, by the commands that people type: what they print, write and keep."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from domain.assessment import Assessment, Finding, GuardName, SignalName, Versions
from domain.listing import Unreadable
from takedown.manifest import verify_export

REPOSITORY = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((REPOSITORY / "docs" / "schemas" / "assessment.schema.json").read_text(encoding="utf-8"))

State = Callable[[Path], dict[str, Any]]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_everything_that_was_handed_in_is_counted(walked: Any) -> None:
    feed = (walked.shop / "catalog" / "products.tsv").read_text(encoding="utf-8").splitlines()
    catalog = walked.done["catalog"].json
    assert catalog["products"] == len(feed) - 1
    assert catalog["saved"] == {"added": len(feed) - 1, "updated": 0, "unchanged": 0}
    assert catalog["bad"] == []
    assert len(catalog["rights_holders"]) == 2
    listings = walked.done["listings"].json
    assert listings["listings"] == 40
    assert listings["saved"] == {"added": 40, "updated": 0, "unchanged": 0}
    assert listings["images"] == sum(len(row["images"]) for row in lines(walked.shop / "listings.jsonl"))
    index = walked.done["index"].json
    assert index["references"] == sum(
        len(row.split("\t")[-1].split(",")) + 1 if row.split("\t")[-1] else 1 for row in feed[1:]
    )
    assert index["unreadable"] == []


def test_every_listing_is_scored_and_the_bands_add_up(walked: Any) -> None:
    score = walked.done["score"].json
    assert score["scored"] == 40
    assert score["clear"] + score["review"] + score["enforce"] == 40
    assert score["with unreadable images"] == 0
    bands = Counter(row["band"] for row in lines(walked.scores))
    assert {band: score[band] for band in ("clear", "review", "enforce")} == {
        band: bands[band] for band in ("clear", "review", "enforce")
    }
    assert {row["listing_id"] for row in lines(walked.scores)} == {
        row["listing_id"] for row in lines(walked.shop / "listings.jsonl")
    }


def test_scores_are_as_documented(walked: Any) -> None:
    validator = Draft202012Validator(SCHEMA)
    for row in lines(walked.scores):
        validator.validate(row)
        names = [finding["name"] for finding in (*row["signals"], *row["guards"])]
        assert len(set(names)) == len(names)
    raised = Counter(signal["name"] for row in lines(walked.scores) for signal in row["signals"])
    assert set(raised) >= {"copied_photo", "brand_claim", "coded_language", "suspicious_price"}


def test_the_schema_is_that_of_the_domain() -> None:
    def names(kind: type) -> set[str]:
        return {field.name for field in dataclasses.fields(kind)}

    Draft202012Validator.check_schema(SCHEMA)
    definitions = SCHEMA["$defs"]
    assert set(SCHEMA["properties"]) == set(SCHEMA["required"]) == names(Assessment)
    assert set(SCHEMA["properties"]["versions"]["properties"]) == names(Versions)
    assert set(definitions["finding"]["properties"]) == set(definitions["finding"]["required"]) == names(Finding)
    assert set(definitions["unreadable"]["required"]) == names(Unreadable)
    assert set(definitions["signal"]["properties"]["name"]["enum"]) == set(SignalName)
    assert set(definitions["guard"]["properties"]["name"]["enum"]) == set(GuardName)
    assert "schemas/assessment.schema.json" in (REPOSITORY / "docs" / "formats.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda row: row.pop("unreadable"),
        lambda row: row.update(probability=1.2),
        lambda row: row.update(band="guilty"),
        lambda row: row.update(surprise=1),
        lambda row: row["signals"][0].pop("sentence"),
        lambda row: row["signals"][0].update(surprise=1),
        lambda row: row["signals"][0].update(contribution=-1),
        lambda row: row["signals"][0]["evidence"].pop("outline"),
        lambda row: row["signals"][0].update(reference_id=None),
        lambda row: row["versions"].update(index="latest"),
    ],
)
def test_the_schema_refuses_what_is_no_assessment(walked: Any, spoil: Callable[[dict[str, Any]], object]) -> None:
    copied = next(row for row in lines(walked.scores) if row["signals"] and row["signals"][0]["name"] == "copied_photo")
    validator = Draft202012Validator(SCHEMA)
    assert validator.is_valid(copied)
    spoil(copied)
    assert not validator.is_valid(copied)


def test_the_evaluation_counts_what_the_truth_says(walked: Any) -> None:
    evaluation = walked.done["evaluate"].json
    truth = lines(walked.shop / "truth.jsonl")
    assert evaluation["judged"] == 40
    assert evaluation["infringing"] == sum(row["label"] == "infringing" for row in truth)
    assert evaluation["legitimate"] == sum(row["label"] == "legitimate" for row in truth)
    assert evaluation["without_assessment"] == evaluation["without_truth"] == 0
    bands = {row["listing_id"]: row["band"] for row in lines(walked.scores)}
    flagged = {listing for listing, band in bands.items() if band == "enforce"}
    infringing = {row["listing_id"] for row in truth if row["label"] == "infringing"}
    precision = evaluation["enforce"]["precision"]
    assert precision["value"] == pytest.approx(len(flagged & infringing) / len(flagged))
    assert precision["low"] <= precision["value"] <= precision["high"]
    page = Path(evaluation["report"])
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_cases_hold_what_is_to_be_enforced_and_can_be_shown(walked: Any, command_line: Any) -> None:
    assayer = command_line(walked.homes["evaluate"])
    cases = assayer("cases", "list", "--json").json
    enforced = {row["listing_id"] for row in lines(walked.scores) if row["band"] == "enforce"}
    left_over = set(walked.done["draft"].json["without_rights_holder"])
    held = [listing_id for case in cases for listing_id in case["listing_ids"]]
    assert enforced
    assert sorted(held) == sorted(enforced - left_over)
    assert len(cases) == walked.done["score"].json["cases"]
    shown = assayer("cases", "show", cases[0]["case_id"], "--json").json
    assert [verdict["listing_id"] for verdict in shown["assessments"]] == cases[0]["listing_ids"]
    probabilities = [verdict["probability"] for verdict in shown["assessments"]]
    assert probabilities == sorted(probabilities, reverse=True)
    in_words = assayer("cases", "show", cases[0]["case_id"]).out
    assert all(signal["sentence"] in in_words for signal in shown["assessments"][0]["signals"])
    table = assayer("cases", "list").out
    assert all(case["case_id"] in table for case in cases)


def test_notices_name_each_enforced_listing_once_and_carry_their_proof(walked: Any) -> None:
    drafted, exported = walked.done["draft"].json, walked.done["drafts"].json
    items = [item["listing_id"] for notice in drafted["notices"] for item in notice["items"]]
    assert sorted(items) == sorted(listing for case in drafted["cases"] for listing in case["listing_ids"])
    assert walked.done["lint"].json == drafted["findings"]
    assert walked.done["lint"].code == bool(drafted["findings"])
    assert {notice["notice_id"] for notice in exported} == {notice["notice_id"] for notice in drafted["notices"]}
    for notice in exported:
        assert notice["draft"]
        assert verify_export(Path(notice["folder"])) == notice["file_count"]
    assert {path.name for path in walked.drafts.iterdir()} == {Path(notice["folder"]).name for notice in exported}


def test_only_complete_notices_leave_as_such(walked: Any) -> None:
    drafted = walked.done["draft"].json
    incomplete = {finding["notice_id"] for finding in drafted["findings"]}
    complete = {notice["notice_id"] for notice in drafted["notices"]} - incomplete
    assert complete
    assert walked.done["export"].code == bool(incomplete)
    folders = list(walked.notices.iterdir())
    assert {json.loads((folder / "manifest.json").read_bytes())["notice_id"] for folder in folders} == complete
    assert all(verify_export(folder) for folder in folders)
    assert not any(json.loads((folder / "notice.json").read_bytes())["draft"] for folder in folders)


def test_without_anybody_to_answer_no_notice_is_complete(
    walked: Any, command_line: Any, home_after: Callable[[str], Path], tmp_path: Path
) -> None:
    catalog = shutil.copytree(walked.shop / "catalog", tmp_path / "catalog")
    holders = json.loads((catalog / "rights_holders.json").read_text(encoding="utf-8"))
    for holder in holders["rights_holders"]:
        del holder["contact_email"]
    (catalog / "rights_holders.json").write_text(json.dumps(holders), encoding="utf-8")
    assayer = command_line(home_after("score"))
    assayer("catalog", "import", catalog)
    assayer("notices", "draft")
    lint = assayer("notices", "lint", code=1)
    assert "notifier_email" in lint.err
    refused = assayer("notices", "export", "--out", tmp_path / "notices", "--json", code=1).json["error"]
    assert refused["code"] == "notice-incomplete"
    assert "0 of" in refused["message"]
    assert list((tmp_path / "notices").iterdir()) == []
    assayer("notices", "draft", notifier_email="legal@brand.example")
    assert "notifier_email" not in assayer.run("notices", "lint").err


def test_an_exported_notice_whose_case_is_gone_is_called_outdated(
    walked: Any, command_line: Any, home_after: Callable[[str], Path], tmp_path: Path
) -> None:
    notices = Path(shutil.copytree(walked.drafts, tmp_path / "notices"))
    exported = sorted(path.name for path in notices.iterdir())
    changed = [row | {"title": "Garden hose, 20 m"} for row in lines(walked.shop / "listings.jsonl")]
    shutil.copytree(walked.shop / "listings", tmp_path / "listings")
    (tmp_path / "changed.jsonl").write_text("".join(json.dumps(row) + "\n" for row in changed), encoding="utf-8")
    assayer = command_line(home_after("drafts"))
    assayer("listings", "import", tmp_path / "changed.jsonl")
    assert assayer("notices", "draft", "--json").json["notices"] == []
    done = assayer("notices", "export", "--as-draft", "--out", notices, "--json")
    assert done.json == []
    assert sorted(line.split(":")[0].rpartition("/")[2] for line in done.err.splitlines()) == exported
    assert all(line.startswith("outdated ") for line in done.err.splitlines())


def test_every_command_run_again_changes_nothing(
    walked: Any, command_line: Any, home_after: Callable[[str], Path], state_of: State, tmp_path: Path
) -> None:
    home = home_after("evaluate")
    drafts = Path(shutil.copytree(walked.drafts, tmp_path / "drafts"))
    scores = tmp_path / "scores.jsonl"
    before = state_of(home)
    assayer = command_line(home)
    products, listings = len(before["products"]), len(before["listings"])

    again = assayer("catalog", "import", walked.shop / "catalog", "--json").json
    assert again["saved"] == {"added": 0, "updated": 0, "unchanged": products}
    again = assayer("listings", "import", walked.shop / "listings.jsonl", "--json").json
    assert again["saved"] == {"added": 0, "updated": 0, "unchanged": listings}
    assert assayer("index", "build", "--json").json == walked.done["index"].json
    assert "Already built" in assayer("index", "build").out
    assert assayer("score", "--new", "--json").json["scored"] == 0
    assert assayer("score", "--all", "--out", scores, "--json").json == walked.done["score"].json
    assert assayer("notices", "draft", "--json").json == walked.done["draft"].json
    exported = assayer("notices", "export", "--as-draft", "--out", drafts, "--json").json
    if same_day(walked.drafts, drafts):
        assert not any(notice["changed"] for notice in exported)
        assert files(drafts) == files(walked.drafts)

    assert scores.read_bytes() == walked.scores.read_bytes()
    assert state_of(home) == before


def same_day(*folders: Path) -> bool:
    """A notice says on which day it was prepared; a test that runs over midnight prepares two."""
    manifests = [path for folder in folders for path in folder.glob("*/manifest.json")]
    return len({json.loads(path.read_bytes())["prepared_on"] for path in manifests}) == 1


def test_an_added_listing_is_the_only_one_scored(
    walked: Any, command_line: Any, home_after: Callable[[str], Path], state_of: State, tmp_path: Path
) -> None:
    home = home_after("score")
    before = state_of(home)
    added = lines(walked.shop / "listings.jsonl")[0] | {
        "listing_id": "added-1",
        "url": "https://market.example/added-1",
    }
    shutil.copytree(walked.shop / "listings", tmp_path / "listings")
    (tmp_path / "added.jsonl").write_text(json.dumps(added) + "\n", encoding="utf-8")
    assayer = command_line(home)
    assert assayer("listings", "import", tmp_path / "added.jsonl", "--json").json["saved"]["added"] == 1
    scores = tmp_path / "scores.jsonl"
    assert assayer("score", "--new", "--out", scores, "--json").json["scored"] == 1
    assert [row for row in lines(scores) if row["listing_id"] != "added-1"] == lines(walked.scores)
    # the same words, seller and pictures: the same verdict
    twin = next(
        row for row in lines(scores) if row["listing_id"] == lines(walked.shop / "listings.jsonl")[0]["listing_id"]
    )
    mine = next(row for row in lines(scores) if row["listing_id"] == "added-1")
    assert mine | {"listing_id": twin["listing_id"]} == twin
    after = state_of(home)
    assert [verdict for verdict in after["assessments"] if verdict["listing_id"] != "added-1"] == before["assessments"]


def test_a_changed_listing_loses_its_verdict_until_it_is_scored(
    walked: Any, command_line: Any, home_after: Callable[[str], Path], tmp_path: Path
) -> None:
    home = home_after("score")
    rows = lines(walked.shop / "listings.jsonl")
    enforced = next(row["listing_id"] for row in lines(walked.scores) if row["band"] == "enforce")
    for row in rows:
        if row["listing_id"] == enforced:
            row |= {"title": "Garden hose, 20 m", "description": "", "brand": "", "images": [], "price": None}
    shutil.copytree(walked.shop / "listings", tmp_path / "listings")
    (tmp_path / "changed.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assayer = command_line(home)
    said = assayer("listings", "import", tmp_path / "changed.jsonl", "--json", code=2).json
    assert said["saved"] == {"added": 0, "updated": 1, "unchanged": 39}
    drafted = assayer("notices", "draft", "--json").json
    assert enforced not in [item["listing_id"] for notice in drafted["notices"] for item in notice["items"]]
    scores = tmp_path / "scores.jsonl"
    assert assayer("score", "--new", "--out", scores, "--json").json["scored"] == 1
    verdict = next(row for row in lines(scores) if row["listing_id"] == enforced)
    assert verdict["band"] != "enforce"
    assert [part["what"] for part in verdict["unreadable"]] == ["image"]
    assert not {"copied_photo", "own_photo"} & {
        finding["name"] for finding in (*verdict["signals"], *verdict["guards"])
    }


def test_the_installed_command_is_the_same() -> None:
    command = Path(sys.executable).with_name("assayer")
    done = subprocess.run([command, "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: assayer [OPTIONS] COMMAND")
