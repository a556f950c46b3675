from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.finding import yields as module
from crawler.finding.yields import MOST_BONUS, Count, Outcome, Yields, count_yields, site_of
from crawler.sources.interface import Ask, Priority
from domain.codec import dump, load

SHOP = "https://www.shop.example"


def outcomes(count: int, found: int, *, seller: str = "", path: str = "/item", query: str = "") -> list[Outcome]:
    return [
        Outcome(
            url=f"{SHOP}{path}/{seller}{n:04}",
            seller_id=seller,
            queries=(query,) if query else (),
            count=Count(seen=1.0, found=float(n < found)),
        )
        for n in range(count)
    ]


@pytest.fixture
def known() -> Yields:
    return count_yields(
        [
            *outcomes(10, 8, seller="bad", query="aurelle replica"),
            *outcomes(1, 1, seller="once"),
            *outcomes(40, 0, seller="good", query="aurelle"),
            *outcomes(10, 1, seller="usual"),
        ]
    )


def test_nothing_known_is_no_bonus() -> None:
    assert Yields().bonus("shop.example", "anybody", "a query", "/any/path") == 0


def test_sellers_stand_in_the_order_of_what_was_found(known: Yields) -> None:
    bad, once, unknown, usual, good = (known.bonus("shop.example", s) for s in ("bad", "once", "new", "usual", "good"))
    assert bad > once > unknown > good
    assert unknown >= usual > good


def test_what_is_unknown_on_a_known_site_gets_what_the_site_gets(known: Yields) -> None:
    assert known.bonus("shop.example", "new") == known.bonus("shop.example")


def test_the_same_name_elsewhere_is_another_seller(known: Yields) -> None:
    assert known.bonus("other.example", "bad") == 0


def test_queries_stand_in_the_order_of_what_they_found(known: Yields) -> None:
    replica, never, plain = (known.bonus("", query=text) for text in ("aurelle replica", "never asked", "aurelle"))
    assert replica > never == 0 > plain


def test_a_part_of_a_site_where_more_was_found_comes_first() -> None:
    found = count_yields([*outcomes(20, 12, path="/bags/sale"), *outcomes(20, 0, path="/books")])
    sale, bags, books = (found.bonus("shop.example", path=path) for path in ("/bags/sale/x", "/bags", "/books/1234"))
    assert sale == bags > books


def test_the_narrower_part_of_a_site_tells_more() -> None:
    found = count_yields([*outcomes(20, 18, path="/bags/sale"), *outcomes(200, 2, path="/bags/new")])
    sale, new, bags = (found.bonus("shop.example", path=path) for path in ("/bags/sale/x", "/bags/new/x", "/bags"))
    assert sale > bags > new


def test_no_bonus_leads_past_what_is_asked_for() -> None:
    rest = outcomes(5000, 0, seller="rest", path="/books")
    found = count_yields([*outcomes(90, 90, seller="s", path="/bags", query="q"), *rest])
    assert found.bonus("shop.example", "s", "q", "/bags/x") == MOST_BONUS < Priority.TARGET


def test_more_evidence_of_nothing_takes_more_away() -> None:
    few, many = (count_yields(outcomes(n, 0, seller="s")).bonus("shop.example", "s") for n in (2, 50))
    assert few > many


def test_a_few_honest_listings_are_looked_at_again_before_many(known: Yields) -> None:
    """The same rate, less known: the bound is higher."""
    made = count_yields([*outcomes(4, 1, seller="few"), *outcomes(400, 100, seller="many")])
    assert made.bonus("shop.example", "few") > made.bonus("shop.example", "many")


def test_the_priority_is_that_of_the_request_and_its_bonus(known: Yields) -> None:
    ask = Ask(url=f"{SHOP}/item/9", priority=Priority.OFFER, context={"seller_id": "bad", "query": None})
    assert known.priority(ask) == Priority.OFFER + known.bonus("www.shop.example", "bad", path="/item/9")


