"""What every test shares. Importing domain first keeps ONNX Runtime from reporting (see domain/__init__.py)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

import pytest

import domain  # noqa: F401


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--renew-outputs``: a model was promoted, and what it gives now is what it has to give from now on."""
    parser.addoption(
        "--renew-outputs", action="store_true", help="store the embedder's outputs anew, after it was promoted"
    )


@pytest.fixture(scope="session")
def few_distractors() -> Mapping[str, float]:
    """Settings by which thresholds are set in a second: as few pictures as the rate allows."""
    return {"false_match_rate": 0.1, "drawn_distractors": 9}


@pytest.fixture(scope="session")
def huge_png() -> bytes:
    """A true PNG of 30,000 x 30,000 px, black or white, that takes about 100 kilobytes packed."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packer = zlib.compressobj()
    rows = b"".join(packer.compress(bytes(3_751)) for _ in range(30_000)) + packer.flush()
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
