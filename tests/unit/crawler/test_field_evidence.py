"""How single fields are read: words, numbers, places, and what is decided between statements."""

from __future__ import annotations

from decimal import Decimal

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.extraction.amounts import money_in
from crawler.extraction.document import Document
from crawler.extraction.evidence import decide, said
from crawler.extraction.labels import code_in
from crawler.extraction.lexicon import LEXICON
from crawler.extraction.page_address import address_statements
from crawler.extraction.shop_page import ShopPage
from crawler.extraction.stock import stated_availability

URL = "https://shop.example/item/red-bag"


def shop(body: str, head: str = "", url: str = URL) -> ShopPage:
    return ShopPage(f"<html><head><title>Red Bag</title>{head}</head><body><h1>Red Bag</h1>{body}</body></html>", url)


def value(field: str, body: str, head: str = "", url: str = URL) -> str:
    return shop(body, head, url).fields.value(field)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("€ 17,10", [("17.1", "€")]),
        ("17,10 €", [("17.1", "€")]),
        ("€ 17,10 € 18,00", [("17.1", "€"), ("18", "€")]),
        ("270,00 Kn 540,00 Kn", [("270", "Kn"), ("540", "Kn")]),
        ("$12.99 (save 20%)", [("12.99", "$")]),
        ("M-212 150.00€", [("150", "€")]),
        ("1 490 Kč", [("1490", "Kč")]),
        ("180,-", [("180", ",-")]),
        ("12,800円", [("12800", "円")]),
        ("₹1,29,999", [("129999", "₹")]),
        ("US $49.90", [("49.9", "US $")]),
        ("119.0100", [("119.01", "")]),
        ("KWD 34.500", [("34.5", "KWD")]),
        ("34.500 EUR", [("34500", "EUR")]),
        ("34€90", [("34.9", "€")]),
        ("1.299€90", [("1299.9", "€")]),
        ("34 € 90 €", [("34", "€"), ("90", "€")]),
        ("2,22 m²", []),
        ("750 ml 8.90", [("8.9", "")]),
        ("12 l €", []),
        ("50% off", []),
        ("", []),
    ],
)
def test_money_in_text(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(f"{amount:f}", sign) for amount, sign in money_in(text)] == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<span class=price>$<b>12</b><sup>99</sup></span>", "12.99"),
        ("<p class=price><del>$20.00</del> <ins>$15.00</ins></p>", "15"),
        ("<p>Was <b>£20.00</b></p><p>Now <b>£15.00</b></p>", "15"),
        ("<p class=price>UVP 30,00 €</p><p class=price>19,00 €</p>", "19"),
        ("<div class=price>19,00 €</div><div class=price>3 или более: 17,00 €</div>", "19"),
        ("<p>Regular price <b class=price>19,00 €</b></p><p class=price>4 interest-free payments of 4,75 €</p>", "19"),
        ("<ul><li class=price>19,00 €</li><li>Brez DDV: <b>15,57 €</b></li></ul>", "19"),
        ("<p class=price>19,00 €</p><p>zzgl. Versand 4,90 €</p>", "19"),
        ("<p class=price>19,00 €</p><p class=unit-price>38,00 € / kg</p>", "19"),
        ("<p class=price>1.490 Kč</p><p class=price-ex-vat>1 231 Kč bez DPH</p>", "1490"),
        ("<div class=related-products><p class=price>5,00 €</p></div><p class=price>19,00 €</p>", "19"),
        ("<p class=price style='display:none'>5,00 €</p><p class=price>19,00 €</p>", "19"),
        ("<p class=price><span>34</span><sup>€90</sup></p>", "34.9"),
        ("<p class=price>19,00 €</p><p>Najniższa cena z 30 dni przed obniżką: <b>17,00 €</b></p>", "19"),
        ("<p class=price>19,00 €</p><div class=price-omnibus>30 days: <span class=price>17,00 €</span></div>", "19"),
        ("<p class=price-current>19,00 €</p><p>Du sparst: 5,00 €</p>", "19"),
        ("<p class=price-current>19,00 €</p><p>Ersparnis 5,00 €</p>", "19"),
        ("<p>19,00 € <span>(5,00 € off)</span></p>", "19"),
        ("<p>19,00 € <span>Free shipping</span></p><p>Shipping: 9,00 €</p>", "19"),
        ("<p class=price>19,00</p><div class=other-sellers><p class=price>17,00 €</p></div>", "19"),
        ("<p class=price>19,00 €</p><p class=price>Used from 9,00 €</p>", "19"),
        ("<span>Used</span> <span class=price>$50</span><p class=price>Case $9</p>", "50"),
        ("<p><span class=price>$50</span> <i>1K bought in past 30 days</i></p><p class=price>Case $9</p>", "50"),
        ("<p>中古 12,800円</p>", "12800"),
        ("<p>Dès 29,90 €</p>", "29.9"),
        ("<p><b>$50.00</b> <i>$20.00 saving</i></p>", "50"),
        ("<p class=price>500 Kč</p><p class=price>200 Kč sleva</p>", "500"),
        ("<p class='price with-list-price'>19,00 € <span class=list-price>25,00 €</span></p>", "19"),
        ("<div class=price><b class=saving>-20%</b> <span>19,00 €</span></div><p class=price>45,00 €</p>", "19"),
        ("<p class=price>19,00 €</p><p class=price>17,06 € sem IVA</p>", "19"),
        ("<p class=price>19,00 €</p><p class=price>Inhalt: 0,5 kg (9,50 € / 250 Gramm)</p>", "19"),
        ("<p>19,00 €</p><div class=bulk-prices><p class=price>ab 10: 17,00 €</p></div>", "19"),
        ("<p class=price>19,00 €</p><p class=price>6 or more 17,00 €</p>", "19"),
        ("<p><b>9,50 €</b> – <b>58,00 €</b></p><div class=variation><b>19,00 €</b></div>", "19"),
        ("<p>19,00 €</p><a href=/other.jpg><img alt=''></a>", "19"),
        ("<p>€ 19,00</p><a href=/other><img alt=''><span class=price>€ 7,00</span></a>", "19"),
    ],
)
def test_the_price_of_the_page_among_others(body: str, expected: str) -> None:
    assert value("price", body + "<button>Add to cart</button>") == expected


