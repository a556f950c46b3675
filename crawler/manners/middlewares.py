"""Between the crawl and the network: no request to a site that said stop, and no answer that is not listened to.

Pictures, redirects and robots.txt come this way as well as pages, and to hosts that no frontier knows of.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.core.downloader import Downloader
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.robotstxt import RobotParser

from crawler.headers import plain_headers
from crawler.manners.canonical import host_of
from crawler.manners.challenges import MOST_BYTES
from crawler.manners.contact import identifying_headers, needs_contact
from crawler.manners.robots import read_robots, robots_token
from crawler.manners.stops import utc_now
from crawler.manners.throttle import SITE_PAUSED, SITE_STOPPED, SiteStopped, sites_of
from domain.settings import Settings
from domain.visit import SiteStop

MAX_ROBOTS_BYTES = 512_000
"""RFC 9309 section 2.5 asks for at least 500 kibibytes to be read."""
_MOST_RULES_BYTES = 5_000_000
"""Of robots.txt files whose rules are held, a thousand added for each: as rules they take some forty times as much, and
a page may name pictures at as many hosts as it likes."""

# flags of answers that no site gave now: of the cache, and of what a robots.txt is taken to say that cannot be read
_UNHEARD = frozenset({"cached", "assumed"})
# an answer to whoever shows a key is about the key
_KEYS = ("Authorization", "X-Api-Key")
_ABOUT_KEYS = (401, 403)


class OutsideWindow(SiteStopped):
    """A request that was not made, because its site is crawled at other times."""


class NoContact(SiteStopped):
    """A request that was not made, because its site could not reach who makes it."""


class SiteGate:
    """Before robots.txt is asked for: names the slot, says who asks, and refuses what may not be asked now."""

    def __init__(self, crawler: Crawler) -> None:
        self._sites = sites_of(crawler)
        self._settings = _settings(crawler)
        self._headers = identifying_headers(self._settings)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> SiteGate:
        """As Scrapy makes it."""
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Raises SiteStopped, OutsideWindow or NoContact."""
        host = host_of(request.url)
        request.meta[Downloader.DOWNLOAD_SLOT] = host  # a redirect brings the one of another site
        if needs_contact(host, self._settings):
            raise NoContact("ASSAYER_CONTACT is not set")
        _refuse_stopped(self._sites.watch.stop_of(host))
        if not self._sites.rule(host).window.is_open(utc_now()):
            raise OutsideWindow("is crawled at other times")
        for name, value in self._headers.items():
            request.headers[name] = value


class PatientRobots(RobotsTxtMiddleware):
    """Scrapy's robots middleware, made to hold for every request.

    In Scrapy 2.19, of the requests to one site that wait for its robots.txt only one gets to know what is in it; the
    others go out as if there was none, because a Deferred has one result for one who waits. Here they wait in line.
    Where robots.txt could not be asked for, nothing else is, and the next request tries again.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._lines: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._errors: dict[str, Exception] = {}
        self._sizes: dict[str, int] = {}
        self._held_bytes = 0

    async def robot_parser(self, request: Request) -> RobotParser | None:
        """What the robots.txt of the request's site says. Raises IgnoreRequest, of the kind that refused it, if any."""
        site = urlsplit(request.url).netloc
        async with self._lines[site]:
            parser = await super().robot_parser(request)
            if parser is None:
                self._parsers.pop(site, None)
                error = self._errors.pop(site, None)
                if isinstance(error, SiteStopped):
                    raise type(error)(*error.args) from error
                reason = f" ({error})" if isinstance(error, IgnoreRequest) else ""
                raise IgnoreRequest(f"robots.txt could not be asked for{reason}, so nothing else may") from error
            self._make_room()
        return parser

    async def _parse_robots(self, response: Response, netloc: str, request: Request) -> None:
        await super()._parse_robots(response, netloc, request)
        self._sizes[netloc] = len(response.body) + 1_000
        self._held_bytes += self._sizes[netloc]

    def _make_room(self) -> None:
        """What goes is asked for again when it is needed again."""
        while self._held_bytes > _MOST_RULES_BYTES:
            largest = max(self._sizes, key=self._sizes.__getitem__)
            self._held_bytes -= self._sizes.pop(largest)
            del self._parsers[largest]

    def _robots_error(self, exc: Exception, netloc: str) -> None:
        self._errors[netloc] = exc
        super()._robots_error(exc, netloc)


class SiteListener:
    """Next to the downloader, where answers are unpacked already: hears what sites say, robots.txt included."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler, self._sites = crawler, sites_of(crawler)
        self._token = robots_token(_settings(crawler))

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> SiteListener:
        """As Scrapy makes it."""
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Raises SiteStopped for a site that said stop while this request waited for robots.txt."""
        _refuse_stopped(self._sites.watch.stop_of(host_of(request.url)))

    async def process_response(self, request: Request, response: Response) -> Response:
        """The same answer, once all who heard of `SITE_STOPPED` or `SITE_PAUSED`, where it says so, are done."""
        if not _UNHEARD.isdisjoint(response.flags) or (response.status in _ABOUT_KEYS and _shows_key(request)):
            return response
        watch, host = self._sites.watch, host_of(request.url)
        before = watch.paused_until(host)
        stop = watch.observe(request.url, response.status, plain_headers(response), response.body[:MOST_BYTES])
        if not stop and response.status == 200 and is_robots(request):
            stop = watch.heard_robots(asked_first(request), read_robots(response.body[:MAX_ROBOTS_BYTES], self._token))
        until = watch.paused_until(host)
        if stop:
            await self._crawler.signals.send_catch_log_async(SITE_STOPPED, stop=stop)
        elif until and until != before:
            await self._crawler.signals.send_catch_log_async(SITE_PAUSED, host=host, until=until)
        return response


def is_robots(request: Request) -> bool:
    """Whether a request is the robots middleware's own: nothing else is asked for without obeying robots.txt."""
    return bool(request.meta.get("dont_obey_robotstxt")) and urlsplit(asked_first(request)).path == "/robots.txt"


def asked_first(request: Request) -> str:
    """The address that a request began with: a robots.txt holds for that site, wherever redirects lead."""
    return str(next(iter(request.meta.get("redirect_urls", ())), request.url))


def _refuse_stopped(stop: SiteStop | None) -> None:
    if stop:
        raise SiteStopped(stop.reason)


def _shows_key(request: Request) -> bool:
    return any(name in request.headers for name in _KEYS)


def _settings(crawler: Crawler) -> Settings:
    settings: Settings = crawler.spider.session.order.settings  # type: ignore[union-attr]
    return settings
