"""What every test shares. Importing domain first keeps ONNX Runtime from reporting (see domain/__init__.py)."""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

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


class RedisServer:
    """A Redis of the tests alone, on a free loopback port, that keeps nothing."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program, self._folder = program, folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        keep_nothing = ("--save", "", "--appendonly", "no")
        command = [self._program, "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self._folder)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([*command, *keep_nothing], stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not self._answers():
            running = self._process.poll() is None and time.monotonic() < deadline
            assert running, (self._folder / "log").read_text(errors="replace")
            time.sleep(0.01)

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(60)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False


@pytest.fixture(scope="session")
def new_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], RedisServer]]:
    """Makes Redis servers, running; each is ended with the tests at the latest."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("Redis is not installed (no redis-server on PATH)")
    pytest.importorskip("redis", reason="redis-py is not installed (extra `scale`)")
    servers: list[RedisServer] = []

    def new() -> RedisServer:
        server = RedisServer(program, tmp_path_factory.mktemp("redis"))
        servers.append(server)
        try:
            server.start()
        except AssertionError as error:
            if "Address already in use" not in str(error):
                raise
            return new()  # somebody took the port since it was found to be free
        return server

    yield new
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def redis_url(new_redis: Callable[[], RedisServer]) -> str:
    """A Redis that all tests share, each with names of its own."""
    return new_redis().url