def test_cards_of_pages_that_share_an_address_and_differ_in_what_follows() -> None:
    card = (
        "<div><a href='/index.php?id=8'><img alt=''></a><p class=price-new>7,00 €</p><button>Add to cart</button></div>"
    )
    url = "https://shop.example/index.php?id=7"
    assert value("price", f"<ul><li><h2>19,00 €</h2></ul><button>Buy</button>{card}", url=url) == "19"
    sold_out = "<p>19,00 €</p><button disabled>Sold out</button>"
    assert value("availability", sold_out + 4 * card, url=url) == "OutOfStock"


def test_a_page_without_h1_is_headed_by_what_its_title_repeats() -> None:
    name = "帆布トートバッグ L 紺 日本製 A4 通勤"
    prices = "<p>価格 4,620円 送料無料</p><p>3,980円以上で送料無料</p>"
    html = f"<html><head><title>{name}：工房</title></head><span class=item_name>{name}</span>{prices}</html>"
    page = ShopPage(html, URL)
    assert page.document.text(page.document.heading).startswith("帆布トートバッグ")
    assert page.fields.value("price") == "4620"


def test_a_former_price_in_data_yields_to_the_one_that_is_shown() -> None:
    product = '{"@type": "Product", "name": "Red Bag", "offers": {"price": "50.00", "priceCurrency": "EUR"}}'
    data = f'<script type="application/ld+json">{product}</script>'
    assert value("price", "<p class=price><s>50,00 €</s> <b>40,00 €</b></p>", data) == "40"
    assert value("price", "<p class=price>50,00 €</p>", data) == "50"


