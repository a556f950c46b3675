"""Data that pages carry for scripts: state as JSON, what they tell analytics, data attributes, hidden inputs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from crawler.extraction.document import Document
from crawler.extraction.evidence import Statement, said
from crawler.extraction.labels import code_in
from crawler.extraction.stock import stated_availability
from crawler.extraction.text import clean
from domain.gtin import valid_gtin
from domain.prices import MOST, amount_in

_MOST_SCRIPT = 3_000_000
"""Characters of one script; of all together twice that."""
_MOST_NODES = 40_000
_MOST_BLOCKS = 60
_DEEPEST = 24

_WORTH = re.compile(r"price|sku|product|ecomm|currency", re.I)
_ASSIGNED = re.compile(r"[=(,]\s*(?=[\[{][\s]*[\"{\[])")
_PARSED = re.compile(r"JSON\.parse\(\s*(?=\")")

_TITLE_KEYS = (
    "name",
    "title",
    "productname",
    "product_name",
    "displayname",
    "item_name",
    "producttitle",
    "product_title",
)
_SKU_KEYS = (
    "sku",
    "productsku",
    "product_sku",
    "skuid",
    "sku_id",
    "articlenumber",
    "article_number",
    "artnr",
    "itemnumber",
    "productcode",
    "product_code",
    "partnumber",
    "item_code",
    "skucode",
    "sku_code",
    "articleno",
    "article_no",
    "articlecode",
    "itemno",
    "item_no",
    "item_number",
    "productnumber",
    "product_number",
    "ordernumber",
    "productreference",
)
_ID_KEYS = (
    "productid",
    "product_id",
    "item_id",
    "itemid",
    "id",
    "code",
    "usitemid",
    "tcin",
    "asin",
    "prodid",
    "listingid",
    "adid",
    "externalid",
    "reference",
)
_GTIN_KEYS = ("gtin", "gtin13", "gtin12", "gtin14", "gtin8", "ean", "ean13", "upc", "barcode", "isbn", "eancode")
_MPN_KEYS = ("mpn", "manufacturerpartnumber", "modelnumber", "model_number", "mfrpartnumber")
_BRAND_KEYS = ("brand", "brandname", "brand_name", "manufacturer", "item_brand", "vendor")
_PRICE_KEYS = (
    "price",
    "currentprice",
    "saleprice",
    "sale_price",
    "finalprice",
    "final_price",
    "sellingprice",
    "offerprice",
    "price_amount",
    "priceamount",
    "salesprice",
    "now",
    "unit_sale_price",
)
_OF_PRODUCTS = frozenset(
    (
        *_PRICE_KEYS,
        *_SKU_KEYS,
        *_GTIN_KEYS,
        *_MPN_KEYS,
        "offers",
        "prices",
        "productid",
        "product_id",
        "item_id",
    )
)
# a widespread shop software counts in hundredths, and is known by these
_OF_CENTS = frozenset({"compare_at_price", "public_title", "price_min", "price_varies"})
_CURRENCY_KEYS = ("currency", "currencycode", "pricecurrency", "currency_code", "currencyiso")
_STOCK_KEYS = (
    "availability",
    "instock",
    "in_stock",
    "isinstock",
    "is_in_stock",
    "available",
    "availabilitystatus",
    "stockstatus",
    "stock_status",
    "isavailable",
    "soldout",
    "outofstock",
    "isoutofstock",
)
_COUNT_KEYS = (
    "stock",
    "stocklevel",
    "stock_level",
    "stockquantity",
    "stock_quantity",
    "inventory_quantity",
    "available_quantity",
)

# what pages tell analytics, often in no JSON: `ecomm_prodid: '4711'`
_TOLD = re.compile(
    r"\b(?P<name>ecomm_prodid|ecomm_totalvalue|ecomm_pvalue|content_ids|productSKU|product_sku|productSku"
    r"|product_id|productId|productID|productCode|articleNumber|item_id|sku|adId|adid|ad_id|adno|listingId|listing_id|product_price|productPrice"
    r"|ean13|ean|gtin13|gtin|productBrand|brandName|brand|currencyCode|currency)"
    r"[\"']?\s{0,9}[:=]\s{0,9}\[?\s{0,9}[\"']?"
    r"(?P<value>[^\"'\]\[{},;\n<>]{1,60})",
)
_TOLD_FIELDS = {
    "ecomm_totalvalue": "price",
    "ecomm_pvalue": "price",
    "product_price": "price",
    "productprice": "price",
    "ean13": "gtin",
    "ean": "gtin",
    "gtin13": "gtin",
    "gtin": "gtin",
    "productbrand": "brand",
    "brandname": "brand",
    "brand": "brand",
    "currencycode": "currency",
    "currency": "currency",
}
_MOST_TOLD = 200
_MOST_OF_ATTRIBUTE = 20
_MOST_JSON_OF_ATTRIBUTES = 300_000
"""Characters, of all attributes together."""
_MOST_NODES_OF_ATTRIBUTES = 5_000
_ID_ATTRIBUTES = frozenset(
    (
        "data-sku",
        "data-product-sku",
        "data-product_sku",
        "data-product-code",
        "data-productcode",
        "data-product-id",
        "data-productid",
        "data-product_id",
        "data-item-id",
        "data-itemid",
        "data-article",
        "data-article-number",
        "data-artnr",
        "data-id-product",
        "data-pid",
        "data-asin",
        "data-articlenumber",
        "data-product-reference",
        "data-sku-id",
        "data-item-code",
        "data-listing-id",
        "data-ad-id",
        "data-adid",
        "data-adno",
    )
)
_INPUT_NAMES = frozenset(
    """sku productid product_id productcode product_code id_product products_id product idproduct itemid item_id
    itemcode item articleid article asin pid prodid add-to-cart artnr code variantid skuid goods_id listing_id adid
    adno ad_id aid anid""".split()  # noqa: SIM905
)
_CODE_OF_LETTERS = re.compile(r"[A-Z]{2,}(?:[-_][A-Z]+)+")
_CODE = re.compile(r"[\w./+#-]{2,40}")


def embedded_statements(document: Document, title: str, url_numbers: frozenset[str]) -> Iterator[Statement]:
    """What scripts' data says of the product called `title`, or numbered as in the page's address."""
    wanted = _key(title)
    budget = [_MOST_NODES]
    spent = 0
    blocks = 0
    for element in document.tree.iter("script"):
        text = element.text
        if not text or len(text) < 20 or blocks >= _MOST_BLOCKS:
            continue
        kind = (element.get("type") or "").lower()
        if "ld+json" in kind or "template" in kind or len(text) > _MOST_SCRIPT or spent + len(text) > 2 * _MOST_SCRIPT:
            continue
        if element.get("src") or not _WORTH.search(text):
            continue
        spent += len(text)
        where = element.get("id") or ("json" if "json" in kind else "script")
        for data in _blocks(text, "json" in kind):
            blocks += 1
            for node, path in _nodes(data, budget, where[:60]):
                share = _is_own(node, wanted, url_numbers)
                if share:
                    yield from _of_node(node, path, share)
        if "json" not in kind:
            yield from _told(text, title.casefold())


def _blocks(text: str, whole: bool) -> Iterator[Any]:
    """The JSON values in a script."""
    decoder = json.JSONDecoder()
    if whole:
        try:
            yield json.loads(text)
        except (ValueError, RecursionError):
            return
        return
    at, tries = 0, 0
    while tries < 40 and (match := _ASSIGNED.search(text, at)):
        tries += 1
        try:
            value, at = decoder.raw_decode(text, match.end())
        except (ValueError, RecursionError):
            at = match.end() + 1
            continue
        yield value
    for match in _PARSED.finditer(text):
        tries += 1
        if tries > 60:
            return
        try:
            yield json.loads(decoder.raw_decode(text, match.end())[0])
        except (ValueError, TypeError, RecursionError):
            continue


def _nodes(data: Any, budget: list[int], where: str) -> Iterator[tuple[dict[str, Any], str]]:
    """Every object, with keys in lower case, and where it stands; breadth first, so that the top is surely read."""
    level: list[tuple[Any, str]] = [(data, where)]
    for _ in range(_DEEPEST):
        deeper: list[tuple[Any, str]] = []
        for value, path in level:
            budget[0] -= 1
            if budget[0] < 0:
                return
            if isinstance(value, dict):
                node = {key.lower(): each for key, each in value.items()}
                yield node, path
                deeper += [
                    (each, f"{path}.{key}"[-120:]) for key, each in value.items() if isinstance(each, (dict, list))
                ]
            elif isinstance(value, list):
                deeper += [
                    (each, f"{path}[{i}]"[-120:])
                    for i, each in enumerate(value[:200])
                    if isinstance(each, (dict, list))
                ]
        level = deeper
        if not level:
            return


def _is_own(node: Mapping[str, Any], wanted: str, url_numbers: frozenset[str]) -> float:
    """How surely the object is the page's product: by its name, or by its number in the address."""
    if _OF_PRODUCTS.isdisjoint(node):
        return 0.0
    named = next((_key(value) for key in _TITLE_KEYS if isinstance(value := node.get(key), str)), "")
    if named and wanted:
        if named == wanted:
            return 1.0
        if len(named) > 8 and (named in wanted or wanted in named):
            return 0.85
    numbers = {str(value) for key in (*_SKU_KEYS, *_ID_KEYS) if isinstance(value := node.get(key), (str, int))}
    return 0.8 if numbers & url_numbers else 0.0


