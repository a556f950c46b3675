"""Where a crawl begins: anew, or with what an earlier one of the same targets has left to do."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from crawler.frontier.interface import Frontier
from crawler.planning import entry_of
from crawler.session import TARGETS_FACT, CrawlOrder, Session
from crawler.sites import Sites
from crawler.sources.interface import Ask
from crawler.sources.registry import Sources, target
from store.interfaces import Evidence, Records

_BEGAN = "began"


def begin(order: CrawlOrder, records: Records, evidence: Evidence, frontier: Frontier) -> Session:
    """The session of a crawl. Its targets are in the frontier."""
    session = Session(
        order=order,
        records=records,
        evidence=evidence,
        frontier=frontier,
        sites=Sites(order.settings, records.site_stops(), worker=order.worker),
    )
    counts = frontier.counts()
    unfinished = counts.waiting + counts.taken
    if unfinished and not order.fresh:
        session.tally.resumed = True
    elif counts.planned:
        frontier.clear()
    stated = frontier.fact(_BEGAN)
    if stated is None:
        frontier.set_fact(_BEGAN, session.began.isoformat())
    else:
        session.began = datetime.fromisoformat(stated).astimezone(UTC)
    frontier.set_fact(TARGETS_FACT, json.dumps([*order.targets, *sorted({each.source for each in order.searches})]))
    entries = [entry_of(ask) for ask in _first(order, evidence)]
    frontier.add(entries, most=max(order.max_pages, len(entries)))
    frontier.flush()
    return session


def _first(order: CrawlOrder, evidence: Evidence) -> list[Ask]:
    """The targets, and the first requests of each search."""
    searches = Sources(order.settings).searches
    asks = [target(url) for url in order.targets]
    for search in order.searches:
        image = evidence.read(search.query.image_sha256) if search.query.image_sha256 else None
        found = searches[search.source].search(search.query, image=image)
        asks += [replace(ask, context={**ask.context, "query": search.query.text}) for ask in found]
    return asks
