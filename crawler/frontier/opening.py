"""Which frontier a crawl has, by the settings."""

from __future__ import annotations

import re

from crawler.frontier.interface import Frontier
from crawler.frontier.local import LocalFrontier
from domain.errors import BadInput
from domain.settings import Settings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def open_frontier(settings: Settings, crawl: str, worker: str) -> Frontier:
    """The frontier of the crawl of that name, as one of its workers: ``frontier.db`` in the crawl's folder.

    Raises BadInput for a name that is none, StoreUnavailable, RecordsNewer.
    """
    for field, name in (("crawl", crawl), ("worker", worker)):
        if not _NAME.fullmatch(name):
            raise BadInput("is 1 to 64 letters, digits, '_', '.', '-'", field=field)
    return LocalFrontier(settings.crawl_dir / crawl / "frontier.db")
