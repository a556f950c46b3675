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

from cli.main import app

REPOSITORY = Path(__file__).resolve().parents[3]
NEVER_AT_IMPORT = ("torch", "sklearn", "scipy", "bentoml", "skl2onnx", "open_clip", "timm", "matplotlib", "scrapy")


def commands() -> Iterator[tuple[str, ...]]:
    waiting: list[tuple[tuple[str, ...], object]] = [((), typer.main.get_command(app))]
    while waiting:
        path, command = waiting.pop()
        yield path
        inside: dict[str, object] = getattr(command, "commands", {})
        waiting += [((*path, name), below) for name, below in inside.items()]


COMMANDS = sorted(commands())


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
        "cases list",
        "cases show",
        "notices draft",
        "notices lint",
        "notices export",
        "train embedder",
        "train classifier",
        "models list",
        "serve",
    }
    assert wanted <= {" ".join(path) for path in COMMANDS}


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_each_command_explains_itself(path: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"])
    assert shown.exit_code == 0
    lines = shown.output.splitlines()
    assert lines[0].startswith("Usage: ")
    assert lines[2].strip(), "a sentence that says what it does"


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_each_option_and_argument_is_explained(path: tuple[str, ...]) -> None:
    command: Any = typer.main.get_command(app)
    for name in path:
        command = command.commands[name]
    assert [parameter.name for parameter in command.params if not parameter.help] == []


def test_nothing_heavy_is_imported_and_no_model_is_loaded_at_import() -> None:
    code = (
        "import sys, onnxruntime\n"
        "class Loaded(Exception): pass\n"
        "def refuse(*_args, **_kwargs): raise Loaded\n"
        "onnxruntime.InferenceSession = refuse\n"
        "import cli.main\n"
        "print(*sorted(name for name in sys.modules if '.' not in name))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "cli" in loaded
    assert not loaded & set(NEVER_AT_IMPORT)
