"""Pages for people: the offer that one makes, and the links that it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from w3lib.encoding import html_to_unicode

from crawler.content import is_text, sniffed_type
from crawler.extraction.page import read_page
from crawler.sources.interface import Answer, Ask, Offer, Priority, Reading, Source
from crawler.sources.links import Links, read_links
from crawler.sources.listed import listed_offer, merged

MOST_LINKS = 5_000
"""Links of one page that are looked at."""


class PageSource:
    """Any page. The first one of a site is read after what the site publishes for programs."""

    name = "page"

    def __init__(self, published: Sequence[Source] = (), *, robot: str = "assayer") -> None:
        """`robot` is the name by which pages mean us."""
        self._published, self._robot = published, robot

    def recognize(self, page: Answer) -> Sequence[Ask]:
        """Nothing: a page is what is left when nothing else is published."""
        return ()

    def read(self, ask: Ask, answer: Answer) -> Reading:
        """The page's offer and links; of a target, first what its site publishes."""
        kind = sniffed_type(answer.body)
        if not is_text(kind, answer.content_type):
            return Reading(offers=_listed(ask), problems=(f"not a page ({kind})",))
        if ask.depth == 0 and not ask.context.get("front"):
            published = [each for source in self._published for each in source.recognize(answer)]
            if published:
                return Reading(asks=(_chain(published, _front(ask, answer)),), again=True)
        return self._read(ask, answer)

    def missed(self, ask: Ask) -> Reading:
        """The offer as the list told of it that led here."""
        return Reading(offers=_listed(ask))

    def _read(self, ask: Ask, answer: Answer) -> Reading:
        html = answer.text if answer.encoding else _decoded(answer)
        page = read_page(html, answer.url, marketplace=answer.marketplace, also=answer.asked)
        listed = listed_offer(ask.context)
        offer = merged(page.offer, listed) if page.offer and listed else page.offer or listed
        problems = tuple(f"structured data cannot be read ({reason})" for reason in page.broken)
        offers = (offer,) if offer else ()
        if page.tree is None:
            return Reading(offers=offers, problems=problems)
        links = read_links(page.tree, answer, offer, robot=self._robot, most=MOST_LINKS)
        return Reading(offers=offers, asks=_asks(links, ask, answer), left_alone=links.left_alone, problems=problems)


def _decoded(answer: Answer) -> str:
    """By what the answer says of itself, its bytes before its header where they differ, as browsers do."""
    _, html = html_to_unicode(answer.headers.get("content-type"), answer.body)
    return html


def _asks(links: Links, ask: Ask, answer: Answer) -> tuple[Ask, ...]:
    return tuple(
        Ask(url=url, priority=priority, depth=ask.depth + 1, referer=answer.url)
        for url, priority in links.followed.items()
    )


def _front(ask: Ask, answer: Answer) -> Ask:
    """The same page once more, after what its site publishes."""
    return Ask(
        url=answer.url,
        context={**ask.context, "front": True},
        priority=Priority.TARGET,
        depth=ask.depth,
        key=f"front {answer.url}",
    )


def _chain(asks: Sequence[Ask], last: Ask) -> Ask:
    """One after the other: what a site publishes is asked for without haste."""
    return replace(asks[0], then=(*asks[0].then, _chain(asks[1:], last) if asks[1:] else last))


def _listed(ask: Ask) -> tuple[Offer, ...]:
    offer = listed_offer(ask.context)
    return (offer,) if offer else ()
