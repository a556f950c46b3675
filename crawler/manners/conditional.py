"""Asking only for what has changed (RFC 9110 section 13), and what is remembered for that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus

from crawler.manners.canonical import canonical_address
from crawler.manners.retry_after import http_date
from domain.visit import Visit

__all__ = ["canonical_address", "conditional_headers", "confirms", "is_conditional", "unconditional", "visit_of"]

_CONDITIONS = ("If-None-Match", "If-Modified-Since")
# RFC 9110 section 8.8.3, without the bytes beyond ASCII that no two libraries write alike
_ETAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{0,1000}"')


def conditional_headers(visit: Visit | None) -> dict[str, str]:
    """What to add to a request for a page that is known, so that it is only sent when it has changed.

    Empty without a validator, and for a page whose content was not kept: an answer without a body would leave nothing
    to read. Where there are both, both are sent; a server that knows ``If-None-Match`` ignores the other (RFC 9110
    section 13.1.3).
    """
    if visit is None or visit.status != HTTPStatus.OK or not visit.body_sha256:
        return {}
    said = zip(_CONDITIONS, (visit.etag, visit.last_modified), strict=True)
    return {name: value for name, value in said if value}


def is_conditional(headers: Mapping[str, str]) -> bool:
    """Whether a request with these headers asks about what is known."""
    return any(name in headers for name in _CONDITIONS)


def unconditional(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a request for the whole page."""
    return {name: value for name, value in headers.items() if name not in _CONDITIONS}


def confirms(previous: Visit | None, headers: Mapping[str, str]) -> bool:
    """Whether an answer of 304 with these headers (names in any case) means what is remembered as `previous`.

    It does not where it names another version than the one that was asked about (RFC 9111 section 4.3.4).
    """
    if previous is None or not previous.body_sha256:
        return False
    etag = _etag(headers)
    return not (etag and previous.etag) or _opaque(etag) == _opaque(previous.etag)


def visit_of(
    url: str,
    status: int,
    headers: Mapping[str, str],
    *,
    body_sha256: str,
    at: datetime,
    listing: tuple[str, str] | None = None,
    previous: Visit | None = None,
) -> Visit:
    """How a page answered, to be remembered: status, validators and content of the answer at `at` (UTC).

    304 confirms `previous`, whose content, status and listing stay; where it confirms nothing, nothing is left to ask
    about, so that the next request is for the whole page. A page that is gone keeps the listing that it offered.
    `headers` have names in any case; validators in no proper form are left out.
    """
    address = canonical_address(url)
    if status == HTTPStatus.NOT_MODIFIED:
        if previous is None or not confirms(previous, headers):
            return Visit(url=address, visited_at=at, status=status, listing=previous.listing if previous else listing)
        return replace(
            previous,
            url=address,
            visited_at=at,
            etag=_etag(headers) or previous.etag,
            last_modified=_last_modified(headers) or previous.last_modified,
        )
    visit = Visit(
        url=address,
        visited_at=at,
        status=status,
        etag=_etag(headers),
        last_modified=_last_modified(headers),
        body_sha256=body_sha256,
        listing=listing,
    )
    return replace(visit, listing=listing or previous.listing) if visit.gone and previous else visit


def _etag(headers: Mapping[str, str]) -> str:
    value = _header(headers, "etag").strip()
    return value if _ETAG.fullmatch(value) else ""


def _last_modified(headers: Mapping[str, str]) -> str:
    value = _header(headers, "last-modified").strip()
    return value if http_date(value) else ""


def _opaque(etag: str) -> str:
    """For the weak comparison of RFC 9110 section 8.8.3.2."""
    return etag.removeprefix("W/")


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")
