"""What is asked for next, of all that pages lead to: within the limits, what is new, and what promises most first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from crawler.finding.only_new import is_due
from crawler.finding.yields import Yields
from crawler.frontier.interface import Entry
from crawler.manners.canonical import host_of
from crawler.manners.conditional import canonical_address, conditional_headers, unconditional
from crawler.reading import Readers
from crawler.recording import Recorder
from crawler.session import Session
from crawler.sources.interface import Ask, Offer, Reading
from crawler.sources.keys import key_of
from crawler.sources.listed import is_listed
from domain.visit import Visit

MAX_DEPTH = 100
"""Links from the target to a page; calendars and the like go on forever."""

_MOST_LEFT = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What follows from one answer."""

    entries: tuple[Entry, ...]
    most: int
    """How many pages the frontier may hold in all."""
    unvisited: tuple[Offer, ...]
    """Offers whose own pages are beyond the limit: they are taken as their list tells of them."""


def entry_of(ask: Ask) -> Entry:
    """The frontier's entry for a request. What a site has for programs, and its front page, are no further pages."""
    extra = ask.optional or bool(ask.context.get("front"))
    return Entry(key=key_of(ask), ask=ask, host=host_of(ask.url), extra=extra)


class Planning:
    """Makes entries of what readings lead to."""

    def __init__(self, session: Session, recorder: Recorder, readers: Readers, yields: Yields) -> None:
        self._session, self._recorder, self._readers, self._yields = session, recorder, readers, yields
        self._frontier, self._most = session.frontier, session.order.max_pages
        self._left: set[int] = set()
        self._passed_over: set[int] = set()
        self._unvisited = 0

    def within_limits(self, ask: Ask) -> Ask:
        """A target whose site's own lists cannot be asked for any more is read at once."""
        # asked of the targets alone: a frontier that machines share answers over the network
        full = not ask.depth and self._frontier.counts().pages + 1 >= self._most
        return replace(ask, context={**ask.context, "front": True}) if full else ask

    async def plan(self, reading: Reading) -> Plan:
        """What is asked for after this answer, and what is left. What waits for a request that is left comes now."""
        for url in reading.left_alone:
            self.leave(canonical_address(url))
        entries: list[Entry] = []
        beyond: list[Ask] = []
        asks = reading.asks
        while asks:
            due, left = await self._due(asks)
            chosen, refused = self._divided(due, sum(not entry.extra for entry in entries))
            entries += chosen
            beyond += refused
            asks = tuple(each for ask in (*left, *refused) for each in ask.then)
        return Plan(entries=tuple(entries), most=self._most, unvisited=await self._offers_of(beyond))

    async def _due(self, asks: Sequence[Ask]) -> tuple[list[Ask], list[Ask]]:
        """Those that are new and due, each address once, and the others."""
        wanted: dict[str, Ask] = {}
        left: list[Ask] = []
        for ask in asks:
            if not self._is_near(ask) or wanted.setdefault(key_of(ask), ask) is not ask:
                left.append(ask)
        known = self._frontier.known(wanted)
        new = [ask for key, ask in wanted.items() if key not in known]
        visits = await self._visits(new)
        due = [ask for ask in new if self._is_due(ask, visits)]
        kept = {id(ask) for ask in due}
        left += [ask for ask in wanted.values() if id(ask) not in kept]
        return [self._prepared(ask, _visit_to(ask, visits)) for ask in due], left

    def whole(self, ask: Ask) -> Plan:
        """The same request once more, without a condition; it counts as no further page."""
        again = replace(ask, headers=unconditional(ask.headers), key=f"whole {key_of(ask)}")
        return Plan(entries=(replace(entry_of(again), extra=True),), most=self._most, unvisited=())

    def _is_near(self, ask: Ask) -> bool:
        if ask.depth > MAX_DEPTH:
            self.leave(key_of(ask))
        return ask.depth <= MAX_DEPTH

    async def _visits(self, asks: Sequence[Ask]) -> Mapping[str, Visit]:
        if not asks or not self._session.remembers:
            return {}
        urls = [canonical_address(ask.url) for ask in asks if ask.method == "GET"]
        return await self._recorder.ask(lambda: self._session.records.visits(urls))

    def _is_due(self, ask: Ask, visits: Mapping[str, Visit]) -> bool:
        visit = _visit_to(ask, visits)
        if not self._session.order.only_new or visit is None or visit.listing is None:
            return True
        stated = ask.context.get("lastmod")
        lastmod = datetime.fromisoformat(stated) if isinstance(stated, str) else None
        hours = self._session.order.settings.crawl_revisit_h
        if is_due(visit, datetime.now(UTC), hours, lastmod):
            return True
        self._session.tally.passed_over += _is_first(visit.url, self._passed_over)
        return False

    def _prepared(self, ask: Ask, visit: Visit | None) -> Ask:
        headers = conditional_headers(visit) if visit and visit.listing and not visit.gone else {}
        return replace(ask, priority=self._yields.priority(ask), headers={**ask.headers, **headers})

    def _divided(self, asks: Sequence[Ask], planned: int) -> tuple[list[Entry], list[Ask]]:
        """Entries within the limit, and what is beyond. What is no page of the site does not count."""
        if not asks:
            return [], []
        room = self._most - self._frontier.counts().pages - planned
        entries, beyond = [], []
        for entry in map(entry_of, asks):
            if entry.extra or room > 0:
                entries.append(entry)
                room -= not entry.extra
            else:
                beyond.append(entry.ask)
                self.leave(entry.key)
        return entries, beyond

    async def _offers_of(self, asks: Sequence[Ask]) -> tuple[Offer, ...]:
        """Each may bring pictures: what is taken without a page of its own has the same limit as pages."""
        offers: list[Offer] = []
        left_out = 0
        for ask in asks:
            if not is_listed(ask):
                continue
            if self._unvisited < self._session.order.max_pages:
                self._unvisited += 1
                offers += (await self._readers.missed(ask)).offers
            else:
                left_out += 1
        if left_out:
            reason = f"{left_out} products were left out: beyond the page limit"
            self._session.failed(asks[0].referer or asks[0].url, "page", reason)
        return tuple(offers)

    def leave(self, key: str) -> None:
        """Count an address that is not followed."""
        self._session.tally.not_followed += _is_first(key, self._left)


def _visit_to(ask: Ask, visits: Mapping[str, Visit]) -> Visit | None:
    return visits.get(canonical_address(ask.url)) if visits else None


def _is_first(address: str, counted: set[int]) -> bool:
    """Whether to count an address: each once, as long as that takes little memory."""
    if hash(address) in counted or len(counted) >= _MOST_LEFT:
        return False
    counted.add(hash(address))
    return True
