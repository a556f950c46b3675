"""What is remembered of pages and sites between crawls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit:
    """How a page answered the last time it was asked for."""

    url: str
    """Canonical: equal for addresses of the same page, as far as addresses tell."""
    visited_at: datetime
    """UTC."""
    status: int
    """HTTP status; 304 is kept as the status of the answer that it confirms."""
    etag: str = ""
    """As sent, quotes and ``W/`` included (RFC 9110 section 8.8.3); empty without one."""
    last_modified: str = ""
    """As sent (RFC 9110 section 8.8.2); empty without one."""
    body_sha256: str = ""
    """Of the last answer with a body; in the evidence store where the page made an offer."""
    listing: tuple[str, str] | None = None
    """(marketplace, listing_id) of the listing that this page offered, when it last offered one."""

    @property
    def gone(self) -> bool:
        """Whether the page said that it is no more."""
        return self.status in (404, 410)


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteStop:
    """A site that said stop. Nothing of it is asked for until the stop is over or lifted by a person."""

    host: str
    """Lower case, with the port where that is not the scheme's own."""
    reason: str
    """What the site did, in one sentence."""
    stopped_at: datetime
    """UTC."""
    until: datetime | None = None
    """UTC; None: until a person lifts it."""
