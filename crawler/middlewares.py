"""What stands between the spider and the network."""

from __future__ import annotations

from urllib.parse import urlsplit

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import CannotResolveHostError, IgnoreRequest
from scrapy.http import Response, TextResponse

from crawler.addresses import check_url
from crawler.manners.canonical import host_of
from crawler.manners.middlewares import MAX_ROBOTS_BYTES, asked_first, is_robots
from crawler.resolver import GuardedResolver
from crawler.session import Session
from domain.errors import AddressRefused

AS_RECEIVED = "headers as received"
"""Under this name a request keeps its answer's headers: those too that say how it was compressed."""
ASSUMED = "assumed"
"""Flag of an answer that no site gave."""
_MOST_ROBOTS_BYTES = 10_000_000


class UnguardedCrawl(RuntimeError):
    """The reactor resolves names without the guard: no request may leave."""


class RequestRefused(IgnoreRequest):
    """A request that the address policy does not let out."""


class AddressGate:
    """Lets out only what the address policy permits, redirects and images included.

    The URL's text is judged here; the addresses that its name leads to are judged by `GuardedResolver`, which is the
    only source of addresses that connections are made to.
    """

    def __init__(self, session: Session) -> None:
        self._allow_loopback = session.order.settings.allow_loopback

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> AddressGate:
        """As Scrapy makes it."""
        return cls(_session(crawler))

    def process_request(self, request: Request) -> None:
        """Raises RequestRefused."""
        _guard()
        if request.meta.get("proxy"):
            raise RequestRefused("proxies would resolve names out of our sight")
        try:
            check_url(request.url, allow_loopback=self._allow_loopback)
        except AddressRefused as error:
            raise RequestRefused(error.reason) from error


class RefusedNames:
    """Says why a name led nowhere when that was the guard's doing, before the request is tried again."""

    def process_exception(self, request: Request, exception: Exception) -> None:
        """Raises RequestRefused for a host whose addresses the guard refused."""
        if isinstance(exception, CannotResolveHostError):
            reason = _guard().refused.get(urlsplit(request.url).hostname or "")
            if reason:
                raise RequestRefused(reason) from exception


class AsReceived:
    """Next to the downloader: keeps the headers of each answer as they came, for evidence."""

    def process_response(self, request: Request, response: Response) -> Response:
        """The same answer."""
        request.meta[AS_RECEIVED] = response.headers.copy()
        return response


class StrictRobots:
    """Reads silence as a no: a robots.txt that cannot be had forbids everything (RFC 9309 section 2.3.1.4)."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> StrictRobots:
        """As Scrapy makes it."""
        return cls(_session(crawler))

    def process_request(self, request: Request) -> Response | None:
        """Who wants to read a robots.txt (for its sitemaps) gets the one that is obeyed; no site is asked twice."""
        known = self._session.robots.get(request.url)
        if known is None or is_robots(request):
            return None
        return TextResponse(request.url, body=known, headers={"Content-Type": "text/plain"}, request=request)

    def process_response(self, request: Request, response: Response) -> Response:
        """robots.txt as it counts: 4xx means there is none, anything else that is not 200 means no."""
        if not is_robots(request):
            return response
        if response.status == 200:
            return self._known(request, response.body[:MAX_ROBOTS_BYTES])
        if 400 <= response.status < 500 and response.status != 429:
            return self._known(request, b"")
        return self._forbidding(request, f"answered {response.status}")

    def process_exception(self, request: Request, exception: Exception) -> Response | None:
        """Nothing came: nothing may be asked for."""
        return self._forbidding(request, describe(exception)) if is_robots(request) else None

    def _known(self, request: Request, body: bytes) -> Response:
        if sum(map(len, self._session.robots.values())) < _MOST_ROBOTS_BYTES:
            self._session.robots[asked_first(request)] = body
        return TextResponse(request.url, body=body, request=request)

    def _forbidding(self, request: Request, reason: str) -> Response:
        self._session.unreachable_robots[host_of(asked_first(request))] = reason
        body = b"User-agent: *\nDisallow: /"
        return TextResponse(request.url, body=body, request=request, flags=[ASSUMED])


def describe(exception: BaseException) -> str:
    """Why a request gave no answer, in words that are the same each time."""
    text = " ".join(str(exception).split())
    if isinstance(exception, IgnoreRequest):
        return text or "ignored"
    name = type(exception).__name__.removesuffix("Error")
    words = "".join(" " + c.lower() if c.isupper() else c for c in name).strip()
    return {
        "CannotResolveHost": "its name leads nowhere",
        "DownloadConnectionRefused": "nobody listens there",
        "DownloadTimeout": "no complete answer in time",
        "DownloadCancelled": "more bytes than allowed",
        "ResponseDataLoss": "the answer was cut short",
        "DownloadFailed": "the connection broke",
    }.get(name, f"{words}: {text}"[:200])


def _guard() -> GuardedResolver:
    from twisted.internet import reactor  # installed by then, and importing it earlier would install another

    resolver = getattr(reactor, "nameResolver", None)
    if not isinstance(resolver, GuardedResolver):
        raise UnguardedCrawl(f"names are resolved by {type(resolver).__name__}")
    return resolver


def _session(crawler: Crawler) -> Session:
    session = getattr(crawler.spider, "session", None)
    assert isinstance(session, Session), "the spider of this project brings a session"
    return session
