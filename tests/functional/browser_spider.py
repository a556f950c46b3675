"""A small Scrapy project that asks for pages plainly and looks at them; run by test_browser_crawl.py.

Reads one JSON object from standard input: ``urls``, ``screenshots``, ``settings``, and ``kill``, the path of the page
before which the browser is killed. Writes one JSON line for each URL.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import scrapy
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import Response

from crawler.browser.handler import browser_settings, look_at, shown_in
from domain.settings import Settings

ORDER = json.load(sys.stdin)
OURS = Settings(**ORDER["settings"])


def kill_browser(proxy_url: str) -> None:
    """The browser that was told of this proxy, which is ours."""
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            line = (process / "cmdline").read_bytes().split(b"\0") if process.name.isdecimal() else []
            if f"--proxy-server={proxy_url}".encode() in line and not any(part.startswith(b"--type=") for part in line):
                os.kill(int(process.name), signal.SIGKILL)


class Looks(scrapy.Spider):
    name = "looks"

    async def start(self) -> AsyncIterator[scrapy.Request]:
        for url in ORDER["urls"]:
            yield scrapy.Request(url, self.parse)

    async def parse(self, response: Response, **kwargs: Any) -> None:
        said: dict[str, Any] = {"url": response.url, "plain": response.text}
        if ORDER["kill"] and response.url.endswith(ORDER["kill"]):
            kill_browser(self.crawler.engine.downloader.handlers._handlers["http"].browser_provider.proxy.url)
        try:
            answer = await self.crawler.engine.download_async(look_at(response, screenshots=ORDER["screenshots"]))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test wants to see it
            said["error"] = [type(error).__name__, str(error)]
        else:
            shown = shown_in(answer)
            said |= {"shown": answer.text, "status": answer.status, "settled": shown.settled}
            said |= {"html_sha256": shown.html_sha256, "not_asked": dict(shown.not_asked)}
            said |= {"refused": dict(shown.refused), "led_to": shown.led_to}
            if shown.screenshots:
                said["full"] = base64.b64encode(shown.screenshots.full).decode()
        sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    settings = {
        "ROBOTSTXT_OBEY": True,
        "USER_AGENT": OURS.identity,
        "ASSAYER_ALLOW_LOOPBACK": OURS.allow_loopback,
        "TWISTED_DNS_RESOLVER": "crawler.resolver.GuardedResolver",
        "TELNETCONSOLE_ENABLED": False,
        "CONCURRENT_REQUESTS": 1 if ORDER["kill"] else 16,
        "LOG_LEVEL": "ERROR",
    }
    process = AsyncCrawlerProcess(settings | browser_settings(OURS))
    process.crawl(Looks)
    process.start()
