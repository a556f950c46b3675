"""Connections to checked addresses only, each operation within one deadline."""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import httpcore

from crawler.addresses import Address, check_addresses, why_port_refused
from domain.errors import AddressRefused, FetchRefused

Resolver = Callable[[str, int, float], list[Address]]
"""(host, port, seconds allowed) to every address of the host. Raises OSError when there is none."""

_MOST_TRIED = 4


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on the monotonic clock by which everything must be over."""

    at: float
    seconds: float
    """How long it was when set."""

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """That many seconds from now."""
        return cls(time.monotonic() + seconds, seconds)

    def remaining(self) -> float:
        """Seconds left, more than zero. Raises httpcore.ReadTimeout when there are none."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout(f"{self.seconds:g} s are over")
        return left


def resolve(host: str, port: int, timeout_s: float) -> list[Address]:
    """What the system's resolver says. Raises OSError (no such name) or TimeoutError.

    In a thread of its own, because the system's call cannot be given a time limit.
    """
    answers: queue.SimpleQueue[list[Address] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put([ip_address(entry[4][0]) for entry in found])
        except (OSError, UnicodeError) as error:  # UnicodeError: a label too long for the resolver's codec
            answers.put(error if isinstance(error, OSError) else OSError(str(error)))

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=timeout_s)
    except queue.Empty:
        raise TimeoutError(f"no answer from the name service within {timeout_s:.1f} s") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


class GuardedBackend(httpcore.NetworkBackend):
    """Connects for one URL: resolves once, checks every address, connects to one of those checked."""

    def __init__(self, url: str, deadline: Deadline, resolver: Resolver, *, allow_loopback: bool) -> None:
        self._url, self._deadline, self._resolver = url, deadline, resolver
        self._allow_loopback = allow_loopback
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A stream that keeps the deadline. Raises AddressRefused, or FetchRefused when the name is not found."""
        # asked again here, of what is really connected to: two parsers may read one URL differently
        refused = why_port_refused(port)
        if refused:
            raise AddressRefused(refused, url=self._url)
        addresses = self._addresses(host, port)
        check_addresses(self._url, addresses, allow_loopback=self._allow_loopback)
        return _TimedStream(self._connect(addresses[:_MOST_TRIED], port, socket_options), self._deadline)

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        """Never."""
        raise AddressRefused("a socket of this machine", url=self._url)

    def _addresses(self, host: str, port: int) -> list[Address]:
        try:
            addresses = [ip_address(host.strip("[]"))]
        except ValueError:
            try:
                addresses = self._resolver(host, port, self._deadline.remaining())
            except TimeoutError as error:
                raise httpcore.ConnectTimeout(str(error)) from error
            except OSError as error:
                raise FetchRefused(
                    f"the name {host} leads nowhere ({error.strerror or error})", url=self._url
                ) from error
        if not addresses:
            raise FetchRefused(f"the name {host} leads nowhere", url=self._url)
        return list(dict.fromkeys(addresses))

    def _connect(self, addresses: list[Address], port: int, options: Iterable[Any] | None) -> httpcore.NetworkStream:
        for left in range(len(addresses), 1, -1):
            try:  # one that swallows packets must not use up the time of the others
                return self._connect_one(addresses[-left], port, self._deadline.remaining() / left, options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._connect_one(addresses[-1], port, self._deadline.remaining(), options)

    def _connect_one(
        self, address: Address, port: int, timeout_s: float, options: Iterable[Any] | None
    ) -> httpcore.NetworkStream:
        return self._sockets.connect_tcp(str(address), port, timeout=timeout_s, socket_options=options)


class _TimedStream(httpcore.NetworkStream):
    """A stream whose every read and write ends at the deadline, so that many short waits are not a long one."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, timeout=self._deadline.remaining())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout=self._deadline.remaining())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, timeout=self._deadline.remaining())
        return _TimedStream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
