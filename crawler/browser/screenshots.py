"""Screenshots as evidence: the part of a page that a visitor sees first, and the whole page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from crawler.browser.strip import with_strip

if TYPE_CHECKING:
    from playwright.async_api import Page

VIEWPORT = (1280, 960)
"""Width and height of the browser's window, in CSS pixels; one screenshot pixel each."""
MAX_HEIGHT_PX = 20_000
"""Most of a page that is shown; what lies below is cut off, and the strip says so."""
_TIMEOUT_MS = 15_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Screenshots:
    """PNG files, each with a strip above the page's own pixels that names page, time, and digest of the HTML."""

    full: bytes
    viewport: bytes
    page_height_px: int
    """Of the whole page."""
    taken_at: datetime
    """UTC."""

    @property
    def cut(self) -> bool:
        """Whether the page goes on below what `full` shows."""
        return self.page_height_px > MAX_HEIGHT_PX


async def take_screenshots(page: Page, *, url: str, taken_at: datetime, html_sha256: str, identity: str) -> Screenshots:
    """Both screenshots of a page as it stands, scrolled to its top.

    `url` is the page's own, after redirects; `taken_at` is in UTC; `html_sha256` is of the HTML that goes with them.
    Raises playwright's Error, and its TimeoutError, for a page that cannot be drawn.
    """
    width, height = VIEWPORT
    whole = await _page_height(page)
    shown = min(whole, MAX_HEIGHT_PX)
    viewport = await page.screenshot(type="png", scale="css", caret="hide", timeout=_TIMEOUT_MS, animations="disabled")
    full = await page.screenshot(
        type="png",
        scale="css",
        caret="hide",
        timeout=_TIMEOUT_MS,
        animations="disabled",
        full_page=True,
        clip={"x": 0, "y": 0, "width": width, "height": shown},
    )
    said = (
        ("URL", url),
        ("Captured", f"{taken_at:%Y-%m-%d %H:%M:%S} UTC by {identity}"),
        ("HTML SHA-256", html_sha256),
    )
    extent = f"whole page, {width} x {whole} px"
    if whole > shown:
        extent = f"top {shown} px of a page of {width} x {whole} px: CUT, the page goes on below"
    return Screenshots(
        full=with_strip(full, (*said, ("Shows", extent))),
        viewport=with_strip(viewport, (*said, ("Shows", f"viewport, {width} x {height} px, of {whole} px in all"))),
        page_height_px=whole,
        taken_at=taken_at,
    )


async def _page_height(page: Page) -> int:
    """In CSS pixels, asked of the browser and not of the page, whose scripts may say anything."""
    session = await page.context.new_cdp_session(page)
    try:
        metrics = await session.send("Page.getLayoutMetrics")
    finally:
        await session.detach()
    return max(VIEWPORT[1], round(float(metrics["cssContentSize"]["height"])))
