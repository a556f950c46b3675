"""What a crawl makes of what earlier ones left: what has not changed, what is gone, what is new, what failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from api_server import CLIENT_ID, CLIENT_SECRET, ETSY_KEY, ApiServer
from killed_crawl import StartedCrawl, wait_until
from loopback_site import Answer, Site, links, picture, settings, stored

from crawler.manners.canonical import canonical_address
from crawler.run import crawl
from crawler.session import Search
from crawler.sources.interface import Query
from domain.settings import Settings
from store.evidence import open_evidence
from store.interfaces import SaveCount
from store.records import open_records

CONDITIONS = ("if-none-match", "if-modified-since")
FIRST, LATER = "Sun, 01 Nov 2026 08:00:00 GMT", "Mon, 02 Nov 2026 08:00:00 GMT"


def shelf(site: Site, *names: str, path: str = "/", **changes: Any) -> None:
    """A page that links to items, which have a picture each."""
    site.html(path, links(*(f"/item/{name}" for name in names)))
    for name in names:
        site.item(name, **changes)
        site.image(f"/images/{name}.jpg", picture("red") + name.encode())


def move_back(chosen: Settings, by: timedelta, *urls: str) -> None:
    """As if these pages had been asked for so much earlier."""
    records = open_records(chosen.resolved_database_url, chosen.tenant)
    try:
        found = records.visits([canonical_address(url) for url in urls]).values()
        assert len(found) == len(urls)
        records.save_visits([replace(visit, visited_at=visit.visited_at - by) for visit in found])
    finally:
        records.close()


def answered(site: Site, status: int) -> set[str]:
    return {path for path, each in site.statuses if each == status}


def conditional(site: Site) -> set[str]:
    """Paths that were asked for on a condition."""
    return {path for path, headers in site.headers if any(name in headers for name in CONDITIONS)}


@pytest.mark.parametrize("validator", ["ETag", "Last-Modified"])
def test_what_has_not_changed_is_not_sent_again_and_leads_on(site: Site, tmp_path: Path, validator: str) -> None:
    shelf(site, "A1", "A2")
    # the address of a picture whose parameters are not in order
    site.item("A1", image=["/images/A1.jpg?width=9&b=1"], body=links("/item/A9"))
    site.image("/images/A1.jpg?width=9&b=1", picture("blue"))
    site.validates = validator == "ETag"
    if not site.validates:
        site.last_modified = dict.fromkeys(site.pages, FIRST)
    chosen = settings(tmp_path)
    first = crawl([site.url()], chosen)
    assert (first.saved, first.unchanged_pages, first.images) == (SaveCount(added=2), 0, 2)
    assert conditional(site) == set()
    before = stored(chosen)

    site.forget()
    site.item("A2", name="Bag A2, now blue")
    site.last_modified["/item/A2"] = LATER
    site.item("A9", image=[])
    site.last_modified["/item/A9"] = FIRST
    second = crawl([site.url()], chosen)
    known = {"/item/A1", "/item/A2", "/images/A2.jpg"}
    assert conditional(site) == known
    assert answered(site, 304) == {"/item/A1", "/images/A2.jpg"}
    assert (second.pages, second.unchanged_pages, second.images) == (4, 1, 1)
    assert second.saved == SaveCount(added=1, updated=1, unchanged=1)
    assert second.failures == ()
    after = stored(chosen)
    assert after["A1"] == before["A1"]
    assert after["A2"].title == "Bag A2, now blue"
    assert after["A2"].images == before["A2"].images
    assert after["A2"].page_sha256 != before["A2"].page_sha256
    evidence = open_evidence(chosen.resolved_evidence_url)
    assert b"now blue" in evidence.read(after["A2"].page_sha256 or "")
    assert "A9" in after

    # what a 304 confirmed is asked about again, with the validator that came last
    site.forget()
    third = crawl([site.url()], chosen)
    assert (third.unchanged_pages, third.saved) == (3, SaveCount(unchanged=3))
    assert answered(site, 304) == {"/item/A1", "/item/A2", "/item/A9"}


def test_a_picture_is_known_again_by_any_order_of_its_parameters(site: Site, tmp_path: Path) -> None:
    site.item("A1", image=["/images/A1.jpg?width=9&b=1"])
    site.image("/images/A1.jpg?width=9&b=1", picture("blue"))
    site.validates = True
    chosen = settings(tmp_path)
    crawl([site.url("/item/A1")], chosen)
    before = stored(chosen)
    again = crawl([site.url("/item/A1")], chosen)
    assert ("/images/A1.jpg?width=9&b=1", 304) in site.statuses
    assert (again.images, again.unreadable_images) == (1, 0)
    assert stored(chosen)["A1"].images == before["A1"].images


def test_a_picture_that_did_not_come_is_asked_for_again_though_its_page_has_not_changed(
    site: Site, tmp_path: Path
) -> None:
    site.validates = True
    site.html("/", links("/item/A1"))
    site.item("A1")
    site.pages["/images/A1.jpg"] = (503, {}, b"")
    chosen = settings(tmp_path)
    crawl([site.url()], chosen)
    assert stored(chosen)["A1"].images[0].unreadable
    site.image("/images/A1.jpg", picture("red"))
    crawl([site.url()], chosen)
    assert stored(chosen)["A1"].images[0].sha256


def test_a_site_that_says_unchanged_of_what_nobody_asked_about_costs_one_page(site: Site, tmp_path: Path) -> None:
    shelf(site, "A1", "A2")
    site.html("/", links("/item/A1", "/strange", "/item/A2"))
    site.pages["/strange"] = site.pages["/images/A2.jpg"] = (304, {"ETag": '"x"'}, b"")
    chosen = settings(tmp_path)
    report = crawl([site.url()], chosen)
    assert report.saved == SaveCount(added=2)
    assert {(failure.url, failure.status) for failure in report.failures} == {
        (site.url("/strange"), 304),
        (site.url("/images/A2.jpg"), 304),
    }


def test_what_cannot_be_read_from_evidence_is_asked_for_whole(site: Site, tmp_path: Path) -> None:
    site.validates = True
    shelf(site, "A1", "A2", "A3")
    chosen = settings(tmp_path)
    crawl([site.url()], chosen)
    before = stored(chosen)
    page = before["A1"].page_sha256 or ""
    [blob] = [path for path in chosen.home.rglob(page) if path.is_file()]
    blob.unlink()
    # a site that mistakes one version for another

    def confused() -> Answer:
        _, headers = next(asked for asked in reversed(site.headers) if asked[0] == "/item/A2")
        return (304, {"ETag": '"another"'}, b"") if "if-none-match" in headers else whole

    whole = site.pages["/item/A2"]
    assert not callable(whole)
    site.pages["/item/A2"] = confused
    site.forget()
    report = crawl([site.url()], chosen)
    assert report.failures == ()
    assert report.unchanged_pages == 1
    assert report.listings == 3
    assert Counter(path for path in site.asked if path.startswith("/item/")) == {
        "/item/A1": 2,
        "/item/A2": 2,
        "/item/A3": 1,
    }
    assert stored(chosen)["A1"].page_sha256 == page
    assert open_evidence(chosen.resolved_evidence_url).read(page)


def test_a_run_for_new_ones_only_passes_over_what_was_read_lately(site: Site, tmp_path: Path) -> None:
    site.html("/", links("/bags", "/more"))
    shelf(site, "A1", "A2", "A3", "A4", path="/bags")
    site.html("/more", links("/item/A1", "/item/A2", "/item/A4"))
    site.html("/item/A4", "gone", status=410)
    chosen = settings(tmp_path)
    crawl([site.url()], chosen)
    site.item("A5")
    site.html("/more", links("/item/A1", "/item/A2", "/item/A5"))
    site.image("/images/A5.jpg", picture("red"))
    move_back(chosen, timedelta(hours=25), site.url("/item/A3"))
    site.forget()
    report = crawl([site.url()], chosen, only_new=True)
    assert report.saved == SaveCount(added=1, updated=1)
    assert report.passed_over == 2, "each once, however many links lead there"
    # what never made an offer is asked for again
    assert {path for path in site.asked if path.startswith("/item/")} == {"/item/A3", "/item/A4", "/item/A5"}
    assert {"/bags", "/more"} <= set(site.asked)


def test_a_run_for_new_ones_only_passes_over_all_addresses_of_a_listing(site: Site, tmp_path: Path) -> None:
    site.html("/", links("/item/A1", "/bags/item/A1"))
    canonical = '<link rel="canonical" href="/item/A1">'
    for path in ("/item/A1", "/bags/item/A1"):
        site.item("A1", path=path, head=canonical, image=[])
    chosen = settings(tmp_path)
    assert crawl([site.url()], chosen).duplicates == 1
    again = crawl([site.url()], chosen, only_new=True)
    assert (again.passed_over, again.listings) == (2, 0)


def test_a_run_for_new_ones_only_reads_what_a_sitemap_says_has_changed(site: Site, tmp_path: Path) -> None:
    def sitemap(**changed: datetime) -> None:
        entries = "".join(
            f"<url><loc>{site.url(f'/item/{name}')}</loc><lastmod>{at.isoformat()}</lastmod></url>"
            for name, at in changed.items()
        )
        body = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>'.encode()
        site.pages["/sitemap.xml"] = (200, {"Content-Type": "application/xml"}, body)

    shelf(site, "A1", "A2", "A3", path="/bags")
    site.html("/", links("/bags"))
    long_ago = datetime.now(UTC) - timedelta(days=30)
    sitemap(A1=long_ago, A2=long_ago)
    chosen = settings(tmp_path)
    assert crawl([site.url()], chosen).saved == SaveCount(added=3)
    site.item("A2", name="Bag A2, now blue")
    sitemap(A1=long_ago, A2=datetime.now(UTC) + timedelta(seconds=1))
    site.forget()
    report = crawl([site.url()], chosen, only_new=True)
    assert {path for path in site.asked if path.startswith("/item/")} == {"/item/A2"}
    assert (report.saved, report.passed_over) == (SaveCount(updated=1), 2)
    assert stored(chosen)["A2"].title == "Bag A2, now blue"


@pytest.mark.parametrize("old", ["gone", "stands", "another seller"])
def test_an_offer_that_takes_up_one_that_is_gone_is_linked_to_it(site: Site, tmp_path: Path, old: str) -> None:
    title = "Red leather handbag with gold buckle"
    site.html("/", links("/item/A1"))
    site.item("A1", name=title)
    site.image("/images/A1.jpg", picture("red"))
    chosen = settings(tmp_path)
    crawl([site.url()], chosen)
    site.html("/", links("/item/B1", "/item/A1"))
    seller = {"identifier": "s9", "name": "Someone"} if old == "another seller" else {}
    offers = {"@type": "Offer", "price": "12.50", "priceCurrency": "EUR"}
    stated = {"@type": "Organization", "name": "Bag Barn", "identifier": "s7"} | seller
    site.item("B1", name=title, image=["/images/A1.jpg"], offers=offers | {"seller": stated})
    if old != "stands":
        site.html("/item/A1", "sold out for ever", status=410)
    report = crawl([site.url()], chosen)
    assert report.saved.added == 1
    listings = stored(chosen)
    assert listings["B1"].relists == ("A1" if old == "gone" else "")
    assert listings["A1"].relists == ""
    if old == "gone":
        # the link stays when the new one is read again
        crawl([site.url()], chosen)
        assert stored(chosen)["B1"].relists == "A1"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the crawling process by /proc")
def test_what_a_killed_crawl_stored_is_linked_to_what_it_takes_up_when_the_crawl_goes_on(
    site: Site, tmp_path: Path
) -> None:
    title = "Red leather handbag with gold buckle"
    site.html("/", links("/item/A1"))
    site.item("A1", name=title, image=[])
    chosen = settings(tmp_path)
    crawl([site.url()], chosen)
    site.html("/", links("/item/A1", "/item/B1", "/slow"))
    site.html("/item/A1", "sold out for ever", status=410)
    site.item("B1", name=title, image=[])
    # the crawl cannot end: this page is not answered
    site.pages["/slow"] = lambda: (site.closing.wait(60), (503, {}, b""))[1]
    started = StartedCrawl(site.url(), chosen.home, max_pages=1000)
    try:
        wait_until(lambda: "B1" in stored(chosen), "B1 is not stored")
        wait_until(lambda: ("/item/A1", 410) in site.statuses, "A1 is not asked for")
    finally:
        started.close()
    assert stored(chosen)["B1"].relists == ""
    site.html("/slow", "at last")
    report = crawl([site.url()], chosen)
    assert (report.resumed, report.saved.added) == (True, 0)
    assert {key: each.relists for key, each in stored(chosen).items()} == {"A1": "", "B1": "A1"}


def failing(times: int, answer: Answer, failure: Answer) -> Callable[[], Answer]:
    left = iter(range(times))
    return lambda: failure if next(left, None) is not None else answer


def test_what_fails_in_passing_is_asked_again_and_succeeds(site: Site, tmp_path: Path) -> None:
    shelf(site, "A1", "A2", "A3")
    busy = (503, {"Content-Type": "text/html"}, b"busy")
    for name, times in (("A1", 2), ("A2", 1)):
        page = site.pages[f"/item/{name}"]
        assert not callable(page)
        status, headers, body = page
        cut = (status, headers | {"Content-Length": str(len(body))}, body[: len(body) // 2])
        site.pages[f"/item/{name}"] = failing(times, page, busy if name == "A1" else cut)
    report = crawl([site.url()], settings(tmp_path))
    assert (report.saved, report.failures, report.dead) == (SaveCount(added=3), (), 0)
    assert Counter(path for path in site.asked if path.startswith("/item/")) == {
        "/item/A1": 3,
        "/item/A2": 2,
        "/item/A3": 1,
    }


def test_with_the_cache_for_development_a_site_is_asked_for_nothing_twice(site: Site, tmp_path: Path) -> None:
    site.validates = True
    site.pages["/robots.txt"] = (200, {}, b"User-agent: *\nDisallow: /private\n")
    shelf(site, "A1", "A2")
    page = site.pages["/item/A2"]
    assert not callable(page)
    # an error is no answer to be kept
    site.pages["/item/A2"] = failing(1, page, (503, {}, b"busy"))
    chosen = settings(tmp_path, crawl_cache=True)
    first = crawl([site.url()], chosen)
    assert (first.saved, first.failures) == (SaveCount(added=2), ())
    before = stored(chosen)
    site.forget()
    second = crawl([site.url()], chosen)
    assert site.asked == []
    assert (second.listings, second.saved.added, second.failures) == (2, 0, ())
    assert {key: value.images for key, value in stored(chosen).items()} == {
        key: value.images for key, value in before.items()
    }


def test_what_the_cache_gives_again_is_no_younger_for_that(site: Site, tmp_path: Path) -> None:
    shelf(site, "A1")
    chosen = settings(tmp_path, crawl_cache=True)
    crawl([site.url()], chosen)
    ended = datetime.now(UTC)
    crawl([site.url()], chosen)
    records = open_records(chosen.resolved_database_url, chosen.tenant)
    captures = [*records.captures_of(site.url("/item/A1")), *records.captures_of(site.url("/images/A1.jpg"))]
    records.close()
    assert captures
    assert max(capture.captured_at for capture in captures) < ended


def test_the_cache_for_development_does_not_keep_what_confirms_something_else(site: Site, tmp_path: Path) -> None:
    site.validates = True
    shelf(site, "A1")
    plain = settings(tmp_path)
    crawl([site.url()], plain)
    caching = settings(tmp_path, crawl_cache=True)
    assert crawl([site.url()], caching).unchanged_pages == 1
    fresh = settings(tmp_path, home=tmp_path / "other", crawl_cache=True)
    fresh.crawl_dir.mkdir(parents=True)
    (caching.crawl_dir / "cache").rename(fresh.crawl_dir / "cache")
    report = crawl([site.url()], fresh)
    assert (report.saved, report.failures) == (SaveCount(added=1), ())


@pytest.mark.parametrize("api", ["ebay", "etsy"])
def test_no_key_lies_in_the_cache_for_development(tmp_path: Path, api: str) -> None:
    with ApiServer(5) as server:
        server.own_pictures = True
        chosen = settings(
            tmp_path,
            crawl_cache=True,
            ebay_url=server.url,
            ebay_client_id=CLIENT_ID,
            ebay_client_secret=CLIENT_SECRET,
            etsy_url=server.url,
            etsy_api_key=ETSY_KEY,
        )
        report = crawl([], chosen, searches=[Search(source=api, query=Query(text="bag"))])
    assert report.listings
    cached = [path.read_bytes() for path in (chosen.crawl_dir / "cache").rglob("*") if path.is_file()]
    assert any(b"/pictures/" in content for content in cached)
    assert not [content for content in cached if b"Bearer" in content or ETSY_KEY.encode() in content]
