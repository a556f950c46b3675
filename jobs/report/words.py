"""Numbers and foreign text as the page's reader should meet them."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from urllib.parse import urlsplit

from jobs.estimates import Estimate

NOT_MEASURED = "—"
_THIN = "\u202f"
_MINUS = "−"


def percent(value: float | None) -> str:
    """One decimal; never rounds what is not certain to certainty."""
    return NOT_MEASURED if value is None else f"{percent_figure(value)}{_THIN}%"


def percent_figure(value: float | None) -> str:
    """`percent` without its sign."""
    if value is None:
        return NOT_MEASURED
    if 0.9995 <= value < 1:
        return "> 99.9"
    if 0 < value < 0.0005:
        return "< 0.1"
    return "100" if value == 1 else f"{100 * value:.1f}"


def interval(estimate: Estimate) -> str:
    """A 95 % interval of a share."""
    if estimate.low is None or estimate.high is None:
        return "nothing to measure it on"
    return f"{100 * estimate.low:.1f}–{100 * estimate.high:.1f}{_THIN}%"


def decimal(value: float | None) -> str:
    """Three decimals."""
    return NOT_MEASURED if value is None else f"{value:.3f}"


def decimal_interval(estimate: Estimate) -> str:
    """A 95 % interval of a plain number."""
    if estimate.low is None or estimate.high is None:
        return "nothing to measure it on"
    return f"{estimate.low:.3f}–{estimate.high:.3f}"


def thousands(count: int) -> str:
    """Grouped by thin spaces, as no comma or point means the same everywhere."""
    return f"{count:,}".replace(",", _THIN)


def counted(count: int, noun: str) -> str:
    """The number with its noun in the right form."""
    return f"{thousands(count)} {noun}" if count == 1 else f"{thousands(count)} {noun}s"


def signed(value: float) -> str:
    """Two decimals, with plus or a true minus."""
    return f"{'+' if value >= 0 else _MINUS}{abs(value):.2f}"


def words(name: str) -> str:
    """``copied_photo`` to ``copied photo``."""
    return shorten(name.replace("_", " "), 80)


def shorten(text: str, most: int) -> str:
    """One line of at most `most` characters: no control characters, nothing that turns the reading direction."""
    visible = "".join(" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in text[: most * 4])
    plain = " ".join("".join(char for char in visible if char not in _DIRECTION).split())
    return plain if len(plain) <= most and len(text) <= most * 4 else plain[: most - 1].rstrip() + "…"


_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def is_web(url: str) -> bool:
    """Whether a link may be made of it: http or https with a host, of bearable length; never ``javascript:``."""
    try:
        parts = urlsplit(url)
        return len(url) <= 2_000 and parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def day(moment: datetime) -> str:
    """``21 November 2026``."""
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def minute(moment: datetime) -> str:
    """``21 November 2026, 20:47 UTC``."""
    return f"{day(moment.astimezone(UTC))}, {moment.astimezone(UTC):%H:%M} UTC"


# Not strftime's %B, which follows the machine's language
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip
