"""The BentoML services: the embedder, whose calls are batched across requests, and the scoring API before it.

`assayer serve` runs both in one process. ``bentoml serve serving.service:Assayer`` runs the same two in processes of
their own, where the embedder has a GPU or more than one scoring process before it.
"""

from __future__ import annotations

import os
import threading
from typing import Annotated, Any, ClassVar, cast

import bentoml
import httpx
import numpy as np
from bentoml.exceptions import BentoMLException
from bentoml.validators import DType
from numpy.typing import NDArray
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from crawler.fetch import GuardedFetcher
from domain.errors import NotReady
from domain.settings import load_settings
from index.embedder import Embedder
from index.threads import one_thread_each
from jobs.workspace import Workspace
from serving.app import ScoringDesk, create_app
from serving.scorer_in_use import ScorerInUse

Views = Annotated[np.ndarray, DType("float32")]
"""(n, 3, s, s) float32, as `index.preprocessing.query_views` makes them."""
Vectors = Annotated[np.ndarray, DType("float32")]
"""(n, d) float32, each of unit length."""

_MOST_VIEWS = 64
"""In one call of the model: beyond it a core gains nothing, and memory grows."""
_LONGEST_WAIT_MS = 30_000


@bentoml.service(
    name="image_embedder",
    workers=1,
    threads=1,
    traffic={"timeout": 60},
    metrics={"enabled": True},
    logging={"access": {"enabled": False}},
)
class ImageEmbedder:
    """Views to vectors, by the model of the settings, loaded at the first call."""

    def __init__(self) -> None:
        self._work = Workspace(load_settings(), embedder_threads=0)
        self._lock = threading.Lock()

    @bentoml.api(batchable=True, batch_dim=0, max_batch_size=_MOST_VIEWS, max_latency_ms=_LONGEST_WAIT_MS)  # type: ignore[untyped-decorator]
    def embed(self, views: Views) -> Vectors:
        """The vectors of all views that wait, of however many requests, in one call of ONNX Runtime."""
        return self._model().embed(views)

    @bentoml.api  # type: ignore[untyped-decorator]
    def model(self) -> dict[str, str]:
        """``version`` and ``size``, or ``message`` and ``advice`` where there is no model that runs."""
        try:
            return {"version": self._model().version, "size": str(self._model().size)}
        except NotReady as error:
            return {"message": error.message, "advice": error.advice}

    def _model(self) -> Embedder:
        with self._lock:
            return self._work.embedder


class _BatchingModel:
    """The embedder service as `serving.scorer_in_use.ImageModel`, its errors as ours."""

    def __init__(self, embedder: Any) -> None:
        self._embedder = embedder
        self._size = 0

    @property
    def size(self) -> int:
        """As of the last `version`: asking again for every picture would cost a call each."""
        if not self._size:
            self.version()
        return self._size

    def version(self) -> str:
        answer = self._called("model")
        if "version" not in answer:
            raise NotReady(answer["message"], advice=answer["advice"])
        self._size = int(answer["size"])
        return str(answer["version"])

    def embed(self, views: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(self._called("embed", views), dtype=np.float32)

    def _called(self, name: str, *values: object) -> Any:
        try:
            return getattr(self._embedder, name)(*values)
        except (BentoMLException, httpx.HTTPError) as error:
            raise NotReady("the image embedder does not answer", advice="Try again in a moment.") from error


class OwnPaths:
    """ASGI middleware that answers instead of BentoML's routes.

    Those say nothing of what is missing when /readyz fails, refuse with other bodies than problems, and show a page
    that reports its visitors to a third party.
    """

    own: ClassVar[Starlette | None] = None
    """Set by the one scoring service of this process."""

    def __init__(self, app: ASGIApp) -> None:
        self._bentoml = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the lifespan, which stays BentoML's."""
        answering = self.own if scope["type"] == "http" and self.own else self._bentoml
        await answering(scope, receive, send)


@bentoml.service(
    name="assayer",
    workers=1,
    traffic={"timeout": 300},
    metrics={"enabled": False},  # counted by path, which strangers choose; serving.app counts by outcome
    logging={"access": {"enabled": False}},
)
class Assayer:
    """Scores listings. See docs/api.md."""

    embedder = bentoml.depends(ImageEmbedder)

    def __init__(self) -> None:
        one_thread_each()
        settings = load_settings()
        self._work = Workspace(settings)
        desk = ScoringDesk(
            settings=settings,
            scorer=ScorerInUse(self._work, _BatchingModel(self.embedder)),
            fetcher=GuardedFetcher(settings),
            metrics=prometheus_text,
        )
        OwnPaths.own = create_app(desk)

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Give the database's connections back."""
        OwnPaths.own = None
        self._work.close()


cast("bentoml.Service[Any]", Assayer).add_asgi_middleware(OwnPaths)  # what the decorator really returns


def prometheus_text() -> tuple[bytes, str]:
    """All metrics of this process, or of all processes where BentoML runs several."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST
