"""What shops publish for programs and what search APIs answer, crawled as users do it, down to the stored listing."""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from api_server import CLIENT_ID, CLIENT_SECRET, ETSY_KEY, SELLERS, ApiServer
from loopback_site import settings, stored
from PIL import Image

from crawler.report import CrawlReport
from crawler.run import crawl
from domain.capture import CaptureKind
from domain.catalog import Money
from domain.listing import Listing
from domain.settings import Settings
from store.evidence import open_evidence
from store.interfaces import SaveCount
from store.records import open_records

COUNT = 105
"""Two pages of WooCommerce's API and of Etsy's."""
QUERY = "Aurelle"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with ApiServer(COUNT) as running:
        running.own_pictures = True
        yield running


def money(cents: int, currency: str) -> Money:
    return Money(amount=Decimal(cents).scaleb(-2), currency=currency)


def evidence_of(chosen: Settings, listing: Listing) -> bytes:
    """The page, or answer of an API, that told of it; its capture, headers, WARC record and pictures are there too."""
    evidence = open_evidence(chosen.resolved_evidence_url)
    records = open_records(chosen.resolved_database_url, chosen.tenant)
    try:
        assert listing.page_sha256
        page = records.captures(listing.page_sha256)[0]
        assert page.kind is CaptureKind.PAGE
        assert page.status == 200
        assert evidence.read(page.headers_sha256).startswith(b"HTTP/1.1 200")
        assert list(chosen.crawl_dir.glob(f"*/{page.warc}"))
        for image in listing.images:
            assert image.sha256, image.unreadable
            assert evidence.read(image.sha256).startswith(b"\x89PNG")
            assert records.captures(image.sha256)[0].kind is CaptureKind.IMAGE
    finally:
        records.close()
    return evidence.read(listing.page_sha256)


def complete(report: CrawlReport, chosen: Settings) -> dict[str, Listing]:
    """The listings of a crawl at which nothing failed."""
    assert report.failures == ()
    assert (report.waiting, report.dead, report.unreadable_images) == (0, 0, 0)
    listings = stored(chosen)
    assert report.saved == SaveCount(added=len(listings))
    return listings


