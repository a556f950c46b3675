"""How much infringement a page budget reaches, by the order in which the frontier asks.

    nice -n 10 python benchmarks/frontier_budget.py

A drawn marketplace is crawled as it stood earlier, breadth first, until half of its pages are read; what was read then
gets verdicts, some of them wrong, and they make the yields. Then the other half of the listings is put up, by the same
sellers, and the site is crawled again; what was read before is passed over, as `--only-new` does. No request is made:
the pages are rendered in memory and their links read. Counted is the share of the newly reachable infringing listings
whose page is read within 10, 25 and 50 % of the pages that this second crawl could read.

Five orders: breadth first; random; by kind of link (the seller's page and its lists first); by kind of link with the
bonus of the yields; and the same beginning at listings that infringed earlier, which costs their pages again. Two
marketplaces: as drawn, where 45 % of the listings infringe and a seller's readiness is even between none and all; and
thinned, where most of the infringing are taken out. Sellers are drawn as `sellers.py` says, so the figures show that
the order works where sellers differ, not how much they differ on a marketplace of the web.
"""

from __future__ import annotations

import argparse
import heapq
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from urllib.parse import parse_qs, urljoin, urlsplit

import lxml.html
import numpy as np

from crawler.finding.related import PageLink, related
from crawler.finding.yields import Count, Outcome, count_yields
from crawler.marketplace.generate import generate_marketplace
from crawler.marketplace.model import Marketplace, OfferedListing
from crawler.marketplace.pages import Pages
from crawler.sources.interface import Ask, Offer, Priority
from domain.listing import Listing

BASE = "https://market.example"
BUDGETS = (0.10, 0.25, 0.50)
EARLIER_BUDGET = 0.5
MOST_STARTS = 20
MISSED, WRONGLY_FLAGGED = 0.10, 0.02
"""Of the earlier crawl's infringing listings not flagged; of its legitimate ones flagged. Assumed, not measured."""
Order = Callable[[Ask], int]
"""A request, its priority by the kind of link, to the priority that it gets."""


@dataclass(frozen=True)
class Site:
    """Pages by address: what each links to, and the listing that it offers."""

    links: Mapping[str, Sequence[Ask]]
    offers: Mapping[str, OfferedListing]


def main() -> None:
    arguments = _arguments()
    results: dict[str, dict[str, list[list[float]]]] = {}
    for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
        for name, infringing in (("as drawn", None), ("thinned", arguments.prevalence)):
            shares = _one(seed, arguments, infringing)
            for order, reached in shares.items():
                results.setdefault(name, {}).setdefault(order, []).append(reached)
    for name, orders in results.items():
        for order, budgets in _summary(orders).items():
            print(json.dumps({"marketplace": name, "order": order, **budgets}))


def _one(seed: int, arguments: argparse.Namespace, infringing: float | None) -> dict[str, list[float]]:
    market = generate_marketplace(seed, listings=arguments.listings, sellers=arguments.sellers, brands=6)
    guilty = {truth.listing_id for truth in market.truths if truth.label == "infringing"}
    stream = random.Random(seed)
    if infringing is not None:
        market = _without(market, _surplus(market, guilty, infringing, stream))
    earlier = {listing.listing_id for listing in market.listings if stream.random() < 0.5}
    before, now = _site(_without(market, {x.listing_id for x in market.listings} - earlier)), _site(market)
    seen = _crawl(before, frozenset(), _breadth_first)
    seen = seen[: round(EARLIER_BUDGET * len(seen))]
    known = frozenset(url for url in seen if url in before.offers)
    yields = count_yields(_outcome(before.offers[url], url, guilty, stream) for url in sorted(known))
    orders: dict[str, Order] = {
        "breadth first": _breadth_first,
        "random": lambda _: stream.randrange(10**9),
        "by kind of link": lambda ask: ask.priority,
        "by yields": yields.priority,
    }
    # what stood there earlier and was not read then is new to this crawl as well
    wanted = {url for url, x in now.offers.items() if x.listing_id in guilty and url not in known and url in now.links}
    read = {name: _crawl(now, known, order) for name, order in orders.items()}
    starts = yields.starts(urlsplit(BASE).netloc, MOST_STARTS)
    pages = len(read["breadth first"])
    read["by yields, with starts"] = _crawl(now, known, yields.priority, starts)
    return {name: _reached(order, wanted, pages) for name, order in read.items()}


def _reached(read: Sequence[str], wanted: set[str], pages: int) -> list[float]:
    return [len(wanted & set(read[: round(budget * pages)])) / len(wanted) for budget in BUDGETS]


def _breadth_first(_: Ask) -> int:
    return 0


