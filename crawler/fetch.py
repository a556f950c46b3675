"""The one guarded fetcher for URLs that come from outside.

A URL is taken apart, its name resolved once, every address checked, and the connection made to a checked address, so
that a name which changes its answer between check and connection gains nothing. TLS still verifies the name. Each
redirect goes through the same gate. One deadline holds for everything, however slowly bytes drip. What kind of thing
came is read from its bytes; what the server calls it is kept and believed by nobody.
"""

from __future__ import annotations

import ssl
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

import httpcore
import httpx

from crawler.addresses import check_url
from crawler.connection import Deadline, GuardedBackend, Resolver, resolve
from crawler.content import sniffed_type
from crawler.decoding import BodyTooLarge, BrokenBody, decoded
from domain.errors import AddressRefused, FetchRefused, FetchTooLarge
from domain.settings import Settings

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DEFAULT_ACCEPT = "*/*"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """What a URL answered. Only complete answers of status 200 become one."""

    content: bytes
    """The body, decompressed."""
    url: str
    """As asked for."""
    final_url: str
    """After redirects."""
    status: int
    content_type: str
    """As the server says, lower case, without parameters; may be empty, may be wrong."""
    fetched_at: datetime
    """UTC."""

    @property
    def kind(self) -> str:
        """What the bytes show themselves to be, such as ``image/png``; see `sniffed_type`."""
        return sniffed_type(self.content)


class GuardedFetcher:
    """Fetches URLs that strangers name. Safe to share between threads; holds no connection between calls."""

    def __init__(self, settings: Settings, *, resolver: Resolver = resolve, tls: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._resolver = resolver
        # built once: loading the authorities' certificates takes longer than most fetches
        self._tls = tls or httpx.create_ssl_context(trust_env=False)

    def fetch(self, url: str, *, max_bytes: int, expect: Collection[str] = ()) -> Fetched:
        """The body at `url`, of at most `max_bytes` (as sent, and again once decompressed).

        `expect` are the kinds (see `sniffed_type`) that it may be, by its bytes; empty: any. Raises AddressRefused,
        FetchTooLarge, or FetchRefused for everything else that keeps it from being read whole: too late, too many
        redirects, a status other than 200, a broken or unknown encoding, no connection, another kind.
        """
        deadline = Deadline.after(self._settings.fetch_timeout_s)
        fetched = self._fetch(url, deadline, max_bytes)
        if expect and fetched.kind not in expect:
            raise FetchRefused(f"is {fetched.kind}, which was not asked for", url=url)
        return fetched

    def _fetch(self, url: str, deadline: Deadline, max_bytes: int) -> Fetched:
        try:
            return self._follow(url, deadline, max_bytes)
        except (httpcore.TimeoutException, httpx.TimeoutException) as error:
            raise FetchRefused(f"no complete answer within {deadline.seconds:g} s", url=url) from error
        except (httpcore.NetworkError, httpx.NetworkError) as error:
            raise FetchRefused(f"no connection ({_words(error)})", url=url) from error
        except (httpcore.ProtocolError, httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            raise FetchRefused(f"not a proper answer ({_words(error)})", url=url) from error
        except (ValueError, OSError) as error:  # names that no codec takes, headers that no parser does
            raise FetchRefused(f"cannot be asked for ({_words(error)})", url=url) from error

    def _follow(self, url: str, deadline: Deadline, max_bytes: int) -> Fetched:
        asked = url
        for _ in range(self._settings.fetch_max_redirects + 1):
            try:
                check_url(asked, allow_loopback=self._settings.allow_loopback)
                answer = self._ask(url, asked, deadline, max_bytes)
            except AddressRefused as error:
                if asked == url:
                    raise
                raise AddressRefused(f"redirects to {error.url}: {error.reason}", url=url) from error
            if isinstance(answer, Fetched):
                return answer
            asked = answer
        raise FetchRefused(f"more than {self._settings.fetch_max_redirects} redirects", url=url)

    def _ask(self, url: str, asked: str, deadline: Deadline, max_bytes: int) -> Fetched | str:
        """The answer to one request, or the URL that it redirects to."""
        backend = GuardedBackend(asked, deadline, self._resolver, allow_loopback=self._settings.allow_loopback)
        with (
            httpcore.ConnectionPool(ssl_context=self._tls, network_backend=backend) as pool,
            httpx.Client(transport=_Transport(pool), trust_env=False, headers=self._headers()) as client,
            client.stream("GET", asked) as response,
        ):
            if response.status_code in _REDIRECTS and "location" in response.headers:
                return str(response.url.join(response.headers["location"]))
            if response.status_code != HTTPStatus.OK:
                raise FetchRefused(f"answered {response.status_code} {response.reason_phrase}".strip(), url=url)
            content = _read(url, response, max_bytes)
            return Fetched(
                content=content,
                url=url,
                final_url=asked,
                status=response.status_code,
                content_type=response.headers.get("content-type", "").partition(";")[0].strip().lower(),
                fetched_at=datetime.now(UTC),
            )

    def _headers(self) -> dict[str, str]:
        # brotli and zstd are not offered: their decoders cannot be told to stop at a size
        return {
            "user-agent": self._settings.identity,
            "accept": _DEFAULT_ACCEPT,
            "accept-encoding": "gzip, deflate",
        }


def _read(url: str, response: httpx.Response, max_bytes: int) -> bytes:
    announced = response.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > max_bytes:
        raise FetchTooLarge(f"announces {announced[:20]} bytes; at most {max_bytes} are read", url=url)
    try:
        return decoded(response.iter_raw(), response.headers.get("content-encoding", ""), max_bytes)
    except BodyTooLarge as error:
        raise FetchTooLarge(f"more than {max_bytes} bytes", url=url) from error
    except BrokenBody as error:
        raise FetchRefused(str(error), url=url) from error


def _words(error: Exception) -> str:
    return str(error)[:200] or type(error).__name__


class _Transport(httpx.BaseTransport):
    """httpx on a connection pool of ours: its own transport takes no network backend."""

    def __init__(self, pool: httpcore.ConnectionPool) -> None:
        self._pool = pool

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path
        )
        answer = self._pool.handle_request(
            httpcore.Request(request.method, url, headers=request.headers.raw, extensions=request.extensions)
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()
