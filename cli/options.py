"""Options that many commands share, and what they stand for."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import Annotated

import typer

from crawler.fetch import GuardedFetcher
from domain.settings import Settings

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
FetchOption = Annotated[bool, typer.Option("--fetch-images", help="Fetch images that are URLs.")]


def login_name() -> str:
    """Who runs the command. Empty where the system knows none, as in some containers: then a name has to be given."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def image_fetcher(settings: Settings) -> Callable[[str], bytes]:
    """From URL to the picture's bytes, through the guarded fetcher."""
    fetcher = GuardedFetcher(settings)
    return lambda url: fetcher.fetch(url, max_bytes=settings.max_image_bytes).content
