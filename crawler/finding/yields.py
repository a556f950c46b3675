"""Where infringement was found before, and how much sooner a request is made for it.

Each site, seller, part of a site and query is an arm of a bandit whose listings infringe with an unknown probability.
Its posterior is a Beta distribution; the prior is centered on what holds around it (a seller's on its site, a site's on
everything) and worth `PRIOR_LISTINGS` listings. An arm is judged by an upper confidence bound, the posterior's mean and
`OPTIMISM` standard deviations, so that what was seldom looked at is looked at again: the index of Bayes-UCB (Kaufmann,
Cappé and Garivier, "On Bayesian Upper Confidence Bounds for Bandit Problems", AISTATS 2012) with the quantile taken
from the mean and variance of the Beta distribution. There is no chance in it: equal counts give equal bonuses.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from urllib.parse import urlsplit

from tldextract import TLDExtract

from crawler.finding.related import seller_of
from crawler.sources.interface import Ask

MOST_BONUS = 15
"""Less than from a page to a target (`Priority`): what is asked for stays before what might be worth asking for."""
PRIOR_LISTINGS = 4.0
OPTIMISM = 1.0
MOST_ARMS = 5_000
"""Arms of one kind that are kept; those that most was found at stay."""
_FIRST_GUESS = (1.0, 10.0)
"""Of how many listings how many infringe, before anything was seen: found, seen."""
AT_HAND = 2
"""For an address where offers stood before: it is likely to make one, while a list only leads to some."""
_SURE = 1e-4
_MOST_SEGMENTS = 2
_NUMBER = re.compile(r"\d{3}")
_LONGEST_SEGMENT = 40


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """Listings of one arm that have a verdict. A person's weighs more, so neither number need be whole."""

    seen: float = 0.0
    found: float = 0.0
    """Of those, how many infringe: 0 to `seen`."""

    def __add__(self, other: Count) -> Count:
        return Count(seen=self.seen + other.seen, found=self.found + other.found)


NOTHING = Count()


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One listing with a verdict."""

    url: str
    seller_id: str = ""
    queries: tuple[str, ...] = ()
    """Texts of the queries that find it."""
    count: Count


@dataclass(frozen=True, kw_only=True, slots=True)
class Yields:
    """What was seen and found. JSON by `domain.codec`: `dump(yields)`, `load(Yields, data)`."""

    everything: Count = NOTHING
    sites: Mapping[str, Count] = field(default_factory=dict)
    """By `site_of` the listing's address."""
    sellers: Mapping[str, Count] = field(default_factory=dict)
    """By site, a space, and the seller's id."""
    paths: Mapping[str, Count] = field(default_factory=dict)
    """By site and the first parts of the path: ``shop.example/bags``."""
    queries: Mapping[str, Count] = field(default_factory=dict)
    """By text."""
    leads: Mapping[str, str] = field(default_factory=dict)
    """As `sellers`, of those at whom infringement was found: the address of such a listing, whose page leads to the
    seller's others."""

    def bonus(self, host: str, seller_id: str = "", query: str = "", path: str = "") -> int:
        """What to add to the priority of a request, -15 to 15; 0 for what nothing is known of.

        15 times Yule's Q = (r - 1) / (r + 1), where r is the product of the odds ratios of what is named against the
        same with nothing known of it; and `AT_HAND` more where offers stood before.
        """
        site = site_of(host)
        everywhere = _mean(self.everything, _FIRST_GUESS[0] / _FIRST_GUESS[1], _FIRST_GUESS[1])
        here = _mean(self.sites.get(site, NOTHING), everywhere)
        log_odds = _gain(self.sites.get(site, NOTHING), everywhere)
        log_odds += _gain(self.sellers.get(_seller_key(site, seller_id), NOTHING), here) if seller_id else 0.0
        log_odds += _gain(self.queries.get(query, NOTHING), everywhere) if query else 0.0
        known = self._known_part(site, path)
        if known:
            # no optimism: the rest of a site is no arm that has to be tried for its own sake
            log_odds += _gain(known, here, optimism=0.0)
        bonus = round(MOST_BONUS * math.tanh(log_odds / 2)) + (AT_HAND if known else 0)
        return max(-MOST_BONUS, min(bonus, MOST_BONUS))

    def starts(self, host: str, most: int) -> tuple[str, ...]:
        """Addresses on the site of `host` to begin with beside its front page: one listing for each of the sellers that
        are worth more than an unknown one, best first. A site shows its sellers late, if at all.
        """
        return tuple(self.leads[_seller_key(site_of(host), seller)] for seller in self.sellers_at(host, most))

    def sellers_at(self, host: str, most: int) -> tuple[str, ...]:
        """The sellers on the site of `host` that are worth more than an unknown one, by its own key, best first."""
        site = site_of(host)
        sellers = (key.partition(" ")[2] for key in self.leads if key.partition(" ")[0] == site)
        gains = {seller: self.bonus(host, seller) for seller in sellers}
        best = (seller for seller in gains if gains[seller] > self.bonus(host))
        return tuple(sorted(best, key=lambda seller: (-gains[seller], seller))[: max(0, most)])

    def priority(self, ask: Ask) -> int:
        """The request's own, and the bonus of what is known of it: the query that led to it (``query`` in its context),
        the seller whom its context (``seller_id``) or its address names, or whose page leads to it.
        """
        seller_id, query = (str(ask.context.get(name) or "") for name in ("seller_id", "query"))
        host, path = _split(ask.url)
        site = site_of(host)
        seller_id = seller_id or self._seller_named(site, ask.url)
        if not seller_id and self._known_part(site, path):
            # of what a seller's page leads to, offers are the seller's; the site's own sections are not
            seller_id = self._seller_named(site, ask.referer)
        return ask.priority + self.bonus(host, seller_id, query, path)

    def _seller_named(self, site: str, url: str) -> str:
        if site_of(_split(url)[0]) != site:
            return ""
        shop = seller_of(url, shops=True)
        return shop if _seller_key(site, shop) in self.sellers else seller_of(url)

    def _known_part(self, site: str, path: str) -> Count | None:
        """Of the narrowest part of the site that holds the path and where offers stood."""
        keys = [site + pattern for pattern in reversed(_patterns(path))]
        return next((self.paths[key] for key in keys if key in self.paths), None)


