"""The article number in a page's address: what stands where shops put it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

from crawler.extraction.evidence import Statement, said

_PARAMETERS = frozenset(
    """sku pid productid product_id prodid prod_id itemid item_id item articleid article art artnr artikelnr id_product
    idproduct idproducto id_producto idproduto products_id productcode product_code code ref reference variant variantid
    skuid sku_id p id pdt goods_id goodsid itemno itemcode wid tcin asin model adid ad_id listingid offerid""".split()  # noqa: SIM905
)
_NAMED = re.compile(
    r"(?:^|/)(?:p|dp|gp/product|product|products|produkt|produit|producto|produto|prodotto|prod|item|items|itm|art|article"
    r"|artikel|pd|ip|sku|goods|listing|offer|anzeige|oferta|iid|id|products_id|detail)[/-](?P<id>[A-Za-z]{0,4}\d[\w.-]{2,20})(?:/|$)",
    re.I,
)
# ends of slugs, the surest first
_ENDS = (
    (re.compile(r"[-_/.](?:iid|id|prd|pid|sku|art)[-_]?(?P<id>\d{4,})$", re.I), 1.0),
    (re.compile(r"(?:^|[-_/.])(?:p|x|i|a|c|m)-?(?P<id>\d{4,})$", re.I), 1.0),
    (re.compile(r"(?:^|[-_/.~,])(?P<id>[A-Za-z]{0,3}\d{5,})$"), 1.0),
    (re.compile(r"(?:^|[-_/.~,])(?P<id>\d{4})$"), 0.6),
    (re.compile(r"(?:^|/)(?P<id>(?=[^/]*\d{2})(?=[^/]*[A-Z])[A-Z0-9]{5,14}(?:[-_][A-Z0-9]{1,6}){0,2})$"), 0.9),
    (re.compile(r"(?:^|/)(?:p|x|i|a)?(?P<id>\d{5,})(?=[-_/])", re.I), 0.8),
    # classified ads put a category before the number: c7200a278526196
    (re.compile(r"(?:^|[^\d])(?P<id>\d{7,})(?:[-_/.]|$)"), 0.7),
)
_EXTENSION = re.compile(r"\.(?:html?|php|aspx?|jsp|prd|do|cfm)$", re.I)


def address_statements(url: str, page: str) -> Iterator[Statement]:
    """Candidates for the number in `url`; those that the page repeats elsewhere more than those it does not.

    `page` is text in which the number would stand: attributes, data and words, without the page's own address.
    """
    for number, share in dict(_numbers(url)).items():
        times = page.count(number)
        yield said("sku", number, url, "url", "url", share * (1.3 if times >= 3 else 1.0 if times else 0.8))


def _numbers(url: str) -> Iterator[tuple[str, float]]:
    try:
        parts = urlsplit(url)
        query = parse_qsl(parts.query, max_num_fields=50)
    except ValueError:
        return
    path = _EXTENSION.sub("", unquote(parts.path).rstrip("/"))
    if named := _NAMED.search(path):
        yield named["id"], 1.0
    for pattern, share in _ENDS:
        if found := pattern.search(path):
            yield found["id"], share
            break
    for name, value in query:
        if name.lower() in _PARAMETERS and 3 <= len(value) <= 30 and any(sign.isdigit() for sign in value):
            yield value, 0.9
