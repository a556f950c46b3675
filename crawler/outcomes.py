"""What becomes of a request: its answer is read, what it offers is stored, what it leads to is planned.

The entry is done only after all of that is kept, so that a crawl which is killed asks again rather than loses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError

from crawler.capturing import Capturing, visit_to
from crawler.frontier.interface import Entry
from crawler.headers import plain_headers
from crawler.looking import CannotShow, Looking, led_to
from crawler.manners.canonical import canonical_address, host_of
from crawler.manners.conditional import confirms, is_conditional, visit_of
from crawler.manners.middlewares import NoContact
from crawler.manners.throttle import SiteStopped
from crawler.middlewares import describe
from crawler.planning import Plan, Planning
from crawler.reading import CannotRead, Readers
from crawler.recording import Kept, Recorder
from crawler.session import Session
from crawler.sites import Sites
from crawler.sources.interface import Answer, Ask, Offer, Reading
from crawler.sources.listed import is_listed
from crawler.storing import ListingStore
from domain.capture import Capture, CaptureKind
from domain.codec import dump, load
from domain.errors import AssayerError, BadInput, EvidenceCorrupt, NotFound, SettingRefused
from domain.listing import Listing
from domain.visit import Visit
from store.interfaces import SaveCount

if TYPE_CHECKING:
    from crawler.browser.page import Shown

EVIDENCE = "capture"
"""Under this name a request keeps the capture of the answer that told of its product."""
_OFFERS_AT_ONCE = 8
_LONGEST_REASON = 500
_UNCHANGED = 304
_KEY_REFUSED = 401
_GONE = (404, 410)
_NOT_THERE = (401, 403, 404, 405, 410)


class Outcomes:
    """Everything that happens between an answer and the next request."""

    def __init__(
        self,
        session: Session,
        *,
        readers: Readers,
        capturing: Capturing,
        recorder: Recorder,
        listings: ListingStore,
        planning: Planning,
        looking: Looking,
        sites: Sites,
        end: Callable[[AssayerError], None],
        through: Callable[[Entry], None],
    ) -> None:
        self._session, self._readers, self._capturing = session, readers, capturing
        self._recorder, self._listings, self._planning, self._sites = recorder, listings, planning, sites
        self._looking, self._end, self._through = looking, end, through
        self._storing = asyncio.Semaphore(_OFFERS_AT_ONCE)

    async def answered(self, entry: Entry, response: Response) -> None:
        """An answer of status 2xx or 304."""
        await self._guarded(entry, self._answered(entry, response))

    async def failed(self, entry: Entry, request: Request, error: BaseException) -> None:
        """A request that gave none: once more later, or given up; and whether that was the site's wish."""
        await self._guarded(entry, self._failed(entry, request, error))

    async def _guarded(self, entry: Entry, work: Awaitable[None]) -> None:
        """A store that is gone ends the crawl; an error of ours costs one page, and the report tells."""
        try:
            await self._or_given_up(entry, work)
        except AssayerError as error:
            # what is taken waits again once the frontier is closed
            self._end(error)
        finally:
            self._through(entry)

    async def _or_given_up(self, entry: Entry, work: Awaitable[None]) -> None:
        try:
            await work
            return
        except (CannotRead, NotFound, EvidenceCorrupt) as error:
            reason = str(error)
        except AssayerError as error:
            if not isinstance(error, BadInput) or isinstance(error, SettingRefused):
                raise
            reason = error.message  # such as a request that another version of this program kept
        except Exception as error:  # noqa: BLE001 - the edge of the crawl's work on one page
            reason = describe(error)
        try:
            await self._give_up(entry, reason, None)
        except AssayerError:
            raise
        except Exception as error:  # noqa: BLE001 - the same: an entry that stays taken would keep the crawl from ending
            self._bury(entry, f"{reason}; what is left cannot be done ({describe(error)})", None)

    async def _answered(self, entry: Entry, response: Response) -> None:
        if entry.ask.depth and host_of(response.url) != entry.host:
            await self._give_up(entry, "leads to another site", response.status, url=response.url)
        elif response.status == _UNCHANGED:
            await self._unchanged(entry, response)
        else:
            await self._read(entry, response)

    async def _read(self, entry: Entry, response: Response) -> None:
        reading, shown = await self._seen(self._planning.within_limits(entry.ask), response)
        for problem in reading.problems:
            self._session.failed(response.url, "page", problem, response.status)
        found_something = bool(reading.offers or reading.asks or not reading.problems)
        self._session.tally.pages += found_something and not (reading.again or entry.ask.optional)
        if reading.offers or any(is_listed(ask) for ask in reading.asks):
            page = await self._capturing.capture(response, CaptureKind.PAGE, asked=entry.ask.url)
            reading = with_evidence(reading, page)
            plan = await self._planning.plan(reading)
            if len(reading.offers) == 1:
                visited = partial(visit_to, entry.ask.url, response, page, confirmable=shown is None)
                if await self._listings.store(reading.offers[0], page, visited):
                    await self._picture(response, page, shown)
                await self._store(plan.unvisited, page)
            else:
                await self._store((*reading.offers, *plan.unvisited), page)
        else:
            plan = await self._planning.plan(reading)
        if reading.problems and not reading.offers:
            # it may have made one: kept to be looked at, and to be read again by a better reader
            await self._add(plan)
            self._bury(entry, "; ".join(reading.problems), response.status)
        else:
            await self._done(entry, plan)

    async def _seen(self, ask: Ask, response: Response) -> tuple[Reading, Shown | None]:
        """What the answer gave, as it came or as its scripts made it."""
        answer = self._answer(response, body=response.body)
        reading = await self._readers.read(ask, answer)
        if reading.again or ask.source != "page":
            return reading, None  # a page that comes again is shown then
        try:
            shown = await self._looking.scripted(response, answer)
        except CannotShow as error:
            return replace(reading, problems=(*reading.problems, str(error))), None
        if shown:
            reading = await self._readers.read(ask, replace(answer, body=shown.html, encoding="utf-8"))
            reading = replace(reading, asks=(*reading.asks, *led_to(shown, ask, response.url)))
        return reading, shown

    async def _picture(self, response: Response, page: Capture, shown: Shown | None) -> None:
        """How the page looked: where it was shown anyway, and where that was ordered."""
        seen = shown or await self._looking.pictures(response)
        if seen:
            captures = await self._looking.keep(seen, page)
            await self._recorder.save(Kept(captures=tuple(captures)))

    async def _unchanged(self, entry: Entry, response: Response) -> None:
        """The page as it was captured before: its offer stands, its links are followed."""
        if not is_conditional(entry.ask.headers):
            await self._give_up(entry, "answered 304, unchanged, though nothing was asked about", response.status)
            return
        before = await self._visit(entry)
        body = await self._body(before) if confirms(before, plain_headers(response)) else None
        if before is None or body is None:
            await self._done(entry, self._planning.whole(entry.ask))
            return
        reading = await self._readers.read(entry.ask, self._answer(response, body=body))
        plan = await self._planning.plan(reading)
        self._session.tally.pages += 1
        self._session.tally.unchanged_pages += 1
        self._session.tally.saved += SaveCount(unchanged=1)
        headers = plain_headers(response)
        at = datetime.now(UTC)
        again = visit_of(entry.ask.url, response.status, headers, body_sha256="", at=at, previous=before)
        await self._recorder.save(Kept(visits=(again,)))
        await self._done(entry, plan)

    async def _body(self, visit: Visit | None) -> bytes | None:
        """A page as it was captured; None where it can be read no more."""
        try:
            return await self._capturing.body(visit.body_sha256) if visit else None
        except (NotFound, EvidenceCorrupt):
            return None

    async def _store(self, offers: Sequence[Offer], page: Capture) -> list[Listing]:
        async def one(offer: Offer) -> Listing | None:
            async with self._storing:
                return await self._listings.store(offer, page)

        return [listing for listing in await asyncio.gather(*map(one, offers)) if listing]

    async def _visit(self, entry: Entry) -> Visit | None:
        return await self._recorder.ask(lambda: self._session.records.visit(canonical_address(entry.ask.url)))

    async def _done(self, entry: Entry, plan: Plan) -> None:
        await self._add(plan)
        self._session.frontier.finish(entry.key)
        self._session.progress()

    async def _add(self, plan: Plan) -> None:
        """Before the page is done with: what other pages left no room for is to be kept first.

        A crawl that is killed in between asks for the page again, and finds what it led to there already.
        """
        if self._session.frontier.add(plan.entries, most=plan.most) == len(plan.entries):
            return
        known = self._session.frontier.known([each.key for each in plan.entries])
        for left in [each for each in plan.entries if each.key not in known]:
            self._planning.leave(left.key)
            if is_listed(left.ask):
                await self._store_listed(left)

    async def _failed(self, entry: Entry, request: Request, error: BaseException) -> None:
        response = error.response if isinstance(error, HttpError) else None
        status = response.status if response else None
        headers = plain_headers(response) if response else {}
        if isinstance(error, SiteStopped) and not isinstance(error, NoContact):
            await self._left_alone(entry, request, error)
        elif isinstance(error, AssayerError):
            raise error  # without keys, or with keys that are refused, nothing can be asked
        elif status == _KEY_REFUSED and entry.ask.source in self._session.searches and not entry.attempts:
            self._session.frontier.postpone(entry.key, until=0.0)
        elif is_robots_refusal(error):
            await self._refused_by_robots(entry, request)
        elif (again := self._sites.retry_at(entry, error, status, headers)) is not None:
            self._session.frontier.postpone(entry.key, until=again)
        else:
            await self._gone(entry, status)
            reason = f"answered {status}" if status else describe(error)
            await self._give_up(entry, reason, status, url=request.url)

    async def _left_alone(self, entry: Entry, request: Request, error: SiteStopped) -> None:
        """Not this request's fault: it stays for a run in which the site may be asked."""
        if self._sites.may_ask(entry.host):
            # it is another site, to which this one leads, and would lead again
            reason = f"leads to {host_of(request.url)}, which is left alone: {error}"
            await self._give_up(entry, reason, None)
            return
        self._session.frontier.release(entry.key)
        if self._sites.watch.stop_of(entry.host):
            self._session.frontier.leave(entry.host)

    async def _refused_by_robots(self, entry: Entry, request: Request) -> None:
        unreachable = self._session.unreachable_robots.get(host_of(request.url))
        if unreachable:
            reason = f"robots.txt cannot be read ({unreachable}), so nothing may be asked for"
            await self._give_up(entry, reason, None)
            return
        if not entry.ask.optional:
            self._session.tally.refuse(request.url)
        await self._done(entry, await self._left_over(entry))

    async def _gone(self, entry: Entry, status: int | None) -> None:
        """A page that made an offer and is no more: what is put up in its place can be linked to it."""
        if status not in _GONE:
            return
        before = await self._visit(entry)
        if before and before.listing:
            at = datetime.now(UTC)
            gone = visit_of(entry.ask.url, status, {}, body_sha256="", at=at, previous=before)
            await self._recorder.save(Kept(visits=(gone,)))

    async def _give_up(self, entry: Entry, reason: str, status: int | None, url: str = "") -> None:
        """Keep it as a dead letter, and do what is left to do without it."""
        if entry.ask.optional and status in _NOT_THERE:
            await self._done(entry, await self._left_over(entry))
            return
        self._session.failed(url or entry.ask.url, "page", reason, status)
        await self._add(await self._left_over(entry))
        self._bury(entry, reason, status)

    def _bury(self, entry: Entry, reason: str, status: int | None) -> None:
        self._session.frontier.bury(entry.key, reason=reason[:_LONGEST_REASON], status=status)

    async def _left_over(self, entry: Entry) -> Plan:
        """What follows when no answer came."""
        return await self._planning.plan(await self._store_listed(entry))

    async def _store_listed(self, entry: Entry) -> Reading:
        """What an earlier answer told of it is stored, with that answer as its evidence."""
        reading = await self._readers.missed(entry.ask)
        told = entry.ask.context.get(EVIDENCE)
        if reading.offers and told:
            await self._store(reading.offers, load(Capture, told))
        return reading

    def _answer(self, response: Response, *, body: bytes) -> Answer:
        asked = [*response.meta.get("redirect_urls", []), response.url]
        return Answer(
            url=response.url,
            asked=tuple(asked),
            status=response.status,
            headers=plain_headers(response),
            body=body,
            received_at=datetime.now(UTC),
            marketplace=self._session.order.marketplace or host_of(response.url),
        )


def is_robots_refusal(error: BaseException | None) -> bool:
    """Whether the site's robots.txt forbade a request. Scrapy has no type of its own for that."""
    return isinstance(error, IgnoreRequest) and str(error) == "Forbidden by robots.txt"


def with_evidence(reading: Reading, page: Capture) -> Reading:
    """What is told of products elsewhere keeps who told it, should their own pages not come."""
    return replace(reading, asks=tuple(_with_evidence(ask, page) for ask in reading.asks))


def _with_evidence(ask: Ask, page: Capture) -> Ask:
    context = {**ask.context, EVIDENCE: dump(page)} if is_listed(ask) else ask.context
    return replace(ask, context=context, then=tuple(_with_evidence(each, page) for each in ask.then))
