"""What holds for each site: from the settings, and from a TOML file with a table for each host that differs.

["shop.example"]
window = "22:00-06:00"     # UTC
delay_s = 5                # least time between two requests
concurrency = 1            # most requests under way at once
browser = true             # its pages need a browser

["*.market.example"]       # every host below market.example, not market.example itself
delay_s = 2
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from crawler.manners.window import ALWAYS, Window, parse_window
from domain.errors import BadInput, SettingRefused
from domain.settings import Settings

LEAST_DELAY_S = 0.25
"""Other people's sites are asked no more often, however fast they answer, unless a person says so."""

_OWN_MACHINE = 8
"""Requests under way at once to one's own machine, where politeness is pointless."""
_LONGEST_DELAY_S = 3600.0
_MOST_CONCURRENCY = 64
_MOST_BYTES = 1_000_000
_HOST = re.compile(r"(?:\*\.)?[^\s*/@?#:\[\]]{1,253}(?::\d{1,5})?|\[[0-9a-f:.]{2,45}\](?::\d{1,5})?", re.IGNORECASE)
_LINE_OF_ERROR = re.compile(r"at line (\d+)")
_ADVICE = "See docs/manners.md."
_TABLE = 'Begin the table with a line like ["shop.example"].'


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteRule:
    """What holds for one host."""

    window: Window = ALWAYS
    """When it may be asked."""
    delay_s: float
    """Time between two requests at first."""
    least_delay_s: float
    """The delay follows how fast the site answers, but never goes under this."""
    concurrency: int
    """Most requests under way at once."""
    browser: bool = False
    """Whether its pages need a browser."""
    adaptive: bool = True
    """Whether the delay follows how fast the site answers, and pauses are kept; not towards one's own machine, unless
    the file says a delay."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    """What the file says of one host; None where it says nothing."""

    window: Window | None = None
    delay_s: float | None = None
    concurrency: int | None = None
    browser: bool | None = None


_FIELDS = tuple(_Entry.__slots__)


class SiteRules:
    """The rules of one crawl. Immutable."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingRefused for the settings, BadInput naming file, line and field for the sites file."""
        self._settings = settings
        try:
            self._window = parse_window(settings.crawl_window)
        except BadInput as error:
            raise SettingRefused(error.reason, field="ASSAYER_CRAWL_WINDOW", advice=error.advice) from error
        self._entries = _read_file(settings.crawl_sites_file) if settings.crawl_sites_file else {}

    def rules_for(self, host: str) -> SiteRule:
        """The rule of a host (lower case, with its port where that is unusual): of what fits it, the closest holds."""
        entry = self._entry(host.lower())
        own_machine = self._settings.allow_loopback and is_loopback(host)
        at_first = 0.0 if own_machine else self._settings.crawl_delay_s
        return SiteRule(
            window=entry.window or self._window,
            delay_s=at_first if entry.delay_s is None else entry.delay_s,
            least_delay_s=min(LEAST_DELAY_S, at_first) if entry.delay_s is None else entry.delay_s,
            concurrency=entry.concurrency
            or max(self._settings.crawl_site_concurrency, _OWN_MACHINE if own_machine else 1),
            browser=bool(entry.browser),
            adaptive=not own_machine or entry.delay_s is not None,
        )

    def _entry(self, host: str) -> _Entry:
        return next((self._entries[name] for name in _names(host) if name in self._entries), _Entry())


def is_loopback(host: str) -> bool:
    """Whether a host, with or without port, is this machine by its text."""
    name = _without_port(host.lower()).strip("[]").rstrip(".")
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def _names(host: str) -> Iterator[str]:
    """What an entry for this host may be called, the closest first."""
    yield host
    name = _without_port(host)
    yield name
    labels = name.split(".")
    for number in range(1, len(labels)):
        yield "*." + ".".join(labels[number:])


def _without_port(host: str) -> str:
    name, separator, port = host.rpartition(":")
    return name if separator and port.isdecimal() and (":" not in name or name.endswith("]")) else host


def _read_file(path: Path) -> Mapping[str, _Entry]:
    file = str(path)
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        reason = f"cannot be read ({error.strerror or error})"
        raise SettingRefused(reason, file=file, field="ASSAYER_CRAWL_SITES_FILE", advice=_ADVICE) from error
    if len(content) > _MOST_BYTES:
        raise BadInput(f"more than {_MOST_BYTES} bytes", file=file)
    try:
        text = content.decode("utf-8-sig")
        tables = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        line = _LINE_OF_ERROR.search(str(error))
        where = int(line[1]) if line else None
        raise BadInput(f"is not TOML ({error})", file=file, line=where, advice=_ADVICE) from error
    return _entries(tables, text, file)


def _entries(tables: Mapping[str, Any], text: str, file: str) -> Mapping[str, _Entry]:
    entries: dict[str, _Entry] = {}
    for host, fields in _hosts(tables):
        try:
            if not host:
                raise BadInput("belongs into the table of a host", field=next(iter(fields)), advice=_TABLE)
            name = _host_name(host)
            if name in entries:
                raise BadInput("is there twice")
            entries[name] = _Entry(**{field: _value(field, value) for field, value in fields.items()})
        except BadInput as error:
            field = error.field or ""
            place = ".".join(filter(None, (host, field)))
            raise BadInput(
                error.reason, file=file, line=_line(text, host, field), field=place, advice=error.advice or _ADVICE
            ) from error
    return entries


def _hosts(tables: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each host with its fields. ``[shop.example]`` without quotes, which TOML reads as a table in a table, is one."""
    fields = {name: value for name, value in tables.items() if not isinstance(value, dict)}
    if fields or (above and not tables):
        yield above, fields
    for name, value in tables.items():
        if isinstance(value, dict):
            yield from _hosts(value, f"{above}.{name}" if above else name)


def _host_name(host: str) -> str:
    if not _HOST.fullmatch(host):
        raise BadInput("is no host", advice='A host is written like "shop.example", "*.shop.example" or "shop:8000".')
    try:
        return host.lower() if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise BadInput("is no host") from error


def _value(field: str, value: Any) -> Any:
    if field == "window" and isinstance(value, str):
        try:
            return parse_window(value)
        except BadInput as error:
            raise error.at(field=field) from error
    if field == "delay_s" and _is_number(value) and 0 <= value <= _LONGEST_DELAY_S:
        return float(value)
    if field == "concurrency" and type(value) is int and 1 <= value <= _MOST_CONCURRENCY:
        return value
    if field == "browser" and isinstance(value, bool):
        return value
    raise BadInput(_EXPECTED.get(field, f"is no field; there are {', '.join(_FIELDS)}"), field=field)


_EXPECTED = {
    "window": 'must be text like "22:00-06:00"',
    "delay_s": f"must be a number of seconds from 0 to {_LONGEST_DELAY_S:g}",
    "concurrency": f"must be a whole number from 1 to {_MOST_CONCURRENCY}",
    "browser": "must be true or false",
}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _line(text: str, host: str, field: str) -> int | None:
    """Where a host's field, or without one its table, is written; None where that is not told by whole lines."""
    within = not host
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("["):
            within = _header(line) == host
            if within and not field:
                return number
        elif within and field and line.split("=")[0].strip().strip("\"'") == field:
            return number
    return None


def _header(line: str) -> str:
    """The host that a line like ``["shop.example"]`` begins the table of."""
    try:
        return next((host for host, _ in _hosts(tomllib.loads(line))), "")
    except tomllib.TOMLDecodeError:
        return ""
