"""How Scrapy is set up: polite, identified, bounded, and guarded."""

from __future__ import annotations

from typing import Any

from crawler.browser.chromium import why_no_browser
from crawler.manners.setup import EXTENSIONS, MIDDLEWARES, manners_settings
from crawler.session import CrawlOrder

_NOT_CACHED = [304, 401, 403, 408, 429, 451, *range(500, 600)]
"""Statuses of answers that are about the moment, or about what is known already."""


def scrapy_settings(order: CrawlOrder) -> dict[str, Any]:
    """Scrapy's settings for one crawl."""
    ours = order.settings
    browser = _browser_settings(order)
    return (
        manners_settings(ours)
        | browser
        | {
            "BOT_NAME": "assayer",
            "SCHEDULER": "crawler.scheduler.FrontierScheduler",
            "EXTENSIONS": EXTENSIONS | {"crawler.assembly.Assembly": 100},
            # bounds
            "DOWNLOAD_TIMEOUT": ours.fetch_timeout_s,
            "DOWNLOAD_MAXSIZE": ours.max_page_bytes,
            "DOWNLOAD_WARNSIZE": 0,
            "REDIRECT_MAX_TIMES": ours.fetch_max_redirects,
            # what cannot be trusted cannot be evidence
            "DOWNLOAD_VERIFY_CERTIFICATES": True,
            # the address policy
            "ASSAYER_ALLOW_LOOPBACK": ours.allow_loopback,
            "TWISTED_DNS_RESOLVER": "crawler.resolver.GuardedResolver",
            "HTTPPROXY_ENABLED": False,
            "DOWNLOAD_HANDLERS": {
                **dict.fromkeys(("data", "file", "ftp", "s3")),
                **browser.pop("DOWNLOAD_HANDLERS", {}),
            },
            "DOWNLOADER_MIDDLEWARES": MIDDLEWARES
            | {
                "crawler.middlewares.AddressGate": 10,
                "crawler.api_access.ApiAccess": 30,
                "crawler.middlewares.StrictRobots": 540,
                "crawler.middlewares.RefusedNames": 560,
                # beyond Scrapy's own, which unpacks (590)
                "crawler.middlewares.AsReceived": 595,
            },
            "HTTPCACHE_ENABLED": ours.crawl_cache,
            "HTTPCACHE_IGNORE_HTTP_CODES": _NOT_CACHED,
            "HTTPCACHE_DIR": str((ours.crawl_dir / "cache").resolve()),
            "COOKIES_ENABLED": False,
            # callbacks yield nothing, and Scrapy makes as many tasks for each answer
            "CONCURRENT_ITEMS": 1,
            "REFERER_ENABLED": False,
            "TELNETCONSOLE_ENABLED": False,
            "REMOTE_CONTROL_ENABLED": False,
            "STATS_DUMP": False,
            "LOG_LEVEL": "ERROR",
            "LOGSTATS_INTERVAL": 0,
        }
    )


def _browser_settings(order: CrawlOrder) -> dict[str, Any]:
    """For pages that need a browser, where there is one: it is started when the first such page comes."""
    if why_no_browser(order.settings):
        return {}
    from crawler.browser.handler import browser_settings  # needs the extra `browser`

    return browser_settings(order.settings)
