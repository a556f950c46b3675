"""Which pages need not be asked for again."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from domain.visit import Visit

_DAY = timedelta(days=1)


def is_due(visit: Visit | None, now: datetime, revisit_h: float, lastmod: datetime | None = None) -> bool:
    """Whether to ask for a page that answered by `visit` (None: never asked for).

    A page that made an offer, or was gone, is passed over for `revisit_h` hours, unless its sitemap says that it has
    changed since (`lastmod`; without a time zone: UTC). Any other page is always due: lists of offers are where new
    ones show, and an error is no answer.
    """
    if visit is None or visit.visited_at > now or not (visit.gone or _made_an_offer(visit)):
        return True
    if now - visit.visited_at >= timedelta(hours=revisit_h):
        return True
    return lastmod is not None and _changed(lastmod, visit.visited_at, now)


def _made_an_offer(visit: Visit) -> bool:
    return visit.listing is not None and (200 <= visit.status < 300 or visit.status == 304)


def _changed(lastmod: datetime, visited_at: datetime, now: datetime) -> bool:
    aware = lastmod if lastmod.tzinfo else lastmod.replace(tzinfo=UTC)
    if aware > now + _DAY:
        return False  # sites that name the future name it of every page
    # sitemaps may give the day alone (W3C Datetime); which hour of it is not known then
    latest = aware + _DAY if aware.timetz().replace(tzinfo=None) == time() else aware
    return latest > visited_at
