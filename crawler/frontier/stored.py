"""How entries are written where a frontier keeps them. Whatever a page put into an address can be written and read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from hashlib import blake2b
from typing import Any

from crawler.frontier.interface import Entry
from crawler.sources.interface import Ask
from domain.errors import StoreUnavailable

MOST_PRIORITY = 10_000
"""Priorities beyond this, and below its negative, count as this: a shared frontier orders by one floating number."""

_DEFAULTS = {
    field.name: field.default if field.default_factory is MISSING else field.default_factory() for field in fields(Ask)
}


def identifier(key: str) -> bytes:
    """16 bytes that stand for a key of any length: the start of its BLAKE2b digest."""
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def host_name(host: str) -> str:
    """A host as printable ASCII, whatever it holds; `host_named` is the inverse."""
    return host.encode("unicode_escape").decode("ascii")


def host_named(name: str) -> str:
    """The inverse of `host_name`."""
    return name.encode("ascii").decode("unicode_escape")


def bounded(priority: int) -> int:
    """A priority between -`MOST_PRIORITY` and `MOST_PRIORITY`, as a plain number even where it has a name."""
    return max(-MOST_PRIORITY, min(MOST_PRIORITY, int(priority)))


def written(entry: Entry) -> str:
    """Key, ask and whether it is no page, as JSON in ASCII; what is at its default is left out.

    Raises TypeError when its context is not JSON.
    """
    said = [entry.key, entry.ask, 1] if entry.extra else [entry.key, entry.ask]
    return json.dumps(said, separators=(",", ":"), default=_plain)


def read(text: str | bytes, *, host: str, attempts: int) -> Entry:
    """The inverse of `written`. Raises StoreUnavailable when the text is broken."""
    try:
        key, ask, *extra = json.loads(text)
        return Entry(key=key, ask=_ask(ask), host=host, attempts=attempts, extra=bool(extra))
    except (ValueError, TypeError, AttributeError) as error:
        raise StoreUnavailable(
            f"an entry of the frontier cannot be read ({error})",
            advice="It was damaged or written by another Assayer; start a crawl under another name.",
        ) from error


def _plain(value: object) -> object:
    if isinstance(value, Ask):
        return {name: said for name, default in _DEFAULTS.items() if (said := getattr(value, name)) != default}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def _ask(fields_said: dict[str, Any]) -> Ask:
    then = tuple(_ask(each) for each in fields_said.pop("then", ()))
    return Ask(**fields_said, then=then)
