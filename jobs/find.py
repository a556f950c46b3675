"""What to search for and where to look first: queries from the catalogs, yields from what was found before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Protocol

from crawler.finding.queries import Vocabulary, make_queries
from crawler.finding.yields import NOTHING, Count, Outcome, Yields, count_yields
from crawler.sources.interface import Query
from domain.assessment import Assessment, Band
from domain.catalog import Catalog
from domain.errors import BadInput, EmptyCatalog
from domain.listing import Listing
from domain.review import Decision, Review
from domain.settings import Settings
from jobs.coded_words import slang_by_language, written_variants
from scoring.words import is_common_word
from store.interfaces import AssessmentReader, CatalogReader, ListingReader, ReviewStore

PERSON = 3.0
"""Listings that one decided on by a person counts for."""
_CONSIDERED = 4
"""Candidates for each query that is asked: what found before may come forward from behind."""
_LIFT = 30
"""Places between the first and the last candidate, in points of a bonus: 15 lifts the middle to the top."""
_BY_PICTURE = frozenset({"ebay"})
"""Sources that search by picture (eBay's ``search_by_image``); others are not sent such queries."""
_LANGUAGES = {
    "AT": ("de",), "BE": ("fr", "de"), "CA": ("en", "fr"), "CH": ("de", "fr"), "DE": ("de",), "ES": ("es",),
    "FR": ("fr",), "HK": ("zh", "en"), "MOTORS_US": ("en",), "MX": ("es",), "TW": ("zh",),
}  # fmt: skip
"""What buyers type, by the country of an eBay marketplace; English elsewhere."""


class FindingRecords(CatalogReader, ListingReader, AssessmentReader, ReviewStore, Protocol):
    """What finding reads."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedQuery:
    """One query for one source."""

    source: str
    query: Query
    bonus: int
    """What it found before is worth, -15 to 15; 0: it was never asked, or found as much as any other."""
    seen: float
    """Stored listings with a verdict whose title it fits; a person's decision counts for `PERSON`."""
    found: float
    """Of those, how many infringe."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchPlan:
    """Queries in the order in which they are to be asked, source by source, and where infringement was found before."""

    queries: tuple[PlannedQuery, ...]
    yields: Yields
    left_out: int
    """Queries that the limit leaves out, of all sources together."""

    def of(self, source: str) -> tuple[Query, ...]:
        """One source's, in order."""
        return tuple(planned.query for planned in self.queries if planned.source == source)


def plan_search(
    records: FindingRecords, settings: Settings, *, sources: Sequence[str], most_queries: int
) -> SearchPlan:
    """At most `most_queries` for each of `sources` (names of search APIs), and the yields to crawl by.

    Rights holders take turns. Changes nothing; equal records give an equal plan. Raises EmptyCatalog where there is
    nothing to search for, BadInput for a limit under one.
    """
    if most_queries < 1:
        raise BadInput("at least one query must be allowed", field="max_queries")
    catalogs = [
        Catalog(rights_holder=holder, products=tuple(records.products(holder.name)))
        for holder in records.rights_holders()
    ]
    considered = {source: _candidates(catalogs, source, settings, most_queries) for source in dict.fromkeys(sources)}
    if considered and not any(considered.values()):
        raise EmptyCatalog("no mark and no product to search for", advice="Import one: assayer catalog import.")
    texts = {query.text for queries in considered.values() for query in queries if query.text}
    yields = read_yields(records, sorted(texts))
    planned = tuple(
        planned
        for source, queries in considered.items()
        for planned in _by_yield(source, queries, yields)[:most_queries]
    )
    return SearchPlan(queries=planned, yields=yields, left_out=sum(map(len, considered.values())) - len(planned))


def read_yields(records: FindingRecords, queries: Sequence[str] = ()) -> Yields:
    """Where infringement was found, by the verdicts that stand; `queries` are texts to count hits of titles for.

    A person's decision counts for `PERSON` listings, an assessment of `enforce` or `review` by its probability, `clear`
    as nothing found. A listing without a verdict counts for nothing, nor does a clear one of which a part could not be
    read.
    """
    people = _decisions(records.standing_reviews())
    counts = {(each.marketplace, each.listing_id): _count(each) for each in records.assessments()}
    counts |= people
    finder = _QueryFinder(queries)
    return count_yields(_outcomes(records.listings(), counts, finder))


def _outcomes(
    listings: Iterable[Listing], counts: Mapping[tuple[str, str], Count], finder: _QueryFinder
) -> Iterator[Outcome]:
    for listing in listings:
        count = counts.get(listing.key, NOTHING)
        if count.seen:
            yield Outcome(
                url=listing.url, seller_id=listing.seller.id, queries=finder.fitting(listing.title), count=count
            )


def _decisions(reviews: Iterable[Review]) -> dict[tuple[str, str], Count]:
    """One for each listing: infringing where any rights holder confirmed it, not where each who looked rejected it."""
    confirmed: dict[tuple[str, str], bool] = {}
    for review in reviews:
        key = (review.marketplace, review.listing_id)
        confirmed[key] = confirmed.get(key, False) or review.decision is Decision.CONFIRMED
    return {key: Count(seen=PERSON, found=PERSON if yes else 0.0) for key, yes in confirmed.items()}


def _count(assessment: Assessment) -> Count:
    if assessment.band is Band.CLEAR:
        return NOTHING if assessment.unreadable else Count(seen=1.0)
    return Count(seen=1.0, found=assessment.probability)


def _candidates(catalogs: Sequence[Catalog], source: str, settings: Settings, most_queries: int) -> tuple[Query, ...]:
    vocabulary = Vocabulary(is_everyday=is_common_word, variants=written_variants, slang=slang_by_language())
    languages = _languages(source, settings)
    by_holder = [
        make_queries(catalog, vocabulary, most=_CONSIDERED * most_queries, languages=languages) for catalog in catalogs
    ]
    in_turn = (query for row in zip_longest(*by_holder) for query in row if query)
    usable = [query for query in in_turn if query.text or source in _BY_PICTURE]
    # two rights holders may share a word; it is searched once
    return tuple({(query.text.casefold(), query.image_sha256): query for query in reversed(usable)}.values())[::-1]


def _languages(source: str, settings: Settings) -> tuple[str, ...]:
    country = settings.ebay_marketplace.partition("_")[2].upper() if source == "ebay" else ""
    return _LANGUAGES.get(country, ("en",))


def _by_yield(source: str, queries: Sequence[Query], yields: Yields) -> list[PlannedQuery]:
    """The order of expectation, corrected by what was found; an equal yield leaves it as it is."""
    planned = [_planned(source, query, yields) for query in queries]
    places = sorted(range(len(planned)), key=lambda at: (_LIFT * at / len(planned) - planned[at].bonus, at))
    return [planned[at] for at in places]


def _planned(source: str, query: Query, yields: Yields) -> PlannedQuery:
    count = yields.queries.get(query.text, NOTHING) if query.text else NOTHING
    bonus = yields.bonus("", query=query.text)
    return PlannedQuery(source=source, query=query, bonus=bonus, seen=count.seen, found=count.found)


class _QueryFinder:
    """Which queries a title would answer: those whose words it holds, all of them, as search APIs have it."""

    def __init__(self, queries: Iterable[str]) -> None:
        self._by_word: dict[str, list[tuple[str, frozenset[str]]]] = {}
        for query in queries:
            words = frozenset(_words(query))
            if words:
                # the longest word is held by the fewest titles
                self._by_word.setdefault(max(sorted(words), key=len), []).append((query, words))

    def fitting(self, title: str) -> tuple[str, ...]:
        """Their texts, in no order."""
        words = frozenset(_words(title))
        return tuple(query for word in words for query, wanted in self._by_word.get(word, ()) if wanted <= words)


def _words(text: str) -> list[str]:
    return [word for word in (word.strip(".,;:!?()[]\"'") for word in text.casefold().split()) if word]
