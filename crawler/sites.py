"""What holds for each site right now: whether it may be asked, how much at once, and when to ask again."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from crawler.frontier.interface import Entry
from crawler.manners.canonical import host_of
from crawler.manners.retries import Retries
from crawler.manners.retry_after import retry_after_s
from crawler.manners.site_rules import SiteRule, SiteRules
from crawler.manners.stops import SiteWatch
from domain.settings import Settings
from domain.visit import SiteStop

_BODY_LOOKED_AT = 20_000
_LONGEST_RETRY_S = 3_600.0
_RECHECKED_S = 30.0


class Sites:
    """The rules, and what the sites themselves said. Lives on the event loop."""

    def __init__(self, settings: Settings, stops: Sequence[SiteStop] = ()) -> None:
        """Raises SettingRefused or BadInput for the rules."""
        self._rules = SiteRules(settings)
        self._watch = SiteWatch()
        self._retries = Retries(settings.crawl_retries)
        self._stops = {stop.host: stop for stop in stops}
        self._resting: dict[str, float] = {}
        self._rule_of: dict[str, SiteRule] = {}

    def rule(self, host: str) -> SiteRule:
        """What holds for a host."""
        if host not in self._rule_of:
            self._rule_of[host] = self._rules.rules_for(host)
        return self._rule_of[host]

    def may_ask(self, host: str) -> bool:
        """Whether a host may be asked now; if not, it is among the `resting` for a while."""
        now = datetime.now(UTC)
        if self.stopped(host) is None and self.rule(host).window.is_open(now):
            return True
        self._resting[host] = time.monotonic() + _RECHECKED_S
        return False

    def resting(self) -> set[str]:
        """Hosts that were found not to be asked now."""
        now = time.monotonic()
        self._resting = {host: until for host, until in self._resting.items() if until > now}
        return set(self._resting)

    def stopped(self, host: str) -> SiteStop | None:
        """The stop that a host said and that still holds."""
        stop = self._stops.get(host)
        return stop if stop and (stop.until is None or stop.until > datetime.now(UTC)) else None

    def observe(self, url: str, status: int, headers: Mapping[str, str], body: bytes) -> SiteStop | None:
        """Whether this answer means stop; then it is remembered here."""
        stop = self._watch.observe(host_of(url), status, headers, body[:_BODY_LOOKED_AT])
        if stop:
            self._stops[stop.host] = stop
        return stop

    def retry_at(
        self, entry: Entry, error: BaseException, status: int | None, headers: Mapping[str, str]
    ) -> float | None:
        """When to make a request again that failed, in seconds of the epoch; None to give it up."""
        after = retry_after_s(headers.get("retry-after", ""), now=datetime.now(UTC))
        return self._retries.retry_at(
            attempts=entry.attempts, now=time.time(), status=status, error=error, retry_after=after
        )
