"""A training run that is killed in the middle goes on to the weights that an undisturbed one gives."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

_SCRIPT = """
import sys
from pathlib import Path

from training.embedder import train_embedder
from training.recipe import EmbedderRecipe

RECIPE = EmbedderRecipe(
    steps=8, copy_pairs=4, mark_pairs=4, size=64, trunk="assayer_residual_small", validate_every=2, validation_pairs=4
)

if __name__ == "__main__":  # composing processes import this file anew
    train_embedder(Path(sys.argv[1]), Path(sys.argv[2]), recipe=RECIPE, seed=3, device="cpu", threads=1, workers=1)
"""
_REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "train.py"
    path.write_text(_SCRIPT)
    return path


def start(script: Path, data: Path, out: Path) -> subprocess.Popen[bytes]:
    environment = {"PYTHONPATH": str(_REPOSITORY), "PATH": "/usr/bin:/bin"}
    return subprocess.Popen([sys.executable, script, data, out], env=environment, stderr=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes]) -> None:
    _, said = process.communicate()
    assert process.returncode == 0, said.decode()


def test_sigkill_in_a_run_costs_no_more_than_the_steps_since_its_checkpoint(
    script: Path, training_data: Path, tmp_path: Path
) -> None:
    finish(start(script, training_data, tmp_path / "undisturbed"))
    killed = start(script, training_data, tmp_path / "killed")
    while not (tmp_path / "killed" / "checkpoint.pt").exists():
        assert killed.poll() is None, killed.stderr and killed.stderr.read().decode()
        time.sleep(0.01)
    killed.kill()
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL, "it ended before it was killed"
    assert not (tmp_path / "killed" / "embedder.onnx").exists()
    finish(start(script, training_data, tmp_path / "killed"))
    for name in ("embedder.onnx", "text.onnx"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "undisturbed" / name).read_bytes()
    curves = [(tmp_path / run / "curves.csv").read_text().splitlines() for run in ("killed", "undisturbed")]
    measured = [[line.split(",")[3:] for line in lines] for lines in curves]  # without step, pictures and seconds
    assert measured[0] == measured[1]
