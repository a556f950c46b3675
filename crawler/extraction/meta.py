"""Statements of a page's head and of properties outside any item: OpenGraph, twitter cards, lone itemprops."""

from __future__ import annotations

from collections.abc import Iterator

from crawler.extraction.amounts import money_in
from crawler.extraction.document import Document
from crawler.extraction.evidence import Statement, said
from crawler.extraction.labels import code_in, letters_in
from crawler.extraction.lexicon import LEXICON
from crawler.extraction.price import read_currency
from crawler.extraction.stock import stated_availability
from crawler.extraction.structured import StructuredData
from crawler.extraction.text import clean
from domain.gtin import valid_gtin

_GRAPH = (
    ("price", ("product:sale_price:amount",), 1.05),
    ("price", ("product:price:amount", "og:price:amount", "product:price", "og:price"), 1.0),
    ("sku", ("product:retailer_item_id", "product:sku", "og:sku", "product:retailer_part_no", "og:product_id"), 1.0),
    ("gtin", ("product:ean", "product:gtin", "product:upc", "product:isbn", "og:ean", "og:upc", "og:isbn"), 1.0),
    ("mpn", ("product:mfr_part_no", "og:mpn"), 1.0),
    ("brand", ("product:brand", "og:brand"), 1.0),
    ("availability", ("product:availability", "og:availability"), 1.0),
    ("currency", ("product:price:currency", "og:price:currency", "product:sale_price:currency"), 1.0),
)
_ITEMPROPS = {
    "price": "price",
    "lowPrice": "price",
    "sku": "sku",
    "productID": "sku",
    "productId": "sku",
    "gtin": "gtin",
    "gtin13": "gtin",
    "gtin12": "gtin",
    "gtin8": "gtin",
    "gtin14": "gtin",
    "isbn": "gtin",
    "mpn": "mpn",
    "brand": "brand",
    "manufacturer": "brand",
    "availability": "availability",
    "priceCurrency": "currency",
}
_OTHER_ITEM = frozenset(
    {"review", "reviews", "isrelatedto", "issimilarto", "isaccessoryorsparepartfor", "itemlistelement"}
)
_MOST_ITEMPROPS = 300


def graph_statements(data: StructuredData) -> Iterator[Statement]:
    """What OpenGraph's product properties say."""
    for field, names, share in _GRAPH:
        name = next((name for name in names if data.graph_value(name)), "")
        if name:
            currency = data.graph_value("product:price:currency", "og:price:currency") if field == "price" else ""
            yield from stated(field, data.graph_value(name), f"opengraph {name}", "opengraph", share, currency)


def meta_statements(document: Document) -> Iterator[Statement]:
    """Twitter cards (a label and its value) and metas that are named like a field."""
    metas: dict[str, str] = {}
    for meta in document.tree.iter("meta"):
        name, content = meta.get("name") or meta.get("property"), meta.get("content")
        if name and content and len(content) <= 200:
            metas.setdefault(name.lower(), content.strip())
    for number in "12":
        label, value = metas.get(f"twitter:label{number}", ""), metas.get(f"twitter:data{number}", "")
        if not label or not value:
            continue
        read = LEXICON.labels.read(label)
        if read and read.field != "brand":
            yield from stated(read.field, value, f"meta twitter:data{number}", "meta")
        elif money_in(value):
            yield from stated("price", value, f"meta twitter:data{number}", "meta")
        elif availability := stated_availability(value):
            yield said("availability", availability, value, f"meta twitter:data{number}", "meta")
    for name, field in (
        ("sku", "sku"),
        ("product_id", "sku"),
        ("brand", "brand"),
        ("price", "price"),
        ("currency", "currency"),
        ("mpn", "mpn"),
        ("ean", "gtin"),
    ):
        if name in metas:
            yield from stated(field, metas[name], f"meta {name}", "meta")


def itemprop_statements(document: Document) -> Iterator[Statement]:
    """Properties of microdata as they stand, whichever item they belong to: many shops leave the items out."""
    found: list[tuple[str, str, str, int]] = []
    for place, element in enumerate(document.elements):
        names = element.get("itemprop")
        if not names or document.aside[place] or len(found) > _MOST_ITEMPROPS:
            continue
        for name in names[:100].split():
            field = _ITEMPROPS.get(name)
            if field and not _of_another(document, place):
                stands = (
                    element.get("content") or element.get("href") or element.get("src") or document.text(place, 100)
                )
                found.append((field, name, clean(stands, 100), place))
                if (
                    field == "sku"
                    and element.get("content")
                    and (shown := code_in(document.text(place, 60), whole=True))
                ):
                    # a number as readers see it, with its blanks and slashes
                    yield said("sku", shown, shown, f"itemprop {name}", "named")
    for field in {field for field, *_ in found}:
        values = [each for each in found if each[0] == field]
        # many prices are those of variants or of other products; the first may be the page's own
        share = 1.0 if len({value for _, _, value, _ in values}) == 1 else 0.6
        _, name, value, _ = values[0]
        yield from stated(field, value, f"microdata {name}", "microdata", 0.85 * share)


def _of_another(document: Document, place: int) -> bool:
    for each in document.ancestors(place, 12):
        element = document.elements[each]
        if (name := element.get("itemprop")) and each != place and name.lower() in _OTHER_ITEM:
            return True
        if (kind := element.get("itemtype")) and kind.rpartition("/")[2] in (
            "Review",
            "ListItem",
            "ItemList",
            "BreadcrumbList",
        ):
            return True
    return False


def stated(
    field: str, value: str, where: str, source: str, share: float = 1.0, currency: str = ""
) -> Iterator[Statement]:
    """A statement of a field in its normalized form; none where it does not hold such a value."""
    raw = clean(value, 200)
    if field == "price":
        # the currency stands apart in data
        if amounts := money_in(f"{raw} {currency}" if currency.isalpha() else raw):
            amount, sign = amounts[0]
            yield said("price", f"{amount:f}", raw, where, source, share, currency or sign)
    elif field == "gtin":
        if gtin := valid_gtin(raw):
            yield said("gtin", gtin, raw, where, source, share)
    elif field == "availability":
        if availability := stated_availability(raw):
            yield said("availability", availability, raw, where, source, share)
    elif field == "currency":
        if code := read_currency(raw):
            yield said("currency", code, raw, where, source, share)
    elif field in ("sku", "mpn"):
        # what names the product too begins with the number
        number = code_in(raw)
        if number:
            yield said(field, number, raw, where, source, share if number == raw else 0.8 * share)
        elif letters_in(raw):
            yield said(field, raw, raw, where, source, 0.9 * share)
        elif 1 < len(raw) <= 40 and any(sign.isalnum() for sign in raw):
            yield said(field, raw, raw, where, source, 0.5 * share)
    elif (name := raw.rpartition(": ")[2]) and len(name) <= 60:
        # the title of a link to the brand's page: "More of the brand: Aurelle"
        yield said(field, name, raw, where, source, share)