@pytest.mark.parametrize(
    ("url", "referer", "seller"),
    [
        (f"{SHOP}/seller/bad", f"{SHOP}/", "bad"),
        (f"{SHOP}/shop/bad", "", "bad"),
        (f"{SHOP}/shop/bags", "", ""),
        (f"{SHOP}/item/9", f"{SHOP}/seller/bad?page=2", "bad"),
        (f"{SHOP}/item/9", f"{SHOP}/seller/good", "good"),
        (f"{SHOP}/item/9", f"{SHOP}/category/bags", ""),
        # the sections of the site are on every seller's page
        (f"{SHOP}/category/bags", f"{SHOP}/seller/bad", ""),
        ("https://other.example/item/9", f"{SHOP}/seller/bad", ""),
    ],
)
def test_the_seller_is_told_by_the_address_and_by_the_page_that_led_there(
    known: Yields, url: str, referer: str, seller: str
) -> None:
    host, _, path = url.removeprefix("https://").partition("/")
    assert known.priority(Ask(url=url, referer=referer)) == known.bonus(host, seller, path=f"/{path}")


def test_a_request_is_never_in_doubt_about_its_address(known: Yields) -> None:
    assert known.priority(Ask(url="http://[broken", priority=7)) == 7


def test_a_crawl_starts_at_the_sellers_who_infringed_most(known: Yields) -> None:
    assert known.starts("shop.example", 5) == (f"{SHOP}/item/bad0000", f"{SHOP}/item/once0000")
    assert known.starts("shop.example", 1) == (f"{SHOP}/item/bad0000",)
    assert known.starts("other.example", 5) == ()


def test_it_goes_through_json_unchanged(known: Yields) -> None:
    assert load(Yields, json.loads(json.dumps(dump(known)))) == known


def test_few_arms_are_kept_and_they_are_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ARMS", 3)
    made = count_yields([each for n in range(9) for each in outcomes(9, n, seller=f"s{n}")])
    assert set(made.sellers) == {"shop.example s6", "shop.example s7", "shop.example s8"}
    assert set(made.leads) <= set(made.sellers)


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("api.ebay.com", "ebay.com"),
        ("WWW.ebay.com:443", "ebay.com"),
        ("www.shop.co.uk", "shop.co.uk"),
        ("a.myshopify.com", "a.myshopify.com"),
        ("127.0.0.1:8080", "127.0.0.1:8080"),
        ("localhost:8080", "localhost:8080"),
        ("", ""),
    ],
)
def test_a_site_is_what_was_registered(host: str, site: str) -> None:
    assert site_of(host) == site


TEXT = st.text(max_size=20)
OUTCOMES = st.builds(
    lambda url, seller, queries, seen, share: Outcome(
        url=url, seller_id=seller, queries=tuple(queries), count=Count(seen=seen, found=seen * share)
    ),
    st.one_of(TEXT, st.builds("https://shop.example/{}/{}".format, TEXT, TEXT)),
    TEXT, st.lists(TEXT, max_size=2), st.sampled_from([1.0, 3.0]), st.floats(0, 1),
)  # fmt: skip


@given(st.lists(OUTCOMES, max_size=20), TEXT, TEXT, TEXT, TEXT)
def test_a_bonus_is_bounded_whatever_was_seen(
    seen: list[Outcome], host: str, seller: str, query: str, path: str
) -> None:
    made = count_yields(seen)
    for each in (host, "shop.example"):
        assert -MOST_BONUS <= made.bonus(each, seller, query, path) <= MOST_BONUS
        assert made.bonus(each, seller, query, path) == made.bonus(each, seller, query, path)
    assert load(Yields, json.loads(json.dumps(dump(made)))) == made


@given(st.integers(0, 30), st.integers(0, 30))
def test_one_more_found_is_never_worth_less(count: int, found: int) -> None:
    base = outcomes(50, 5, seller="others")
    less = count_yields([*base, *outcomes(count + 1, min(found, count), seller="s")])
    more = count_yields([*base, *outcomes(count + 1, min(found, count) + 1, seller="s")])
    assert more.bonus("shop.example", "s") >= less.bonus("shop.example", "s")


def test_the_sellers_worth_asking_for_are_those_that_infringed_before() -> None:
    outcomes = [
        Outcome(url=f"https://market.example/item/{n}", seller_id=seller, count=Count(seen=1.0, found=found))
        for seller, found in (("bad", 1.0), ("worse", 1.0), ("worse", 1.0), ("good", 0.0))
        for n in range(5)
    ]
    yields = count_yields(outcomes)
    assert yields.sellers_at("www.market.example", 10) == ("worse", "bad")
    assert yields.sellers_at("www.market.example", 1) == ("worse",)
    assert yields.sellers_at("other.example", 10) == ()
