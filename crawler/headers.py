"""The headers of Scrapy's answers, as all that is no part of Scrapy reads them."""

from __future__ import annotations

from scrapy.http import Response


def plain_headers(response: Response) -> dict[str, str]:
    """Names in lower case; of several values, all, as RFC 9110 section 5.3 joins them."""
    return {
        name.decode("latin-1").lower(): ", ".join(value.decode("latin-1") for value in values)
        for name, values in response.headers.items()
    }
