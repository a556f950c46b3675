from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import cv2
import hypothesis
import numpy as np
import pytest
from PIL import Image

from domain.settings import Settings
from index.embedder import Embedder
from index.logistic import LogisticModel
from index.logo_index import LogoPicture, build_logo_index
from index.logo_matcher import LogoMatcher
from index.logo_verifier import FEATURE_NAMES, LogoVerifier
from index.word_marks import WordMarks
from scoring.examples import HOLDER, OTHER_HOLDER
from store.evidence import MemoryEvidence
from store.images import RGBA
from store.memory import MemoryRecords

hypothesis.settings.register_profile("unhurried", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("unhurried")

REPOSITORY = Path(__file__).resolve().parents[3]
HEADER = "id\ttitle\tdescription\tbrand\tprice\timage_link\tadditional_image_link\n"


def _picture(color: str = "red", format: str = "JPEG") -> bytes:  # noqa: A002
    stream = io.BytesIO()
    Image.new("RGB", (32, 24), color).save(stream, format)
    return stream.getvalue()


@pytest.fixture(scope="session")
def picture() -> Callable[..., bytes]:
    return _picture


@pytest.fixture(scope="session")
def bad_pictures(huge_png: bytes) -> dict[str, tuple[bytes, str]]:
    """Content and a word of the reason, by file name."""
    return {
        "truncated.jpg": (_picture()[:-200], "truncated"),
        "huge.png": (huge_png, "50000000 pixels"),
        "animation.jpg": (_picture(format="GIF"), "is a GIF picture"),
        "page.jpg": (b"<html>404</html>", "not a JPEG, PNG, WebP or GIF"),
        "empty.jpg": (b"", "not a JPEG, PNG, WebP or GIF"),
    }


@pytest.fixture(scope="session")
def drawn_logos() -> dict[str, RGBA]:
    """One by rights holder of the invented catalog, (150, 200, 4)."""
    logos = {}
    for seed, (holder, letters) in enumerate(((HOLDER, "VELMO"), (OTHER_HOLDER, "BRASK"))):
        rng = np.random.default_rng(seed)
        canvas = np.full((150, 200, 3), 255, np.uint8)
        for _ in range(12):
            color = tuple(int(value) for value in rng.integers(0, 200, 3))
            x, y = int(rng.integers(15, 185)), int(rng.integers(15, 135))
            cv2.circle(canvas, (x, y), int(rng.integers(6, 24)), color, -1, cv2.LINE_AA)
        cv2.putText(canvas, letters, (20, 85), cv2.FONT_HERSHEY_DUPLEX, 1.5, (10, 10, 10), 3, cv2.LINE_AA)
        logos[holder] = np.dstack([canvas, np.full((150, 200), 255, np.uint8)])
    return logos


@pytest.fixture(scope="session")
def logo_matcher(drawn_logos: dict[str, RGBA]) -> LogoMatcher:
    """Looks for the drawn logos, with the embedder that comes along and a verifier written down."""
    embedder = Embedder(REPOSITORY / "models" / "embedder.onnx", threads=1)
    pictures = [
        LogoPicture(rights_holder=holder, brand=holder.split()[0], sha256=f"{number:064x}", rgba=logo)
        for number, (holder, logo) in enumerate(drawn_logos.items())
    ]
    weights = {"resemblance": 2.0, "distinctness": 1.0, "points": 3.0, "pixels": 3.0, "spread": 1.0, "words": 3.0}
    model = LogisticModel(
        version="drawn@1", weights=tuple(weights.get(name, 0.0) for name in FEATURE_NAMES), intercept=-6.0
    )
    return LogoMatcher(
        build_logo_index(pictures, embedder),
        embedder,
        LogoVerifier(model=model, name_from=0.5),
        detector=None,
        reader=None,
        words=WordMarks([]),
    )


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def records() -> MemoryRecords:
    return MemoryRecords()


@pytest.fixture
def evidence() -> MemoryEvidence:
    return MemoryEvidence()


@pytest.fixture
def catalog_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes a catalog of two rights holders; rows are appended to the feed's header and two good rows."""

    def make(rows: str | bytes = "", *, header: str = HEADER, good: bool = True) -> Path:
        folder = tmp_path / "catalog"
        (folder / "images").mkdir(parents=True)
        for name in ("a", "b", "c", "logo"):
            color = {"a": "red", "b": "blue", "c": "green", "logo": "black"}[name]
            (folder / "images" / f"{name}.jpg").write_bytes(_picture(color))
        feed = header.encode()
        if good:
            feed += b"A\tBag A\t\tAcme\t59.00 USD\timages/a.jpg\timages/b.jpg,images/c.jpg\n"
            feed += b"B\tBag B\t\tbolt\t\timages/b.jpg\t\n"
        (folder / "products.tsv").write_bytes(feed + (rows if isinstance(rows, bytes) else rows.encode()))
        holders = {
            "rights_holders": [
                {
                    "name": "Acme Ltd",
                    "brands": [{"name": "Acme", "logos": ["images/logo.jpg"]}],
                    "trademarks": [{"mark": "ACME", "office": "EUIPO", "nice_classes": [18]}],
                    "authorized_sellers": ["acme-official"],
                },
                {"name": "Bolt Inc", "brands": [{"name": "Bolt"}]},
            ]
        }
        (folder / "rights_holders.json").write_text(json.dumps(holders), encoding="utf-8")
        return folder

    return make


@pytest.fixture(scope="session")
def realshop() -> Path:
    base = Path(os.environ.get("ASSAYER_TEST_DATA") or REPOSITORY.parent / "shared" / "data")
    if not (base / "realshop" / "listings.jsonl").is_file():
        pytest.skip(f"no photographs in {base}")
    return base / "realshop"
