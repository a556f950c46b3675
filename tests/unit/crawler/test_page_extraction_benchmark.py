"""The benchmark of extraction counts as it says, on a folder of its own form."""

from __future__ import annotations

import gzip
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "benchmarks" / "page_extraction.py"
ITEM = """<html><head><title>Red Bag</title></head><body><h1>Red Bag</h1><p class="price">12,50 €</p>
<p>SKU: RB-9</p><button>Add to cart</button></body></html>"""


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("page_extraction_benchmark", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_counts(benchmark: ModuleType) -> None:
    truth = {
        "right": {"price": ["12.50"], "sku": ["A", "B"], "brand": ["Orlo"]},
        "wrong": {"price": ["12.50"], "sku": ["A"]},
        "missed": {"price": ["12.50"]},
        "unknown": {},
    }
    found = {
        "right": {"price": "12.5", "sku": " B", "brand": "ORLO"},
        "wrong": {"price": "13", "sku": "a"},
        "missed": {},
        "unknown": {"price": "1"},
    }
    scores = benchmark.score(truth, found, list(truth))
    price = scores["price"]
    # one right; a wrong one counts twice, a missed one once, one on a page that has none against precision alone
    assert (price["precision"], price["recall"]) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert price["support"] == 3
    assert price["f1_known"] == pytest.approx(2 / (2 + 1 + 2))
    assert scores["sku"]["f1"] == pytest.approx(2 / (2 + 1 + 1))
    assert scores["brand"]["f1"] == 1.0
    assert price["low"] <= price["f1"] <= price["high"]


def test_a_folder_of_that_form_is_read(tmp_path: Path) -> None:
    (tmp_path / "html").mkdir()
    (tmp_path / "html" / "p1.html.gz").write_bytes(gzip.compress(ITEM.encode()))
    known = {"url": "https://shop.example/red-bag", "price": ["12.50"], "sku": ["RB-9"], "availability": ["InStock"]}
    (tmp_path / "ground-truth.json").write_text(json.dumps({"p1": known}))
    command = [sys.executable, str(SCRIPT), "--pages", str(tmp_path), "--snippets", str(tmp_path / "none"), "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=120)
    scores = json.loads(ran.stdout)["pages"]["all"]
    assert [scores["assayer"][field]["f1"] for field in ("price", "sku", "availability")] == [1.0, 1.0, 1.0]
    assert scores["extruct"]["price"]["f1"] == 0.0
