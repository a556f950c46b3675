"""The bundled marketplace's web site: pages that machines can read, faults where they should be, and a clean end."""

from __future__ import annotations

import html
import json
import re
import socket
import threading
import time
import urllib.robotparser
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

import extruct
import httpx
import pytest
from anyio import to_thread
from price_parser import Price

from crawler.marketplace import Marketplace, MarketplaceServer, generate_marketplace
from crawler.marketplace.model import OfferedListing, PageStyle
from crawler.marketplace.pages import written_price
from crawler.marketplace.server import SLOW_PAGE_S
from domain.errors import ImageRefused
from store.images import decode_image


@pytest.fixture(scope="module")
def server() -> Iterator[MarketplaceServer]:
    with MarketplaceServer(generate_marketplace(31, listings=200)) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: MarketplaceServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.base_url, timeout=60, trust_env=False) as opened:
        yield opened


@pytest.fixture(scope="module")
def marketplace(server: MarketplaceServer) -> Marketplace:
    return server.marketplace


def of_style(market: Marketplace, style: PageStyle) -> list[OfferedListing]:
    return [x for x in market.listings if x.style is style and x.listing_id in market.reachable]


def structured(client: httpx.Client, listing: OfferedListing, syntax: str) -> Any:
    page = client.get(listing.path)
    assert page.status_code == 200
    return extruct.extract(page.text, base_url=str(page.url), syntaxes=[syntax], uniform=syntax == "microdata")[syntax]


def image_urls(server: MarketplaceServer, listing: OfferedListing) -> list[str]:
    return [f"{server.base_url}/images/{name}.jpg" for name in listing.images]


def test_json_ld_pages_tell_everything(server: MarketplaceServer, client: httpx.Client) -> None:
    for listing in of_style(server.marketplace, PageStyle.JSON_LD):
        (product,) = structured(client, listing, "json-ld")
        offer = product["offers"]
        assert product["productID"] == listing.listing_id
        assert product["name"] == listing.title
        assert html.unescape(product["description"]) == listing.description
        images = product["image"] if isinstance(product["image"], list) else [product["image"]]
        assert images == image_urls(server, listing)
        assert (offer["price"], offer["priceCurrency"]) == (f"{listing.price:.2f}", listing.currency)
        assert offer["inventoryLevel"]["value"] == listing.quantity
        assert (offer["seller"]["name"], offer["seller"]["identifier"]) == (listing.seller.name, listing.seller.id)
        assert product.get("brand", {}).get("name") == listing.brand
        assert ("itemCondition" in offer) == bool(listing.condition)


def test_microdata_pages_tell_everything(server: MarketplaceServer, client: httpx.Client) -> None:
    for listing in of_style(server.marketplace, PageStyle.MICRODATA):
        (product,) = structured(client, listing, "microdata")
        offer = product["offers"]
        assert product["sku"] == listing.listing_id
        assert product["name"] == listing.title
        assert product["description"] == listing.description
        images = product["image"] if isinstance(product["image"], list) else [product["image"]]
        assert images == image_urls(server, listing)
        assert (offer["price"], offer["priceCurrency"]) == (f"{listing.price:.2f}", listing.currency)
        assert offer["inventoryLevel"]["value"] == str(listing.quantity)
        seller = offer["seller"]
        assert (seller["name"], seller["identifier"]) == (listing.seller.name, listing.seller.id)
        assert seller["url"] == f"{server.base_url}/seller/{listing.seller.id}"
        assert product.get("brand", {}).get("name") == listing.brand


def test_open_graph_pages_tell_everything(server: MarketplaceServer, client: httpx.Client) -> None:
    for listing in of_style(server.marketplace, PageStyle.OPEN_GRAPH):
        (graph,) = structured(client, listing, "opengraph")
        pairs = graph["properties"]
        properties = dict(pairs)
        assert properties["og:type"] == "product"
        assert properties["product:retailer_item_id"] == listing.listing_id
        assert properties["og:title"] == listing.title
        assert properties["og:description"] == listing.description
        assert [value for name, value in pairs if name == "og:image"] == image_urls(server, listing)
        assert properties["product:price:amount"] == f"{listing.price:.2f}"
        assert properties["product:price:currency"] == listing.currency
        page = client.get(listing.path).text
        link = re.search(r'<a rel="author" href="/seller/(\w+)">([^<]*)</a>', page)
        assert link is not None
        assert (link[1], html.unescape(link[2])) == (listing.seller.id, listing.seller.name)


