"""Sites that said stop: which they are, and a person's word that one may be asked again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from crawler.manners.canonical import host_of
from crawler.manners.stops import is_in_force
from domain.errors import NotFound
from domain.visit import SiteStop
from store.interfaces import SiteMemory


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteStopState:
    """A stop, and whether it still holds."""

    stop: SiteStop
    in_force: bool


def list_site_stops(records: SiteMemory, *, now: datetime | None = None) -> Sequence[SiteStopState]:
    """All stops that are stored, those that hold first, then by host."""
    moment = now or datetime.now(UTC)
    states = [SiteStopState(stop=stop, in_force=is_in_force(stop, moment)) for stop in records.site_stops()]
    return sorted(states, key=lambda state: (not state.in_force, state.stop.host))


def lift_site_stop(records: SiteMemory, host: str) -> None:
    """Let a site be asked again, and forget that it said stop. `host` may be an address of the site too.

    Raises NotFound where there is no stop for it.
    """
    name = host_of(host) if "://" in host else host.strip().lower()
    if not records.lift_site_stop(name):
        raise NotFound(f"{name} has said no stop", advice="See them all: assayer crawl sites.")
