"""How Scrapy is set up: polite, identified, bounded, and guarded."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from crawler.session import CrawlOrder

_CONCURRENCY_LOOPBACK = 8


def scrapy_settings(order: CrawlOrder) -> dict[str, Any]:
    """Scrapy's settings for one crawl."""
    ours = order.settings
    own_machine = is_own_machine(order)
    return {
        "BOT_NAME": "assayer",
        "USER_AGENT": ours.identity,
        "ROBOTSTXT_OBEY": True,
        "ROBOTSTXT_USER_AGENT": ours.user_agent.partition("/")[0].partition(" ")[0] or "Assayer",
        # politeness; pointless towards one's own machine
        "AUTOTHROTTLE_ENABLED": not own_machine,
        "AUTOTHROTTLE_START_DELAY": ours.crawl_delay_s,
        "AUTOTHROTTLE_TARGET_CONCURRENCY": 2.0,
        "CONCURRENT_REQUESTS": ours.crawl_concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": site_concurrency(order),
        # bounds
        "DOWNLOAD_TIMEOUT": ours.fetch_timeout_s,
        "DOWNLOAD_MAXSIZE": ours.max_page_bytes,
        "DOWNLOAD_WARNSIZE": 0,
        "REDIRECT_MAX_TIMES": ours.fetch_max_redirects,
        # the frontier keeps what is to be asked for again, and when
        "RETRY_ENABLED": False,
        "SCHEDULER": "crawler.scheduler.FrontierScheduler",
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
        "HTTPCACHE_ENABLED": ours.crawl_cache,
        "HTTPCACHE_DIR": str((ours.crawl_dir / "cache").resolve()),
        "COOKIES_ENABLED": False,
        "REFERER_ENABLED": True,
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "STATS_DUMP": False,
        "LOG_LEVEL": "ERROR",
        "LOGSTATS_INTERVAL": 0,
    }


def site_concurrency(order: CrawlOrder) -> int:
    """Most requests under way at once to one site."""
    chosen = order.settings.crawl_site_concurrency
    return max(_CONCURRENCY_LOOPBACK, chosen) if is_own_machine(order) else chosen


def is_own_machine(order: CrawlOrder) -> bool:
    """Whether nobody else's site is crawled: politeness is pointless towards one's own machine."""
    return bool(order.targets) and order.settings.allow_loopback and all(map(_is_loopback, order.targets))


def _is_loopback(target: str) -> bool:
    host = urlsplit(target).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