def test_the_feed_of_the_shopify_style_shop(server: MarketplaceServer, client: httpx.Client) -> None:
    expected = {x.listing_id: x for x in of_style(server.marketplace, PageStyle.SHOPIFY)}
    found: dict[str, Any] = {}
    for page in range(1, 100):
        products = client.get("/products.json", params={"limit": 7, "page": page}).json()["products"]
        if not products:
            break
        assert len(products) <= 7
        found |= {product["variants"][0]["sku"]: product for product in products}
    assert set(found) == set(expected)
    assert client.get("/meta.json").json()["currency"] == "USD"
    for listing_id, product in found.items():
        listing = expected[listing_id]
        assert listing.currency == "USD"
        assert product["title"] == listing.title
        assert product["vendor"] == listing.seller.name
        assert product["variants"][0]["price"] == f"{listing.price:.2f}"
        assert html.unescape(re.sub("<[^>]*>", "", product["body_html"])) == listing.description
        assert [image["src"] for image in product["images"]] == image_urls(server, listing)
        (graph,) = structured(client, listing, "opengraph")
        assert dict(graph["properties"])["og:price:amount"] == f"{listing.price:.2f}"
        assert f"/products/{product['handle']}" == listing.path


def test_written_prices_are_read_back(marketplace: Marketplace) -> None:
    for listing in marketplace.listings:
        assert Price.fromstring(written_price(listing)).amount == listing.price
    assert any("," in written_price(x)[-5:] for x in marketplace.listings)


def walk(client: httpx.Client, start: str) -> dict[str, httpx.Response]:
    """Every page that links lead to, keeping to robots.txt; answers by address."""
    robots = urllib.robotparser.RobotFileParser()
    robots.parse(client.get("/robots.txt").text.splitlines())
    answers: dict[str, httpx.Response] = {}
    waiting = [urljoin(str(client.base_url), start)]
    while waiting:
        url = waiting.pop()
        if url in answers or not robots.can_fetch("*", url):
            continue
        answers[url] = client.get(url)
        if answers[url].headers["content-type"].startswith("text/html"):
            links = re.findall(r'<a [^>]*href="([^"]*)"', answers[url].text)
            waiting += [urldefrag(urljoin(url, html.unescape(link)))[0] for link in links]
    return answers


def test_links_reach_every_reachable_listing_and_nothing_private(
    server: MarketplaceServer, client: httpx.Client
) -> None:
    before = server.private_requests
    answers = walk(client, "/")
    market = server.marketplace
    by_path = {x.path: x.listing_id for x in market.listings}
    found = {
        by_path[urlsplit(u).path] for u in answers if urlsplit(u).path in by_path and answers[u].status_code == 200
    }
    assert found == market.reachable
    assert server.private_requests == before
    gone = [url for url, answer in answers.items() if answer.status_code == 404]
    assert len(gone) == 1
    assert all(answer.status_code in (200, 404) for answer in answers.values())
    tracked = [u for u in answers if urlsplit(u).path in by_path and urlsplit(u).query]
    assert len(tracked) > 10
    for url in tracked:
        canonical = re.search(r'<link rel="canonical" href="([^"]*)"', answers[url].text)
        assert canonical is not None
        assert canonical[1] == url.split("?")[0]


def test_pages_follow_one_another(client: httpx.Client) -> None:
    url, seen, items = "/collections/all", 0, set()
    while url:
        page = client.get(url).text
        items |= set(re.findall(r'href="(/products/[^"?]*)', page))
        following = re.search(r'<link rel="next" href="([^"]*)"', page)
        url, seen = (html.unescape(following[1]) if following else ""), seen + 1
        assert seen < 50
    assert seen > 1
    assert client.get(f"/collections/all?page={seen + 1}").status_code == 404
    assert items == {product["handle"] and f"/products/{product['handle']}" for product in _all_products(client)}


def _all_products(client: httpx.Client) -> list[dict[str, Any]]:
    products: list[dict[str, Any]] = client.get("/products.json?limit=250").json()["products"]
    return products


