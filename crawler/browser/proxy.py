"""The browser's only way out: a proxy on loopback that connects to permitted addresses and to nothing else.

Chromium finds names and opens connections itself, out of sight of the crawler's own guard. With this proxy it does
neither: it names a host, and the proxy judges the address as text, resolves the name once, judges every address found,
and connects to one of those. Whoever has no pass gets nothing, so that no other process of this machine is served; each
page has a pass of its own, so that what a page uses and what it was refused is known apart from every other page.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from types import TracebackType
from urllib.parse import SplitResult, urlsplit

import h11

from crawler.addresses import Address, check_addresses, check_url
from crawler.browser.passes import Pass, ProxyLimits, SpentPass
from crawler.browser.wire import READ_BYTES, Wire
from crawler.connection import Resolver, resolve
from domain.errors import AddressRefused

_GREETER = "pass.invalid"
GREETING = f"http://{_GREETER}/"
"""Answered by the proxy itself. Chromium shows a pass at once only where it has used it before, and asks nobody for one
on behalf of pictures and sockets; so each page begins here. The name can belong to nobody (RFC 2606 section 2)."""

# where Chromium itself asks, after a certificate that it does not trust, whether there is a network at all, and for the
# icon of the page that greets; no switch keeps it from that, and no page has business there
_OWN_ERRANDS = frozenset({"connectivitycheck.gstatic.com", _GREETER})
ERRAND = "an errand of the browser's own"
"""Why such a place is refused, which says nothing of the page that was on show."""
_HEAD_S = 10.0
_MOST_STRANGERS = 64
_MOST_TRIED = 4
_DEFAULT_PORTS = {"http": 80, "https": 443}
# RFC 9110 section 7.6.1: fields that concern one connection are not passed on
_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-authorization", b"proxy-connection", b"te", b"trailer", b"upgrade"}
    | {b"proxy-authenticate", b"proxy-authentication-info"}
)

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Unreachable(Exception):
    """A permitted place that no connection could be made to."""


class GuardedProxy:
    """Serves browsers of this process while the block that it is entered with lasts."""

    def __init__(
        self, *, allow_loopback: bool = False, resolver: Resolver = resolve, limits: ProxyLimits | None = None
    ) -> None:
        self._allow_loopback, self._resolver = allow_loopback, resolver
        self._limits = limits or ProxyLimits()
        self._passes: dict[str, Pass] = {}
        self._strangers: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.strangers_refused = 0
        """Requests without a pass."""

    async def __aenter__(self) -> GuardedProxy:
        # a port that the system chooses; only loopback can reach it
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server
        self._server.close()
        for used in list(self._passes.values()):
            await self.take_back(used)
        await _end(self._strangers)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        """What Chromium is given as its proxy."""
        assert self._server, "the proxy is used within its block"
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def admit(self) -> Pass:
        """A pass for one page."""
        new = Pass(limits=self._limits)
        self._passes[new.name] = new
        return new

    async def take_back(self, used: Pass) -> None:
        """End what goes on with this pass; it lets nobody through any more."""
        self._passes.pop(used.name, None)
        await _end(used.connections)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._strangers.add(task)
        try:
            if len(self._strangers) <= _MOST_STRANGERS:
                await self._serve(reader, writer, task)
        except asyncio.CancelledError:  # the pass was taken back; asyncio's streams complain of cancelled handlers
            pass
        except (TimeoutError, OSError, h11.ProtocolError):  # the browser's side broke: nobody is left to be told
            pass
        finally:
            self._strangers.discard(task)
            _abort(writer)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, task: asyncio.Task[None]
    ) -> None:
        browser = Wire(h11.SERVER, reader, writer, lambda size: None)
        async with asyncio.timeout(_HEAD_S):
            request = await browser.receive()
        if not isinstance(request, h11.Request):
            return
        used = self._pass_of(request)
        if used is None:
            self.strangers_refused += 1
            await _say(browser, 407, "a pass is needed")
            return
        self._strangers.discard(task)
        if len(used.connections) >= used.limits.connections:
            await _say(browser, 503, "too many connections at once")
            return
        used.connections.add(task)
        try:
            await self._pass_on(browser, request, used)
        finally:
            used.connections.discard(task)

    def _pass_of(self, request: h11.Request) -> Pass | None:
        for name, value in request.headers:
            if name == b"proxy-authorization":
                header = value.decode("latin-1")
                return next((known for known in self._passes.values() if known.proves(header)), None)
        return None

    async def _pass_on(self, browser: Wire, request: h11.Request, used: Pass) -> None:
        """Judge, connect, and let bytes through; why that ended early is kept with the pass."""
        tunnel = request.method == b"CONNECT"
        target = request.target.decode("latin-1")
        url = f"https://{target}/" if tunnel else target
        place = place_of(url)
        if url == GREETING:
            await _say(browser, 200, "let through")
            return
        if is_errand(place):
            await _say(browser, 403, ERRAND)
            return
        try:
            parts = check_url(url, allow_loopback=self._allow_loopback)
            if tunnel and parts.path != "/":
                raise AddressRefused("not a host with a port", url=url)
            reader, writer = await self._connect(url, parts, used.limits.connect_s)
        except AddressRefused as error:
            used.refuse(place, error.reason)
            await _say(browser, 403, error.reason)
            return
        except Unreachable as error:
            used.fail(place, str(error))
            await _say(browser, 502, str(error))
            return
        try:
            async with asyncio.timeout(used.limits.connection_s):
                if tunnel:
                    await _tunnel(browser, (reader, writer), used)
                else:
                    await _forward(browser, request, parts, Wire(h11.CLIENT, reader, writer, used.spend))
        except SpentPass as error:
            used.fail(place, str(error))
        except TimeoutError:
            used.fail(place, f"longer than {used.limits.connection_s:g} s")
        except h11.RemoteProtocolError as error:
            used.fail(place, f"not a proper answer ({error})")
        except OSError:
            used.fail(place, "the connection broke")
        finally:
            _abort(writer)

    async def _connect(self, url: str, parts: SplitResult, seconds: float) -> Streams:
        """A connection to a checked address. Raises AddressRefused or Unreachable."""
        host, port = parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme]
        addresses = await self._addresses(host, port, seconds)
        check_addresses(url, addresses, allow_loopback=self._allow_loopback)
        return await _first_that_answers(addresses[:_MOST_TRIED], port, seconds)

    async def _addresses(self, host: str, port: int, seconds: float) -> list[Address]:
        try:
            return [ip_address(host)]
        except ValueError:
            pass
        try:
            found = await asyncio.to_thread(self._resolver, host, port, seconds)
        except OSError as error:  # TimeoutError among them
            raise Unreachable(f"the name {host} leads nowhere ({error.strerror or error})") from error
        if not found:
            raise Unreachable(f"the name {host} leads nowhere")
        return list(dict.fromkeys(found))


def is_errand(place: str) -> bool:
    """Whether only Chromium itself has business there, so that it is refused and held against no page."""
    return place.rpartition(":")[0] in _OWN_ERRANDS


def place_of(url: str) -> str:
    """``host:port`` of a URL, as passes name places; the URL itself when it has none."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return url
    return f"{parts.hostname}:{port}"


