from __future__ import annotations

import http.client
import io
from collections import Counter, deque
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import lxml.html
import pytest
from generated_site import (
    ERRORS,
    GOOD,
    MALFORMED,
    REDIRECTS,
    Asked,
    Fate,
    GeneratedShop,
    Reply,
    address_of,
    asked_again,
    item_id,
    picture,
)
from generated_site_server import GeneratedSite
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from crawler.extraction.page import read_page


def test_faults_come_in_the_shares_that_were_asked_for() -> None:
    shop = GeneratedShop(seed=5, items=10_000)
    counts = Counter(shop.fates.values())
    assert sum(counts[fate] for fate in ERRORS) == 200
    for kinds in (REDIRECTS, (Fate.SLOW,), MALFORMED):
        assert sum(counts[fate] for fate in kinds) == 100
    assert set(counts) == set(Fate) - {Fate.SOUND}
    bad = sum(count for fate, count in counts.items() if fate not in GOOD)
    assert len(shop.good) == 10_000 - bad
    assert bad == 200


def test_the_seed_decides() -> None:
    one, same, other = (GeneratedShop(seed=seed, items=500) for seed in (1, 1, 2))
    assert one.fates == same.fates
    assert one.fates != other.fates
    assert one.reply("/item/7", 0) == same.reply("/item/7", 0)
    assert not GeneratedShop(items=500, faults=False).fates


def final(shop: GeneratedShop, target: str) -> tuple[str, Reply, int]:
    """Where redirects and a second and third try lead; the last number is how many answers failed in passing."""
    times: Counter[str] = Counter()
    failed = 0
    for _ in range(10):
        reply = shop.reply(target, times[target])
        times[target] += 1
        if reply.status >= 500:
            failed += 1
            continue
        if "Location" not in reply.headers:
            return target, reply, failed
        target = reply.headers["Location"]
    return target, reply, failed


def walked(shop: GeneratedShop) -> dict[str, Reply]:
    """Every address that links lead to, as one follows them."""
    found: dict[str, Reply] = {}
    waiting = deque(["/"])
    while waiting:
        target = waiting.popleft()
        address = address_of(target)
        if address in found:
            continue
        end, found[address], _ = final(shop, target)
        if not found[address].body:
            continue
        tree = lxml.html.fromstring(found[address].body)
        waiting += [urldefrag(urljoin(end, link)).url for link in tree.xpath("//a/@href")]
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_every_item_is_reached_by_links_and_the_good_ones_are_read(seed: int) -> None:
    shop = GeneratedShop(seed=seed, items=300, per_category=100, per_page=10, page_bytes=3_000)
    pages = walked(shop)
    assert {f"/item/{number}" for number in range(300)} <= {address.partition("?")[0] for address in pages}
    assert len(pages) <= shop.most_pages
    titles = {}
    for address, reply in pages.items():
        url = f"http://shop.test{address}"
        offer = read_page(reply.body.decode(), url, marketplace="m").offer if reply.status == 200 else None
        if offer:
            titles[offer.listing.listing_id] = (offer.listing.title, offer.listing.price_raw)
    assert set(titles) == shop.good
    for number in range(300):
        if item_id(number) in shop.good:
            assert titles[item_id(number)] == (shop.title(number), f"{shop.price(number)} EUR")


def test_what_goes_wrong_goes_wrong_as_named() -> None:
    shop = GeneratedShop(items=2_000)
    ends = {}
    for number, fate in shop.fates.items():
        ends.setdefault(fate, []).append(final(shop, f"/item/{number}"))
    assert {reply.status for _, reply, _ in ends[Fate.NOT_FOUND]} == {404}
    assert {reply.status for _, reply, _ in ends[Fate.GONE]} == {410}
    assert {reply.status for _, reply, _ in ends[Fate.BROKEN]} == {500}
    for fate, failures in ((Fate.FAILS_ONCE, 1), (Fate.FAILS_TWICE, 2), (Fate.BUSY_ONCE, 1), (Fate.SLOW, 0)):
        assert {(reply.status, failed) for _, reply, failed in ends[fate]} == {(200, failures)}
    assert all(end.startswith("/goods/") for fate in REDIRECTS for end, _, _ in ends[fate])
    assert all(not reply.whole for _, reply, _ in ends[Fate.TOO_SHORT])
    assert all(reply.delay_s == shop.slow_s for _, reply, _ in ends[Fate.SLOW])
    assert all(b"</html>" not in reply.body for _, reply, _ in ends[Fate.CUT_OFF])


@given(st.text(max_size=40), st.integers(0, 3))
def test_every_address_is_answered(target: str, times: int) -> None:
    shop = GeneratedShop(items=50)
    assert 200 <= shop.reply("/" + target.lstrip("/"), times).status < 600


def test_variants_of_one_address() -> None:
    assert address_of("/item/5?utm_source=x&b=2&a=1&gclid=9") == address_of("/item/5?a=1&b=2") == "/item/5?a=1&b=2"
    assert address_of("/item/5?ref=list") != address_of("/item/5")


def test_what_was_asked_for_twice_is_counted() -> None:
    asked = [
        Asked(1.0, 200, "/item/1?utm_source=x"),
        Asked(2.0, 200, "/item/1"),
        Asked(3.0, 500, "/item/2"),
        Asked(4.0, 200, "/item/2"),
        Asked(5.0, 0, "/item/3"),
        Asked(5.5, 0, "/item/3"),
        Asked(6.0, 301, "/item/4"),
        Asked(7.0, 301, "/item/4"),
        Asked(8.0, 200, "/robots.txt"),
        Asked(9.0, 200, "/robots.txt"),
        Asked(9.0, 404, "/products.json"),
        Asked(9.0, 404, "/products.json"),
    ]
    assert asked_again(asked) == {"/item/1": 1, "/item/4": 1}


def test_pictures_are_pictures_each_its_own() -> None:
    assert Image.open(io.BytesIO(picture(7))).size == (16, 16)
    assert len({picture(number) for number in range(500)}) == 500


def test_the_server_says_what_the_shop_says_and_keeps_count(tmp_path: Path) -> None:
    shop = GeneratedShop(items=200, pictures=True)
    [short, *_] = shop.paths(Fate.TOO_SHORT)
    [busy, *_] = shop.paths(Fate.BUSY_ONCE)
    with GeneratedSite(shop, tmp_path) as site:
        connection = http.client.HTTPConnection("127.0.0.1", int(site.base_url.rpartition(":")[2]), timeout=30)
        answers = []
        for target in ("/", "/item/1?x=y", busy, busy, "/images/5"):
            connection.request("GET", target)
            answer = connection.getresponse()
            answers.append((answer.status, answer.read()))
        connection.request("GET", short)
        with pytest.raises(http.client.IncompleteRead):
            connection.getresponse().read()
        connection.close()
        assert site.asked == 6
        logged = [(asked.status, asked.target) for asked in site.requests]
    assert answers[0] == (200, shop.reply("/", 0).body)
    assert [status for status, _ in answers] == [200, 200, 503, 200, 200]
    assert answers[4][1] == picture(5)
    assert logged == [
        (200, "/"),
        (200, "/item/1?x=y"),
        (503, busy),
        (200, busy),
        (200, "/images/5"),
        (0, short),
    ]
