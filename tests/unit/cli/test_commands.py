"""The commands are there, each with its help, and starting one costs no library that it does not need."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli.main import COMMANDS, app

REPOSITORY = Path(__file__).resolve().parents[3]
NEVER_AT_IMPORT = ("torch", "sklearn", "scipy", "bentoml", "skl2onnx", "open_clip", "timm", "matplotlib", "scrapy")


def commands() -> Iterator[tuple[str, ...]]:
    waiting: list[tuple[tuple[str, ...], object]] = [((), typer.main.get_command(app))]
    while waiting:
        path, command = waiting.pop()
        yield path
        inside: dict[str, object] = getattr(command, "commands", {})
        waiting += [((*path, name), below) for name, below in inside.items()]


PATHS = sorted(commands())


def test_the_commands_of_the_design_are_there() -> None:
    wanted = {
        "demo",
        "catalog import",
        "catalog check",
        "index build",
        "index info",
        "crawl",
        "listings import",
        "score",
        "evaluate",
        "evaluate models",
        "evidence show",
        "evidence verify",
        "evidence export",
        "cases list",
        "cases show",
        "cases confirm",
        "cases reject",
        "cases reviews",
        "catalog negatives add",
        "catalog negatives list",
        "catalog negatives remove",
        "notices draft",
        "notices lint",
        "notices export",
        "train embedder",
        "train classifier",
        "train quantize",
        "models list",
        "models pull",
        "models use",
        "models promote",
        "models history",
        "models undo",
        "models calibrate",
        "models card",
        "serve",
    }
    assert wanted <= {" ".join(path) for path in PATHS}


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_each_command_explains_itself(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"])
    assert shown.exit_code == 0
    lines = shown.output.splitlines()
    assert lines[0].startswith("Usage: ")
    assert lines[2].strip(), "a sentence that says what it does"


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_each_option_and_argument_is_explained(path: tuple[str, ...]) -> None:
    command: Any = typer.main.get_command(app)
    for name in path:
        command = command.commands[name]
    assert [parameter.name for parameter in command.params if not parameter.help] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says_of_itself(name: str) -> None:
    command: Any = typer.main.get_command(app)
    said = " ".join(command.commands[name].help.split())
    assert said.startswith(COMMANDS[name].help)


def test_the_help_lists_every_command_with_its_line() -> None:
    shown = " ".join(CliRunner().invoke(app, ["--help"]).output.split())
    for name, command in COMMANDS.items():
        assert f" {name} {command.help}" in shown


def test_a_mistyped_command_is_answered_with_the_nearest() -> None:
    shown = CliRunner().invoke(app, ["modles"])
    assert shown.exit_code == 2
    assert "Did you mean 'models'?" in shown.output


def modules_after(code: str) -> set[str]:
    """Top-level packages that a fresh process has imported by the end of `code`."""
    code += "\nimport sys\nprint(*sorted(name for name in sys.modules if '.' not in name))"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def test_the_help_imports_no_command() -> None:
    loaded = modules_after(
        "import sys, cli.main\n"
        "sys.argv = ['assayer', '--help']\n"
        "try: cli.main.run()\n"
        "except SystemExit as leaving: assert leaving.code == 0"
    )
    assert "cli" in loaded
    assert not loaded & {
        *NEVER_AT_IMPORT,
        "faiss",
        "onnxruntime",
        "cv2",
        "numpy",
        "sqlalchemy",
        "jobs",
        "index",
        "store",
    }


def test_nothing_heavy_is_imported_and_no_model_is_loaded_by_any_command_before_it_runs() -> None:
    loaded = modules_after(
        "import onnxruntime\n"
        "class Loaded(Exception): pass\n"
        "def refuse(*_args, **_kwargs): raise Loaded\n"
        "onnxruntime.InferenceSession = refuse\n"
        "from cli.main import COMMANDS\n"
        "from cli.on_demand import OnDemandCommands\n"
        "dict(OnDemandCommands(COMMANDS))"
    )
    assert "jobs" in loaded
    assert not loaded & set(NEVER_AT_IMPORT)
