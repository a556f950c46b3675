"""What every source does: name the requests to make, and read the answers.

Pure functions of what they are given; no I/O.

A source runs in a process of its own kind, apart from the network (see docs/decisions/0011): everything that goes in
and out can be written as JSON or pickled, so that a killed crawl finds its requests again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any, Protocol

from domain.listing import Listing


class Priority(IntEnum):
    """What is asked for first; more is sooner."""

    API = 40
    """What a site publishes for programs: one answer tells of hundreds of offers."""
    OFFER = 30
    """A page that is known to make an offer."""
    TARGET = 20
    PAGE = 0
    """Any link."""
    VARIANT = -20
    """The same list in another order, filtered, and the like: as many as combinations."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """One request that a source wants made."""

    url: str
    source: str = "page"
    """The name of the source that reads the answer."""
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    """Beyond those that every request has; kept in the frontier, so never a secret (see `Credentials`)."""
    body: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    """What the source needs to know again when the answer comes; JSON."""
    priority: int = Priority.PAGE
    depth: int = 0
    """Links from the target to here."""
    referer: str = ""
    """The page that led here."""
    optional: bool = False
    """Nobody said that it is there: an answer of 404 is no failure."""
    then: tuple[Ask, ...] = ()
    """What is asked for once this request, and those that its source makes to go on with it, are through."""
    key: str = ""
    """Asks with an equal key are made once in a crawl; empty: the canonical form of `url`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back, status 2xx."""

    url: str
    """After redirects."""
    asked: tuple[str, ...]
    """The addresses that led here: as asked for, and each redirect's."""
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    """Decompressed."""
    received_at: datetime
    """UTC."""
    marketplace: str
    """What the listings of this site are named by."""
    encoding: str = ""
    """The character set that the answer names or its bytes show; empty when it is not text."""

    @property
    def text(self) -> str:
        """The body as text; bytes that are none in its encoding are replaced."""
        return self.body.decode(self.encoding or "utf-8", "replace")

    @property
    def content_type(self) -> str:
        """As the server says, lower case, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """A listing without its pictures, and where those are."""

    listing: Listing
    image_urls: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What one answer gave."""

    offers: tuple[Offer, ...] = ()
    asks: tuple[Ask, ...] = ()
    """Further requests. Those beyond the crawl's limits are counted and left."""
    left_alone: tuple[str, ...] = ()
    """Links that the page asks not to follow (``nofollow``)."""
    problems: tuple[str, ...] = ()
    """What could not be read, each one sentence for a person."""
    again: bool = False
    """The same answer is asked for once more and read then, so that it does not count as a page yet."""


class Source(Protocol):
    """One way in which offers are published. Sources are stateless, and their order does not matter."""

    name: str

    def recognize(self, page: Answer) -> Sequence[Ask]:
        """What to ask for when this source serves the site of `page`, its first page; else nothing.

        Then the page itself is read after all of that has been.
        """

    def read(self, ask: Ask, answer: Answer) -> Reading:
        """The offers and further requests of one answer. Never raises for what the answer holds."""

    def missed(self, ask: Ask) -> Reading:
        """What is left when `ask` gave no answer: an offer that an earlier answer told of, another request."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """What to look for on a marketplace."""

    text: str
    """Words as a buyer would type them; empty for a search by picture alone."""
    language: str = ""
    """ISO 639-1; empty when the words belong to no language, like most marks."""
    image_sha256: str = ""
    """A reference picture in the evidence store to search by, where the API offers that."""
    reason: str = ""
    """What of the catalog it was made from: ``brand Aurelle``, ``product A-100``, ``coded variant of Aurelle``."""
    rights_holder: str = ""


class SearchSource(Source, Protocol):
    """A source that is asked by queries: a marketplace's official search API."""

    marketplace: str

    def search(self, query: Query, *, image: bytes | None = None) -> Sequence[Ask]:
        """The first requests of a search; `image` where the query names one. Empty where this API cannot do that."""

    def same_seller(self, seller_id: str) -> Sequence[Ask]:
        """What else a seller offers; empty where the API cannot tell."""


class Credentials(Protocol):
    """Adds what proves who asks, as late as possible, so that no secret lies in a frontier, a log or evidence."""

    def login(self, source: str) -> Ask | None:
        """The request that gets an access token for this source; None when it needs none or has a fresh one.

        Raises SettingRefused when the keys for it are not set, saying which and where to get them.
        """

    def accept(self, source: str, answer: Answer) -> None:
        """Keep the token that `login` got. Raises CrawlFailed when the answer holds none."""

    def headers(self, source: str) -> Mapping[str, str]:
        """What to add to each request of this source."""