def test_the_sitemap_lists_every_reachable_listing_once(server: MarketplaceServer, client: httpx.Client) -> None:
    tree = ET.fromstring(client.get("/sitemap.xml").text)
    places = [place.text for place in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    assert len(places) == len(set(places))
    market = server.marketplace
    expected = {server.base_url + x.path for x in market.listings if x.listing_id in market.reachable}
    assert expected <= set(places)
    assert not any("/private/" in str(place) for place in places)
    assert "Sitemap: " + server.base_url + "/sitemap.xml" in client.get("/robots.txt").text


def test_the_private_page_is_there_and_counted(server: MarketplaceServer, client: httpx.Client) -> None:
    market = server.marketplace
    before = server.private_requests
    assert client.get(f"/private/{market.private_listing}").status_code == 200
    assert server.private_requests == before + 1
    assert client.get(f"/item/{market.private_listing}").status_code == 404


def test_pictures_and_their_faults(server: MarketplaceServer, client: httpx.Client) -> None:
    market = server.marketplace
    faulty = {market.broken_image_listing, market.missing_image_listing}
    whole = next(x for x in market.listings if x.listing_id not in faulty)
    answer = client.get(f"/images/{whole.images[0]}.jpg")
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content == market.picture(whole.images[0])
    broken = client.get(f"/images/{market.listing(market.broken_image_listing).images[0]}.jpg")
    assert broken.status_code == 200
    with pytest.raises(ImageRefused):
        decode_image(broken.content)
    assert client.get(f"/images/{market.listing(market.missing_image_listing).images[0]}.jpg").status_code == 404
    assert client.get("/images/..%2f..%2fsecret.jpg").status_code == 404


def test_one_page_is_slow_and_holds_nobody_else_up(
    server: MarketplaceServer, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_for: list[float] = []
    answered_others = threading.Event()

    async def until_others_are_answered(seconds: float) -> None:
        asked_for.append(seconds)
        await to_thread.run_sync(answered_others.wait)

    monkeypatch.setattr("crawler.marketplace.server.asyncio", SimpleNamespace(sleep=until_others_are_answered))
    path = server.marketplace.listing(server.marketplace.slow_listing).path
    order: list[str] = []

    def ask_slowly() -> None:
        assert httpx.get(server.base_url + path, timeout=60, trust_env=False).status_code == 200
        order.append("slow")

    asking = threading.Thread(target=ask_slowly)
    before = server.requests.get(path, 0)
    asking.start()
    while server.requests.get(path, 0) == before:
        time.sleep(0.01)
    client.get("/")
    order.append("home")
    answered_others.set()
    asking.join()
    assert order == ["home", "slow"]
    assert asked_for == [SLOW_PAGE_S]


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", "page=99999999999999999999", "page=%F0", "limit=x"])
def test_odd_queries_are_no_errors(client: httpx.Client, query: str) -> None:
    assert client.get(f"/collections/all?{query}").status_code in (200, 404)
    assert client.get(f"/products.json?{query}").status_code == 200


def test_script_elements_do_not_end_early(server: MarketplaceServer) -> None:
    from dataclasses import replace

    from crawler.marketplace.structured import json_ld

    hostile = replace(server.marketplace.listings[0], title="</script><script>alert(1)</script>")
    body = str(json_ld(hostile, "http://x/", ["http://x/1.jpg"], "http://x"))
    assert "</script" not in body
    assert json.loads(body)["name"] == hostile.title


def test_the_server_ends_and_can_start_again() -> None:
    market = generate_marketplace(32, listings=20, sellers=12, brands=2)
    threads = set(threading.enumerate())
    with MarketplaceServer(market) as first:
        port = urlsplit(first.base_url).port
        assert port is not None
        with httpx.Client(trust_env=False) as client:
            assert client.get(f"{first.base_url}/robots.txt").status_code == 200
        assert first.requests == {"/robots.txt": 1}
    assert set(threading.enumerate()) <= threads
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)
    with MarketplaceServer(market) as second:
        assert httpx.get(f"{second.base_url}/", trust_env=False).status_code == 200


def test_a_taken_port_is_an_error_at_once() -> None:
    market = generate_marketplace(32, listings=20, sellers=12, brands=2)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = MarketplaceServer(market, port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            wanted.__enter__()
