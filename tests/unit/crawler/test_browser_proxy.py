"""The browser's proxy, spoken to byte by byte: what it lets out, what it refuses, and what it keeps of that."""

from __future__ import annotations

import asyncio
import base64
import socket
import threading
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crawler.addresses import Address
from crawler.browser.passes import Pass, ProxyLimits
from crawler.browser.proxy import GREETING, GuardedProxy

NAMES = {
    "shop.example": ["127.0.0.1"],
    "mixed.example": ["127.0.0.1", "10.0.0.1"],
    "inside.example": ["192.168.1.1"],
    "metadata.example": ["169.254.169.254"],
    "mapped.example": ["::ffff:10.0.0.1"],
}

Conversation = Callable[[GuardedProxy], Awaitable[Any]]


def resolver(host: str, port: int, timeout_s: float) -> list[Address]:
    if host not in NAMES:
        raise OSError("no such name")
    return [ip_address(address) for address in NAMES[host]]


def with_proxy(talk: Conversation, *, allow_loopback: bool = True, **limits: Any) -> Any:
    async def run() -> Any:
        proxy = GuardedProxy(allow_loopback=allow_loopback, resolver=resolver, limits=ProxyLimits(**limits))
        async with proxy:
            return await talk(proxy)

    return asyncio.run(run())


def head(start: str, given_pass: Pass | None, **headers: str) -> bytes:
    lines = [f"{start} HTTP/1.1", *(f"{name}: {value}" for name, value in ({"Host": "x"} | headers).items())]
    if given_pass:
        token = base64.b64encode(f"{given_pass.name}:{given_pass.secret}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {token}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def say(proxy: GuardedProxy, raw: bytes) -> bytes:
    """What the proxy answers until it hangs up."""
    reader, writer = await open_to(proxy)
    try:
        writer.write(raw)
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


async def open_to(proxy: GuardedProxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = proxy.url.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port))


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_a_request_is_passed_on_as_the_site_expects_it(server: Any) -> None:
    server.says("/page", b"<p>goods</p>", content_type="text/html", x_own="1")

    async def talk(proxy: GuardedProxy) -> None:
        one = proxy.admit()
        url = server.url("/page?a=b", "shop.example")
        raw = head(f"GET {url}", one, Host=f"shop.example:{server.port}", **{"Proxy-Connection": "keep-alive"})
        answer = await say(proxy, raw)
        assert status(answer) == 200
        assert answer.endswith(b"\r\n\r\n<p>goods</p>")
        assert b"x-own: 1" in answer.lower()
        assert one.used_bytes > len("<p>goods</p>")
        assert (one.refused, one.failed) == ({}, {})

    with_proxy(talk)
    (sent,) = server.heads
    assert sent.startswith("GET /page?a=b HTTP/1.1")
    assert f"host: shop.example:{server.port}" in sent.lower()
    assert "proxy" not in sent.lower()


def test_a_body_goes_out_and_a_chunked_one_comes_back(server: Any) -> None:
    received = []

    def answer(connection: socket.socket, path: str) -> None:
        # it may have come along with the head
        received.append(server.heads[-1].partition("\r\n\r\n")[2].encode() or connection.recv(100))
        connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

    server.answers["/form"] = answer

    async def talk(proxy: GuardedProxy) -> bytes:
        raw = head(f"POST {server.url('/form')}", proxy.admit(), **{"Content-Length": "5"})
        return await say(proxy, raw + b"hello")

    answered = with_proxy(talk)
    assert received == [b"hello"]
    assert b"transfer-encoding: chunked" in answered.lower()
    assert answered.partition(b"\r\n\r\n")[2].replace(b"\r\n", b"|").count(b"|") >= 3
    assert b"abc" in answered


def test_nobody_without_a_pass_is_served(server: Any) -> None:
    server.says("/", b"secret")

    async def talk(proxy: GuardedProxy) -> None:
        stolen = Pass(limits=ProxyLimits())
        gone = proxy.admit()
        await proxy.take_back(gone)
        half = proxy.admit()
        half_right = base64.b64encode(f"{half.name}:".encode()).decode()
        for raw in (
            head(f"GET {server.url('/')}", None),
            head(f"GET {server.url('/')}", stolen),
            head(f"GET {server.url('/')}", gone),
            head(f"GET {server.url('/')}", None, **{"Proxy-Authorization": f"Basic {half_right}"}),
            head(f"GET {server.url('/')}", None, **{"Proxy-Authorization": "Bearer x"}),
            head(f"CONNECT 127.0.0.1:{server.port}", None),
            head(f"GET {GREETING}", None),
        ):
            answer = await say(proxy, raw)
            assert status(answer) == 407
            assert b"proxy-authenticate: basic" in answer.lower()
        assert proxy.strangers_refused == 7
        assert status(await say(proxy, head(f"GET {GREETING}", half))) == 200

    with_proxy(talk)
    assert server.heads == []


