"""The header in which a server says when to come back (RFC 9110 section 10.2.3)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_LONGEST_TEXT = 64
_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)
# the three forms of RFC 9110 section 5.6.7: all begin with a day's name
_DATE = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? .*\d\d:\d\d:\d\d.*", re.ASCII | re.IGNORECASE)


def http_date(text: str) -> datetime | None:
    """A date as HTTP writes it, in UTC; None for anything else."""
    text = text.strip()
    if len(text) > _LONGEST_TEXT or not _DATE.fullmatch(text):
        return None
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def retry_after_s(text: str, *, now: datetime) -> float | None:
    """Seconds from `now` (with its time zone) that the server wants to be left alone, at least 0.

    Both forms are read, seconds and a date; None where the header says neither.
    """
    text = text.strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    moment = http_date(text)
    return None if moment is None else max(0.0, (moment - now).total_seconds())
