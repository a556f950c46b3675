from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import pytest
from answers import answer, check
from hypothesis import given
from hypothesis import strategies as st

from crawler.sources.interface import Ask, Priority, Reading
from crawler.sources.sitemap import MOST_BYTES, MOST_ENTRIES, MOST_LEVELS, MOST_SITEMAPS, SitemapSource

HERE = "https://shop.example"
NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def urlset(*entries: str, start: str = '<?xml version="1.0" encoding="UTF-8"?>') -> str:
    return f"{start}<urlset {NAMESPACE}>{''.join(f'<url>{entry}</url>' for entry in entries)}</urlset>"


def index(*locations: str) -> str:
    entries = "".join(f"<sitemap><loc>{each}</loc></sitemap>" for each in locations)
    return f"<sitemapindex {NAMESPACE}>{entries}</sitemapindex>"


def sitemap(body: str | bytes, url: str = f"{HERE}/sitemap.xml", **context: object) -> Reading:
    reading = SitemapSource().read(Ask(url=url, source="sitemap", depth=1, context=context), answer(body, url))
    check(reading)
    return reading


def urls(reading: Reading) -> list[str]:
    return [ask.url for ask in reading.asks]


def test_only_a_front_page_makes_a_crawl_of_the_whole_site() -> None:
    source = SitemapSource()
    (ask,) = source.recognize(answer("", f"{HERE}/"))
    assert (ask.url, ask.optional) == (f"{HERE}/robots.txt", True)
    for elsewhere in ("/shop", "/shop/", "/?lang=de"):
        assert source.recognize(answer("", HERE + elsewhere)) == ()


def test_robots_txt_names_sitemaps_of_its_own_site() -> None:
    robots = f"user-agent: *\n# sitemap: {HERE}/comment.xml\n  SiteMap:{HERE}/a.xml\r\nSitemap: /b.xml\nsitemap: https://x.example/\n"
    assert urls(sitemap(robots, f"{HERE}/robots.txt")) == [f"{HERE}/a.xml", f"{HERE}/b.xml"]


@pytest.mark.parametrize("robots", ["", "User-agent: *", "Sitemap: https://x.example/s.xml", "Sitemap: http://["])
def test_where_robots_txt_names_none_the_usual_place_is_tried(robots: str) -> None:
    source = SitemapSource()
    (read,) = sitemap(robots, f"{HERE}/robots.txt").asks
    (missed,) = source.missed(Ask(url=f"{HERE}/robots.txt", source="sitemap", depth=1)).asks
    assert (read.url, read.optional) == (missed.url, missed.optional) == (f"{HERE}/sitemap.xml", True)
    assert source.missed(read) == Reading()


def test_addresses_with_dates_and_without_pictures() -> None:
    picture = '<image:image xmlns:image="urn:i"><image:loc>https://shop.example/a.jpg</image:loc></image:image>'
    stray = f'<image:loc xmlns:image="urn:i">{HERE}/b.jpg</image:loc>'
    reading = sitemap(
        urlset(
            f"{picture}{stray}<loc> {HERE}/a?x=1&amp;y=2 </loc><lastmod>2026-05-01</lastmod>",
            f"<loc>{HERE}/b#part</loc><lastmod>2026-05-01T10:30:00Z</lastmod>",
            f"<loc>{HERE}/c</loc><lastmod>yesterday</lastmod>",
            "<lastmod>2026</lastmod>",
        )
    )
    assert [(ask.url, ask.context) for ask in reading.asks] == [
        (f"{HERE}/a?x=1&y=2", {"lastmod": "2026-05-01T00:00:00+00:00"}),
        (f"{HERE}/b", {"lastmod": "2026-05-01T10:30:00+00:00"}),
        (f"{HERE}/c", {}),
    ]


def test_addresses_of_other_sites_are_left_and_told() -> None:
    reading = sitemap(
        urlset("<loc>https://x.example/a</loc>", f"<loc>{HERE}/a</loc>", "<loc>ftp://shop.example/</loc>")
    )
    assert urls(reading) == [f"{HERE}/a"]
    assert reading.problems == ("1 addresses lead to another site",)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/products/red-bag", Priority.OFFER),
        ("/collections/all/products/red-bag", Priority.OFFER),
        ("/product/red-bag/", Priority.OFFER),
        ("/itm/110012", Priority.OFFER),
        ("/red-bag-p-4711", Priority.OFFER),
        ("/red-bag-1234567.html", Priority.OFFER),
        ("/dp/B000", Priority.OFFER),
        ("/products/", Priority.PAGE),
        ("/about-products", Priority.PAGE),
        ("/category/bags", Priority.PAGE),
        ("/", Priority.PAGE),
    ],
)
def test_addresses_that_look_like_products_come_first(path: str, expected: int) -> None:
    (ask,) = sitemap(urlset(f"<loc>{HERE}{path}</loc>")).asks
    assert ask.priority == expected


