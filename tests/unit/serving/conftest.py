from __future__ import annotations

import io
import json
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import numpy as np
import pytest
import uvicorn
from numpy.typing import NDArray
from PIL import Image, ImageFilter

import models
from crawler.fetch import GuardedFetcher
from domain.catalog import Brand, Catalog, Money, ReferenceImage, ReferenceProduct, RightsHolder
from domain.settings import Settings
from index.embedder import Embedder
from index.verification import FEATURE_NAMES
from jobs.workspace import Workspace
from scoring.features import FEATURE_NAMES as SIGNALS_AND_GUARDS
from scoring.features import GUARD_NAMES
from serving.app import ScoringDesk, create_app
from serving.scorer_in_use import ScorerInUse
from training.classifier import Measured, TrainedClassifier, export_classifier

hypothesis.settings.register_profile("unhurried", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("unhurried")

PRODUCTS = 3


def drawn(seed: int, *, format: str = "JPEG") -> bytes:  # noqa: A002
    """A picture with enough texture to be recognized: blobs at two scales."""
    generator = np.random.default_rng(seed)
    coarse = Image.fromarray(generator.integers(0, 255, (12, 12, 3), dtype=np.uint8)).resize((320, 320))
    fine = Image.fromarray(generator.integers(0, 255, (80, 80, 3), dtype=np.uint8)).resize((320, 320))
    stream = io.BytesIO()
    Image.blend(coarse, fine, 0.5).filter(ImageFilter.GaussianBlur(1)).save(stream, format, quality=92)
    return stream.getvalue()


def write_small_models(folder: Path) -> None:
    """The embedded embedder, with a verifier and a combiner whose weights are set by hand."""
    folder.mkdir()
    for name in ("embedder.onnx", "embedder.json"):
        shutil.copy(Path(models.__file__).parent / name, folder)
    weights = [8.0, 6.0, 1.0, 0.0, -2.0, -2.0, -2.0, 1.0, -1.0, 1.0]
    verifier = {"name": "drawn", "version": "1", "feature_names": FEATURE_NAMES, "weights": weights, "intercept": -6.0}
    (folder / "verifier.json").write_text(json.dumps(verifier))
    nothing = Measured(
        log_loss=0, listings=0, infringing=0, enforce_precision=0, enforce_precision_low=0, enforce_recall=0,
        review_recall=0,
    )  # fmt: skip
    trained = TrainedClassifier(
        feature_names=SIGNALS_AND_GUARDS,
        weights=tuple(-3.0 if name in GUARD_NAMES else 3.0 for name in SIGNALS_AND_GUARDS),
        intercept=-2.0,
        review=0.3,
        enforce=0.9,
        l2=1.0,
        calibration=(1.0, 0.0),
        measured=nothing,
        out_of_fold=np.zeros(0),
    )
    export_classifier(trained, folder, version="drawn", lexicon_version="", training_data={})


class DirectModel:
    """The embedder in this process, unbatched."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def version(self) -> str:
        return self._embedder.version

    @property
    def size(self) -> int:
        return self._embedder.size

    def embed(self, views: NDArray[np.float32], /) -> NDArray[np.float32]:
        return self._embedder.embed(views)


def catalog_of(work: Workspace, *, authorized: tuple[str, ...] = ()) -> Catalog:
    holder = RightsHolder(name="Brenn & Vale", brands=(Brand(name="Brennvale"),), authorized_sellers=authorized)
    products = tuple(
        ReferenceProduct(
            reference_id=f"P{seed}",
            rights_holder=holder.name,
            title=f"Brennvale bag {seed}",
            brand="Brennvale",
            price=Money(amount=Decimal(100), currency="EUR"),
            images=(ReferenceImage(sha256=work.evidence.write(drawn(seed)), source=f"{seed}.jpg"),),
        )
        for seed in range(PRODUCTS)
    )
    return Catalog(rights_holder=holder, products=products)


@dataclass
class Answering:
    """The application behind a real server, in a thread of this process."""

    url: str
    settings: Settings
    work: Workspace
    scorer: ScorerInUse
    client: httpx.Client

    def score(self, listing: object, **options: Any) -> httpx.Response:
        return self.client.post("/v1/score", json=listing, **options)

    def send(self, listing: object, *files: tuple[str, bytes]) -> httpx.Response:
        parts = [("images", file) for file in files]
        return self.client.post("/v1/score", files=[("listing", (None, json.dumps(listing).encode())), *parts])


def answering(settings: Settings) -> Iterator[Answering]:
    with Workspace(settings) as work, socket.create_server(("127.0.0.1", 0)) as listener:
        scorer = ScorerInUse(work, DirectModel(work.embedder))
        desk = ScoringDesk(
            settings=settings, scorer=scorer, fetcher=GuardedFetcher(settings), metrics=lambda: (b"", "text/plain")
        )
        config = uvicorn.Config(create_app(desk), log_config=None, access_log=False, ws="none", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
                yield Answering(url, settings, work, scorer, client)
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serving") / "models"
    write_small_models(folder)
    return folder


@pytest.fixture(scope="session")
def service(
    tmp_path_factory: pytest.TempPathFactory, models_dir: Path, few_distractors: dict[str, Any]
) -> Iterator[Answering]:
    """Ready: a catalog of three drawn products and its index."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings(
        home=home,
        models_dir=models_dir,
        allow_loopback=True,
        max_body_bytes=2_000_000,
        max_image_bytes=600_000,
        max_image_pixels=1_000_000,
        max_listing_images=4,
        fetch_timeout_s=5,
        **few_distractors,
    )
    for one in answering(settings):
        one.work.records.save_catalog(catalog_of(one.work))
        one.work.calibration(one.work.artifact())
        yield one


@pytest.fixture
def empty_service(tmp_path: Path, models_dir: Path, few_distractors: dict[str, Any]) -> Iterator[Answering]:
    """Not ready: nothing is imported."""
    yield from answering(Settings(home=tmp_path / "home", models_dir=models_dir, **few_distractors))


class Pictures:
    """A web server with pictures."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.asked: list[str] = []
        pictures = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                pictures.asked.append(self.path)
                content = pictures.contents.get(self.path)
                if location := pictures.redirects.get(self.path):
                    self.send_response(302)
                    self.send_header("Location", location)
                    content = b""
                else:
                    self.send_response(200 if content is not None else 404)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.handle_error = lambda request, client_address: None  # type: ignore[method-assign]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def put(self, path: str, content: bytes) -> str:
        self.contents[path] = content
        return self.url(path)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}{path}"

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def pictures() -> Iterator[Pictures]:
    server = Pictures()
    yield server
    server.close()


@pytest.fixture(scope="session")
def draw() -> Callable[..., bytes]:
    return drawn


@pytest.fixture(scope="session")
def make_catalog() -> Callable[..., Catalog]:
    return catalog_of


@pytest.fixture
def listing() -> dict[str, Any]:
    return {
        "marketplace": "bazaar",
        "listing_id": "L1",
        "url": "https://bazaar.example/L1",
        "title": "Brennvale bag 1:1 quality",
        "seller": {"id": "s1", "name": "bagbarn"},
        "price": 9.5,
        "currency": "EUR",
    }
