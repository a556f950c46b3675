from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
from PIL import Image

from domain.settings import Settings
from store.evidence import MemoryEvidence
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