def _of_node(node: Mapping[str, Any], path: str, share: float) -> Iterator[Statement]:
    source = "analytics" if "ecommerce" in path or "items[" in path or "dataLayer" in path else "state"
    currency = _first(node, _CURRENCY_KEYS)
    if isinstance(prices := node.get("prices"), dict):
        node = {**{key.lower(): value for key, value in prices.items()}, **node}
    for key in _PRICE_KEYS:
        value = node.get(key)
        if isinstance(value, dict):
            lower = {name.lower(): each for name, each in value.items()}
            currency = currency or _first(lower, _CURRENCY_KEYS)
            value = next(
                (lower[name] for name in ("value", "amount", "now", "current", "price", "sales") if name in lower), None
            )
        if isinstance(value, int) and not isinstance(value, bool) and node.keys() & _OF_CENTS:
            value = value / 100
        amount = _amount(value)
        if amount:
            yield said("price", amount, str(value), f"{path}.{key}", source, share, currency)
            break
    if currency:
        yield said("currency", currency, currency, path, source, share)
    for field, keys, weight in (("sku", _SKU_KEYS, 1.0), ("sku", _ID_KEYS, 0.75), ("mpn", _MPN_KEYS, 1.0)):
        for key in keys:
            value = _text(node.get(key))
            if _CODE.fullmatch(value) and (any(sign.isdigit() for sign in value) or _CODE_OF_LETTERS.fullmatch(value)):
                yield said(field, value, value, f"{path}.{key}", source, share * weight)
                break
    for key in _GTIN_KEYS:
        if gtin := valid_gtin(_text(node.get(key))):
            yield said("gtin", gtin, gtin, f"{path}.{key}", source, share)
            break
    if brand := _first(node, _BRAND_KEYS):
        yield said("brand", brand, brand, path, source, share)
    for key in _STOCK_KEYS:
        if (value := node.get(key)) is not None and (stated := _stated(key, value)):
            yield said("availability", stated, str(value), f"{path}.{key}", source, share)
            return
    for key in _COUNT_KEYS:
        value = node.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            yield said(
                "availability", "InStock" if value > 0 else "OutOfStock", str(value), f"{path}.{key}", source, share
            )
            return


