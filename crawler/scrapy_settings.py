"""How Scrapy is set up: polite, identified, bounded, and guarded."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from crawler.session import CrawlOrder

MAX_PAGE_BYTES = 10_000_000
"""Largest page read, as sent and unpacked."""

_CONCURRENCY_LOOPBACK = 8
_CONCURRENCY = 4


def scrapy_settings(order: CrawlOrder) -> dict[str, Any]:
    """Scrapy's settings for one crawl."""
    ours = order.settings
    own_machine = ours.allow_loopback and all(_is_loopback(target) for target in order.targets)
    return {
        "BOT_NAME": "assayer",
        "USER_AGENT": ours.user_agent,
        "ROBOTSTXT_OBEY": True,
        "ROBOTSTXT_USER_AGENT": ours.user_agent.partition("/")[0].partition(" ")[0] or "Assayer",
        # politeness; pointless towards one's own machine
        "AUTOTHROTTLE_ENABLED": not own_machine,
        "AUTOTHROTTLE_START_DELAY": 1.0,
        "AUTOTHROTTLE_TARGET_CONCURRENCY": 2.0,
        "CONCURRENT_REQUESTS": 16,
        "CONCURRENT_REQUESTS_PER_DOMAIN": _CONCURRENCY_LOOPBACK if own_machine else _CONCURRENCY,
        # bounds
        "DOWNLOAD_TIMEOUT": ours.fetch_timeout_s,
        "DOWNLOAD_MAXSIZE": MAX_PAGE_BYTES,
        "DOWNLOAD_WARNSIZE": 0,
        "REDIRECT_MAX_TIMES": ours.fetch_max_redirects,
        "RETRY_TIMES": 1,
        # what cannot be trusted cannot be evidence
        "DOWNLOAD_VERIFY_CERTIFICATES": True,
        # the address policy
        "ASSAYER_ALLOW_LOOPBACK": ours.allow_loopback,
        "TWISTED_DNS_RESOLVER": "crawler.resolver.GuardedResolver",
        "HTTPPROXY_ENABLED": False,
        "DOWNLOAD_HANDLERS": dict.fromkeys(("data", "file", "ftp", "s3")),
        "DOWNLOADER_MIDDLEWARES": {
            "crawler.middlewares.AddressGate": 10,
            "crawler.middlewares.StrictRobots": 540,
            "crawler.middlewares.RefusedNames": 560,
        },
        "ITEM_PIPELINES": {"crawler.pipelines.ListingPipeline": 100},
        # breadth first: what the target links to comes before what that links to
        "DEPTH_PRIORITY": 1,
        "SCHEDULER_MEMORY_QUEUE": "scrapy.squeues.FifoMemoryQueue",
        "COOKIES_ENABLED": False,
        "REFERER_ENABLED": True,
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "STATS_DUMP": False,
        "LOG_LEVEL": "ERROR",
        "LOGSTATS_INTERVAL": 0,
    }


def _is_loopback(target: str) -> bool:
    host = urlsplit(target).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