@pytest.mark.parametrize(
    "host",
    [
        "10.0.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "[::ffff:10.0.0.1]",
        "[fd00::1]",
        "[::]",
        "2130706433",
        "0x7f.1",
        "127.1",
        "inside.example",
        "metadata.example",
        "mapped.example",
        "mixed.example",
    ],
)
@pytest.mark.parametrize("tunnel", [False, True])
def test_addresses_inside_are_refused_and_never_connected_to(server: Any, host: str, tunnel: bool) -> None:
    async def talk(proxy: GuardedProxy) -> None:
        one = proxy.admit()
        start = f"CONNECT {host}:{server.port}" if tunnel else f"GET http://{host}:{server.port}/"
        answer = await say(proxy, head(start, one))
        assert status(answer) == 403
        (reason,) = one.refused.values()
        assert reason.encode() in answer
        assert one.why_not(f"{host.strip('[]')}:{server.port}") == reason

    with_proxy(talk)
    assert server.heads == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "shop.example"])
@pytest.mark.parametrize("tunnel", [False, True])
def test_loopback_is_refused_unless_allowed(server: Any, host: str, tunnel: bool) -> None:
    async def talk(proxy: GuardedProxy) -> None:
        start = f"CONNECT {host}:{server.port}" if tunnel else f"GET http://{host}:{server.port}/"
        assert status(await say(proxy, head(start, proxy.admit()))) == 403

    with_proxy(talk, allow_loopback=False)
    assert server.heads == []


@pytest.mark.parametrize(
    "start",
    [
        "CONNECT 127.0.0.1:22",
        "CONNECT 127.0.0.1:6379",
        "CONNECT u:p@127.0.0.1:8080",
        "CONNECT 127.0.0.1:8080/x",
        "CONNECT 127.0.0.1:x",
        "CONNECT :8080",
        "GET /",
        "GET ftp://127.0.0.1/",
        "GET file:///etc/passwd",
        "OPTIONS *",
        "GET http://127.0.0.1:25/",
        "GET http://u:p@127.0.0.1:8080/",
        "GET http://",
        "GET //127.0.0.1:8080/",
    ],
)
def test_what_is_no_web_address_is_refused(start: str) -> None:
    async def talk(proxy: GuardedProxy) -> int:
        return status(await say(proxy, head(start, proxy.admit())))

    assert with_proxy(talk) == 403


@pytest.mark.parametrize(
    "start",
    [
        "GET http://CONNECTIVITYCHECK.gstatic.com/generate_204",
        "CONNECT connectivitycheck.gstatic.com:443",
        f"GET {GREETING}favicon.ico",
    ],
)
def test_errands_of_the_browser_itself_are_refused_and_not_held_against_the_page(start: str) -> None:
    async def talk(proxy: GuardedProxy) -> None:
        one = proxy.admit()
        assert status(await say(proxy, head(start, one))) == 403
        assert (one.refused, one.failed) == ({}, {})

    with_proxy(talk)


def test_a_name_is_resolved_once_and_that_answer_is_connected_to(server: Any) -> None:
    """A name that answers differently the next time gains nothing."""
    server.says("/", b"goods")
    answers = [[ip_address("127.0.0.1")], [ip_address("10.0.0.1")]]
    asked = []

    def changing(host: str, port: int, timeout_s: float) -> list[Address]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    async def run() -> list[int]:
        async with GuardedProxy(allow_loopback=True, resolver=changing) as proxy:
            raw = head(f"GET {server.url('/', 'changing.example')}", proxy.admit())
            return [status(await say(proxy, raw)), status(await say(proxy, raw))]

    assert asyncio.run(run()) == [200, 403]
    assert asked == ["changing.example"] * 2
    assert len(server.heads) == 1


def test_a_tunnel_carries_bytes_both_ways() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def echo() -> None:
            connection, _ = listening.accept()
            with connection:
                while data := connection.recv(100):
                    connection.sendall(data.upper())

        thread = threading.Thread(target=echo)
        thread.start()

        async def talk(proxy: GuardedProxy) -> None:
            one = proxy.admit()
            reader, writer = await open_to(proxy)
            writer.write(head(f"CONNECT shop.example:{listening.getsockname()[1]}", one) + b"early ")
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(6) == b"EARLY "
            writer.write(b"late")
            assert await reader.readexactly(4) == b"LATE"
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
            assert one.used_bytes == 2 * len("late") + len("EARLY ")

        with_proxy(talk)
        thread.join()