@pytest.mark.parametrize(
    ("body", "field", "expected"),
    [
        ("<p>SKU: AB-12</p>", "sku", "AB-12"),
        ("<table><tr><th>Artikelnummer</th><td>4711-09</td></tr></table>", "sku", "4711-09"),
        ("<dl><dt>Référence</dt><dd>X 7781</dd></dl>", "sku", "X 7781"),
        ("<span>Código:</span> <b>99120</b>", "sku", "99120"),
        ("<p>商品番号：HB-2201</p>", "sku", "HB-2201"),
        ("<p>Item no. 504.288.06</p>", "sku", "504.288.06"),
        ("<li><strong>EAN:</strong> 4006381333931</li>", "gtin", "4006381333931"),
        ("<li><strong>EAN:</strong> 4006381333932</li>", "gtin", ""),
        ("<p>Herstellernummer: K-77</p>", "mpn", "K-77"),
        ("<p>Marke: Orlo</p>", "brand", "Orlo"),
        ("<p>Reference books for 12 years</p>", "sku", ""),
        ("<p>Order by 17:00</p><p>Item 1 of 5</p>", "sku", ""),
        ("<footer><p>SKU: AB-12</p></footer>", "sku", ""),
        ("<p>Ref. 1002/710</p>", "sku", "1002/710"),
        ("<p>Product 4/9</p>", "sku", ""),
        ("<p>Model: PRI-351110</p>", "sku", "PRI-351110"),
        ("<p>Model: PRI-351110</p><p>SKU: 4711</p>", "sku", "4711"),
        ("<p>Model: 2021</p>", "sku", ""),
    ],
)
def test_what_labels_announce(body: str, field: str, expected: str) -> None:
    assert value(field, body) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://s.example/p/red-bag-3410048.html", "3410048"),
        ("https://s.example/red-bag/p4781720", "4781720"),
        ("https://s.example/dp/B07FW264WL", "B07FW264WL"),
        ("https://s.example/product.php?products_id=66868", "66868"),
        ("https://s.example/c7200a278526196/red-bag.html", "278526196"),
        ("https://s.example/item/red-bag-iid-1021493409", "1021493409"),
        ("https://s.example/red-bag", ""),
        ("http://[bad", ""),
    ],
)
def test_numbers_in_addresses(url: str, expected: str) -> None:
    decision = decide(address_statements(url, expected * 4))
    assert (decision.value if decision else "") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("<p class=price>9,00 €</p><button>In den Warenkorb</button>", "InStock"),
        (
            "<p class=price>9,00 €</p><button disabled>In den Warenkorb</button><p class=stock>Ausverkauft</p>",
            "OutOfStock",
        ),
        ("<p class=price>9,00 €</p><button class=disabled>Add to cart</button>", "InStock"),
        ("<p class=price>9,00 €</p><button class=add-to-cart>Sold out</button>", "OutOfStock"),
        ("<p class=price>9,00 €</p><p class=availability>Agotado</p>", "OutOfStock"),
        ("<p class=price>9,00 €</p><p>Rupture de stock</p>", "OutOfStock"),
        ("<p class=price>9,00 €</p><button>Notify me when available</button>", "OutOfStock"),
        (
            "<p class=price>9,00 €</p><button>Add to bag</button><ul class=size-swatch><li>XL sold out</li></ul>",
            "InStock",
        ),
        ("<p class=price>9,00 €</p><button>Add to bag</button><div class=related><p>Sold out</p></div>", "InStock"),
        ("<p class=price>9,00 €</p><button>Add to cart</button><script>var t='sold out'</script>", "InStock"),
        ("<p class=price>9,00 €</p><p class=stock>売り切れ</p>", "OutOfStock"),
        ("<button>Añadir a mi cesta</button>", "InStock"),
        ("<p class=stock>Sold out</p><a class=btn>Sleeping bag at 20% off</a>", "OutOfStock"),
        ("<a class='btn displaynone'>Buy now</a><span>SOLD OUT</span>", "OutOfStock"),
    ],
)
def test_availability_by_words_and_controls(body: str, expected: str) -> None:
    assert value("availability", body) == expected


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("http://schema.org/InStock", "InStock"),
        ("https://schema.org/OutOfStock/", "OutOfStock"),
        ("in stock", "InStock"),
        ("schema.org#SoldOut", "OutOfStock"),
        ("PreOrder", "InStock"),
        ("Nicht verfügbar", "OutOfStock"),
        ("perhaps", ""),
        ("", ""),
    ],
)
def test_availability_as_data_states_it(stated: str, expected: str) -> None:
    assert stated_availability(stated) == expected


