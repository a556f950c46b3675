"""Crawls of small real sites on loopback, by the process that users get."""

from __future__ import annotations

import gzip
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from killed_crawl import command_line, descendants, is_running, wait_until
from loopback_site import Answer, Site, links, picture, settings, stored

from crawler.addresses import why_refused
from crawler.marketplace import generate_marketplace
from crawler.marketplace.server import MarketplaceServer
from crawler.run import crawl
from domain.catalog import Money
from domain.errors import AddressRefused, BadInput, CrawlFailed, SettingRefused, StoreUnavailable
from store.evidence import open_evidence
from store.interfaces import SaveCount


def test_a_shop_in_all_its_ways_of_writing(site: Site, tmp_path: Path) -> None:
    site.html("/", links("/bags?page=1", "/item/M1"))
    site.html("/bags?page=1", links("/item/J1", "/bags?page=2"))
    site.html("/bags?page=2", links("/item/G1", "https://elsewhere.example/item/9"))
    site.item("J1")
    site.html(
        "/item/M1",
        """<div itemscope itemtype="https://schema.org/Product"><h1 itemprop="name">Watch M1</h1>
        <meta itemprop="productID" content="M1"><img itemprop="image" src="/images/M1.jpg">
        <p itemprop="description">Runs.<br>On time.</p><span itemprop="brand">Orlo</span>
        <div itemprop="offers" itemscope itemtype="https://schema.org/Offer">
        <span itemprop="price" content="1299.00">1.299,00</span><meta itemprop="priceCurrency" content="EUR">
        <link itemprop="itemCondition" href="https://schema.org/UsedCondition">
        <meta itemprop="inventoryLevel" content="3">
        </div></div> sold by <a rel="author" href="/seller/s9">Uhr &amp; Co</a>""",
    )
    graph = {
        "og:type": "product",
        "og:title": "Shoe G1",
        "og:image": "/images/G1.jpg",
        "product:price:amount": "49",
        "product:price:currency": "USD",
        "product:retailer_item_id": "G1",
        "product:condition": "new",
    }
    meta = "".join(f'<meta property="{name}" content="{value}">' for name, value in graph.items())
    site.html("/item/G1", "<h1>Shoe G1</h1> <a rel='author' href='/seller/s3'>Shoe Shed</a>", meta)
    pictures = {name: picture(color) for name, color in (("J1", "red"), ("M1", "green"), ("G1", "blue"))}
    for name, content in pictures.items():
        site.image(f"/images/{name}.jpg", content)

    chosen = settings(tmp_path)
    heard: list[tuple[str, int]] = []
    report = crawl([site.url()], chosen, progress=lambda stage, done, total: heard.append((stage, done)))

    assert report.saved == SaveCount(added=3)
    assert (report.images, report.unreadable_images, report.duplicates) == (3, 0, 0)
    # the sellers' pages are not there
    assert {(failure.url, failure.status) for failure in report.failures} == {
        (site.url("/seller/s9"), 404),
        (site.url("/seller/s3"), 404),
    }
    assert report.pages == 6
    assert heard[-1] == ("listings", 3)

    listings, evidence = stored(chosen), open_evidence(chosen.resolved_evidence_url)
    assert set(listings) == {"J1", "M1", "G1"}
    assert {listing.marketplace for listing in listings.values()} == {site.host}
    assert listings["J1"].price == Money(amount=Decimal("12.50"), currency="EUR")
    assert (listings["J1"].seller.id, listings["J1"].seller.name) == ("s7", "Bag Barn")
    watch = listings["M1"]
    assert (watch.title, watch.description, watch.brand) == ("Watch M1", "Runs.\nOn time.", "Orlo")
    assert watch.price == Money(amount=Decimal(1299), currency="EUR")
    assert (watch.quantity, watch.condition, watch.url) == (3, "used", site.url("/item/M1"))
    assert (watch.seller.id, watch.seller.name) == ("s9", "Uhr & Co")
    assert listings["G1"].price == Money(amount=Decimal(49), currency="USD")
    assert (listings["G1"].seller.id, listings["G1"].condition) == ("s3", "new")
    for name, listing in listings.items():
        assert [evidence.read(image.sha256 or "") for image in listing.images] == [pictures[name]]
        assert listing.page_sha256
        page = site.pages[f"/item/{name}"]
        assert not callable(page)
        assert evidence.read(listing.page_sha256) == page[2]
        assert listing.captured_at
        assert listing.captured_at.tzinfo
    assert site.agents == {"AssayerTest/1 (+mailto:a@b.example)"}


