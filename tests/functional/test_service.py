"""The service as users start it: `assayer serve` in a process of its own, real HTTP, the command line beside it."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image, ImageFilter

import models

EMBEDDED = Path(models.__file__).parent
FEED = "id\ttitle\tbrand\tprice\timage_link\n"
BATCHES = re.compile(r'^bentoml_service_adaptive_batch_size_bucket\{.*le="(?P<most>[^"]+)".*\} (?P<count>\S+)$', re.M)


def drawn(seed: int) -> Image.Image:
    """Blobs at two scales: enough texture to be recognized."""
    generator = np.random.default_rng(seed)
    coarse = Image.fromarray(generator.integers(0, 255, (12, 12, 3), dtype=np.uint8)).resize((360, 360))
    fine = Image.fromarray(generator.integers(0, 255, (90, 90, 3), dtype=np.uint8)).resize((360, 360))
    return Image.blend(coarse, fine, 0.5).filter(ImageFilter.GaussianBlur(1))


def jpeg(picture: Image.Image, quality: int = 92) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def write_models(folder: Path) -> None:
    """The embedded models; where there is no combiner yet, one whose weights are set by hand."""
    shutil.copytree(EMBEDDED, folder, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    if not (folder / "combiner.onnx").exists():
        from scoring.features import FEATURE_NAMES, GUARD_NAMES
        from training.classifier import Measured, TrainedClassifier, export_classifier

        measured = Measured(
            log_loss=0, listings=0, infringing=0, enforce_precision=0, enforce_precision_low=0, enforce_recall=0,
            review_recall=0,
        )  # fmt: skip
        trained = TrainedClassifier(
            feature_names=FEATURE_NAMES,
            weights=tuple(-3.0 if name in GUARD_NAMES else 3.0 for name in FEATURE_NAMES),
            intercept=-2.0,
            review=0.3,
            enforce=0.9,
            l2=1.0,
            calibration=(1.0, 0.0),
            measured=measured,
            out_of_fold=np.zeros(0),
        )
        export_classifier(trained, folder, version="drawn", lexicon_version="", training_data={})


def write_data(folder: Path) -> None:
    """A catalog of four products, and listings: copied, edited, mirrored, own photo, without pictures."""
    (folder / "catalog").mkdir(parents=True)
    for seed in range(4):
        (folder / "catalog" / f"{seed}.jpg").write_bytes(jpeg(drawn(seed)))
    rows = "".join(f"P{seed}\tBrennvale bag {seed}\tBrennvale\t90.00 EUR\t{seed}.jpg\n" for seed in range(4))
    (folder / "catalog" / "products.tsv").write_text(FEED + rows)
    holder = {
        "name": "Brenn & Vale",
        "brands": [{"name": "Brennvale"}],
        "trademarks": [{"mark": "BRENNVALE"}],
        "authorized_sellers": ["brennvale-official"],
    }
    (folder / "catalog" / "rights_holders.json").write_text(json.dumps({"rights_holders": [holder]}))
    pictures = {
        "copy.jpg": jpeg(drawn(0), 70),
        "crop.jpg": jpeg(drawn(1).crop((30, 30, 330, 330))),
        "mirror.jpg": jpeg(drawn(2).transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
        "own.jpg": jpeg(drawn(99)),
    }
    for name, content in pictures.items():
        (folder / name).write_bytes(content)
    base = {"marketplace": "bazaar", "currency": "EUR", "title": "Brennvale bag", "price": 80}
    lines = [
        base | {"listing_id": "1", "images": ["copy.jpg"], "title": "Br3nnvale bag 1:1 mirror quality", "price": 9},
        base | {"listing_id": "2", "images": ["crop.jpg", "own.jpg"], "seller": {"id": "brennvale-official"}},
        base | {"listing_id": "3", "images": ["mirror.jpg", "copy.jpg"], "price": "free"},
        base | {"listing_id": "4", "images": ["own.jpg"], "title": "garden chair", "description": "grün, 手"},
        base | {"listing_id": "5"},
    ]
    for line in lines:
        line.setdefault("seller", {"id": "s9", "name": "brenn vale outlet"})
        line["url"] = f"https://bazaar.example/{line['listing_id']}"
    (folder / "listings.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


class Home:
    """One installation: its settings, its commands, its service."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"
        folder.mkdir(exist_ok=True)
        (folder / "tmp").mkdir()
        write_models(folder / "models")
        write_data(self.data)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ASSAYER_", "BENTOML"))}
        self.environment = inherited | {
            "TMPDIR": str(folder / "tmp"),
            "HOME": str(folder),
            "ORT_DISABLE_TELEMETRY": "1",
            "ASSAYER_HOME": str(folder / "home"),
            "ASSAYER_MODELS_DIR": str(folder / "models"),
            "ASSAYER_ALLOW_LOOPBACK": "true",
            # thresholds in a second: as few pictures as the rate allows
            "ASSAYER_FALSE_MATCH_RATE": "0.1",
            "ASSAYER_DRAWN_DISTRACTORS": "9",
        }
        self.port, self.url = 0, ""
        """Of the service that was started last."""
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, *command: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "cli", *command],
            cwd=Path(__file__).parents[2],
            env=self.environment,
            capture_output=True,
            check=False,
        )
        assert done.returncode in (0, 2), done.stderr.decode()

    def import_catalog(self) -> None:
        self.run("catalog", "import", str(self.data / "catalog"))

    def start(self) -> httpx.Client:
        """On a port that was free a moment ago; on another one where somebody was faster."""
        while not self._started():
            assert self.process is not None
            assert "cannot be listened on" in self.log(), self.log()
        return httpx.Client(base_url=self.url, timeout=120, trust_env=False)

    def _started(self) -> bool:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        with (self.folder / "log").open("wb") as log:
            self.process = process = subprocess.Popen(
                [sys.executable, "-m", "cli", "serve", "--port", str(self.port)],
                cwd=Path(__file__).parents[2],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while process.poll() is None:
            # said by this process, not by another one at that address
            if f"serving on {self.url}" in self.log() and self.is_alive():
                return True
            time.sleep(0.05)
        return False

    def is_alive(self) -> bool:
        try:
            return httpx.get(f"{self.url}/livez", timeout=120, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            assert self.process is not None
            assert self.process.poll() is None, self.log()
            time.sleep(0.05)

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def stop(self, how: int = signal.SIGTERM) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait()

    def end(self) -> None:
        """Whatever happened, nothing goes on running."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    found = Home(tmp_path_factory.mktemp("service"))
    found.import_catalog()
    found.run("listings", "import", str(found.data / "listings.jsonl"))
    found.run("score", "--all", "--out", str(found.folder / "scores.jsonl"))
    yield found
    found.end()


@pytest.fixture(scope="module")
def client(home: Home) -> Iterator[httpx.Client]:
    with home.start() as found:
        yield found
    assert home.stop() == 0, home.log()


@pytest.fixture
def empty_home(tmp_path: Path) -> Iterator[Home]:
    found = Home(tmp_path / "installation")
    yield found
    found.end()


@pytest.fixture
def pictures(home: Home) -> Iterator[str]:
    """The listings' pictures on a web server; its address."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(home.data))) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def listings(home: Home) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (home.data / "listings.jsonl").read_text().splitlines()]


def send(client: httpx.Client, home: Home, listing: dict[str, Any]) -> httpx.Response:
    files = [("images", (name, (home.data / name).read_bytes())) for name in listing.get("images", ())]
    return client.post("/v1/score", files=[("listing", (None, json.dumps(listing).encode())), *files])


def test_the_same_verdict_as_on_the_command_line(home: Home, client: httpx.Client, pictures: str) -> None:
    lines = (home.folder / "scores.jsonl").read_text().splitlines()
    written = {line["listing_id"]: line for line in map(json.loads, lines)}
    assert len(written) == 5
    for listing in listings(home):
        by_files = send(client, home, listing)
        links = [f"{pictures}/{name}" for name in listing.get("images", ())]
        by_urls = client.post("/v1/score", json=listing | {"images": links})
        assert by_files.status_code == by_urls.status_code == 200, (by_files.text, by_urls.text)
        assert by_files.json() == written[listing["listing_id"]]
        assert by_urls.json() == written[listing["listing_id"]]
    named = {
        key: [signal["reference_id"] for signal in line["signals"] if signal["name"] == "copied_photo"]
        for key, line in written.items()
    }
    assert named["1"] == ["P0"]
    assert named["4"] == named["5"] == []


def test_pictures_of_concurrent_requests_are_embedded_in_one_call(home: Home, client: httpx.Client) -> None:
    listing = next(one for one in listings(home) if one["listing_id"] == "3")
    expected = send(client, home, listing).json()

    def batched() -> bool:
        counts = {found["most"]: float(found["count"]) for found in BATCHES.finditer(client.get("/metrics").text)}
        return counts["+Inf"] > counts["1.0"]

    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):  # the first is enough unless the machine runs one thread at a time
            answers = list(pool.map(lambda _: send(client, home, listing), range(16)))
            assert [answer.json() for answer in answers] == [expected] * 16
            if batched():
                return
    pytest.fail("no two requests shared a call of the model")


def test_refusals_are_problems(home: Home, client: httpx.Client, pictures: str) -> None:
    listing = listings(home)[0]
    large = io.BytesIO(bytes(30_000_000))
    refused = {
        (422, "address-refused"): client.post("/v1/score", json=listing | {"images": ["http://169.254.169.254/"]}),
        (422, "fetch-refused"): client.post("/v1/score", json=listing | {"images": [f"{pictures}/gone.jpg"]}),
        (422, "image-refused"): client.post("/v1/score", json=listing | {"images": [f"{pictures}/listings.jsonl"]}),
        (413, "body-too-large"): client.post("/v1/score", files={"images": large}),
        (415, "unsupported-media-type"): client.post("/v1/score", content=b"hello"),
        (405, "method-not-allowed"): client.get("/v1/score"),
        (404, "no-such-path"): client.get("/"),
        (400, "bad-input"): client.post("/v1/score", json={}),
    }
    for (status, code), answer in refused.items():
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    cut = [
        ("listing", (None, json.dumps(listing))),
        ("images", ("a.jpg", (home.data / "copy.jpg").read_bytes()[:-900])),
    ]
    answer = client.post("/v1/score", files=cut)
    assert (answer.status_code, answer.json()["field"]) == (422, "images[0]")
    assert client.get("/docs.json").json()["paths"]["/v1/score"]["post"]
    assert 'assayer_refusals_total{code="address-refused"} 1.0' in client.get("/metrics").text


def test_ready_when_the_index_is_built_and_not_when_the_catalog_has_changed(empty_home: Home) -> None:
    with empty_home.start() as client:
        assert client.get("/readyz").status_code == 503
        empty_home.import_catalog()
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["code"]) == (503, "not-ready")
        empty_home.run("index", "build")
        assert client.get("/readyz").status_code == 200
        copied = listings(empty_home)[0]
        first = send(client, empty_home, copied)
        assert first.status_code == 200

        feed = empty_home.data / "catalog" / "products.tsv"
        feed.write_text("".join(feed.read_text().splitlines(keepends=True)[:-1]))
        empty_home.import_catalog()
        empty_home.until(lambda: client.get("/readyz").status_code == 503)
        assert send(client, empty_home, copied).status_code == 503
        empty_home.run("index", "build")
        assert client.get("/readyz").status_code == 200
        assert send(client, empty_home, copied).json()["versions"]["index"] != first.json()["versions"]["index"]
    assert empty_home.stop() == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_the_requests_in_work(empty_home: Home, how: int) -> None:
    home = empty_home
    home.import_catalog()
    home.run("index", "build")
    with home.start() as client, ThreadPoolExecutor(1) as pool:
        copied = listings(home)[2]
        assert client.get("/readyz").status_code == 200
        held, (host, port) = socket.socket(), ("127.0.0.1", home.port)
        with held:
            held.settimeout(120)
            held.connect((host, port))
            body = json.dumps({key: value for key, value in copied.items() if key != "images"}).encode()
            head = f"POST /v1/score HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            head += f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
            held.sendall(head.encode())
            assert held.recv(1_000).startswith(b"HTTP/1.1 100 ")  # the request is in work
            ending = pool.submit(home.stop, how)
            home.until(lambda: refuses(port) or ending.done())
            held.sendall(body)
            assert held.recv(100_000).startswith(b"HTTP/1.1 200 ")
        assert ending.result() == 0, home.log()
    assert home.process is not None
    with pytest.raises(ProcessLookupError):
        os.killpg(home.process.pid, 0)
    left = {path.name for path in home.folder.iterdir()} | {path.name for path in (home.folder / "tmp").iterdir()}
    assert left == {"data", "home", "log", "models", "tmp"}


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=60).close()
    except ConnectionRefusedError:
        return True
    return False


def test_what_keeps_it_from_starting_is_said(empty_home: Home) -> None:
    def told(**changes: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "cli", "serve", "--port", str(port)],
            cwd=Path(__file__).parents[2],
            env=empty_home.environment | changes,
            capture_output=True,
            check=False,
        )
        return done.returncode, done.stderr.decode()

    port = 0
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, words = told()
    assert (code, "cannot be listened on" in words) == (2, True)
    code, words = told(ASSAYER_MAX_BODY_BYTES="0")
    assert (code, "ASSAYER_MAX_BODY_BYTES" in words) == (2, True)


def test_importing_the_service_loads_and_makes_nothing(empty_home: Home) -> None:
    program = """
import serving
import onnxruntime
def refused(*_, **__): raise SystemExit("a model is loaded at import")
onnxruntime.InferenceSession = refused
import serving.service
"""
    environment = empty_home.environment | {"ASSAYER_MODELS_DIR": "/nonexistent"}
    before = sorted(empty_home.folder.rglob("*"))
    subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], env=environment, check=True)
    assert sorted(empty_home.folder.rglob("*")) == before