def _crawl(site: Site, known: frozenset[str], order: Order, starts: Sequence[str] = ()) -> list[str]:
    """Every page that can be reached, in the order in which it is read; `known` ones are passed over but as starts."""
    turn = count()
    first = [f"{BASE}/", *starts]
    queue, asked, read = [(-Priority.TARGET, next(turn), url) for url in first], set(first), list[str]()
    while queue:
        url = heapq.heappop(queue)[2]
        read.append(url)
        for ask in site.links[url]:
            if ask.url not in asked and ask.url in site.links and ask.url not in known:
                asked.add(ask.url)
                heapq.heappush(queue, (-order(ask), next(turn), ask.url))
    return read


def _outcome(listing: OfferedListing, url: str, guilty: set[str], stream: random.Random) -> Outcome:
    infringes = listing.listing_id in guilty
    flagged = stream.random() >= MISSED if infringes else stream.random() < WRONGLY_FLAGGED
    return Outcome(url=url, seller_id=listing.seller.id, count=Count(seen=1.0, found=float(flagged)))


def _surplus(market: Marketplace, guilty: set[str], share: float, stream: random.Random) -> set[str]:
    """Infringing listings to take out so that this share of the rest infringes."""
    keep = round(share / (1 - share) * (len(market.listings) - len(guilty)))
    return set(stream.sample(sorted(guilty), k=len(guilty) - keep))


def _without(market: Marketplace, listing_ids: set[str]) -> Marketplace:
    return replace(
        market,
        listings=tuple(each for each in market.listings if each.listing_id not in listing_ids),
        truths=tuple(each for each in market.truths if each.listing_id not in listing_ids),
    )


def _site(market: Marketplace) -> Site:
    """Every page reachable from the first, rendered and read once."""
    pages = Pages(market, BASE)
    offers = {BASE + listing.path: listing for listing in market.listings}
    links: dict[str, list[Ask]] = {}
    waiting = [f"{BASE}/"]
    while waiting:
        url = waiting.pop()
        if url not in links and (html := _rendered(pages, url)):
            links[url] = _links(html, url, offers.get(url))
            waiting += [ask.url for ask in links[url]]
    return Site(links=links, offers=offers)


def _rendered(pages: Pages, url: str) -> str:
    parts = urlsplit(url)
    kind, _, name = parts.path.strip("/").partition("/")
    page = int(parse_qs(parts.query).get("page", ["1"])[0])
    shown: dict[str, Callable[[], str]] = {
        "": pages.home,
        "category": lambda: pages.section(name, page),
        "collections": lambda: pages.collection(page),
        "seller": lambda: pages.seller(name, page),
        "sellers": pages.sellers,
        "item": lambda: pages.item(parts.path),
        "products": lambda: pages.item(parts.path),
    }
    try:
        return shown[kind]()
    except KeyError:  # sold, closed by robots.txt, or no page for people
        return ""


def _links(html: str, url: str, listing: OfferedListing | None) -> list[Ask]:
    tree = lxml.html.fromstring(html)
    tree.make_links_absolute(url)
    anchors = [
        PageLink(url=_clean(a.get("href")), text=a.text_content().strip(), rel=tuple(a.get("rel", "").split()))
        for a in tree.iterfind(".//a[@href]")
    ]
    found = related(anchors, _offer(listing, url)) if listing else ()
    priorities = {each.url: each.priority for each in found}
    return [
        Ask(url=link.url, priority=priorities.get(link.url, Priority.PAGE), referer=url)
        for link in anchors
        if "nofollow" not in link.rel
    ]


def _clean(url: str) -> str:
    """Without what only tracks: the crawl's own canonical form does the same."""
    parts = urlsplit(urljoin(BASE, url))
    page = parse_qs(parts.query).get("page")
    return f"{BASE}{parts.path}" + (f"?page={page[0]}" if page else "")


def _offer(listing: OfferedListing, url: str) -> Offer:
    read = Listing(
        marketplace="bundled-market",
        listing_id=listing.listing_id,
        url=url,
        title=listing.title,
        seller=listing.seller,
    )
    return Offer(listing=read, image_urls=())


def _summary(orders: Mapping[str, Sequence[Sequence[float]]]) -> dict[str, dict[str, object]]:
    baseline = np.array(orders["breadth first"])
    return {
        name: {
            f"{budget:.0%} of pages": {
                "reached": _interval(np.array(reached)[:, at]),
                "more_than_breadth_first": _interval(np.array(reached)[:, at] - baseline[:, at]),
            }
            for at, budget in enumerate(BUDGETS)
        }
        for name, reached in orders.items()
    }


def _interval(values: np.ndarray) -> list[float]:
    """Mean over seeds, and the ends of the middle 95 % of the means of resampled seeds."""
    drawn = np.random.default_rng(0).choice(values, size=(10_000, len(values))).mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return [round(float(value), 3) for value in (values.mean(), low, high)]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument(
        "--first-seed", type=int, default=100, help="those under 100 were looked at while this was made"
    )
    parser.add_argument("--listings", type=int, default=1200)
    parser.add_argument("--sellers", type=int, default=120)
    parser.add_argument("--prevalence", type=float, default=0.08, help="share of infringing listings when thinned")
    return parser.parse_args()


if __name__ == "__main__":
    main()