def test_a_name_that_leads_nowhere_and_a_place_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        closed = listening.getsockname()[1]

    async def talk(proxy: GuardedProxy) -> None:
        one = proxy.admit()
        assert status(await say(proxy, head("GET http://nowhere.example/", one))) == 502
        assert status(await say(proxy, head(f"GET http://127.0.0.1:{closed}/", one))) == 502
        assert one.refused == {}
        assert one.why_not("nowhere.example:80") == "the name nowhere.example leads nowhere (no such name)"
        assert one.why_not(f"127.0.0.1:{closed}").startswith("no connection to 127.0.0.1")

    with_proxy(talk)


def test_a_page_gets_no_more_bytes_than_it_may(server: Any) -> None:
    server.says("/big", b"x" * 300_000)

    async def talk(proxy: GuardedProxy) -> None:
        one, other = proxy.admit(), proxy.admit()
        answer = await say(proxy, head(f"GET {server.url('/big')}", one))
        assert len(answer) < 200_000
        assert "more than 100000 bytes" in one.why_not(f"127.0.0.1:{server.port}")
        assert other.used_bytes == 0

    with_proxy(talk, total_bytes=100_000)


@pytest.mark.parametrize("tunnel", [False, True])
def test_a_server_that_never_ends_is_left(server: Any, tunnel: bool) -> None:
    server.answers["/drip"] = lambda connection, _: server.closing.wait()

    async def talk(proxy: GuardedProxy) -> None:
        one = proxy.admit()
        start = f"CONNECT 127.0.0.1:{server.port}" if tunnel else f"GET {server.url('/drip')}"
        await say(proxy, head(start, one))
        assert one.why_not(f"127.0.0.1:{server.port}") == "longer than 0.2 s"

    with_proxy(talk, connection_s=0.2)


def test_a_pass_that_is_taken_back_ends_what_it_let_through(server: Any) -> None:
    reached = threading.Event()

    def hold(connection: socket.socket, path: str) -> None:
        reached.set()
        server.closing.wait()

    server.answers["/hold"] = hold

    async def talk(proxy: GuardedProxy) -> None:
        one = proxy.admit()
        waiting = asyncio.create_task(say(proxy, head(f"GET {server.url('/hold')}", one)))
        await asyncio.to_thread(reached.wait)
        assert len(one.connections) == 1
        await proxy.take_back(one)
        assert await waiting == b""
        assert one.connections == set()

    with_proxy(talk)


def test_a_page_has_no_more_connections_than_it_may(server: Any) -> None:
    reached = threading.Event()

    def hold(connection: socket.socket, path: str) -> None:
        reached.set()
        server.closing.wait()

    server.answers["/hold"] = hold

    async def talk(proxy: GuardedProxy) -> None:
        one = proxy.admit()
        waiting = asyncio.create_task(say(proxy, head(f"GET {server.url('/hold')}", one)))
        await asyncio.to_thread(reached.wait)
        assert status(await say(proxy, head(f"GET {server.url('/hold')}", one))) == 503
        assert status(await say(proxy, head(f"GET {GREETING}", proxy.admit()))) == 200
        await proxy.take_back(one)
        await waiting

    with_proxy(talk, connections=1)


@pytest.mark.parametrize(
    "raw",
    [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 20_000, b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n"],
)
def test_an_answer_that_is_no_http_is_no_answer(server: Any, raw: bytes) -> None:
    server.answers["/odd"] = lambda connection, _: connection.sendall(raw)

    async def talk(proxy: GuardedProxy) -> None:
        one = proxy.admit()
        assert await say(proxy, head(f"GET {server.url('/odd')}", one)) == b""
        assert one.why_not(f"127.0.0.1:{server.port}")

    with_proxy(talk)


def test_reasons_are_kept_for_the_first_places_only() -> None:
    one = Pass(limits=ProxyLimits())
    for number in range(1_000):
        one.refuse(f"host{number}:80" + "x" * 1_000, "r" * 1_000)
    assert len(one.refused) == 100
    assert all(len(place) <= 300 and len(reason) <= 300 for place, reason in one.refused.items())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=8))
def test_whatever_is_said_without_a_pass_gets_nowhere(heads: list[bytes]) -> None:
    async def talk(proxy: GuardedProxy) -> None:
        for raw in heads:
            answer = await say(proxy, raw + b"\r\n\r\n")
            assert answer == b"" or status(answer) == 407
        assert status(await say(proxy, head(f"GET {GREETING}", proxy.admit()))) == 200

    with_proxy(talk)
