"""Every source against a server that answers in the documented forms, followed until nothing is left to ask."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO

import httpx
import pytest
from api_server import CLIENT_ID, CLIENT_SECRET, ETSY_KEY, SELLERS, ApiServer
from PIL import Image

from crawler.sources.credentials import ApiCredentials
from crawler.sources.ebay import EbaySearch
from crawler.sources.etsy import EtsySearch
from crawler.sources.interface import Answer, Ask, Offer, Priority, Query, Source
from crawler.sources.listed import listed_offer
from crawler.sources.shopify import ShopifySource
from crawler.sources.sitemap import SitemapSource
from crawler.sources.woocommerce import WooCommerceSource
from domain.catalog import Money
from domain.errors import CrawlFailed, SettingRefused
from domain.settings import Settings, load_settings

COUNT = 230
MOST_REQUESTS = 2_000


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer(COUNT) as running:
        yield running


@pytest.fixture
def settings(server: ApiServer) -> Settings:
    return load_settings(
        ebay_client_id=CLIENT_ID,
        ebay_client_secret=CLIENT_SECRET,
        ebay_url=server.url,
        etsy_api_key=ETSY_KEY,
        etsy_url=server.url,
    )


@dataclass
class Followed:
    offers: list[Offer] = field(default_factory=list)
    pages: list[Ask] = field(default_factory=list)
    """Asked of the source for pages, not followed here."""
    problems: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    @property
    def listed(self) -> list[Offer]:
        return [offer for ask in self.pages if (offer := listed_offer(ask.context))]


class Follower:
    def __init__(self, settings: Settings, clock: float = 0.0) -> None:
        self.now = clock
        self.credentials = ApiCredentials(settings, clock=lambda: self.now)
        sources: tuple[Source, ...] = (
            ShopifySource(),
            WooCommerceSource(),
            SitemapSource(),
            EbaySearch(settings),
            EtsySearch(settings),
        )
        self.sources = {source.name: source for source in sources}

    def page(self, url: str) -> Answer:
        with httpx.Client(trust_env=False) as client:
            return answered(client.get(url), (url,))

    def answer(self, ask: Ask) -> Answer:
        with httpx.Client(trust_env=False) as client:
            return answered(self._send(client, ask), (ask.url,))

    def follow(self, asks: Iterable[Ask]) -> Followed:
        found, seen = Followed(), set()
        waiting = deque(asks)
        with httpx.Client(trust_env=False) as client:
            while waiting:
                ask = waiting.popleft()
                key = ask.key or f"{ask.method} {ask.url} {ask.body}"
                if key in seen:
                    continue
                seen.add(key)
                assert len(seen) < MOST_REQUESTS
                # what the frontier keeps is JSON
                assert json.loads(json.dumps(dict(ask.context))) == dict(ask.context)
                if ask.source == "page":
                    found.pages.append(ask)
                    continue
                response = self._send(client, ask)
                found.statuses.append(response.status_code)
                source = self.sources[ask.source]
                reading = (
                    source.read(ask, answered(response, (ask.url,))) if response.is_success else source.missed(ask)
                )
                found.offers += reading.offers
                found.problems += reading.problems
                waiting += reading.asks
        return found

    def _send(self, client: httpx.Client, ask: Ask) -> httpx.Response:
        for _ in range(2):
            login = self.credentials.login(ask.source)
            if login:
                self.credentials.accept(ask.source, answered(send(client, login), (login.url,)))
            response = send(client, ask, self.credentials.headers(ask.source))
            if response.status_code != httpx.codes.UNAUTHORIZED:
                break
            self.credentials.forget(ask.source)
        return response


def send(client: httpx.Client, ask: Ask, more: Iterable[tuple[str, str]] | dict[str, str] = ()) -> httpx.Response:
    return client.request(ask.method, ask.url, headers={**ask.headers, **dict(more)}, content=ask.body.encode())


def answered(response: httpx.Response, asked: tuple[str, ...]) -> Answer:
    return Answer(
        url=str(response.url),
        asked=asked,
        status=response.status_code,
        headers={name.lower(): value for name, value in response.headers.items()},
        body=response.content,
        received_at=datetime.now(UTC),
        marketplace="shop.example",
        encoding=response.encoding or "",
    )


# eBay


def test_an_ebay_search_is_read_to_its_last_page_with_each_items_details(server: ApiServer, settings: Settings) -> None:
    follower = Follower(settings)
    asks = EbaySearch(settings).search(Query(text="leather bag", reason="product A-1"))
    found = follower.follow(asks)
    assert not found.problems
    assert [offer.listing.listing_id for offer in found.offers] == [str(110_000 + n) for n in range(1, COUNT + 1)]
    searches = [request for request in server.requests if request.path.endswith("/search")]
    assert [request.query["offset"] for request in searches] == ["0", "200"]
    assert server.tokens_given == 1
    first = found.offers[0]
    listing = first.listing
    assert (listing.marketplace, listing.url) == ("ebay.com", "https://www.ebay.com/itm/110001")
    assert listing.price == Money(amount=Decimal("49.01"), currency="USD")
    assert (listing.seller.id, listing.seller.feedback_score, listing.seller.feedback_percent) == (
        SELLERS[1],
        812,
        99.3,
    )
    assert listing.description == "A bag of leather.Number 1"
    assert (listing.brand, listing.mpn, listing.gtin) == ("Aurelle", "AU-1", server.articles[0].gtin)
    assert (listing.availability, listing.quantity) == ("InStock", 1)
    assert (listing.condition, listing.ships_from) == ("Pre-owned", "CN")
    assert listing.category == "Clothing, Shoes & Accessories > Women > Bags & Handbags"
    assert first.image_urls == tuple(
        f"https://i.ebayimg.com/images/g/{name}/s-l1600.jpg" for name in ("110001", "110001b")
    )
    where = {each.field: (each.raw, each.where) for each in listing.found}
    assert where["price"] == ("49.01 USD", "api price")
    assert where["gtin"] == (listing.gtin, "api gtin")


def test_a_bid_is_no_price(settings: Settings) -> None:
    found = Follower(settings).follow(EbaySearch(settings).search(Query(text="No. 10")))
    listing = next(offer.listing for offer in found.offers if offer.listing.listing_id == "110010")
    assert (listing.price, listing.price_raw) == (None, "49.10 USD (bid)")


def test_an_item_that_is_gone_is_taken_as_the_search_told_of_it(server: ApiServer, settings: Settings) -> None:
    follower = Follower(settings)
    search = EbaySearch(settings).search(Query(text="No. 229"))
    page = follower.sources["ebay"].read(search[0], follower.answer(search[0]))
    server.articles = ()
    found = follower.follow(page.asks)
    assert found.statuses == [404]
    listing = found.offers[0].listing
    assert (listing.listing_id, listing.category, listing.description) == ("110229", "Bags & Handbags", "")
    assert {each.where for each in listing.found if each.field == "title"} == {"api itemSummaries[0].title"}


def test_the_items_of_one_seller_auctions_among_them(server: ApiServer, settings: Settings) -> None:
    found = Follower(settings).follow(EbaySearch(settings).same_seller(SELLERS[0]))
    assert not found.problems
    numbers = [int(offer.listing.listing_id) - 110_000 for offer in found.offers]
    assert numbers == [each.number for each in server.articles if each.seller == SELLERS[0]]
    assert {offer.listing.seller.id for offer in found.offers} == {SELLERS[0]}


def test_a_search_by_picture_sends_it_and_a_large_one_smaller(server: ApiServer, settings: Settings) -> None:
    noise = Image.effect_noise((1_400, 1_100), 90)
    small, large = BytesIO(), BytesIO()
    noise.resize((40, 30)).save(small, "PNG")
    noise.save(large, "PNG")
    search = EbaySearch(settings)
    follower = Follower(settings)
    for picture in (small, large):
        found = follower.follow(search.search(Query(text="", image_sha256="a" * 64), image=picture.getvalue()))
        assert [offer.listing.listing_id for offer in found.offers] == [f"11000{n}" for n in range(1, 6)]
    assert server.images[0] == small.getvalue()
    assert len(large.getvalue()) > 1_000_000 > len(server.images[1])
    with Image.open(BytesIO(server.images[1])) as sent:
        assert (sent.format, max(sent.size)) == ("JPEG", 1_000)


def test_a_token_is_renewed_before_it_ends_and_when_it_is_refused(server: ApiServer, settings: Settings) -> None:
    follower = Follower(settings)
    search = EbaySearch(settings)
    follower.follow(search.search(Query(text="No. 1")))
    assert server.tokens_given == 1
    follower.now = server.token_seconds - 121
    follower.follow(search.search(Query(text="No. 2")))
    assert server.tokens_given == 1
    follower.now = server.token_seconds - 119
    follower.follow(search.search(Query(text="No. 3")))
    assert server.tokens_given == 2
    server.revoke()
    found = follower.follow(search.search(Query(text="No. 4")))
    assert server.tokens_given == 3
    assert found.offers
    assert 401 not in found.statuses


def test_keys_that_are_wrong_are_told_apart_from_keys_that_are_missing(server: ApiServer, settings: Settings) -> None:
    wrong = Follower(settings.model_copy(update={"ebay_client_secret": "another"}))
    with pytest.raises(CrawlFailed, match="client authentication failed"):
        wrong.follow(EbaySearch(settings).search(Query(text="bag")))
    missing = Follower(settings.model_copy(update={"ebay_client_id": ""}))
    with pytest.raises(SettingRefused, match="ASSAYER_EBAY_CLIENT_ID"):
        missing.follow(EbaySearch(settings).search(Query(text="bag")))


def test_no_secret_lies_in_what_the_frontier_keeps(settings: Settings) -> None:
    asks = [*EbaySearch(settings).search(Query(text="bag")), *EtsySearch(settings).search(Query(text="bag"))]
    for secret in (CLIENT_SECRET, ETSY_KEY, "authorization", "x-api-key"):
        assert secret not in repr(asks).lower()


# Etsy


def test_an_etsy_search_is_read_to_its_last_page_with_pictures_and_shops(server: ApiServer, settings: Settings) -> None:
    found = Follower(settings).follow(EtsySearch(settings).search(Query(text="leather")))
    assert not found.problems
    assert sorted(int(offer.listing.listing_id) for offer in found.offers) == [500 + n for n in range(1, COUNT + 1)]
    paths = [request.path.removeprefix("/v3/application/listings/") for request in server.requests]
    assert sorted(paths) == ["active"] * 3 + ["batch"] * 3
    offer = next(each for each in found.offers if each.listing.listing_id == "503")
    listing = offer.listing
    assert (listing.marketplace, listing.url) == ("etsy.com", "https://www.etsy.com/listing/503/leather-bag")
    assert (listing.price, listing.price_raw) == (Money(amount=Decimal("49.03"), currency="GBP"), "49.03 GBP")
    assert (listing.seller.id, listing.seller.name, listing.seller.location) == ("9001", SELLERS[1], "GB")
    assert (listing.quantity, listing.availability) == (3, "InStock")
    assert offer.image_urls == tuple(f"https://i.etsystatic.com/3/{rank}/url_fullxfull.jpg" for rank in (1, 2))
    assert {each.where for each in listing.found if each.field == "price"} == {"api results[2].price"}


def test_where_many_cannot_be_asked_for_each_is(server: ApiServer, settings: Settings) -> None:
    server.batch_fails = True
    found = Follower(settings).follow(EtsySearch(settings).same_seller("9000"))
    assert sorted(int(offer.listing.listing_id) - 500 for offer in found.offers) == list(range(2, COUNT + 1, 2))
    assert all(offer.image_urls for offer in found.offers)


def test_etsy_wants_a_secret_beside_its_key(settings: Settings) -> None:
    for key in ("", "keystring", "a:b:c"):
        credentials = ApiCredentials(settings.model_copy(update={"etsy_api_key": key}))
        with pytest.raises(SettingRefused, match="ASSAYER_ETSY_API_KEY"):
            credentials.login("etsy")


# Shops


@pytest.mark.parametrize("states_currency", [True, False])
def test_a_shopify_shop(server: ApiServer, settings: Settings, states_currency: bool) -> None:
    server.states_currency = states_currency
    follower = Follower(settings)
    found = follower.follow(ShopifySource().recognize(follower.page(server.url + "/")))
    assert not found.problems
    assert [offer.listing.listing_id for offer in found.listed] == [f"S-{n}" for n in range(1, COUNT + 1)]
    asked = [request.path for request in server.requests[1:]]
    assert asked == ([] if states_currency else ["/meta.json"]) + ["/products.json"] * 2
    listing, pictures = found.listed[0].listing, found.listed[0].image_urls
    assert listing.price == Money(amount=Decimal("49.01"), currency="CAD")
    assert (listing.sku, listing.gtin, listing.availability) == ("S-1", server.articles[0].gtin, "InStock")
    assert found.listed[4].listing.availability == "OutOfStock"
    assert pictures == ("https://cdn.shopify.com/s/files/bag-1.jpg?v=1",)
    where = {each.field: each.where for each in found.listed[3].listing.found}
    assert where["price"] == "api products[3].variants[0].price"
    assert where["gtin"] == "api products[3].variants[0].barcode"
    assert {ask.priority for ask in found.pages} == {Priority.OFFER}


def test_a_shopify_list_as_target_is_read_once_its_currency_is_known(server: ApiServer, settings: Settings) -> None:
    follower = Follower(settings)
    found = follower.follow([Ask(url=f"{server.url}/products.json", source="shopify")])
    assert len(found.listed) == COUNT
    assert found.listed[0].listing.price == Money(amount=Decimal("49.01"), currency="CAD")


def test_a_woocommerce_shop_in_a_subfolder(server: ApiServer, settings: Settings) -> None:
    follower = Follower(settings)
    found = follower.follow(WooCommerceSource().recognize(follower.page(server.url + "/woo/")))
    assert not found.problems
    assert [offer.listing.listing_id for offer in found.listed] == [f"W-{n}" for n in range(1, COUNT + 1)]
    assert [request.query["page"] for request in server.requests[1:]] == ["1", "2", "3"]
    listing = found.listed[0].listing
    assert listing.url == f"{server.url}/woo/product/bag-1/"
    assert (listing.price, listing.price_raw) == (Money(amount=Decimal("49.01"), currency="EUR"), "49.01 EUR")
    assert (listing.brand, listing.gtin, listing.category) == ("Aurelle", server.articles[0].gtin, "Bags")
    assert (listing.availability, listing.quantity, listing.description) == ("InStock", 1, "A bag of leather.")
    assert {each.field: each.where for each in listing.found}["gtin"] == "api [0].attributes[0].terms[0].name"


def test_a_woocommerce_shop_that_shuts_its_api(server: ApiServer, settings: Settings) -> None:
    server.open_store_api = False
    follower = Follower(settings)
    asks = WooCommerceSource().recognize(follower.page(server.url + "/woo/"))
    assert all(ask.optional for ask in asks)
    found = follower.follow(asks)
    assert (found.statuses, found.offers, found.pages) == ([403], [], [])


def test_sitemaps_that_robots_txt_names_products_first(server: ApiServer, settings: Settings) -> None:
    follower = Follower(settings)
    found = follower.follow(SitemapSource().recognize(follower.page(server.url + "/")))
    assert not found.problems
    paths = [request.path for request in server.requests[1:]]
    assert paths == ["/robots.txt", "/sitemap_index.xml", "/sitemaps/products-1.xml.gz", "/sitemaps/pages.txt"]
    products, others = found.pages[:COUNT], found.pages[COUNT:]
    assert [ask.url for ask in products] == [f"{server.url}/products/{each.handle}" for each in server.articles]
    assert {ask.priority for ask in products} == {Priority.OFFER}
    assert {ask.context["lastmod"] for ask in products} == {"2026-05-01T08:00:00+02:00"}
    assert [(ask.url, ask.priority) for ask in others] == [
        (f"{server.url}/about", Priority.PAGE),
        (f"{server.url}/contact", Priority.PAGE),
    ]
