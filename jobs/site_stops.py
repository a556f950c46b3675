"""Sites that said stop: which they are, and a person's word that one may be asked again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from crawler.manners.canonical import host_of
from crawler.manners.stops import is_in_force
from domain.errors import NotFound
from domain.visit import SiteStop
from store.interfaces import SiteMemory


def list_site_stops(records: SiteMemory, *, now: datetime | None = None) -> Sequence[SiteStop]:
    """The stops that hold now, by host."""
    moment = now or datetime.now(UTC)
    return [stop for stop in records.site_stops() if is_in_force(stop, moment)]


def lift_site_stop(records: SiteMemory, host: str) -> None:
    """Let a site be asked again, and forget that it said stop. `host` may be an address of the site too.

    Raises NotFound where there is no stop for it.
    """
    name = host_of(host) if "://" in host else host.strip().lower()
    if not records.lift_site_stop(name):
        raise NotFound(f"{name} has said no stop", advice="See them all: assayer crawls sites.")
