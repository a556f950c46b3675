"""Which Chromium is started, and how: nothing of it leaves but through the guarded proxy."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from domain.errors import SettingRefused
from domain.settings import Settings

if TYPE_CHECKING:
    from playwright.async_api import Browser, Playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_LAUNCH_MS = 30_000
_FLAGS = (
    "--disable-gpu",
    "--disable-quic",  # QUIC is UDP, which no HTTP proxy carries
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-pings",
    "--dns-prefetch-disable",
    # no name is looked up by the browser, over DNS or over HTTPS: the proxy is an address, and looks up the rest
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    # WebRTC through the proxy or not at all; the switch has had two names
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--js-flags=--max-old-space-size=512",
)
_LOG = logging.getLogger(__name__)


def why_no_browser(settings: Settings) -> str | None:
    """Why pages cannot be shown in a browser here, in one sentence; None when they can."""
    for package in ("playwright", "scrapy_playwright"):
        if importlib.util.find_spec(package) is None:
            return f"the package {package} is not installed (it comes with assayer's extra `browser`)"
    try:
        find_chromium(settings)
    except SettingRefused as error:
        return f"{error.message}. {error.advice}"
    return None


def find_chromium(settings: Settings) -> Path:
    """The program to start. Raises SettingRefused when there is none."""
    if settings.browser_path:
        named = shutil.which(settings.browser_path)
        if named is None:
            raise SettingRefused(f"no program at {settings.browser_path}", field="ASSAYER_BROWSER_PATH")
        return Path(named)
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        raise SettingRefused(
            "no Chromium on this machine",
            field="ASSAYER_BROWSER_PATH",
            advice="Install Debian's package chromium, or name the program.",
        )
    return Path(found)


def is_sandboxed() -> bool:
    """Whether Chromium shuts its pages in. It cannot as root, and refuses to start unless told that it need not."""
    return not hasattr(os, "geteuid") or os.geteuid() != 0


def launch_options(settings: Settings, *, proxy_url: str) -> dict[str, Any]:
    """For playwright's `launch`. Raises SettingRefused without a Chromium."""
    return {
        "executable_path": str(find_chromium(settings)),
        "args": list(_FLAGS),
        "chromium_sandbox": is_sandboxed(),
        # `<-loopback>` takes away Chromium's rule that loopback needs no proxy
        "proxy": {"server": proxy_url, "bypass": "<-loopback>"},
        "timeout": _LAUNCH_MS,
    }


class RunningChromium:
    """A Chromium that knows no way out but the proxy at `proxy_url`; it is gone when its block is left."""

    def __init__(self, settings: Settings, *, proxy_url: str) -> None:
        self._settings, self._proxy_url = settings, proxy_url
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    @property
    def browser(self) -> Browser:
        """The one that runs."""
        assert self._browser, "the browser is used within its block"
        return self._browser

    async def __aenter__(self) -> RunningChromium:
        """Raises SettingRefused without a Chromium, and playwright's Error when it does not start."""
        from playwright.async_api import async_playwright  # an extra: only crawls that need it have it

        options = launch_options(self._settings, proxy_url=self._proxy_url)
        if not is_sandboxed():
            _LOG.warning("Chromium runs as root and therefore WITHOUT ITS SANDBOX: crawl as another user")
        self._playwright = await async_playwright().start()
        try:
            self._browser = await self._playwright.chromium.launch(**options)
        except BaseException:
            await self._playwright.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._playwright
        try:
            await self.browser.close()
        finally:
            await self._playwright.stop()