def _stated(key: str, value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("status") or value.get("value") or ""
    if isinstance(value, bool):
        negative = key in ("soldout", "outofstock", "isoutofstock")
        return "InStock" if value != negative else "OutOfStock"
    return stated_availability(_text(value)) if key not in ("soldout", "outofstock", "isoutofstock") else ""


def _told(text: str, title: str) -> Iterator[Statement]:
    """Lone values in scripts: little worth by themselves, support for what is said elsewhere."""
    for count, match in enumerate(_TOLD.finditer(text)):
        if count == _MOST_TOLD:
            return
        name, value = match["name"].lower(), match["value"].strip()
        field = _TOLD_FIELDS.get(name, "sku")
        surely = name.startswith("ecomm_") or name == "content_ids"
        where = f"script {match['name']}"
        if field == "price" and (amount := _amount(value)):
            yield said("price", amount, value, where, "analytics", 0.8 if surely else 0.5)
        elif field == "gtin" and (gtin := valid_gtin(value)):
            yield said("gtin", gtin, value, where, "state", 0.5)
        elif field == "brand" and len(value) > 2 and value.casefold() in title:
            yield said("brand", value, value, where, "state", 0.7)
        elif field == "currency" and len(value) == 3 and value.isupper():
            yield said("currency", value, value, where, "state", 0.6)
        elif field == "sku" and _CODE.fullmatch(value) and any(sign.isdigit() for sign in value):
            yield said("sku", value, value, where, "analytics", 0.7 if surely else 0.3)


def attribute_statements(document: Document, title: str, url_numbers: frozenset[str]) -> Iterator[Statement]:
    """Numbers in data attributes near the product, and in the form that buys it; products that stand there as JSON."""
    counts: dict[str, int] = {}
    wanted = _key(title)
    budget = [_MOST_NODES_OF_ATTRIBUTES]
    left = _MOST_JSON_OF_ATTRIBUTES
    for place, element in enumerate(document.elements):
        if document.aside[place] or not element.attrib:
            continue
        if element.tag in ("input", "button"):
            name, value = (element.get("name") or "").lower(), (element.get("value") or "").strip()
            if name in _INPUT_NAMES and _CODE.fullmatch(value) and any(sign.isdigit() for sign in value):
                yield said("sku", value, value, f"input {name}", "form", 1.0)
        for name, value in element.items():
            if len(value) > 40 and value[0] in "{[" and len(value) <= left and _WORTH.search(value):
                left -= len(value)
                for data in _blocks(value, True):
                    for node, path in _nodes(data, budget, f"attribute {name}"[:60]):
                        if share := _is_own(node, wanted, url_numbers):
                            yield from _of_node(node, path, share)
                continue
            if name not in _ID_ATTRIBUTES or not value or counts.setdefault(name, 0) >= _MOST_OF_ATTRIBUTE:
                continue
            if code := code_in(value[:60], whole=True):
                counts[name] += 1
                share = 1.0 if document.heading < 0 or abs(place - document.heading) < 400 else 0.5
                share *= 1.2 if "sku" in name or "code" in name or "article" in name else 0.9
                yield said("sku", code, value, f"attribute {name}", "attribute", share)


def _first(node: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    return next((text for key in keys if (text := _text(node.get(key)))), "")


def _text(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("name") or value.get("label") or value.get("value")
    return clean(value, 100) if isinstance(value, (str, int, float)) else ""


def _amount(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or len(str(value)) > 30:
        return ""
    amount = amount_in(str(value)) if isinstance(value, str) else amount_in(f"{value:.4f}".rstrip("0").rstrip("."))
    return f"{amount.normalize():f}" if amount is not None and 0 < amount < MOST else ""


def _key(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))[:300]