def test_a_crawl_again_finds_the_same_and_stores_nothing_twice(site: Site, tmp_path: Path) -> None:
    site.html("/", links(*(f"/item/A{number}" for number in range(12))))
    for number in range(12):
        site.item(f"A{number}")
        site.image(f"/images/A{number}.jpg", picture("red"))
    chosen = settings(tmp_path)
    assert crawl([site.url()], chosen).saved == SaveCount(added=12)
    before = stored(chosen)
    site.item("A3", name="Bag A3, now cheaper", offers={"@type": "Offer", "price": 9, "priceCurrency": "EUR"})
    again = crawl([site.url()], chosen)
    assert (again.listings, again.saved.added) == (12, 0)
    after = stored(chosen)
    assert set(after) == set(before)
    assert after["A3"].price == Money(amount=Decimal(9), currency="EUR")
    assert after["A4"].images == before["A4"].images


def test_robots_txt_decides(site: Site, tmp_path: Path) -> None:
    site.pages["/robots.txt"] = (
        200,
        {},
        b"User-agent: *\nDisallow: /all\n\nUser-agent: AssayerTest\nDisallow: /private\n",
    )
    site.html("/", links("/private/item/P1", "/item/A1"))
    site.item("A1", image=["/images/A1.jpg", "/private/A1.jpg"])
    site.item("P1", path="/private/item/P1")
    site.image("/images/A1.jpg", picture("red"))
    site.image("/private/A1.jpg", picture("red"))
    chosen = settings(tmp_path)
    report = crawl([site.url()], chosen)
    assert report.refused_by_robots == (site.url("/private/item/P1"),)
    assert not [path for path in site.asked if path.startswith("/private")]
    listing = stored(chosen)["A1"]
    assert [image.unreadable.reason if image.unreadable else "" for image in listing.images] == [
        "",
        "Forbidden by robots.txt",
    ]


@pytest.mark.parametrize(("status", "saved"), [(404, 1), (403, 1), (500, 0), (503, 0), (429, 0)])
def test_an_unreachable_robots_txt_forbids_everything(site: Site, tmp_path: Path, status: int, saved: int) -> None:
    site.pages["/robots.txt"] = (status, {}, b"User-agent: *\nDisallow: /")
    site.item("A1")
    report = crawl([site.url("/item/A1")], settings(tmp_path))
    assert report.saved == SaveCount(added=saved)
    assert ("/item/A1" in site.asked) == bool(saved)
    if not saved:
        [failure] = report.failures
        assert f"robots.txt cannot be read (answered {status})" in failure.reason


