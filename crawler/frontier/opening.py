"""Which frontier a crawl has, by the settings."""

from __future__ import annotations

import re

from crawler.frontier.interface import Frontier
from crawler.frontier.local import LocalFrontier
from domain.errors import BadInput, NotReady
from domain.settings import Settings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def open_frontier(settings: Settings, crawl: str, worker: str) -> Frontier:
    """The frontier of the crawl of that name, as one of its workers.

    In Redis when `redis_url` is set; else in ``frontier.db`` in the crawl's own folder. Raises BadInput for a name that
    is none, StoreUnavailable, RecordsNewer, SettingRefused, and NotReady when the client for Redis is not installed.
    """
    for field, name in (("crawl", crawl), ("worker", worker)):
        if not _NAME.fullmatch(name):
            raise BadInput("is 1 to 64 letters, digits, '_', '.', '-'", field=field)
    if settings.redis_url:
        return _shared(settings, crawl, worker)
    return LocalFrontier(settings.crawl_dir / crawl / "frontier.db")


def _shared(settings: Settings, crawl: str, worker: str) -> Frontier:
    try:
        from crawler.frontier.shared import SharedFrontier
    except ModuleNotFoundError as error:
        raise NotReady(f"{error.name} is not installed", advice="Install it: pip install 'assayer[scale]'.") from error
    return SharedFrontier(settings.redis_url, settings.tenant, crawl, worker, lease_s=settings.crawl_lease_s)
