"""One spider for all shops and marketplaces: it follows links on the same host and takes what is an offer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import scrapy
from scrapy import Request
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response, TextResponse
from scrapy.linkextractors import LinkExtractor
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.python.failure import Failure
from w3lib.url import canonicalize_url, url_query_cleaner

from crawler.extraction import shopify
from crawler.extraction.page import Offer, read_page
from crawler.items import CapturedOffer
from crawler.middlewares import describe
from crawler.session import Session

MAX_DEPTH = 100
"""Links from the target to a page; calendars and the like go on forever."""

# parameters that say where a visitor came from, never what is shown
_TRACKING = ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "gclid", "fbclid", "msclkid"]
# of pages with these parameters there are as many as combinations: they come last, except for pages of a list
_PAGING = frozenset({"page", "p", "pg", "start", "offset", "cursor", "after"})
_LAST = -10_000

Found = Request | CapturedOffer


class ShopSpider(scrapy.Spider):
    """Crawls the hosts of its targets."""

    name = "shop"

    def __init__(self, session: Session, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.session = session
        self._links = LinkExtractor(unique=True)
        self._asked: set[str] = set()
        self._sites: set[str] = set()
        self._shops: set[str] = set()
        self._listed: dict[str, Offer] = {}
        self._unvisited = self._left_out = 0

    async def start(self) -> AsyncIterator[Found]:
        """The targets."""
        for target in self.session.order.targets:
            for request in self._request(target, start=True):
                yield request

    def parse(self, response: Response, **kwargs: Any) -> Iterator[Found]:
        """Any answer of status 2xx."""
        host = urlsplit(response.url).netloc
        if response.meta.get("start"):
            self._sites.add(host)
        if host not in self._sites:
            self.session.failed(response.url, "page", "leads to another site", response.status)
            yield from self._without(response.meta)
        elif not isinstance(response, TextResponse):
            self.session.failed(response.url, "page", f"not a page ({_kind(response)})", response.status)
            yield from self._without(response.meta)
        else:
            self.session.tally.pages += 1
            self.session.progress()
            yield from self._product_list(response) if shopify.is_product_list(response.url) else self._page(response)

    def give_up(self, failure: Failure) -> Iterator[Found]:
        """A request that gave no page: why, and whether that was the site's wish."""
        request: Request = failure.request  # type: ignore[attr-defined]
        self._note(request, failure.value or failure)
        yield from self._without(request.meta)

    def _without(self, meta: Mapping[str, Any]) -> Iterator[Found]:
        """What is left to do when a page did not come: the product as its shop lists it, the page that waited."""
        if meta.get("listed"):
            yield meta["listed"]
        if meta.get("front"):
            yield from self._go_on(meta["front"])

    def _note(self, request: Request, error: BaseException) -> None:
        if isinstance(error, HttpError):
            status = error.response.status
            # nobody said that there was a list of products
            if not (request.meta.get("front") and status == HTTPStatus.NOT_FOUND):
                self.session.failed(request.url, "page", f"answered {status}", status)
            return
        unreachable = self.session.unreachable_robots.get(urlsplit(request.url).netloc)
        if not is_robots_refusal(error):
            self.session.failed(request.url, "page", describe(error))
        elif unreachable:
            reason = f"robots.txt cannot be read ({unreachable}), so nothing may be asked for"
            self.session.failed(request.url, "page", reason)
        else:
            self.session.tally.refused_by_robots.append(request.url)

    def _page(self, response: TextResponse) -> Iterator[Found]:
        host = urlsplit(response.url).netloc
        if shopify.may_be_shopify(response.text) and host not in self._shops:
            self._shops.add(host)
            currency = shopify.stated_currency(response.text) or None
            yield from self._list(shopify.product_list_url(response.url), response, currency, front=response)
        else:
            yield from self._go_on(response)

    def _go_on(self, response: TextResponse) -> Iterator[Found]:
        """With a page: its offer and its links. A shop's first page waits until the shop's list has been read."""
        redirected = response.meta.get("redirect_urls", [])
        page = read_page(response.text, response.url, marketplace=self._marketplace(response), also=redirected)
        for reason in page.broken:
            self.session.failed(response.url, "page", f"structured data cannot be read ({reason})", response.status)
        if page.offer:
            listed = self._listed.get(page.offer.listing.url)
            yield _captured(shopify.merged(page.offer, listed) if listed else page.offer, response)
        elif response.meta.get("listed"):
            yield response.meta["listed"]
        yield from self._follow(response)

    def _list(self, url: str, after: TextResponse, currency: str | None, front: TextResponse | None) -> Iterator[Found]:
        """A page of a shop's list of products; `front` is gone on with after the last one."""
        requests = list(self._request(url, after=after, currency=currency, front=front))
        yield from requests or self._without({"front": front})

    def _product_list(self, response: TextResponse) -> Iterator[Found]:
        currency, front = response.meta.get("currency"), response.meta.get("front")
        if currency is None:
            yield self._details_request(response)
            return
        found = shopify.read_product_list(
            response.text, response.url, marketplace=self._marketplace(response), currency=currency
        )
        if found is None:
            self.session.failed(response.url, "page", "not a list of products", response.status)
            yield from self._without(response.meta)
            return
        left_out = self._left_out
        for offer in found.offers:
            yield from self._visit(offer, response)
        for count, why in (
            (found.products - found.beyond - len(found.offers), "have no address or no title"),
            (found.beyond, f"after the first {shopify.PAGE_SIZE} of a page were not read"),
            (self._left_out - left_out, "were left out: beyond the page limit"),
        ):
            if count:
                self.session.failed(response.url, "page", f"{count} products {why}", response.status)
        if found.products:
            yield from self._list(shopify.next_product_list(response.url), response, currency, front)
        else:
            yield from self._without(response.meta)

    def _visit(self, offer: Offer, products: TextResponse) -> Iterator[Found]:
        """The page of a listed product, which tells the seller and the currency; else the product as it is listed."""
        url = offer.listing.url
        self._listed[url] = offer
        if _address(url) not in self._asked:
            listed = _captured(offer, products)
            requests = list(self._request(url, after=products, listed=listed))
            if requests:
                yield from requests
            elif self._unvisited < self.session.order.max_pages:
                # each may bring pictures: what is taken without a page of its own has the same limit as pages
                self._unvisited += 1
                yield listed
            else:
                self._left_out += 1

    def _details_request(self, products: TextResponse) -> Request:
        """Where the shop says what its amounts are in."""
        return Request(
            shopify.shop_details_url(products.url),
            self._shop_details,
            errback=self._no_shop_details,
            meta={"download_maxsize": 100_000},
            cb_kwargs={"products": products},
            dont_filter=True,
        )

    def _shop_details(self, response: Response, products: TextResponse) -> Iterator[Found]:
        text = response.text if isinstance(response, TextResponse) else ""
        products.meta["currency"] = shopify.stated_currency(text)
        yield from self._product_list(products)

    def _no_shop_details(self, failure: Failure) -> Iterator[Found]:
        request: Request = failure.request  # type: ignore[attr-defined]
        # the amounts stay as raw text then, and the report says why
        self._note(request, failure.value or failure)
        products: TextResponse = request.cb_kwargs["products"]
        products.meta["currency"] = ""
        yield from self._product_list(products)

    def _follow(self, response: TextResponse) -> Iterator[Request]:
        host = urlsplit(response.url).netloc
        for link in self._links.extract_links(response):
            if urlsplit(link.url).netloc != host:
                continue
            if link.nofollow:
                self._leave(link.url)
            else:
                yield from self._request(link.url, after=response)

    def _request(
        self, url: str, *, after: Response | None = None, start: bool = False, **meta: Any
    ) -> Iterator[Request]:
        """A request for a page that was not asked for yet, within the limits. `meta` comes back with the answer."""
        address = _address(url)
        if address in self._asked:
            return
        depth = after.meta.get("depth", 0) if after else 0
        if self.session.tally.planned >= self.session.order.max_pages or depth >= MAX_DEPTH:
            self._leave(url)
            return
        self._asked.add(address)
        self.session.tally.planned += 1
        # the spider keeps count of what it asked for; with Scrapy's own filter beside it, one could lose what
        # the other let through
        yield Request(
            url,
            self.parse,
            errback=self.give_up,
            meta={"start": start, **meta},
            priority=_priority(url),
            dont_filter=True,
        )

    def _leave(self, url: str) -> None:
        address = _address(url)
        if address not in self._asked:
            self._asked.add(address)
            self.session.tally.not_followed += 1

    def _marketplace(self, response: Response) -> str:
        return self.session.order.marketplace or site_name(response.url)


def site_name(url: str) -> str:
    """A site's host, with its port where that is not the scheme's own."""
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return (parts.hostname or "") + (f":{parts.port}" if parts.port and parts.port != usual else "")


def is_robots_refusal(error: BaseException | None) -> bool:
    """Whether the site's robots.txt forbade a request."""
    return isinstance(error, IgnoreRequest) and "robots.txt" in str(error)


def _captured(offer: Offer, response: Response) -> CapturedOffer:
    return CapturedOffer(offer=offer, page=response.body, captured_at=datetime.now(UTC))


def _address(url: str) -> str:
    """The same for addresses of the same page, as far as addresses tell."""
    address: str = canonicalize_url(url_query_cleaner(url, _TRACKING, remove=True))
    return address


def _priority(url: str) -> int:
    parameters = {part.partition("=")[0].lower() for part in urlsplit(url).query.split("&") if part}
    return _LAST if parameters - _PAGING - {"limit", "id"} else 0


def _kind(response: Response) -> str:
    return (response.headers.get("Content-Type") or b"no type").decode("latin-1").partition(";")[0][:60]