def test_pictures_that_are_broken_are_kept_and_those_that_are_none_are_named(site: Site, tmp_path: Path) -> None:
    whole = picture("red")
    site.image("/cut-file.jpg", whole[: len(whole) // 2])
    site.image("/cut-answer.jpg", whole[:300], **{"Content-Length": str(len(whole))})
    site.image("/page.jpg", b"<h1>no such picture</h1>", **{"Content-Type": "text/html"})
    site.image("/empty.jpg", b"")
    site.image("/large.jpg", b"x" * 50_001)
    site.image("/bomb.jpg", gzip.compress(bytes(10_000_000)), **{"Content-Encoding": "gzip"})
    site.pages["/moved.jpg"] = (302, {"Location": "/whole.jpg"}, b"")
    site.image("/whole.jpg", whole)
    site.pages["/inside.jpg"] = (302, {"Location": "http://169.254.169.254/latest/meta-data/"}, b"")
    names = ["cut-file", "cut-answer", "page", "empty", "large", "bomb", "moved", "inside", "gone"]
    pictures = [f"/{name}.jpg" for name in names] + ["http://10.0.0.1/inner.jpg", "http://localhost:22/x.jpg"]
    site.item("A1", image=pictures)
    chosen = settings(tmp_path, max_image_bytes=50_000)
    report = crawl([site.url("/item/A1")], chosen)
    images = stored(chosen)["A1"].images
    evidence = open_evidence(chosen.resolved_evidence_url)
    kept = {image.source.rpartition("/")[2]: evidence.read(image.sha256) for image in images if image.sha256}
    assert kept == {"cut-file.jpg": whole[: len(whole) // 2], "cut-answer.jpg": whole[:300], "moved.jpg": whole}
    reasons = {image.source.rpartition("/")[2]: image.unreadable.reason for image in images if image.unreadable}
    assert reasons["page.jpg"] == "answered text/html, not a picture"
    assert reasons["empty.jpg"] == "answered nothing"
    assert reasons["large.jpg"] == "more bytes than allowed"
    assert "exceeded" in reasons["bomb.jpg"]
    assert "169.254.169.254 is not a public address" in reasons["inside.jpg"]
    assert reasons["gone.jpg"] == "answered 404"
    assert "10.0.0.1 is not a public address" in reasons["inner.jpg"]
    assert "port 22" in reasons["x.jpg"]
    assert (report.images, report.unreadable_images) == (3, len(reasons))
    assert {failure.url for failure in report.failures if failure.what == "image"} == {
        image.source for image in images if image.unreadable
    }


def test_more_pictures_than_are_read(site: Site, tmp_path: Path) -> None:
    site.item("A1", image=[f"/{number}.jpg" for number in range(9)])
    for number in range(9):
        site.image(f"/{number}.jpg", picture("red"))
    chosen = settings(tmp_path, max_listing_images=4)
    crawl([site.url("/item/A1")], chosen)
    images = stored(chosen)["A1"].images
    assert len(images) == 5
    assert images[4].unreadable
    assert images[4].unreadable.reason == "5 more pictures; at most 4 are read"


def test_every_page_that_fails_is_named(site: Site, tmp_path: Path) -> None:
    def slow() -> Answer:
        site.closing.wait(30)
        return (200, {}, b"late")

    site.html(
        "/",
        links("/gone", "/broken", "/slow", "/file", "/away", "/inside", "/round", "/large", "/item/A1", "/json-ld"),
    )
    site.html("/broken", "oops", status=500)
    site.pages["/slow"] = slow
    site.pages["/file"] = (200, {"Content-Type": "application/octet-stream"}, b"\x00\x01\x02")
    site.pages["/away"] = (302, {"Location": "http://localhost:1/"}, b"")
    site.pages["/inside"] = (302, {"Location": "http://192.168.0.1/admin"}, b"")
    site.pages["/round"] = (302, {"Location": "/round"}, b"")
    site.pages["/large"] = (200, {"Content-Type": "text/html"}, b"x" * 10_000_001)
    site.html("/json-ld", "text", '<script type="application/ld+json">{"@type": "Product", "name": </script>')
    site.item("A1", image=[])
    report = crawl([site.url()], settings(tmp_path, fetch_timeout_s=2.0))
    assert report.saved == SaveCount(added=1)
    reasons = {failure.url.rpartition("/")[2]: (failure.status, failure.reason) for failure in report.failures}
    assert reasons["gone"] == (404, "answered 404")
    assert reasons["broken"] == (500, "answered 500")
    assert reasons["slow"] == (None, "no complete answer in time")
    assert reasons["file"] == (200, "not a page (application/octet-stream)")
    assert reasons["admin"] == (None, "192.168.0.1 is not a public address")
    assert reasons["round"] == (None, "max redirections reached")
    assert reasons["large"] == (None, "more bytes than allowed")
    assert reasons["json-ld"][1].startswith("structured data cannot be read (JSON-LD: ")
    assert len(report.failures) == 9
    assert Counter(failure.status for failure in report.failures) == {404: 1, 500: 1, 200: 2, None: 5}


def test_the_same_listing_under_several_addresses_is_one(site: Site, tmp_path: Path) -> None:
    site.html("/", links("/item/A1?ref=front", "/item/A1", "/item/A1?utm_source=mail", "/bags/item/A1", "/item/A1#top"))
    canonical = '<link rel="canonical" href="/item/A1">'
    for path in ("/item/A1?ref=front", "/item/A1", "/bags/item/A1"):
        site.item("A1", path=path, head=canonical, image=[])
    chosen = settings(tmp_path)
    report = crawl([site.url()], chosen)
    assert report.saved == SaveCount(added=1)
    assert report.duplicates == 2
    assert stored(chosen)["A1"].url in (site.url("/item/A1"), site.url("/bags/item/A1"))


def test_two_offers_with_one_number_are_two_and_stay_themselves(site: Site, tmp_path: Path) -> None:
    paths = [f"/offer/{number}" for number in range(6)]
    site.html("/", links(*paths))
    for path in paths:
        site.item("N/A", path=path, name=f"Bag at {path}", image=[])
    chosen = settings(tmp_path)
    assert crawl([site.url()], chosen).saved == SaveCount(added=6)
    before = {listing.url: listing.listing_id for listing in stored(chosen).values()}
    site.html("/", links(*reversed(paths)))
    again = crawl([site.url()], chosen)
    assert (again.listings, again.saved.added) == (6, 0)
    assert {listing.url: listing.listing_id for listing in stored(chosen).values()} == before


def test_a_shop_that_lists_its_products_as_json(site: Site, tmp_path: Path) -> None:
    def product(number: int) -> dict[str, Any]:
        return {
            "id": number,
            "handle": f"shoe-{number}",
            "title": f"Shoe {number}",
            "vendor": "Sole Trader",
            "product_type": "Shoes",
            "body_html": "<p>Light &amp; <b>fast</b></p>",
            "variants": [{"sku": f"SH{number}", "price": "79.90", "inventory_quantity": 4}],
            "images": [{"src": f"/cdn/{number}.jpg"}],
        }

    site.html("/", links("/products/shoe-1"), '<link href="//cdn.shopify.com/theme.css" rel="stylesheet">')
    site.html(
        "/products/shoe-1",
        "<h1>Shoe 1</h1> <a rel='author' href='/seller/s5'>Fast Feet</a>",
        '<meta property="og:title" content="Shoe 1"><meta property="product:price:amount" content="79.90">',
    )
    site.json("/meta.json", {"currency": "CAD"})
    site.json("/products.json?limit=250&page=1", {"products": [product(number) for number in range(1, 4)]})
    site.json("/products.json?limit=250&page=2", {"products": [product(4), {"title": "no address"}]})
    site.json("/products.json?limit=250&page=3", {"products": []})
    for number in range(1, 5):
        site.image(f"/cdn/{number}.jpg", picture("blue"))
    chosen = settings(tmp_path)
    report = crawl([site.url()], chosen, marketplace="shoes")
    assert report.saved == SaveCount(added=4)
    assert report.duplicates == 0
    listings = stored(chosen)
    assert set(listings) == {"SH1", "SH2", "SH3", "SH4"}
    shoe, listed = listings["SH1"], listings["SH2"]
    assert (shoe.marketplace, shoe.url) == ("shoes", site.url("/products/shoe-1"))
    assert (shoe.description, shoe.category, shoe.quantity) == ("Light & fast", "Shoes", 4)
    assert (shoe.seller.id, shoe.seller.name, shoe.brand) == ("s5", "Fast Feet", "Sole Trader")
    # pages that are gone leave what the list said; its vendor is a brand, not who sells
    assert (listed.seller.id, listed.brand) == (site.host, "Sole Trader")
    assert shoe.price == listed.price == Money(amount=Decimal("79.90"), currency="CAD")
    assert all(listing.images[0].sha256 for listing in listings.values())
    evidence = open_evidence(chosen.resolved_evidence_url)
    assert b"Fast Feet" in evidence.read(shoe.page_sha256 or "")
    assert b'"products"' in evidence.read(listed.page_sha256 or "")
    failed = {failure.url: failure.reason for failure in report.failures}
    assert failed.pop(site.url("/products.json?limit=250&page=2")) == "1 products have no address or no title"
    assert failed == {
        site.url(f"/{gone}"): "answered 404" for gone in ("seller/s5", *(f"products/shoe-{n}" for n in (2, 3, 4)))
    }


def test_an_address_like_a_shops_is_worth_a_question_not_a_failure(site: Site, tmp_path: Path) -> None:
    site.html("/", links("/products/p1"))
    site.item("P1", path="/products/p1", image=[])
    report = crawl([site.url()], settings(tmp_path))
    assert (report.saved, report.failures) == (SaveCount(added=1), ())
    assert "/products.json?limit=250&page=1" in site.asked


def test_the_page_limit_holds_and_says_what_it_left(site: Site, tmp_path: Path) -> None:
    site.html(
        "/",
        links(*(f"/item/A{number}" for number in range(20)), "/cart") + "<a rel='nofollow' href='/add?id=1'>buy</a>",
    )
    for number in range(20):
        site.item(f"A{number}", image=[])
    report = crawl([site.url()], settings(tmp_path), max_pages=6)
    # the first page is read after what its site may publish, and neither counts
    assert site.asked.count("/") == 2
    pages = {path for path in site.asked if path not in ("/robots.txt", "/sitemap.xml")}
    assert len(pages) == 6
    assert report.saved == SaveCount(added=5)
    assert report.not_followed == 17


def test_a_list_of_products_brings_no_more_than_the_page_limit(site: Site, tmp_path: Path) -> None:
    site.html("/", "shop", '<link href="//cdn.shopify.com/s.css">Shopify.theme')
    products = [{"handle": f"p{at}", "title": "A", "images": [{"src": f"/{at}.jpg"}]} for at in range(300)]
    site.json("/meta.json", {"currency": "CAD"})
    site.json("/products.json?limit=250&page=1", {"products": products})
    site.json("/products.json?limit=250&page=2", {"products": []})
    chosen = settings(tmp_path)
    report = crawl([site.url()], chosen, max_pages=4)
    assert report.listings == 6  # two by the request for their page, four without one
    assert len([path for path in site.asked if path.endswith(".jpg")]) == 6
    failed = [failure.reason for failure in report.failures if "products.json" in failure.url]
    assert failed == [
        "50 products after the first 250 of a page were not read",
        "244 products were left out: beyond the page limit",
    ]


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the crawling process by /proc")


@needs_proc
def test_killed_in_the_middle_and_run_again_gives_what_an_undisturbed_crawl_gives(site: Site, tmp_path: Path) -> None:
    def build(block: bool) -> None:
        site.html("/", links(*(f"/item/A{number}" for number in range(30))))
        for number in range(30):
            site.item(f"A{number}")
            site.image(f"/images/A{number}.jpg", picture("red"))
        if block:
            # the crawl cannot end: this page is never answered
            site.pages["/item/A29"] = lambda: (site.closing.wait(60), (503, {}, b""))[1]

    build(block=True)
    chosen = settings(tmp_path, fetch_timeout_s=50.0)
    script = f"""
import sys
from crawler.run import crawl
from domain.settings import Settings
def tell(stage, done, total):
    print(stage, done, flush=True)
crawl([{site.url()!r}], Settings(**{chosen.model_dump(mode="json")!r}), progress=tell)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout
        for line in process.stdout:
            if line.split()[0] == "listings" and int(line.split()[1]) >= 10:
                break
        orphans = descendants(process.pid)
        assert orphans
        process.kill()
    # the crawling process ends with the one that started it
    wait_until(lambda: not any(map(is_running, orphans)), "an orphan goes on")
    kept = stored(chosen)
    assert 10 <= len(kept) < 30
    evidence = open_evidence(chosen.resolved_evidence_url)
    for listing in kept.values():
        for image in listing.images:
            assert evidence.read(image.sha256 or "")
        assert evidence.read(listing.page_sha256 or "")
    build(block=False)
    report = crawl([site.url()], chosen)
    assert report.resumed
    assert len(kept) + report.saved.added == 30
    assert report.listings < 30, "what was done before is not done again"
    undisturbed = settings(tmp_path, home=tmp_path / "other")
    crawl([site.url()], undisturbed)
    again, fresh = stored(chosen), stored(undisturbed)
    assert {key: value.images for key, value in again.items()} == {key: value.images for key, value in fresh.items()}
    assert {key: value.page_sha256 for key, value in again.items()} == {
        key: value.page_sha256 for key, value in fresh.items()
    }


@needs_proc
def test_a_crawling_process_that_dies_is_a_typed_error(site: Site, tmp_path: Path) -> None:
    site.html("/", links("/slow"))
    asked = threading.Event()

    def slow() -> Answer:
        asked.set()
        site.closing.wait(60)
        return (200, {}, b"")

    site.pages["/slow"] = slow

    def kill() -> None:
        asked.wait(60)
        for process_id in descendants(os.getpid()):
            if b"\0crawler\0" in command_line(process_id):
                os.kill(process_id, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(CrawlFailed, match="SIGKILL"):
        crawl([site.url()], settings(tmp_path))
    killer.join()


@needs_proc
def test_an_interrupted_crawl_leaves_no_process_behind(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crawler.run._PATIENCE_S", 0.5)
    site.html("/", links("/slow", "/item/A1"))
    site.item("A1", image=[])
    site.pages["/slow"] = lambda: (site.closing.wait(60), (200, {}, b""))[1]

    def interrupt(stage: str, done: int, total: int | None) -> None:
        if stage == "listings" and done:
            raise KeyboardInterrupt

    before = set(descendants(os.getpid()))
    with pytest.raises(KeyboardInterrupt):
        crawl([site.url()], settings(tmp_path), progress=interrupt)
    assert set(filter(is_running, descendants(os.getpid()))) <= before
    assert set(stored(settings(tmp_path))) == {"A1"}


def test_loopback_is_refused_unless_allowed(site: Site, tmp_path: Path) -> None:
    for target in (site.url(), "http://localhost:8000/", "http://169.254.169.254/", "file:///etc/passwd"):
        with pytest.raises(AddressRefused):
            crawl([target], settings(tmp_path, allow_loopback=False))
    assert site.asked == []


def test_a_name_that_leads_inside_is_never_connected_to(tmp_path: Path) -> None:
    """This machine's own name is one that every resolver knows, and it leads to an inner address."""
    name = socket.gethostname()
    try:
        inner = socket.getaddrinfo(name, None, socket.AF_INET)[0][4][0]
        listening = socket.create_server((str(inner), 0))
    except OSError as error:
        pytest.skip(f"this machine's name leads nowhere: {error}")
    if why_refused(ip_address(inner)) is None:
        pytest.skip("this machine has a public address")
    with listening:
        listening.setblocking(False)
        target = f"http://{name}:{listening.getsockname()[1]}/"
        with pytest.raises(SettingRefused, match="ASSAYER_CONTACT"):
            crawl([target], settings(tmp_path, allow_loopback=False))
        report = crawl([target], settings(tmp_path, allow_loopback=False, contact="a@b.example", crawl_retries=0))
        with pytest.raises(BlockingIOError):
            listening.accept()
    [failure] = report.failures
    assert f"{inner} is " in failure.reason
    assert failure.url == target


def test_orders_that_make_no_sense(site: Site, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nothing to crawl"):
        crawl(["  "], settings(tmp_path))
    with pytest.raises(BadInput, match="at least one page"):
        crawl([site.url()], settings(tmp_path), max_pages=0)
    with pytest.raises(SettingRefused):
        crawl([site.url()], settings(tmp_path, database_url="nonsense"))


def test_a_store_that_breaks_ends_the_crawl_with_its_error(site: Site, tmp_path: Path) -> None:
    site.item("A1")
    blocked = tmp_path / "evidence"
    blocked.write_text("a file where the folder should be")
    with pytest.raises(StoreUnavailable):
        crawl([site.url("/item/A1")], settings(tmp_path, evidence_url=str(blocked)))


def test_the_bundled_marketplace(tmp_path: Path) -> None:
    """Every reachable listing once, as its seller wrote it; what robots.txt closes is never asked for."""
    market = generate_marketplace(11, listings=60, sellers=12, brands=3)
    chosen = settings(tmp_path)
    with MarketplaceServer(market) as server:
        report = crawl([server.base_url], chosen, marketplace="bundled")
        private = server.private_requests
        robots = server.requests["/robots.txt"]
    assert (private, robots) == (0, 1)
    listings = stored(chosen)
    assert set(listings) == market.reachable
    assert report.saved == SaveCount(added=len(market.reachable))
    assert report.duplicates > 0
    assert {failure.status for failure in report.failures} == {404}
    truths = {offered.listing_id: offered for offered in market.listings}
    for listing_id, listing in listings.items():
        truth = truths[listing_id]
        assert listing.marketplace == "bundled"
        assert (listing.title, listing.description) == (truth.title, truth.description)
        assert listing.price == Money(amount=truth.price, currency=truth.currency), truth.style
        assert (listing.seller.id, listing.seller.name) == (truth.seller.id, truth.seller.name), truth.style
        assert len(listing.images) == len(truth.images)
    evidence = open_evidence(chosen.resolved_evidence_url)
    broken = listings[market.broken_image_listing].images[0]
    whole = market.picture(truths[market.broken_image_listing].images[0])
    kept = evidence.read(broken.sha256 or "")
    assert whole.startswith(kept)
    assert len(kept) < len(whole)
    missing = listings[market.missing_image_listing].images[0]
    assert missing.unreadable
    assert missing.unreadable.reason == "answered 404"


def test_a_site_of_three_hundred_listings(site: Site, tmp_path: Path) -> None:
    """Prints how long it takes; no limit here, machines differ."""
    for page in range(15):
        site.html(
            f"/all?page={page}",
            links(*(f"/item/B{page * 20 + number}" for number in range(20)), f"/all?page={page + 1}"),
        )
    site.html("/all?page=15", "the end")
    site.html("/", "welcome")
    noise = os.urandom(40_000)
    for number in range(300):
        site.item(f"B{number}", description="words " * 500)
        site.image(f"/images/B{number}.jpg", picture("red") + number.to_bytes(2, "big") + noise)
    started = time.monotonic()
    report = crawl([site.url("/all?page=0")], settings(tmp_path))
    print(f"300 listings with pictures in {time.monotonic() - started:.1f} s")  # noqa: T201
    assert report.saved == SaveCount(added=300)
    assert (report.images, report.failures) == (300, ())