async def _first_that_answers(addresses: Sequence[Address], port: int, seconds: float) -> Streams:
    reason = ""
    for address in addresses:  # one that swallows packets must not use up the time of the others
        try:
            async with asyncio.timeout(seconds / len(addresses)):
                return await asyncio.open_connection(str(address), port)
        except TimeoutError:
            reason = f"{address} does not answer"
        except OSError as error:
            reason = f"no connection to {address} ({error.strerror or type(error).__name__})"
    raise Unreachable(reason)


async def _tunnel(browser: Wire, server: Streams, used: Pass) -> None:
    """Bytes both ways until both ends are done, one breaks, or the pass has none left."""
    await browser.send(h11.Response(status_code=200, headers=[], reason=b"Connection established"))
    early, _ = browser.http.trailing_data
    server[1].write(early)
    up = asyncio.create_task(_pump(browser.reader, server[1], used))
    down = asyncio.create_task(_pump(server[0], browser.writer, used))
    try:
        done, _ = await asyncio.wait({up, down}, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    except OSError:  # either end hung up, as either end may
        pass
    finally:
        await _end({up, down})


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, used: Pass) -> None:
    while data := await source.read(READ_BYTES):
        used.spend(len(data))
        sink.write(data)
        await sink.drain()
    with suppress(OSError):
        sink.write_eof()


async def _forward(browser: Wire, request: h11.Request, parts: SplitResult, server: Wire) -> None:
    """One request and its answer; then the connection is over, so that the next is judged anew."""
    target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    headers = [(name, value) for name, value in request.headers if name not in _HOP_BY_HOP]
    closing = (b"connection", b"close")
    await server.send(h11.Request(method=request.method, target=target, headers=[*headers, closing]))
    while isinstance(event := await browser.receive(), (h11.Data, h11.EndOfMessage)):
        await server.send(event)
        if isinstance(event, h11.EndOfMessage):
            break
    while not isinstance(event := await server.receive(), (h11.ConnectionClosed, type(h11.PAUSED))):
        if isinstance(event, h11.Response):
            kept = [(name, value) for name, value in event.headers if name not in _HOP_BY_HOP]
            answer = h11.Response(status_code=event.status_code, reason=event.reason, headers=[*kept, closing])
            await browser.send(answer)
        elif isinstance(event, (h11.Data, h11.EndOfMessage)):
            await browser.send(event)
        if isinstance(event, h11.EndOfMessage):
            return


async def _say(browser: Wire, status: int, reason: str) -> None:
    body = reason.encode("ascii", "replace")
    headers = [("content-type", "text/plain"), ("content-length", str(len(body))), ("connection", "close")]
    if status == 407:
        headers.append(("proxy-authenticate", 'Basic realm="Assayer"'))
    await browser.send(h11.Response(status_code=status, headers=headers))
    await browser.send(h11.Data(data=body))
    await browser.send(h11.EndOfMessage())
    browser.writer.write_eof()


async def _end(tasks: set[asyncio.Task[None]]) -> None:
    """Cancel, and wait until they are gone."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


def _abort(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, RuntimeError):  # RuntimeError: the loop is gone already
        writer.close()
