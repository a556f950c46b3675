"""When a site says stop. Pure policy, fed with answers; it asks for nothing and stores nothing.

Stop, until a person lifts it:
    451 for the front page, or for two pages in a row
    a page that asks for a person (see `challenges`); with status 2xx, when three come in a row
Stop for a day, as long as a robots.txt counts (RFC 9309 section 2.4):
    robots.txt forbids everything, or asks for more than five minutes between requests
Stop:
    401 or 403 for eight pages in a row, or for three where none was ever given
    ``Retry-After`` in 429 or 503 beyond the longest pause: for that long
Pause, each longer than the last, and stop after the third:
    429; the site is asked more slowly from then on
    503 for four pages in a row

A stop lasts for an hour, and four times as long as the last one when that was over for less than a week, up to a week.
One page that fails, however often, is not a site that says stop: only different pages count, and any answer in between
begins the count anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlsplit

from crawler.manners.canonical import host_of
from crawler.manners.challenges import Certainty, recognize_challenge
from crawler.manners.retry_after import retry_after_s
from crawler.manners.robots import LONGEST_DELAY_S, RobotsWish, reservations
from domain.visit import SiteStop

LONGEST_PAUSE = timedelta(minutes=10)
"""A site that wants to be left alone for longer is left by this crawl."""

_FIRST_PAUSE = timedelta(seconds=30)
_FIRST_STOP = timedelta(hours=1)
_LONGEST_STOP = timedelta(days=7)
_LONGEST_RETRY_AFTER = timedelta(days=30)
_ROBOTS_COUNT = timedelta(days=1)
_REMEMBERED = timedelta(days=7)
_GROWTH = 4
_MOST_PAUSES = 3
_MOST_REFUSED = 8
_MOST_REFUSED_AT_FIRST = 3
_MOST_CHALLENGED = 3
_MOST_LEGAL = 2
_OVERLOADED = 4
_SLOWEST_S = 60.0
_DENIED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_ROBOTS = "/robots.txt"
_BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time of day, UTC."""
    return datetime.now(UTC)


def is_in_force(stop: SiteStop, now: datetime) -> bool:
    """Whether a stop still holds at `now`."""
    return stop.until is None or now < stop.until


@dataclass(slots=True)
class _Site:
    """What one site did in this crawl."""

    answered: bool = False
    """It has given a page."""
    refused: set[str] = field(default_factory=set)
    """Different pages that it has not given, since it last gave one."""
    legal: set[str] = field(default_factory=set)
    challenged: set[str] = field(default_factory=set)
    pauses: int = 0
    """Since it last gave a page."""
    paused_until: datetime | None = None
    slowed: int = 0
    """How often it said that we are too fast."""
    wished_delay_s: float = 0.0
    """By its robots.txt."""

    def begin_anew(self) -> None:
        self.answered, self.pauses = True, 0
        for pages in (self.refused, self.legal, self.challenged):
            pages.clear()


