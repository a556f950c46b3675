from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.finding.related import MOST_OF_A_KIND, PageLink, Relation, related, seller_of
from crawler.sources.interface import Offer, Priority
from domain.listing import Listing, Seller

BASE = "https://market.example"


def offer(seller_id: str = "u77", name: str = "Blue Harbor Bags") -> Offer:
    made = Listing(
        marketplace="market.example",
        listing_id="1",
        url=f"{BASE}/item/1",
        title="tote",
        seller=Seller(id=seller_id, name=name),
    )
    return Offer(listing=made, image_urls=())


def link(path: str, text: str = "", *rel: str) -> PageLink:
    return PageLink(url=path if "//" in path else BASE + path, text=text, rel=rel)


def kinds(links: Sequence[PageLink], of: Offer | None = None) -> dict[str, Relation]:
    return {found.url.removeprefix(BASE): found.relation for found in related(links, of or offer())}


@pytest.mark.parametrize(
    "found",
    [
        link("/seller/u77"),
        link("/usr/u77"),
        link("/str/blue-harbor-bags"),
        link("/shop/BlueHarborBags"),
        link("/store/u77"),
        link("/en/seller/u77"),
        link("/list?seller=u77"),
        link("/sch/i.html?_ssn=u77"),
        link("/people/x91", "Blue Harbor Bags", "author"),
    ],
)
def test_the_sellers_page_is_found_by_its_address(found: PageLink) -> None:
    (only,) = related([link("/item/2", "another tote"), found], offer())
    assert (only.url, only.relation) == (found.url, Relation.SELLER)
    assert Priority.PAGE < only.priority < Priority.TARGET
    assert only.seller_id


@pytest.mark.parametrize(
    "other",
    [
        link("/seller/u99", "Other Shop"),
        link("/shop/bags", "Bags"),
        link("/store/sale"),
        link("/seller/login"),
        link("/seller/u77/feedback"),
        link("/seller/u77/contact"),
        link("/sellers"),
        link("/people/x91", "John", "author"),
        link("/seller/u77", "", "nofollow"),
        link("https://elsewhere.example/seller/u77"),
        link("mailto:u77@seller.example"),
        link("/item/2", "bag from the seller's attic"),
    ],
)
def test_nothing_else_is_taken_for_it(other: PageLink) -> None:
    assert related([other], offer()) == ()


def test_without_a_known_seller_the_only_one_named_is_taken_and_several_are_not() -> None:
    nobody = offer("", "")
    assert kinds([link("/seller/u1"), link("/seller/u1?page=2")], nobody).keys() == {"/seller/u1", "/seller/u1?page=2"}
    assert kinds([link("/seller/u1"), link("/seller/u2")], nobody) == {}


@pytest.mark.parametrize(
    "text",
    [
        "More from this seller",
        "See other items",
        "Seller’s other items",
        "Weitere Artikel des Verkäufers",
        "Voir la boutique",
        "Más de este vendedor",
        "Mais itens do vendedor",
        "Altri oggetti del venditore",
        "Satıcının diğer ürünleri",
        "Другие товары продавца",
        "卖家其他商品",
        "المزيد من هذا البائع",
    ],
)
def test_more_of_the_seller_is_found_by_its_words(text: str) -> None:
    (only,) = related([link("/list?x=1", text)], offer())
    assert (only.relation, only.seller_id) == (Relation.MORE_OF_SELLER, "u77")


def test_more_of_another_seller_is_not_more_of_this_one() -> None:
    assert related([link("/shop/u99", "Visit shop")], offer()) == ()


@pytest.mark.parametrize(
    "text", ["See similar items", "Ähnliche Artikel", "Похожие товары", "相似商品", "Benzer ürünler"]
)
def test_similar_items_are_found_by_their_words(text: str) -> None:
    assert kinds([link("/l?q=tote", text)]) == {"/l?q=tote": Relation.SIMILAR}


def test_similar_items_are_found_by_their_address() -> None:
    assert kinds([link("/item/1/similar")]) == {"/item/1/similar": Relation.SIMILAR}


def test_a_title_is_no_label_however_it_is_called() -> None:
    assert related([link("/item/9", "similar items " * 20)], offer()) == ()


def test_the_seller_comes_before_what_is_similar_and_few_of_each_are_taken() -> None:
    links = [link(f"/l?p={n}", "similar items") for n in range(9)] + [link("/seller/u77")]
    found = related(links, offer())
    assert found[0].relation is Relation.SELLER
    assert len(found) == 1 + MOST_OF_A_KIND


@pytest.mark.parametrize(
    ("path", "seller"),
    [
        ("/seller/u1", "u1"),
        ("/usr/J%C3%BCrgen", "Jürgen"),
        ("/x?vendor_id=9", "9"),
        ("/x?seller=1&seller=2", ""),
        ("/shop/u1", ""),
        ("/seller/", ""),
        ("/seller/search", ""),
        ("/item/1", ""),
        ("/seller/%0a", ""),
    ],
)
def test_the_seller_that_an_address_names(path: str, seller: str) -> None:
    assert seller_of(BASE + path) == seller


TEXT = st.text(max_size=40)
LINKS = st.builds(
    lambda path, text, rel: PageLink(url=path, text=text, rel=tuple(rel)),
    st.one_of(
        TEXT,
        TEXT.map(lambda path: f"{BASE}/{path}"),
        st.sampled_from([f"{BASE}/seller/u77", f"{BASE}/seller/u9", "http://[broken"]),
    ),
    st.one_of(TEXT, st.sampled_from(["More from this seller", "similar items", "Blue Harbor Bags"])),
    st.lists(st.sampled_from(["author", "nofollow", "next"]), max_size=2),
)


@given(st.lists(LINKS, max_size=15), TEXT, TEXT)
def test_whatever_a_page_links_to(links: list[PageLink], seller_id: str, name: str) -> None:
    found = related(links, offer(seller_id, name))
    assert found == related(links, offer(seller_id, name))
    given_urls = {each.url for each in links if "nofollow" not in each.rel}
    assert len({each.url for each in found}) == len(found) <= MOST_OF_A_KIND * len(Relation)
    for each in found:
        assert each.url in given_urls
        assert each.url.startswith(f"{BASE}/")
