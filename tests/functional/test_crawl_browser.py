"""Sites whose offers only scripts make, and pictures of how offers look, in crawls as users order them."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from killed_crawl import command_line, descendants
from loopback_site import Site, links, picture, settings, stored
from PIL import Image
from warcio.archiveiterator import ArchiveIterator

from crawler.run import crawl
from domain.capture import Capture, CaptureKind
from domain.catalog import Money
from domain.errors import NotReady
from domain.settings import Settings
from jobs.evidence_of_listing import evidence_of
from store.evidence import open_evidence
from store.interfaces import SaveCount
from store.records import open_records

needs_chromium = pytest.mark.skipif(shutil.which("chromium") is None, reason="Debian's chromium is not installed")

WORDS = "Everything that we sell is made by hand, one piece after the other, and sent on the day it is ordered. "


def scripted(site: Site, name: str, *, words: str = "", price: str = "480.00", then: str = "") -> None:
    """A page that says nothing of its offer before a script has asked for it."""
    product = {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": f"Tasche für {name}",
        "sku": name,
        "image": f"/images/{name}.jpg",
        "offers": {"@type": "Offer", "price": price, "priceCurrency": "EUR"},
    }
    site.json(f"/api/{name}", product)
    site.image(f"/images/{name}.jpg", picture("red"))
    script = f"""<script>fetch('/api/{name}').then(answer => answer.json()).then(product => {{
        document.getElementById('root').innerHTML =
            `<h1>${{product.name}}</h1><b>EUR ${{product.offers.price}}</b><img src="${{product.image}}">`;
        const data = document.createElement('script');
        data.type = 'application/ld+json';
        data.textContent = JSON.stringify(product);
        document.head.append(data);
        {then}
    }})</script>"""
    page = f"<!doctype html><body>{words}<div id='root'></div>{script}</body>"
    # what the browser makes of it is UTF-8 whatever the server says
    site.pages[f"/item/{name}"] = (200, {"Content-Type": "text/html; charset=latin-1"}, page.encode("latin-1"))


def captured(chosen: Settings, url: str) -> dict[str, list[Capture]]:
    """What was captured of a page, by kind, in order of time."""
    records = open_records(chosen.resolved_database_url, chosen.tenant)
    try:
        found: dict[str, list[Capture]] = {}
        for capture in records.captures_of(url):
            found.setdefault(capture.kind.value, []).append(capture)
        return found
    finally:
        records.close()


def evidence_kinds(chosen: Settings, listing_id: str) -> set[CaptureKind]:
    records = open_records(chosen.resolved_database_url, chosen.tenant)
    try:
        [listing] = records.listings_of_id(listing_id)
        return {capture.kind for capture in evidence_of(listing, records).captures}
    finally:
        records.close()


def resources(chosen: Settings, captures: Sequence[Capture]) -> Mapping[str, bytes]:
    """What the WARC files hold as made here, by record id; only those of these captures."""
    wanted = {capture.warc_record_id for capture in captures}
    found = {}
    for path in chosen.crawl_dir.glob("*/*.warc.gz"):
        with path.open("rb") as file:
            for record in ArchiveIterator(file):
                name = record.rec_headers.get_header("WARC-Record-ID")
                if name in wanted:
                    assert record.rec_type == "resource"
                    found[name] = record.content_stream().read()
    return found


def opened(png: bytes) -> tuple[Image.Image, Mapping[str, str]]:
    image = Image.open(BytesIO(png))
    image.load()
    return image, image.text  # type: ignore[attr-defined]


def bodies(chosen: Settings, captures: Sequence[Capture]) -> list[bytes]:
    evidence = open_evidence(chosen.resolved_evidence_url)
    return [evidence.read(capture.body_sha256) for capture in captures]


@needs_chromium
def test_a_site_that_is_named_for_a_browser(command_line: Any, site: Site, tmp_path: Path) -> None:
    site.html("/", links("/item/N1") + WORDS * 5)
    elsewhere = "http://elsewhere.example/item/9"
    scripted(
        site,
        "N1",
        words=WORDS * 5,  # it does not look scripted
        then=f"window.open('{elsewhere}'); setTimeout(() => {{ location.href = '/item/N2' }}, 50);",
    )
    site.item("N2")
    site.image("/images/N2.jpg", picture("blue"))
    entry = f"<url><loc>{site.url('/item/N1')}</loc></url>"
    sitemap = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entry}</urlset>'
    site.pages["/sitemap.xml"] = (200, {"Content-Type": "application/xml"}, sitemap.encode())
    sites = tmp_path / "sites.toml"
    sites.write_text(f'["{site.host}"]\nbrowser = true\n')
    assayer = command_line(tmp_path / "home")
    done = assayer("crawl", site.url(), "--json", allow_loopback="true", crawl_sites_file=str(sites))
    report = done.json
    assert report["failures"] == []
    assert report["saved"]["added"] == 2
    assert site.asked.count("/item/N1") == 1, "the browser is given what came"
    # where its scripts wanted to go, on its own host, is a page like any other
    assert site.asked.count("/item/N2") == 1

    chosen = settings(tmp_path)
    listing = stored(chosen)["N1"]
    assert listing.title == "Tasche für N1"
    assert listing.price == Money(amount=Decimal(480), currency="EUR")
    assert [image.sha256 is not None for image in listing.images] == [True]
    kept = captured(chosen, site.url("/item/N1"))
    assert {kind: len(captures) for kind, captures in kept.items()} == {"page": 1, "rendered": 1, "screenshot": 2}
    [plain], [rendered] = bodies(chosen, kept["page"]), bodies(chosen, kept["rendered"])
    answer = site.pages["/item/N1"]
    assert not callable(answer)
    assert (plain, listing.page_sha256) == (answer[2], kept["page"][0].body_sha256)
    assert "Tasche für N1".encode() not in plain
    assert "<h1>Tasche für N1</h1>".encode() in rendered
    full, viewport = bodies(chosen, kept["screenshot"])
    for png in (full, viewport):
        image, said = opened(png)
        assert image.width == 1280
        assert said["URL"] == site.url("/item/N1")
        assert said["HTML SHA-256"] == kept["rendered"][0].body_sha256
    made_here = [*kept["rendered"], *kept["screenshot"]]
    held = resources(chosen, made_here)
    assert [held[capture.warc_record_id] for capture in made_here] == [rendered, full, viewport]
    assert evidence_kinds(chosen, "N1") == set(CaptureKind)

    warnings = 1 if os.geteuid() == 0 else 0
    assert len(report["warnings"]) == done.err.count("without its sandbox") == warnings


@needs_chromium
def test_a_page_that_looks_scripted_is_shown_and_one_that_does_not_is_not(site: Site, tmp_path: Path) -> None:
    site.html("/", links("/item/S1", "/item/S2") + WORDS * 5)
    scripted(site, "S1")
    scripted(site, "S2", words=WORDS * 5)
    chosen = settings(tmp_path)
    report = crawl([site.url()], chosen)
    assert report.failures == ()
    assert set(stored(chosen)) == {"S1"}
    assert "/api/S2" not in site.asked
    kept = captured(chosen, site.url("/item/S1"))
    assert {kind: len(captures) for kind, captures in kept.items()} == {"page": 1, "rendered": 1}
    assert evidence_kinds(chosen, "S1") == {CaptureKind.PAGE, CaptureKind.RENDERED, CaptureKind.IMAGE}


@needs_chromium
def test_a_stage_that_has_not_changed_is_shown_again(site: Site, tmp_path: Path) -> None:
    """What its server confirms is the stage, not the offer on it."""
    site.validates = True
    site.html("/", links("/item/S1", "/item/A1") + WORDS * 5)
    scripted(site, "S1")
    site.item("A1", image=[])
    chosen = settings(tmp_path)
    crawl([site.url()], chosen)
    scripted(site, "S1", price="99.00")
    report = crawl([site.url()], chosen)
    assert (report.unchanged_pages, report.saved.updated) == (1, 1)
    assert stored(chosen)["S1"].price == Money(amount=Decimal(99), currency="EUR")


@needs_chromium
def test_screenshots_of_every_offer_of_a_plain_shop(site: Site, tmp_path: Path) -> None:
    site.html("/", links("/bags", "/item/A1", "/item/A2"))
    site.html("/bags", links("/item/A1"))
    for name, color in (("A1", "red"), ("A2", "blue")):
        site.item(name, body=f"<img src='/images/{name}.jpg'>")
        site.image(f"/images/{name}.jpg", picture(color))
    chosen = settings(tmp_path)
    report = crawl([site.url()], chosen, screenshots=True)
    assert report.failures == ()
    assert report.saved == SaveCount(added=2)
    for name, shade in (("A1", (254, 0, 0)), ("A2", (0, 0, 254))):
        kept = captured(chosen, site.url(f"/item/{name}"))
        assert {kind: len(captures) for kind, captures in kept.items()} == {"page": 1, "rendered": 1, "screenshot": 2}
        full, said = opened(bodies(chosen, kept["screenshot"])[0])
        assert said["HTML SHA-256"] == kept["rendered"][0].body_sha256
        assert shade in {pixel for _, pixel in full.convert("RGB").getcolors(1 << 20) or ()}, "its picture is shown"
    assert captured(chosen, site.url("/bags")) == {}
    assert site.asked.count("/item/A1") == 1


def test_without_a_browser_it_is_told_which_pages_need_one(site: Site, tmp_path: Path) -> None:
    site.html("/", links("/item/S1", "/item/A1") + WORDS * 5)
    scripted(site, "S1")
    site.item("A1", image=[])
    chosen = settings(tmp_path, browser_path="/nowhere/chromium")
    report = crawl([site.url()], chosen)
    assert set(stored(chosen)) == {"A1"}
    [failure] = report.failures
    assert failure.url == site.url("/item/S1")
    assert failure.reason.startswith("needs a browser: ")
    assert "/nowhere/chromium" in failure.reason
    assert "ASSAYER_BROWSER_PATH" in failure.reason
    assert report.dead == 1, "it can be replayed when there is one"
    with pytest.raises(NotReady, match="/nowhere/chromium"):
        crawl([site.url()], chosen, screenshots=True)


def test_what_cannot_be_shown_in_a_browser_is_told(site: Site, tmp_path: Path) -> None:
    program = tmp_path / "chromium"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    site.item("A1", image=[])
    scripted(site, "S1")
    site.html("/", links("/item/A1", "/item/S1") + WORDS * 5)
    chosen = settings(tmp_path, browser_path=str(program))
    report = crawl([site.url()], chosen, screenshots=True)
    assert set(stored(chosen)) == {"A1"}, "what does not need a browser is there"
    reasons = {failure.url: failure.reason for failure in report.failures}
    assert set(reasons) == {site.url("/item/A1"), site.url("/item/S1")}
    assert all(reason.startswith("cannot be shown in a browser: ") for reason in reasons.values())


@needs_chromium
def test_a_browser_that_hangs_is_not_waited_for_without_end(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crawler.browser import page
    from crawler.browser.chromium import RunningChromium

    monkeypatch.setattr(page, "CLOSE_S", 0.2)

    async def close_while_it_hangs() -> None:
        async with RunningChromium(settings(tmp_path), proxy_url=site.url()) as chromium:
            context = await chromium.browser.new_context()
            processes = [each for each in descendants(os.getpid()) if b"chrom" in command_line(each).split(b"\0")[0]]
            for each in processes:
                os.kill(each, signal.SIGSTOP)
            try:
                async with asyncio.timeout(30), page.close_quietly():
                    await context.close()
            finally:
                for each in processes:
                    os.kill(each, signal.SIGCONT)

    asyncio.run(close_while_it_hangs())