@pytest.mark.parametrize(
    ("name", "of_products"),
    [
        ("sitemap_products_1.xml?from=1&amp;to=9", True),
        ("product-sitemap.xml", True),
        ("item-1.xml.gz", True),
        ("produkte.xml", True),
        ("sitemap.xml", False),
        ("sitemap1.xml", False),
        ("product_cat-sitemap.xml", False),
        ("product-tag-sitemap.xml", False),
        ("post-sitemap.xml", False),
    ],
)
def test_sitemaps_that_are_named_for_products_come_first(name: str, of_products: bool) -> None:
    reading = sitemap(index(f"{HERE}/pages.xml", f"{HERE}/{name}"))
    named = next(ask for ask in reading.asks if "pages.xml" not in ask.url)
    assert bool(named.context["products"]) is of_products
    assert (reading.asks[0] is named) is of_products
    (page,) = sitemap(urlset(f"<loc>{HERE}/x</loc>"), named.url, **named.context).asks
    assert (page.priority == Priority.OFFER) is of_products


def test_an_index_of_itself_ends() -> None:
    ask = Ask(url=f"{HERE}/sitemap.xml", source="sitemap")
    for _ in range(MOST_LEVELS):
        (ask,) = SitemapSource().read(ask, answer(index(f"{HERE}/sitemap.xml"), ask.url)).asks
    reading = SitemapSource().read(ask, answer(index(f"{HERE}/sitemap.xml"), ask.url))
    assert (reading.asks, len(reading.problems)) == ((), 1)


def test_text_and_packed_text() -> None:
    text = f"\ufeff{HERE}/a\r\n\r\nno address\n{HERE}/b\nhttps://x.example/\n{HERE}/a\n"
    for body in (text.encode(), gzip.compress(text.encode())):
        assert urls(sitemap(body, f"{HERE}/sitemap.txt")) == [f"{HERE}/a", f"{HERE}/b"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "not a sitemap"),
        ("<html><body>not found</body></html>", "not a sitemap"),
        ("plain words", "not a sitemap"),
        (gzip.compress(b"x" * 100)[:-9], "cut short"),
        (b"\x1f\x8bnot gzip", "broken"),
        (urlset(f"<loc>{HERE}/a</loc>")[:-20] + "<", "broken XML"),
    ],
)
def test_what_cannot_be_read_is_told(body: str | bytes, said: str) -> None:
    assert said in sitemap(body).problems[0]


def test_of_a_broken_sitemap_what_stands_before_the_break_is_taken() -> None:
    broken = urlset(f"<loc>{HERE}/a</loc>", f"<loc>{HERE}/b?x=1&y</loc>")
    reading = sitemap(broken)
    assert urls(reading) == [f"{HERE}/a"]
    assert "broken XML" in reading.problems[0]


def test_a_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(20 * MOST_BYTES), compresslevel=1)
    tracemalloc.start()
    try:
        reading = sitemap(bomb)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert reading.problems == (f"more than {MOST_BYTES} bytes unpacked",)
    assert most < 4 * MOST_BYTES


def test_no_entity_is_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("https://shop.example/secret")
    outside = f'<!DOCTYPE urlset [<!ENTITY s SYSTEM "file://{secret}">]>'
    assert urls(sitemap(urlset("<loc>&s;</loc>", f"<loc>{HERE}/&s;</loc>", start=outside))) == []
    bomb = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "https://shop.example/"}">' for n in range(12))
    assert urls(sitemap(urlset("<loc>&e11;</loc>", start=f"<!DOCTYPE urlset [{bomb}]>"))) == []


def test_limits_of_one_file() -> None:
    def unchecked(body: str) -> Reading:  # so many take seconds to check
        return SitemapSource().read(Ask(url=f"{HERE}/sitemap.xml"), answer(body, f"{HERE}/sitemap.xml"))

    addresses = [f"{HERE}/{n}" for n in range(MOST_ENTRIES + 7)]
    told = f"names more than {MOST_ENTRIES} addresses; the rest was not read"
    for body in ("\n".join(addresses), urlset(*(f"<loc>{url}</loc>" for url in addresses))):
        reading = unchecked(body)
        assert (len(reading.asks), reading.problems) == (MOST_ENTRIES, (told,))
    reading = unchecked(index(*addresses[: MOST_SITEMAPS + 7]))
    assert len(reading.asks) == MOST_SITEMAPS
    assert reading.problems == (f"names {MOST_SITEMAPS + 7} sitemaps; the first {MOST_SITEMAPS} are read",)


TAGS = ("<url>", "</url>", "<loc>", "</loc>", "<sitemap>", "</sitemap>", "<lastmod>", "<a:loc>", "xmlns:a='b'")
TEXTS = (f"{HERE}/p/1", "2026-05-01", "0001-01-01T00:00+23:59", "http://[", "\0", "&x;")
STRANGE = ("<!DOCTYPE x [", "]>", "<![CDATA[", "]]>", "<?x")
pieces = st.sampled_from((*TAGS, *TEXTS, *STRANGE))


@given(st.lists(pieces | st.text(max_size=5), max_size=12).map("".join), st.booleans(), st.binary(max_size=40))
def test_no_text_brings_an_error(text: str, inside: bool, noise: bytes) -> None:
    sitemap(urlset(text) if inside else text)
    sitemap(gzip.compress(text.encode("utf-8", "replace")) + noise)
    sitemap(b"\x1f\x8b\x08" + noise)
    sitemap(noise)
    sitemap(text, f"{HERE}/robots.txt")
