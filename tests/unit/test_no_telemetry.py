"""Nothing is reported to anybody: the switch is set before ONNX Runtime is imported, whichever door one comes in by."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("door", ["cli.main", "index.embedder", "scoring.combiner", "training.export", "jobs.demo"])
def test_onnx_runtime_leaves_nothing_behind(door: str, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}
    code = f"import {door}, onnxruntime; onnxruntime.get_available_providers()"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
    assert not [path for path in tmp_path.rglob("*") if "onnxruntime" in path.name or path.suffix == ".ses"]