def test_agreement_of_sources_outweighs_one_strong_voice() -> None:
    alone = said("sku", "A-1", "A-1", "json-ld Product/sku", "json-ld")
    together = [said("sku", "B2", "B2", "label sku", "label"), said("sku", "b-2", "b-2", "input sku", "form")]
    decision = decide([alone, *together])
    assert decision
    assert (decision.value, decision.others) == ("B2", alone.weight)
    # many voices of one source are one
    assert decide([alone, *(said("sku", "C", "C", f"state[{i}]", "state") for i in range(50))]).value == "A-1"  # type: ignore[union-attr]
    assert decide([]) is None
    assert decide([said("sku", "D", "D", "url", "url", 0.1)]) is None


def test_state_of_this_product_not_of_its_neighbors() -> None:
    state = """<script>window.__STATE__ = {"related":[{"name":"Blue Bag","price":1,"sku":"X-1"}],
        "product":{"name":"Red Bag","price":{"value":12.5,"currency":"EUR"},"sku":"RB-9",
        "ean":"4006381333931"}};</script>"""
    fields = shop("", state).fields
    assert [fields.value(name) for name in ("price", "currency", "sku", "gtin")] == [
        "12.5",
        "EUR",
        "RB-9",
        "4006381333931",
    ]


def test_rdfa_is_read() -> None:
    body = """<div vocab="https://schema.org/" typeof="Product"><span property="name">Red Bag</span>
        <span property="sku">RB-9</span><div property="offers" typeof="Offer">
        <meta property="priceCurrency" content="EUR"><span property="price">12.50</span></div></div>"""
    found = shop(body)
    assert [source.syntax for source in found.sources] == ["rdfa"]
    assert (found.fields.value("price"), found.fields.value("sku"), found.fields.value("currency")) == (
        "12.5",
        "RB-9",
        "EUR",
    )


@given(st.text(max_size=200))
def test_no_text_brings_an_error(text: str) -> None:
    LEXICON.labels.read(text)
    LEXICON.out_of_stock.find(text)
    assert all(isinstance(amount, Decimal) and amount > 0 for amount, _ in money_in(text))
    assert len(code_in(text)) <= 40


HOSTILE = {
    "attribute": f'<p class="price {"x" * 3_000_000}" data-sku="{"9" * 3_000_000}">9,00 €</p>',
    "deep": "<div class=price>" * 50_000 + "9,00 €",
    "numbers": "9,00 €<br>" * 60_000,
    "labels": "<p>SKU: 123456</p>" * 30_000,
    "state": "<script>var product = {"
    + '"sku":'
    + " " * 500_000
    + "</script>"
    + "<script>"
    + 'sku = [[{"' * 100_000
    + "</script>",
    "names": '<p itemprop="name" class="sku brand price breadcrumb">Red Bag 1</p>' * 20_000,
    "json": '<script>x = {"product": {"name": "Red Bag", "price": ' + "[" * 50_000 + "</script>",
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.timeout(60)
def test_hostile_pages_are_read_within_bounds(kind: str) -> None:
    """A crawl gives a page seconds; the limit here is one that a busy machine keeps too."""
    found = shop(HOSTILE[kind])
    assert isinstance(found.fields.value("sku"), str)
    assert len(found.document.elements) <= 60_000


def test_hidden_text_is_not_read_and_order_is_kept() -> None:
    tree = lxml.html.fromstring("<div>a<b>b<i>c</i>d</b>e<p hidden>x<u>y</u></p>f<template>z</template>g</div>")
    assert [piece.text for piece in Document(tree, URL).pieces] == ["a", "b", "c", "d", "e", "f", "g"]