class SiteWatch:
    """Listens to what sites answer, and tells when one says stop. Not safe between threads."""

    def __init__(self, clock: Clock = utc_now, stops: Iterable[SiteStop] = ()) -> None:
        """`stops` are those of earlier crawls, those that are over too."""
        self._clock = clock
        self._stops = {stop.host: stop for stop in stops}
        self._sites: dict[str, _Site] = {}
        self.reservations: dict[str, set[str]] = {}
        """Host to what of ``noai``, ``noimageai`` and ``tdm-reservation`` it states: no stop, but to be told."""

    def observe(self, url: str, status: int, headers: Mapping[str, str], body_start: bytes = b"") -> SiteStop | None:
        """A stop, where this answer makes one. It is in force at once, and to be stored by the caller.

        `headers` have names in lower case; `body_start` is the beginning of the page, decompressed.
        """
        host, now = host_of(url), self._clock()
        if not host or self.stop_of(host):
            return None
        site = self._sites.setdefault(host, _Site())
        if stated := reservations(headers, body_start):
            self.reservations.setdefault(host, set()).update(stated)
        certainty, whose = recognize_challenge(status, headers, body_start)
        if certainty is not Certainty.NONE:
            return self._challenged(host, site, url, certainty, whose)
        if status == HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS:
            return self._legal(host, site, url)
        if status in _DENIED:
            return self._denied(host, site, url, status)
        if status in _BUSY:
            wait = retry_after_s(headers.get("retry-after", ""), now=now)
            return self._busy(host, site, url, status, None if wait is None else timedelta(seconds=wait))
        if status < HTTPStatus.INTERNAL_SERVER_ERROR and urlsplit(url).path != _ROBOTS:
            site.begin_anew()
        return None

    def heard_robots(self, url: str, wish: RobotsWish) -> SiteStop | None:
        """A stop, where the robots.txt at `url` makes one; the delay that it wishes is remembered."""
        host = host_of(url)
        if not host or self.stop_of(host):
            return None
        self._sites.setdefault(host, _Site()).wished_delay_s = wish.delay_s
        if wish.forbids_all:
            return self._stop(host, "its robots.txt forbids all pages", _ROBOTS_COUNT)
        if wish.delay_s > LONGEST_DELAY_S:
            return self._stop(host, f"its robots.txt asks for {wish.delay_s:g} s between requests", _ROBOTS_COUNT)
        return None

    def hear(self, stops: Iterable[SiteStop]) -> list[SiteStop]:
        """Take up what sites said to others; those that are new here, of sites that have answered this crawl.

        What a site said to this crawl itself stands.
        """
        now = self._clock()
        new = [stop for stop in stops if is_in_force(stop, now) and not self.stop_of(stop.host)]
        self._stops |= {stop.host: stop for stop in new}
        return [stop for stop in new if stop.host in self._sites]

    def stop_of(self, host: str) -> SiteStop | None:
        """The stop that is in force for a host."""
        stop = self._stops.get(host)
        return stop if stop and is_in_force(stop, self._clock()) else None

    def paused_until(self, host: str) -> datetime | None:
        """When a host that is paused may be asked again; None where it is not paused."""
        site = self._sites.get(host)
        return site.paused_until if site and site.paused_until and self._clock() < site.paused_until else None

    def wished_delay_s(self, host: str) -> float:
        """Least time between two requests that the host's robots.txt asks for; else 0."""
        return self._sites.get(host, _Site()).wished_delay_s

    def slowed_s(self, host: str) -> float:
        """Least time between two requests to a host that said we are too fast; else 0.

        Each time it says so, the time doubles, from a second to a minute.
        """
        slowed = self._sites.get(host, _Site()).slowed
        return min(_SLOWEST_S, 2.0 ** (min(slowed, 32) - 1)) if slowed else 0.0

    def _challenged(self, host: str, site: _Site, url: str, certainty: Certainty, whose: str) -> SiteStop | None:
        site.challenged.add(url)
        if certainty is Certainty.LIKELY and len(site.challenged) < _MOST_CHALLENGED:
            return None
        return self._stop(host, f"asked whether a person is reading ({whose or 'a CAPTCHA'})", None)

    def _legal(self, host: str, site: _Site, url: str) -> SiteStop | None:
        # one page that a court had taken down says nothing of the others
        site.legal.add(url)
        if len(site.legal) < _MOST_LEGAL and urlsplit(url).path not in ("", "/", _ROBOTS):
            return None
        return self._stop(host, "answered 451, unavailable for legal reasons", None)

    def _denied(self, host: str, site: _Site, url: str, status: int) -> SiteStop | None:
        site.refused.add(url)
        if len(site.refused) < (_MOST_REFUSED if site.answered else _MOST_REFUSED_AT_FIRST):
            return None
        return self._stop(host, f"refused {len(site.refused)} pages in a row ({int(status)})", self._duration(host))

    def _busy(self, host: str, site: _Site, url: str, status: int, wait: timedelta | None) -> SiteStop | None:
        too_fast = status == HTTPStatus.TOO_MANY_REQUESTS
        site.refused.add(url)
        if not too_fast and len(site.refused) < _OVERLOADED:
            return None  # one page that is broken
        if wait and wait > LONGEST_PAUSE:
            lasting = min(wait, _LONGEST_RETRY_AFTER)
            return self._stop(host, f"answered {int(status)} and asked to be left alone for {_words(wait)}", lasting)
        if self.paused_until(host):  # asked for before the pause began
            site.paused_until = max(site.paused_until or self._clock(), self._clock() + (wait or timedelta()))
            return None
        if site.pauses >= _MOST_PAUSES and len(site.refused) > 1:
            reason = f"answered {int(status)} again after {site.pauses} pauses"
            return self._stop(host, reason, self._duration(host))
        # who says when is taken at the word
        site.paused_until = self._clock() + (wait or _FIRST_PAUSE * 2**site.pauses)
        site.pauses = min(site.pauses + 1, _MOST_PAUSES)
        site.slowed += too_fast
        return None

    def _duration(self, host: str) -> timedelta:
        last, now = self._stops.get(host), self._clock()
        if last is None or last.until is None or now - last.until > _REMEMBERED:
            return _FIRST_STOP
        return min(_LONGEST_STOP, max(_FIRST_STOP, _GROWTH * (last.until - last.stopped_at)))

    def _stop(self, host: str, reason: str, lasting: timedelta | None) -> SiteStop:
        now = self._clock()
        stop = SiteStop(host=host, reason=reason, stopped_at=now, until=None if lasting is None else now + lasting)
        self._stops[host] = stop
        return stop


def _words(wait: timedelta) -> str:
    hours = wait.total_seconds() / 3600
    return f"{hours:.1f} hours" if hours >= 1 else f"{wait.total_seconds() / 60:.0f} minutes"
