"""Runs the service in this process: no supervisor that could die and leave workers behind, no control ports."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from domain.errors import BadInput, NotReady
from domain.settings import load_settings

if TYPE_CHECKING:
    import bentoml

_log = logging.getLogger("assayer.serving")
_GRACE_S = 20
"""How long requests in work may take after the signal to stop."""
_LONGEST_FOLDER = 60
"""Characters; the path of a Unix socket has room for about 100."""


def serve(host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. Raises BadInput when the address cannot be listened on."""
    load_settings()  # an impossible one is refused before anything starts
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    _log.setLevel(logging.INFO)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # what it warns of, the client is told
    with _private_folder() as private, _listening(host, port) as listener:
        os.environ.setdefault("BENTOML_HOME", private)  # nothing lasting is kept there
        asyncio.run(_serve(listener, Path(private) / "embedder.sock"))


def _private_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that only this user can enter; near the root where the usual one's name is too long for a socket."""
    too_long = len(tempfile.gettempdir()) > _LONGEST_FOLDER
    return tempfile.TemporaryDirectory(prefix="assayer-serve-", dir="/tmp" if too_long else None)  # noqa: S108


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family, backlog=512)
    except OSError as error:
        raise BadInput(
            f"{host}:{port} cannot be listened on ({error.strerror or error})",
            field="port",
            advice="Stop what listens there, or name another: assayer serve --port N.",
        ) from error
    with listener:
        yield listener


async def _serve(listener: socket.socket, embedder_socket: Path) -> None:
    """The embedder on a socket that only this user can open, the scoring API on the listener."""
    embedder, scoring = _servers(embedder_socket)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    with socket.socket(socket.AF_UNIX) as private:
        private.bind(str(embedder_socket))
        private.listen()  # from here on calls wait rather than fail
        embedding = asyncio.create_task(embedder.serve(sockets=[private]))
        answering = asyncio.create_task(scoring.serve(sockets=[listener]))
        stopping = asyncio.create_task(stop.wait())
        _say_where(listener)
        await asyncio.wait({embedding, answering, stopping}, return_when=asyncio.FIRST_COMPLETED)
        scoring.should_exit = True
        await answering
        embedder.should_exit = True  # last: requests in work still need it
        await embedding
    if not stopping.done():
        stopping.cancel()
        raise NotReady("the service ended by itself", advice="Its log says why.")


def _say_where(listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    _log.info("serving on http://%s:%d", f"[{host}]" if ":" in host else host, port)


def _servers(embedder_socket: Path) -> tuple[Any, Any]:
    """(embedder, scoring API), not yet started."""
    import uvicorn
    from bentoml._internal.configuration.containers import BentoMLContainer
    from bentoml._internal.server.metrics.prometheus import PrometheusClient

    from serving import service

    image_embedder, assayer = (
        cast("bentoml.Service[Any]", service.ImageEmbedder),
        cast("bentoml.Service[Any]", service.Assayer),
    )

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            """Two servers share this process, so signals are taken in one place."""
            yield

    # what BentoML's own supervisor tells its workers, and one process needs no files to count in
    BentoMLContainer.remote_runner_mapping.set({image_embedder.name: embedder_socket.as_uri()})
    BentoMLContainer.metrics_client.set(PrometheusClient(multiproc=False))
    common: dict[str, Any] = {"log_config": None, "access_log": False, "server_header": False, "ws": "none"}
    # its client lets idle connections go after seconds; were both to do so at once, a call would fail
    embedder = uvicorn.Config(image_embedder.to_asgi(is_main=False), timeout_keep_alive=3600, **common)
    scoring = uvicorn.Config(assayer.to_asgi(), timeout_graceful_shutdown=_GRACE_S, **common)
    return Server(embedder), Server(scoring)
