"""A real Chromium behind the guard: whatever a page names, nothing leaves but through the proxy, nothing goes inside.

Two proofs beside the proxy's own word: a trap that listens on this machine's loopback and hears nothing, and Chromium's
own record of every connection that it made (``--log-net-log``).
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from crawler.addresses import Address
from crawler.browser import chromium
from crawler.browser.chromium import RunningChromium
from crawler.browser.page import GOTO, Document, Look, Shown, context_options
from crawler.browser.proxy import GuardedProxy
from domain.settings import Settings

pytestmark = pytest.mark.skipif(shutil.which("chromium") is None, reason="Debian's chromium is not installed")

PAGE = """<!doctype html><title>shop</title>
<link rel="dns-prefetch" href="//prefetched.example">
<link rel="preconnect" href="http://127.0.0.1:TRAP">
<link rel="prefetch" href="http://127.0.0.1:TRAP/prefetch">
<link rel="preload" as="image" href="http://127.0.0.1:TRAP/preload">
<link rel="modulepreload" href="http://127.0.0.1:TRAP/module.js">
<link rel="stylesheet" href="http://127.0.0.1:TRAP/style.css">
<link rel="icon" href="http://127.0.0.1:TRAP/icon.png">
<script type="speculationrules">{"prefetch": [{"urls": ["http://127.0.0.1:TRAP/speculated"]}]}</script>
<style>@font-face {font-family: x; src: url(http://127.0.0.1:TRAP/font)} body {font-family: x}
  div {background: url(http://localhost:TRAP/background)}</style>
<body><div>text</div>
<img src="http://127.0.0.1:TRAP/a"><img src="http://localhost:TRAP/b"><img src="http://[::1]:TRAP/c">
<img src="http://2130706433:TRAP/d"><img src="http://0x7f.1:TRAP/e"><img src="http://127.1:TRAP/f">
<img src="http://[::ffff:127.0.0.1]:TRAP/g"><img src="http://0.0.0.0:TRAP/h"><img src="http://loops.example:TRAP/i">
<img src="http://10.0.0.1/"><img src="http://169.254.169.254/latest/meta-data/"><img src="http://metadata.example/">
<img src="http://127.0.0.1.nip.example:TRAP/"><img src="ftp://127.0.0.1:TRAP/"><img src="http://redirects.example:PORT/away">
<script src="http://127.0.0.1:TRAP/script.js"></script>
<iframe src="http://127.0.0.1:TRAP/frame"></iframe><iframe src="http://0.0.0.0:TRAP/frame"></iframe>
<video src="http://127.0.0.1:TRAP/film"></video><object data="http://127.0.0.1:TRAP/object"></object>
<form id="form" target="_blank" action="http://127.0.0.1:TRAP/form"></form>
<a id="ping" href="#" ping="http://127.0.0.1:TRAP/ping">x</a>
<script>
for (const url of ['http://127.0.0.1:TRAP/fetch', 'https://127.0.0.1:TRAP/fetch', 'http://10.0.0.1/fetch'])
  fetch(url, {mode: 'no-cors'}).catch(() => {});
const asked = new XMLHttpRequest(); asked.open('POST', 'http://localhost:TRAP/xhr'); asked.send('x');
new WebSocket('ws://127.0.0.1:TRAP/socket'); new WebSocket('wss://loops.example:TRAP/socket');
new EventSource('http://127.0.0.1:TRAP/events'); navigator.sendBeacon('http://127.0.0.1:TRAP/beacon', 'x');
const peer = new RTCPeerConnection({iceServers: [{urls: 'stun:127.0.0.1:TRAP'},
  {urls: 'turn:127.0.0.1:TRAP?transport=tcp', username: 'u', credential: 'c'}]});
peer.createDataChannel('x'); peer.createOffer().then(offer => peer.setLocalDescription(offer));
const work = `fetch('http://127.0.0.1:TRAP/worker', {mode: 'no-cors'})`;
new Worker(URL.createObjectURL(new Blob([work])));
window.open('http://127.0.0.1:TRAP/popup'); document.getElementById('form').submit();
document.getElementById('ping').click();
document.title = 'ran';
setTimeout(() => { location = 'http://127.0.0.1:TRAP/gone' }, 300);
</script><meta http-equiv="refresh" content="0; url=http://127.0.0.1:TRAP/refreshed">"""

LEAVES = ("HOST_RESOLVER_SYSTEM_TASK", "HOST_RESOLVER_DNS_TASK", "DNS_TRANSACTION", "QUIC_SESSION", "UDP_BYTES_SENT")


class Trap:
    """Listens on every address of this machine, TCP and UDP; remembers what came."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._tcp = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        self.port: int = self._tcp.getsockname()[1]
        self._udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self._udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self._udp.bind(("::", self.port))
        self._threads = [Thread(target=self._accept), Thread(target=self._receive)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        with socket.create_connection(("127.0.0.1", self.port)) as last:
            last.sendall(b"END")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"END", ("127.0.0.1", self.port))
        for thread in self._threads:
            thread.join()
        self._tcp.close()
        self._udp.close()

    def _accept(self) -> None:
        while True:
            connection, _ = self._tcp.accept()
            with connection, suppress(OSError):
                connection.settimeout(1)
                said = connection.recv(1000)
                if said == b"END":
                    return
                self.heard.append("TCP " + said.decode("latin-1").split("\r\n")[0])

    def _receive(self) -> None:
        while (said := self._udp.recv(2000)) != b"END":
            self.heard.append(f"UDP {len(said)} bytes")


@pytest.fixture
def trap() -> Iterator[Trap]:
    running = Trap()
    yield running
    running.close()


@pytest.fixture
def redirecting() -> Iterator[Callable[[int], int]]:
    """A server at a permitted name that sends everybody to the trap."""
    servers: list[ThreadingHTTPServer] = []

    def start(trap_port: int) -> int:
        class Away(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(302)
                self.send_header("Location", f"http://0.0.0.0:{trap_port}/redirected")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Away))
        Thread(target=servers[-1].serve_forever).start()
        return servers[-1].server_port

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def resolver(host: str, port: int, timeout_s: float) -> list[Address]:
    names = dict.fromkeys(("localhost", "loops.example", "redirects.example"), "127.0.0.1")
    names["metadata.example"] = "169.254.169.254"
    if host not in names:
        raise OSError("no such name")
    return [ip_address(names[host])]


async def look(page: str, *, allow_loopback: bool, pictures: bool = True) -> tuple[Shown, str]:
    """The page as if http://shop.example had sent it, and where the proxy was, as ``host:port``."""
    settings = Settings(allow_loopback=allow_loopback)
    proxy = GuardedProxy(allow_loopback=allow_loopback, resolver=resolver)
    async with proxy, RunningChromium(settings, proxy_url=proxy.url) as running:
        way_out = proxy.admit()
        document = Document(
            url="http://shop.example/", status=200, headers={"content-type": "text/html"}, body=page.encode()
        )
        one = Look(
            url=document.url,
            identity="AssayerTest/1",
            max_bytes=1_000_000,
            way_out=way_out,
            document=document,
            screenshots=pictures,
        )
        context = await running.browser.new_context(
            **context_options(proxy_url=proxy.url, way_out=way_out, identity=one.identity)
        )
        opened = await context.new_page()
        await one.prepare(opened)
        await opened.goto(document.url, **GOTO)
        shown = await one.see(opened)
        await context.close()
        return shown, proxy.url.removeprefix("http://")


def connections(net_log: Path) -> tuple[set[str], set[str]]:
    """Of Chromium's own log: where TCP connections went, and what else was done that leaves a machine."""
    log = json.loads(net_log.read_text("utf-8"))
    kinds = {number: name for name, number in log["constants"]["logEventTypes"].items()}
    assert set(kinds.values()) >= {"TCP_CONNECT_ATTEMPT", *LEAVES}, "Chromium names its events differently now"
    tcp, others = set(), set()
    for event in log["events"]:
        kind, params = kinds[event["type"]], event.get("params", {})
        if kind == "TCP_CONNECT_ATTEMPT" and "address" in params:
            tcp.add(params["address"])
        if kind in LEAVES:
            others.add(kind)
    return tcp, others


def test_nothing_leaves_but_through_the_proxy_and_nothing_goes_inside(
    trap: Trap, redirecting: Callable[[int], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net_log = tmp_path / "net.json"
    monkeypatch.setattr(chromium, "_FLAGS", (*chromium._FLAGS, f"--log-net-log={net_log}"))
    page = PAGE.replace("TRAP", str(trap.port)).replace("PORT", str(redirecting(trap.port)))
    shown, way_out = asyncio.run(look(page, allow_loopback=False))

    assert b"<title>ran</title>" in shown.html
    assert trap.heard == []
    refused = set(shown.refused)
    for place in (f"127.0.0.1:{trap.port}", f"localhost:{trap.port}", f"::1:{trap.port}", f"0.0.0.0:{trap.port}"):
        assert place in refused
    assert {f"loops.example:{trap.port}", "10.0.0.1:80", "169.254.169.254:80", "metadata.example:80"} <= refused
    assert f"::ffff:7f00:1:{trap.port}" in refused
    tcp, others = connections(net_log)
    assert tcp == {way_out}
    assert others == set()


def test_redirects_inside_are_refused_where_loopback_is_allowed(trap: Trap, redirecting: Callable[[int], int]) -> None:
    page = f'<!doctype html><img src="http://redirects.example:{redirecting(trap.port)}/"><p>shop'
    shown, _ = asyncio.run(look(page, allow_loopback=True))
    assert shown.refused == {f"0.0.0.0:{trap.port}": "0.0.0.0 is not a public address"}
    assert trap.heard == []


def test_the_trap_hears_what_is_let_out(trap: Trap) -> None:
    """The proof above proves nothing if the trap is deaf: here loopback is allowed, and it hears."""
    page = PAGE.replace("TRAP", str(trap.port)).replace("PORT", "9")
    shown, _ = asyncio.run(look(page, allow_loopback=True))
    heard = {line.split(" ")[2] for line in trap.heard if line.startswith("TCP GET")}
    assert {"/a", "/b", "/c", "/i", "/background", "/fetch", "/style.css"} <= heard
    # no script may take the page, a frame, or another window elsewhere, nor tell anybody that it was read
    assert not heard & {"/gone", "/refreshed", "/popup", "/form", "/frame", "/film"}
    assert not any("beacon" in line or "ping" in line or line.startswith("UDP") for line in trap.heard)
    assert {"document", "media", "ping"} <= set(shown.not_asked)
    assert {f"http://127.0.0.1:{trap.port}/{path}" for path in ("gone", "popup")} <= set(shown.led_to)
    assert shown.url == "http://shop.example/#"  # as far as its own link led


def test_a_page_that_is_not_looked_at_asks_for_no_pictures(trap: Trap) -> None:
    page = f'<!doctype html><img src="http://127.0.0.1:{trap.port}/picture"><p>shop'
    shown, _ = asyncio.run(look(page, allow_loopback=True, pictures=False))
    assert trap.heard == []
    assert shown.not_asked == {"image": 1}
    assert shown.screenshots is None
