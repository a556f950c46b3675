"""Which of a page's requests are made. Pure policy, apart from the addresses, which the proxy judges."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from tldextract import TLDExtract

_BUILDS_THE_PAGE = frozenset({"script", "stylesheet", "xhr", "fetch"})
_SHOWS_THE_PAGE = frozenset({"image", "font"})


def is_wanted(kind: str, url: str, *, page_url: str, main_frame: bool, pictures: bool) -> bool:
    """Whether a request that a page makes once its own document is there is let out.

    `kind` is Playwright's resource type, `pictures` whether the page will be looked at. Scripts, styles and the data
    that scripts ask for build the page, wherever they lie, for most shops keep them at a host of another name. A frame
    is a page of its own and must be of the same site. Pictures and typefaces are for the eye, so they are asked for
    only where a screenshot is taken. All else is refused: films, sounds, pings, event streams, and a script or
    refresh that takes the page elsewhere, for whether that other page may be asked for is decided by robots.txt.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        return False
    if kind == "document":
        return not main_frame and site_of(url) == site_of(page_url)
    return kind in _BUILDS_THE_PAGE or (pictures and kind in _SHOWS_THE_PAGE)


def site_of(url: str) -> str:
    """The registrable domain (``shop.co.uk``), or the host where there is none, as for addresses."""
    host = urlsplit(url).hostname or ""
    return _extract()(host).top_domain_under_public_suffix or host


@lru_cache(maxsize=1)
def _extract() -> TLDExtract:
    # the list of public suffixes that comes with the package; it is not asked for on the network
    return TLDExtract(suffix_list_urls=(), cache_dir=None)
