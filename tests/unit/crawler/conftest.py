"""A loopback server whose answers a test writes byte by byte."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator

import hypothesis
import pytest

hypothesis.settings.register_profile("unhurried", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("unhurried")

Answer = Callable[[socket.socket, str], None]
"""Writes the raw answer for a path."""


class RawServer:
    """Answers each connection once, by the first word of the path; remembers request heads."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers: dict[str, Answer] = {}
        self.heads: list[str] = []
        self.closing = threading.Event()
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{host}:{self.port}{path}"

    def says(self, path: str, body: bytes = b"", status: str = "200 OK", **headers: str) -> None:
        fields = {"content_length": str(len(body)), "connection": "close"} | headers
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
        raw = f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body
        self.answers[path] = lambda connection, _: connection.sendall(raw)

    def close(self) -> None:
        self.closing.set()
        # closing alone does not wake a thread that waits in accept()
        socket.create_connection(("127.0.0.1", self.port)).close()
        for thread in self._threads:
            thread.join()
        self._socket.close()

    def _accept(self) -> None:
        while not self.closing.is_set():
            connection, _ = self._socket.accept()
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                head = self._head(connection)
                if head:
                    self.heads.append(head)
                    path = head.split(" ", 2)[1]
                    self.answers[path.partition("?")[0]](connection, path)
        except OSError:  # the client hangs up on answers it will not have
            connection.close()

    @staticmethod
    def _head(connection: socket.socket) -> str:
        head = b""
        while b"\r\n\r\n" not in head:
            part = connection.recv(4096)
            if not part:
                return ""
            head += part
        return head.decode("latin-1")


@pytest.fixture
def server() -> Iterator[RawServer]:
    running = RawServer()
    yield running
    running.close()


@pytest.fixture
def start_server() -> Iterator[Callable[[ssl.SSLContext | None], RawServer]]:
    running: list[RawServer] = []

    def start(tls: ssl.SSLContext | None = None) -> RawServer:
        running.append(RawServer(tls))
        return running[-1]

    yield start
    for each in running:
        each.close()
