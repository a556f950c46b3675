"""``assayer index info`` says which logos stand in the index, and nothing of logos where there are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from domain.catalog import Brand, Catalog, RightsHolder
from domain.settings import Settings
from jobs.workspace import Workspace

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="M2 2h20L12 22z" fill="{}"/></svg>'


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("ASSAYER_HOME", str(tmp_path / "state"))

    def show(*colors: str) -> dict[str, Any]:
        with Workspace(Settings()) as work:
            logos = tuple(work.evidence.write(SVG.format(color).encode()) for color in colors)
            brands = (Brand(name="Acme", logos=logos), Brand(name="Wordy"))
            work.records.save_catalog(Catalog(rights_holder=RightsHolder(name="Acme Ltd", brands=brands)))
            work.artifact()
        answer = CliRunner().invoke(app, ["index", "info", "--json"])
        assert answer.exit_code == 0, answer.output
        return dict(json.loads(answer.stdout))

    return show


def test_logos_are_counted(shown: Any, tmp_path: Path) -> None:
    told = shown("#c00", "#0a0")
    assert (told["logo brands"], told["logo pictures"]) == (1, 2)
    assert told["logo variants"] > 2
    folder = tmp_path / "state"
    stored = [path for path in folder.rglob("logos/*") if path.is_file()]
    assert told["logo bytes"] == sum(path.stat().st_size for path in stored) > 0


def test_nothing_is_said_of_logos_where_there_are_none(shown: Any) -> None:
    assert not [name for name in shown() if "logo" in name]