def count_yields(outcomes: Iterable[Outcome]) -> Yields:
    """All of them, arm by arm. Their order does not matter but for the last digits of sums."""
    everything = NOTHING
    sites: dict[str, Count] = {}
    sellers: dict[str, Count] = {}
    paths: dict[str, Count] = {}
    queries: dict[str, Count] = {}
    leads: dict[str, str] = {}
    for outcome in outcomes:
        host, path = _split(outcome.url)
        site = site_of(host)
        everything += outcome.count
        _count(sites, (site,) if site else (), outcome.count)
        _count(sellers, (_seller_key(site, outcome.seller_id),) if outcome.seller_id else (), outcome.count)
        if outcome.seller_id and 2 * outcome.count.found > outcome.count.seen:
            key = _seller_key(site, outcome.seller_id)
            leads[key] = min(leads.get(key, outcome.url), outcome.url)
        folder = path.rpartition("/")[0] if path.strip("/") else ""
        _count(paths, (site + pattern for pattern in _patterns(folder)), outcome.count)
        _count(queries, set(outcome.queries), outcome.count)
    sellers = _kept(sellers)
    return Yields(
        everything=everything,
        sites=_kept(sites),
        sellers=sellers,
        paths=_kept(paths),
        queries=_kept(queries),
        leads={key: leads[key] for key in sellers if key in leads},
    )


@lru_cache(maxsize=4096)
def site_of(host: str) -> str:
    """The domain that was registered, so that ``api.ebay.com`` and ``www.ebay.com`` are one site; a shop under a
    provider's name (``a.myshopify.com``) is a site of its own. An address or a lone name stays, with its port.
    """
    host = host.casefold()[:300]
    name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
    return _registered(name) or host


@cache
def _extract() -> TLDExtract:
    """By the list that comes with the library: nothing is fetched, nothing is written."""
    return TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)


def _registered(name: str) -> str:
    """Empty for an address and a lone name."""
    if found := _extract()(name).top_domain_under_public_suffix:
        return found
    labels = name.split(".")
    # what no rule names is under a suffix of one part (publicsuffix.org's algorithm)
    is_name = len(labels) > 1 and all(labels[-2:]) and any(letter.isalpha() for letter in labels[-1])
    return ".".join(labels[-2:]) if is_name and ":" not in name else ""


def _gain(count: Count, around: float, *, optimism: float = OPTIMISM) -> float:
    """Log-odds of the arm's bound above those of the bound of an arm never seen; `around` is the prior's mean."""
    return _log_odds(_bound(count, around, optimism)) - _log_odds(_bound(NOTHING, around, optimism))


def _bound(count: Count, around: float, optimism: float) -> float:
    mean, listings = _mean(count, around), PRIOR_LISTINGS + count.seen
    return mean + optimism * math.sqrt(mean * (1 - mean) / (listings + 1))


def _mean(count: Count, around: float, listings: float = PRIOR_LISTINGS) -> float:
    return (around * listings + min(count.found, count.seen)) / (listings + count.seen)


def _log_odds(probability: float) -> float:
    inside = min(max(probability, _SURE), 1 - _SURE)
    return math.log(inside / (1 - inside))


def _count(arms: dict[str, Count], keys: Iterable[str], count: Count) -> None:
    for key in keys:
        arms[key] = arms.get(key, NOTHING) + count


def _kept(arms: Mapping[str, Count]) -> dict[str, Count]:
    best = sorted(arms.items(), key=lambda pair: (-pair[1].found, -pair[1].seen, pair[0]))[:MOST_ARMS]
    return dict(sorted(best))


def _seller_key(site: str, seller_id: str) -> str:
    return f"{site} {seller_id}"


def _split(url: str) -> tuple[str, str]:
    """(host with port, path); both empty for what is no URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.netloc.rpartition("@")[2], parts.path


def _patterns(path: str) -> tuple[str, ...]:
    """``/bags``, ``/bags/sale``: the first parts of a path up to one that names a single thing."""
    found: list[str] = []
    for segment in [each for each in path.split("/") if each][:_MOST_SEGMENTS]:
        if _NUMBER.search(segment) or len(segment) > _LONGEST_SEGMENT:
            break
        found.append(f"{found[-1] if found else ''}/{segment.casefold()}")
    return tuple(found)
