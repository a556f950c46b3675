"""Where a crawl begins: anew, or with what an earlier one of the same targets has left to do."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from crawler.finding.yields import Yields
from crawler.frontier.interface import Frontier
from crawler.manners.canonical import host_of
from crawler.planning import entry_of
from crawler.session import TARGETS_FACT, CrawlOrder, Session
from crawler.sites import Sites
from crawler.sources.credentials import ApiCredentials
from crawler.sources.interface import Ask, Priority
from crawler.sources.starts import search_sources, target
from domain.codec import load
from store.interfaces import Evidence, Records

_BEGAN = "began"
_MOST_STARTS = 20
"""Pages and sellers of a site that are begun with because infringement was found there."""


def begin(order: CrawlOrder, records: Records, evidence: Evidence, frontier: Frontier) -> Session:
    """The session of a crawl. Its targets are in the frontier, as many as the page limit allows.

    Raises StoreUnavailable when it is to begin anew while another worker is at work on it.
    """
    session = Session(
        order=order,
        records=records,
        evidence=evidence,
        frontier=frontier,
        sites=Sites(order.settings, records.site_stops(), worker=order.worker),
        credentials=ApiCredentials(order.settings),
        searches=search_sources(order.settings),
        remembers=next(iter(records.all_captures()), None) is not None,
    )
    for source in {search.source for search in order.searches}:
        session.credentials.login(source)  # without keys nothing is begun
    if order.fresh:
        frontier.clear()  # before anything else is asked: of two that begin anew at once, the first one does
    counts = frontier.counts()
    if counts.waiting + counts.taken:
        session.tally.resumed = True
    elif counts.planned and not order.settings.redis_url:
        # in a shared frontier another worker may have finished a moment ago: a person says when to begin anew
        frontier.clear()
    elif counts.planned:
        session.tally.warn("this crawl is done in the shared frontier; to ask again, begin it anew (--fresh)")
    stated = frontier.fact(_BEGAN)
    if stated is None:
        frontier.set_fact(_BEGAN, session.began.isoformat())
    else:
        session.began = datetime.fromisoformat(stated).astimezone(UTC)
    hosts = dict.fromkeys(host_of(url) for url in order.targets)
    session.tally.stops += [stop for host in hosts if (stop := session.sites.watch.stop_of(host))]
    frontier.set_fact(TARGETS_FACT, json.dumps([*order.targets, *sorted({each.source for each in order.searches})]))
    _add_first(session)
    frontier.flush()
    return session


def _add_first(session: Session) -> None:
    """What the crawl begins with, within the page limit; what is beyond is told."""
    entries = {entry.key: entry for entry in map(entry_of, _first(session))}
    frontier, most = session.frontier, session.order.max_pages
    frontier.add(list(entries.values()), most=most)
    if beyond := len(entries) - len(frontier.known(entries)):
        session.tally.not_followed += beyond
        session.tally.warn(
            f"{beyond} of {len(entries)} addresses to begin with are beyond the limit of {most} pages,"
            " and were not asked for; allow more (--max-pages)"
        )


def _first(session: Session) -> list[Ask]:
    """The targets, what was good at their sites before, and the first requests of each search."""
    order = session.order
    asks = [target(url) for url in order.targets]
    yields = load(Yields, dict(order.yields))
    for host in dict.fromkeys(host_of(url) for url in order.targets):
        asks += [Ask(url=url, priority=Priority.TARGET, depth=1) for url in yields.starts(host, _MOST_STARTS)]
    for source in {search.source: session.searches[search.source] for search in order.searches}.values():
        for seller in yields.sellers_at(source.marketplace, _MOST_STARTS):
            asks += source.same_seller(seller)
    for search in order.searches:
        sha256 = search.query.image_sha256
        image = session.evidence.read(sha256) if sha256 else None
        found = session.searches[search.source].search(search.query, image=image)
        asks += [replace(ask, context={**ask.context, "query": search.query.text}) for ask in found]
    return asks
