"""Scrapy's settings for manners."""

from __future__ import annotations

from typing import Any

from crawler.manners.robots import robots_token
from domain.settings import Settings

MIDDLEWARES: dict[str, int | None] = {
    # before Scrapy's robots middleware at 100: a site that is left alone is not asked for its robots.txt either
    "crawler.manners.middlewares.SiteGate": 20,
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "crawler.manners.middlewares.PatientRobots": 100,
    # answers come from the other side: unpacked (590) and not a redirect (600), as the server sent them otherwise
    "crawler.manners.middlewares.SiteListener": 585,
}
"""For ``DOWNLOADER_MIDDLEWARES``, beside the others of this project."""

EXTENSIONS = {"scrapy.extensions.throttle.AutoThrottle": None, "crawler.manners.throttle.SiteThrottle": 0}
"""For ``EXTENSIONS``."""


def manners_settings(settings: Settings) -> dict[str, Any]:
    """Robots, identity, pace and retries; `MIDDLEWARES` and `EXTENSIONS` come beside it."""
    return {
        "USER_AGENT": settings.identity,
        "ROBOTSTXT_OBEY": True,
        "ROBOTSTXT_USER_AGENT": robots_token(settings),
        "DOWNLOADER": "crawler.manners.throttle.CountingDownloader",
        "AUTOTHROTTLE_ENABLED": True,
        "AUTOTHROTTLE_START_DELAY": settings.crawl_delay_s,
        "AUTOTHROTTLE_TARGET_CONCURRENCY": 2.0,
        "CONCURRENT_REQUESTS": settings.crawl_concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": settings.crawl_site_concurrency,
        "DOWNLOAD_DELAY": 0,
        # the frontier waits and asks again, also in the next process
        "RETRY_ENABLED": False,
    }
