"""What holds for each site right now: whether it may be asked, how much at once, and when to ask again."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from crawler.frontier.interface import Entry
from crawler.manners.retries import Retries
from crawler.manners.retry_after import retry_after_s
from crawler.manners.site_rules import SiteRule, SiteRules
from crawler.manners.stops import SiteWatch
from domain.settings import Settings
from domain.visit import SiteStop


class Sites:
    """The rules, and what the sites themselves said. Lives on the event loop."""

    def __init__(self, settings: Settings, stops: Sequence[SiteStop] = (), *, worker: str = "") -> None:
        """`stops` are those of earlier crawls. Raises SettingRefused or BadInput for the rules."""
        self._rules = SiteRules(settings)
        self.watch = SiteWatch(stops=stops)
        self._retries = Retries(settings.crawl_retries, seed=zlib.crc32(worker.encode()))
        self._rule_of: dict[str, SiteRule] = {}
        self._resting: dict[str, float] = {}

    def rule(self, host: str) -> SiteRule:
        """What holds for a host."""
        if host not in self._rule_of:
            self._rule_of[host] = self._rules.rules_for(host)
        return self._rule_of[host]

    def may_ask(self, host: str) -> bool:
        """Whether a host may be asked now; if not, it is among the `resting` until it may."""
        wait = self._wait_s(host)
        if wait > 0:
            self._resting[host] = time.monotonic() + wait
        return wait <= 0

    def resting(self, *, at_least_s: float = 0.0) -> set[str]:
        """Hosts that were found not to be asked now, and are not for that long."""
        now = time.monotonic()
        self._resting = {host: until for host, until in self._resting.items() if until > now}
        return {host for host, until in self._resting.items() if until > now + at_least_s}

    def retry_at(
        self, entry: Entry, error: BaseException, status: int | None, headers: Mapping[str, str]
    ) -> float | None:
        """When to make a request again that failed, in seconds of the epoch; None to give it up."""
        after = retry_after_s(headers.get("retry-after", ""), now=datetime.now(UTC))
        return self._retries.retry_at(
            attempts=entry.attempts, now=time.time(), status=status, error=error, retry_after=after
        )

    def _wait_s(self, host: str) -> float:
        now, rule = datetime.now(UTC), self.rule(host)
        stop = self.watch.stop_of(host)
        if stop:
            return (stop.until - now).total_seconds() if stop.until else math.inf
        pause = self.watch.paused_until(host) if rule.adaptive else None
        return (max(rule.window.opens_at(now), pause or now) - now).total_seconds()
