"""When a site may be crawled: windows of the week, in UTC.

Written as ``22:00-06:00``, ``Mon-Fri 20:00-23:59``, or several of those parted by commas. The first minute belongs to a
window, its last moment does not; a window that ends before it begins goes on after midnight, and belongs to the day on
which it begins. ``24:00`` is the end of a day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from domain.errors import BadInput

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 24 * 60
_WEEK = 7 * _DAY
_LONGEST_TEXT = 1000
_PART = re.compile(
    rf"(?:(?P<first>{'|'.join(_DAYS)})(?:-(?P<last>{'|'.join(_DAYS)}))? +)?(?P<start>\d\d:\d\d) *- *(?P<end>\d\d:\d\d)",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Window:
    """The minutes of the week in which a site may be crawled; `parse_window` makes one."""

    spans: tuple[tuple[int, int], ...] = ((0, _WEEK),)
    """(first minute, minute after the last) since Monday 00:00 UTC: sorted, disjoint, within the week; never none."""

    def is_open(self, moment: datetime) -> bool:
        """Whether `moment` (with its time zone) lies in a window."""
        minute = _minute(moment)
        return any(start <= minute < end for start, end in self.spans)

    def opens_at(self, moment: datetime) -> datetime:
        """`moment` where it lies in a window, else when the next one begins; in UTC."""
        if self.is_open(moment):
            return moment.astimezone(UTC)
        minute = _minute(moment)
        starts = [start for start, _ in self.spans]
        wait = next((start for start in starts if start > minute), starts[0] + _WEEK) - int(minute)
        return moment.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=wait)


ALWAYS = Window()
"""At all times."""


def parse_window(text: str) -> Window:
    """The windows that `text` names; all times where it is empty. Raises BadInput saying which part is wrong."""
    if not text.strip():
        return ALWAYS
    if len(text) > _LONGEST_TEXT:
        raise BadInput(f"has {len(text)} characters; at most {_LONGEST_TEXT} are read")
    return Window(_merged(span for part in text.split(",") for span in _spans(part.strip())))


def _spans(part: str) -> list[tuple[int, int]]:
    match = _PART.fullmatch(part)
    if not match:
        raise BadInput(f"{part!r} is no window", advice="Write it like 22:00-06:00 or Mon-Fri 20:00-23:59, in UTC.")
    start, end = _time(match["start"], latest=_DAY - 1), _time(match["end"], latest=_DAY)
    if start == end:
        raise BadInput(f"{part!r} ends when it begins", advice="A whole day is 00:00-24:00.")
    length = end - start if end > start else end - start + _DAY
    return [(day * _DAY + start, day * _DAY + start + length) for day in _days(match["first"], match["last"])]


def _time(text: str, *, latest: int) -> int:
    """Minutes since midnight."""
    hours, minutes = int(text[:2]), int(text[3:])
    if minutes > 59 or hours * 60 + minutes > latest:
        raise BadInput(f"{text!r} is no time of day here", advice="Times go from 00:00 to 23:59; a day ends at 24:00.")
    return hours * 60 + minutes


def _days(first: str | None, last: str | None) -> list[int]:
    """Numbers of the days, Monday is 0; a range may go over Sunday."""
    if first is None:
        return list(range(7))
    start = _DAYS.index(first.lower())
    count = (_DAYS.index(last.lower()) - start) % 7 + 1 if last else 1
    return [(start + number) % 7 for number in range(count)]


def _merged(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Sorted and disjoint, what goes over the end of the week begins it again."""
    within = []
    for start, end in spans:
        within.append((start, min(end, _WEEK)))
        if end > _WEEK:
            within.append((0, end - _WEEK))
    merged: list[tuple[int, int]] = []
    for start, end in sorted(within):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _minute(moment: datetime) -> float:
    """Minutes since Monday 00:00 UTC."""
    if moment.tzinfo is None:
        raise ValueError("a moment without its time zone is read in two ways")
    utc = moment.astimezone(UTC)
    return utc.weekday() * _DAY + utc.hour * 60 + utc.minute + (utc.second + utc.microsecond / 1e6) / 60