def test_a_shopify_shop(server: ApiServer, tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    listings = complete(crawl([server.url], chosen), chosen)
    assert set(listings) == {f"S-{each.number}" for each in server.articles}
    host = server.url.removeprefix("http://")
    for article in server.articles:
        listing = listings[f"S-{article.number}"]
        assert listing.price == money(article.cents, "CAD")
        assert (listing.url, listing.title) == (f"{server.url}/products/{article.handle}", article.title)
        assert (listing.seller.id, listing.brand, listing.gtin) == (host, article.brand, article.gtin)
        assert len(listing.images) == 1
    assert article.title.encode() in evidence_of(chosen, listing)
    asked = Counter(request.path for request in server.requests)
    assert {asked[f"/products/{article.handle}"] for article in server.articles} == {1}


def test_a_woocommerce_shop_in_a_subfolder(server: ApiServer, tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    listings = complete(crawl([f"{server.url}/woo/"], chosen, marketplace="woo"), chosen)
    assert set(listings) == {f"W-{each.number}" for each in server.articles}
    for article in server.articles:
        listing = listings[f"W-{article.number}"]
        assert listing.price == money(article.cents, "EUR")
        assert (listing.marketplace, listing.url) == ("woo", f"{server.url}/woo/product/{article.handle}/")
        assert (listing.seller.id, listing.gtin) == (server.url.removeprefix("http://"), article.gtin)
        assert len(listing.images) == 1
    assert article.title.encode() in evidence_of(chosen, listing)


def test_a_shop_whose_product_pages_are_gone_is_taken_as_its_list_tells_of_it(
    server: ApiServer, tmp_path: Path
) -> None:
    chosen = settings(tmp_path)
    listed = server.articles
    answer = server.reply
    server.reply = lambda request: (  # type: ignore[method-assign]
        replace(answer(request), status=404) if request.path.startswith("/products/") else answer(request)
    )
    report = crawl([server.url], chosen)
    assert {failure.status for failure in report.failures} == {404}
    listings = stored(chosen)
    assert set(listings) == {f"S-{each.number}" for each in listed}
    listing = listings["S-1"]
    assert listing.price == money(listed[0].cents, "CAD")
    # the list is what is left to show for it
    assert listing.title in [each["title"] for each in json.loads(evidence_of(chosen, listing))["products"]]


def test_a_site_that_names_its_products_in_sitemaps_alone(server: ApiServer, tmp_path: Path) -> None:
    server.sells_by_pages = True
    chosen = settings(tmp_path)
    report = crawl([server.url], chosen)
    listings = complete(report, chosen)
    assert set(listings) == {f"P-{each.number}" for each in server.articles}
    for article in server.articles:
        listing = listings[f"P-{article.number}"]
        assert listing.price == money(article.cents, "EUR")
        assert listing.seller.id == article.seller
    assert article.title.encode() in evidence_of(chosen, listing)
    asked = [request.path for request in server.requests]
    assert {"/sitemap_index.xml", "/sitemaps/products-1.xml.gz", "/sitemaps/pages.txt", "/about", "/contact"} <= set(
        asked
    )
    assert max(Counter(asked).values()) <= 2, "the front page is read before and after what the site publishes"
    assert asked.count("/robots.txt") == 1, "read for its sitemaps by whom it forbids nothing"
    late = [path for path in asked[asked.index("/about") :] if path.startswith("/products/")]
    assert len(late) <= 8, "products come first; so many requests are under way at once"


# Search APIs


@pytest.fixture
def assayer(command_line: Any, tmp_path: Path) -> Any:
    """With a small catalog: a mark, a product, its picture."""
    catalog = tmp_path / "catalog"
    catalog.mkdir()
    Image.linear_gradient("L").convert("RGB").save(catalog / "bag.png")
    (catalog / "products.tsv").write_text(
        "id\ttitle\timage_link\tbrand\tprice\tproduct_type\n"
        f"A-1\t{QUERY} Leather bag Marsala\tbag.png\t{QUERY}\t480.00 USD\tBags\n"
    )
    holder = {"name": "Aurelle SA", "brands": [{"name": QUERY}]}
    (catalog / "rights_holders.json").write_text(json.dumps({"rights_holders": [holder]}))
    assayer = command_line(tmp_path / "home")
    assayer("catalog", "import", catalog)
    return assayer


def of_server(server: ApiServer, **more: str) -> dict[str, str]:
    """Settings that lead to it, with keys."""
    server.articles = tuple(replace(each, title=f"{QUERY} bag No. {each.number}") for each in server.articles)
    return {
        "allow_loopback": "true",
        "ebay_url": server.url,
        "ebay_client_id": CLIENT_ID,
        "ebay_client_secret": CLIENT_SECRET,
        "etsy_url": server.url,
        "etsy_api_key": ETSY_KEY,
    } | more


def searched(assayer: Any) -> tuple[Settings, dict[str, Listing]]:
    chosen = Settings(home=assayer.home)
    return chosen, stored(chosen)


def leaked(assayer: Any, said: str, *secrets: str) -> list[tuple[str, str]]:
    """(file, secret) wherever one lies in a form in which it was sent; files are looked into unpacked."""
    kept = {"what was said": said.encode()}
    for path in assayer.home.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            name = path.relative_to(assayer.home).as_posix()
            kept[name] = gzip.decompress(content) if path.suffix == ".gz" else content
    assert {Path(name).suffix for name in kept} >= {".db", ".gz"}, "the frontier, the records, the WARC files"
    assert any(b"/pictures/" in content for name, content in kept.items() if name.endswith(".gz")), "it can be read"
    forms = {form for secret in secrets for form in (secret, quote(secret), base64.b64encode(secret.encode()).decode())}
    return [(name, form) for name, content in kept.items() for form in forms if form.encode() in content]


def test_queries_are_made_from_the_catalog_and_shown_with_their_reasons(assayer: Any, server: ApiServer) -> None:
    chosen = of_server(server)
    planned = assayer("crawl", "ebay", "etsy", "--queries", "--json", **chosen).json
    by_source = {source: [each["query"] for each in planned if each["source"] == source] for source in ("ebay", "etsy")}
    reasons = {query["text"]: query["reason"] for query in by_source["ebay"]}
    assert reasons[QUERY] == f"brand {QUERY}"
    assert reasons[f"{QUERY} replica"] == f"replica slang (en) with {QUERY}"
    assert any(reason.startswith("product A-1") for reason in reasons.values())
    pictures = {source: [query for query in queries if query["image_sha256"]] for source, queries in by_source.items()}
    assert [query["reason"] for query in pictures["ebay"]] == ["picture of product A-1"]
    assert pictures["etsy"] == [], "Etsy cannot search by picture"
    assert server.requests == []
    said = assayer("crawl", "ebay", "--queries", "--max-queries", 3, **chosen).out
    assert said.count("ebay") == 3
    assert f"replica slang (en) with {QUERY}" in said
    assert "(by picture)" in said


def test_ebay_is_searched_by_words_and_picture(assayer: Any, server: ApiServer, tmp_path: Path) -> None:
    server.articles = server.articles[:40]
    named = of_server(server)
    server.revoke_at = 20
    done = assayer("crawl", "ebay", "--json", **named)
    assert done.json["failures"] == []
    assert (done.json["waiting"], done.json["dead"]) == (0, 0)

    chosen, listings = searched(assayer)
    assert set(listings) == {str(110_000 + each.number) for each in server.articles}
    assert done.json["saved"]["added"] == len(listings)
    for article in server.articles:
        listing = listings[str(110_000 + article.number)]
        auction = article.number % 10 == 0
        assert listing.price == (None if auction else money(article.cents, "USD"))
        assert (listing.marketplace, listing.url) == ("ebay.com", f"https://www.ebay.com/itm/{listing.listing_id}")
        assert (listing.seller.id, listing.gtin) == (article.seller, article.gtin)
        assert len(listing.images) == 2
        assert json.loads(evidence_of(chosen, listing))["legacyItemId"] == listing.listing_id

    # refused once for each request that was under way, and asked for again with another token
    assert server.tokens_given == 2
    browsed = Counter((each.method, each.path, *each.query.items()) for each in server.requests if "/buy/" in each.path)
    assert len([count for count in browsed.values() if count > 1]) <= 8
    assert max(browsed.values()) == 2
    assert server.images == [(tmp_path / "catalog" / "bag.png").read_bytes()]
    queries = {each.query["q"] for each in server.requests if each.path.endswith("/search")}
    assert {QUERY, f"{QUERY} replica"} <= queries

    tokens = [f"token-{number}" for number in (1, 2)]
    assert leaked(assayer, done.out + done.err, CLIENT_SECRET, f"{CLIENT_ID}:{CLIENT_SECRET}", *tokens) == []


def test_etsy_is_searched_by_words(assayer: Any, server: ApiServer) -> None:
    done = assayer("crawl", "etsy", "--json", **of_server(server, ebay_url="https://api.ebay.com"))
    assert done.json["failures"] == []
    chosen, listings = searched(assayer)
    assert set(listings) == {str(500 + each.number) for each in server.articles}
    for article in server.articles:
        listing = listings[str(500 + article.number)]
        assert listing.price == money(article.cents, "GBP")
        assert (listing.seller.id, listing.seller.name) == (str(9_000 + SELLERS.index(article.seller)), article.seller)
        assert len(listing.images) == 2
    numbers = [each["listing_id"] for each in json.loads(evidence_of(chosen, listing))["results"]]
    assert int(listing.listing_id) in numbers
    asked = Counter(each.query.get("keywords") for each in server.requests if each.path.endswith("/listings/active"))
    assert asked[QUERY] == 2, "two pages"
    assert leaked(assayer, done.out + done.err, ETSY_KEY, *ETSY_KEY.split(":")[1:]) == []


def test_a_site_and_search_apis_are_crawled_in_one_run(assayer: Any, server: ApiServer) -> None:
    server.articles = server.articles[:6]
    done = assayer("crawl", f"{server.url}/woo/", "ebay", "etsy", "--json", **of_server(server))
    assert done.json["failures"] == []
    counts = Counter(listing.marketplace for listing in searched(assayer)[1].values())
    assert counts == {"ebay.com": 6, "etsy.com": 6, server.url.removeprefix("http://"): 6}


@pytest.mark.parametrize(
    ("source", "missing", "where"),
    [
        ("ebay", "ebay_client_id", "https://developer.ebay.com/my/keys"),
        ("ebay", "ebay_client_secret", "https://developer.ebay.com/my/keys"),
        ("etsy", "etsy_api_key", "https://www.etsy.com/developers/your-apps"),
    ],
)
def test_without_keys_a_search_names_the_setting_and_where_to_get_it(
    assayer: Any, server: ApiServer, source: str, missing: str, where: str
) -> None:
    done = assayer("crawl", source, code=2, **of_server(server, **{missing: ""}))
    assert f"ASSAYER_{missing.upper()}" in done.err
    assert where in done.err
    assert server.requests == []


def test_keys_that_are_refused_end_the_crawl_with_what_the_api_says(assayer: Any, server: ApiServer) -> None:
    done = assayer("crawl", "ebay", code=1, **of_server(server, ebay_client_secret="another"))
    assert "client authentication failed" in done.err
    assert "another" not in done.err.replace("another token", "")
    assert searched(assayer)[1] == {}
