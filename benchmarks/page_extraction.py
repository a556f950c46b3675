"""How well fields are read from shop pages: precision, recall and F1, beside extruct alone.

    python benchmarks/page_extraction.py [--pages ../shared/data/pages/products]
        [--snippets ../shared/data/pages/zyte-parsers] [--json] [--errors] [--halves]

`--pages` is a folder as in scrapinghub/product-extraction-benchmark: `ground-truth.json` (page id to fields, each a
list of accepted values, and `url`) and `html/<id>.html.gz`. Three systems read the same pages:

    assayer    what the page object of the page finds, be a listing made of it or not
    listings   the fields of the listing that the crawler makes (no listing, no field; a price only where amount and
               currency can be read in one way only)
    extruct    the first product in extruct's JSON-LD, microdata, RDFa or OpenGraph, its price read by price-parser

What counts is what that benchmark's own evaluation counts. On each page a field is predicted or not, and right when it
equals one of the accepted values: a true positive. A prediction that is wrong is a false positive, and where the truth
has a value also a false negative; no prediction where the truth has a value is a false negative. A page whose truth
lacks the field counts against precision when the field is predicted. That is so of price and SKU, which were noted of
every page that has them; brand, GTIN and MPN were noted of some only, so F1 over pages that have the truth stands
beside (`F1 known`). Prices are compared as numbers, as the benchmark compares them (`23.450` is 23.45). SKU,
GTIN and MPN are compared exactly after trimming, brands without regard to case, currencies as codes of ISO 4217 (a
sign in the truth stands for each code that uses it). Availability is InStock or OutOfStock; the benchmark fills in
InStock where a system says nothing, which `availability, filled` shows.

Intervals are of F1, 95 %, by 1,000 resamples of the pages. `--halves` shows the pages in two halves, divided by a
digest of their host: rules were first written with only the half `develop` in view. `--errors` lists each miss.

`--snippets` holds parts of pages with what zyte-parsers should read in them: brands and category trails, read here as
the crawler reads them, and ratings, which the crawler does not keep and the library reads by itself.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import extruct
import lxml.html
from price_parser import Price
from w3lib.encoding import html_to_unicode
from zyte_parsers import extract_breadcrumbs, extract_rating

from crawler.extraction.amounts import money_in
from crawler.extraction.listing import read_item, read_offer
from crawler.extraction.named_parts import brand_in
from crawler.extraction.price import read_currency
from crawler.extraction.shop_page import ShopPage
from crawler.extraction.stock import stated_availability
from crawler.pages.generic import ItemPage
from domain.errors import BadInput

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "pages"
FIELDS = ("price", "sku", "availability", "availability, filled", "brand", "gtin", "mpn", "currency")
RESAMPLES = 1_000
Fields = dict[str, str]
Counts = tuple[int, int, int]
"""True positives, false positives, false negatives."""


def main() -> None:
    arguments = _arguments()
    warnings.simplefilter("ignore")
    truth: dict[str, dict[str, Any]] = json.loads((arguments.pages / "ground-truth.json").read_text("utf-8"))
    found: dict[str, dict[str, Fields]] = {"assayer": {}, "listings": {}, "extruct": {}}
    times = []
    for name, known in truth.items():
        html = _html(arguments.pages / "html" / f"{name}.html.gz")
        start = time.perf_counter()
        found["assayer"][name], found["listings"][name] = read_by_assayer(html, known["url"])
        times.append(1_000 * (time.perf_counter() - start))
        found["extruct"][name] = read_by_extruct(html, known["url"])
    groups = {"all": list(truth)}
    if arguments.halves:
        groups |= {half: [name for name in truth if _half(truth[name]["url"]) == half] for half in ("develop", "check")}
    scores = {
        group: {system: score(truth, pages, names) for system, pages in found.items()}
        for group, names in groups.items()
    }
    snippets = score_snippets(arguments.snippets) if arguments.snippets.exists() else {}
    if arguments.json:
        print(json.dumps({"pages": scores, "milliseconds": _times(times), "snippets": snippets}, indent=1))
        return
    for group, systems in scores.items():
        _print_scores(group, len(groups[group]), systems)
    print(f"\nmilliseconds a page (both readings): {_times(times)}")
    _print_snippets(snippets)
    if arguments.errors:
        _print_errors(truth, found["assayer"])


def read_by_assayer(html: str, url: str) -> tuple[Fields, Fields]:
    """What the page object finds, and what of it gets into a listing."""
    try:
        shop = ShopPage(html, url)
    except BadInput:
        return {}, {}
    chosen, item = read_item(shop)
    stated: Fields = {name: str(getattr(item, name) or "") for name in ("sku", "brand", "gtin", "mpn", "currency")}
    # a marketplace's own selector gives the price as it stands, the generic reading a number
    amounts = money_in(str(item.price or "")) if chosen is not ItemPage else []
    stated["price"] = f"{amounts[0][0]:f}" if amounts else shop.fields.value("price")
    stated["availability"] = str(item.availability or "") or shop.fields.value("availability")
    offer, _ = read_offer(shop, "benchmark")
    listed: Fields = {}
    if offer:
        listing = offer.listing
        listed = {name: getattr(listing, name) for name in ("sku", "brand", "gtin", "mpn", "availability")}
        if listing.price:
            listed |= {"price": f"{listing.price.amount:f}", "currency": listing.price.currency}
    return _filled(stated), _filled(listed)


def read_by_extruct(html: str, url: str) -> Fields:
    """The straightforward reading of extruct's uniform output."""
    data = extruct.extract(
        html, base_url=url, uniform=True, syntaxes=["json-ld", "microdata", "rdfa", "opengraph"], errors="ignore"
    )
    for syntax in ("json-ld", "microdata"):
        for node in _nodes(data.get(syntax)):
            if "Product" in str(node.get("@type", "")):
                return _of_product(node)
    graph = next((each for each in data.get("opengraph", ()) if isinstance(each, dict)), {})
    price = Price.fromstring(_text(graph.get("product:price:amount") or graph.get("og:price:amount")))
    return _filled(
        {
            "price": "" if price.amount is None else str(price.amount),
            "sku": _text(graph.get("product:retailer_item_id")),
            "availability": stated_availability(_text(graph.get("product:availability"))),
            "brand": _text(graph.get("product:brand")),
            "currency": _text(graph.get("product:price:currency")),
        }
    )


def _nodes(value: Any) -> Iterable[dict[str, Any]]:
    for each in value if isinstance(value, list) else []:
        if isinstance(each, dict):
            yield each
            yield from _nodes(each.get("@graph"))


def _of_product(product: Mapping[str, Any]) -> Fields:
    offers = product.get("offers")
    offer = next((each for each in (offers if isinstance(offers, list) else [offers]) if isinstance(each, dict)), {})
    price = Price.fromstring(_text(offer.get("price") or offer.get("lowPrice")))
    return _filled(
        {
            "price": "" if price.amount is None else str(price.amount),
            "currency": _text(offer.get("priceCurrency")),
            "sku": _text(product.get("sku") or product.get("productID")),
            "brand": _text(product.get("brand")),
            "gtin": _text(
                next((product[key] for key in ("gtin13", "gtin", "gtin12", "gtin8") if product.get(key)), "")
            ),
            "mpn": _text(product.get("mpn")),
            "availability": stated_availability(_text(offer.get("availability"))),
        }
    )


def _text(value: Any) -> str:
    value = value[0] if isinstance(value, list) and value else value
    value = value.get("name") if isinstance(value, dict) else value
    return str(value).strip() if isinstance(value, (str, int, float)) else ""


def _filled(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if value}


def score(
    truth: Mapping[str, Mapping[str, Any]], found: Mapping[str, Fields], names: Sequence[str]
) -> dict[str, dict[str, float]]:
    """By field: precision, recall, F1, its interval, the support, and F1 over pages that have the truth."""
    scores = {}
    for field in FIELDS:
        name, _, filled = field.partition(", ")
        counts = []
        known = []
        for page in names:
            accepted = truth[page].get(name, [])
            value = found[page].get(name, "InStock" if filled else "")
            counts.append(_count(name, accepted, value))
            if accepted:
                known.append(counts[-1])
        low, high = _interval(counts)
        precision, recall, f1 = _figures(counts)
        scores[field] = {
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "low": low,
            "high": high,
            "support": len(known),
            "f1_known": _figures(known)[2],
        }
    return scores


def _count(field: str, accepted: Sequence[str], value: str) -> Counts:
    if not value:
        return 0, 0, int(bool(accepted))
    right = any(_equal(field, each, value) for each in accepted)
    return (1, 0, 0) if right else (0, 1, int(bool(accepted)))


def _equal(field: str, accepted: str, value: str) -> bool:
    if field == "price":
        try:
            return Decimal(accepted.strip()) == Decimal(value)
        except InvalidOperation:
            return False
    if field == "currency":
        return _codes(value) & _codes(accepted) != set()
    if field == "brand":
        return accepted.strip().casefold() == value.strip().casefold()
    return accepted.strip() == value.strip()


_SIGNS = {"$": {"USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "ARS"}, "rs": {"PKR", "INR", "LKR"}, "kn": {"HRK"}}


def _codes(text: str) -> set[str]:
    text = text.strip()
    code = read_currency(text)
    return _SIGNS.get(text.lower(), {code or text.upper()})


def _figures(counts: Sequence[Counts]) -> tuple[float, float, float]:
    right, wrong, missed = (sum(each[place] for each in counts) for place in range(3))
    precision = right / (right + wrong) if right + wrong else 1.0
    recall = right / (right + missed) if right + missed else 1.0
    return precision, recall, 2 * right / (2 * right + wrong + missed) if right + wrong + missed else 1.0


def _interval(counts: Sequence[Counts]) -> tuple[float, float]:
    if not counts:
        return 0.0, 1.0
    generator = random.Random(7)
    figures = sorted(_figures(generator.choices(counts, k=len(counts)))[2] for _ in range(RESAMPLES))
    return figures[int(0.025 * RESAMPLES)], figures[int(0.975 * RESAMPLES)]


def score_snippets(folder: Path) -> dict[str, dict[str, float]]:
    """Exact matches on the snippets: how many, and of how many."""
    brands = json.loads((folder / "brand_values.json").read_text("utf-8"))
    ratings = json.loads((folder / "rating_values.json").read_text("utf-8"))
    trails = json.loads((folder / "breadcrumb_items_extract.json").read_text("utf-8"))

    def rated(case: Mapping[str, Any]) -> bool:
        parent = lxml.html.fragment_fromstring(case["parent_html"], create_parent=True)
        nodes = parent.xpath(".//*[@xd-target-node]")
        rating = extract_rating(nodes[0] if nodes else parent)
        return bool(rating.ratingValue == case["ratingValue"] and rating.bestRating == case["bestRating"])

    def trailed(case: Mapping[str, Any]) -> bool:
        html = (folder / "breadcrumb_items_snippets" / case["snippet_path"]).read_text("utf-8")
        crumbs = extract_breadcrumbs(lxml.html.fromstring(html), base_url=case["base_url"]) or ()
        found = [{key: value for key, value in (("url", each.url), ("name", each.name)) if value} for each in crumbs]
        return found == [{key: value for key, value in each.items() if value} for each in case["expected"] or ()]

    def branded(case: Mapping[str, Any]) -> Counts:
        found = brand_in(lxml.html.fragment_fromstring(case["html"], create_parent="div"))
        return _count("brand", [case["value"]] if case["value"] else [], found)

    precision, recall, f1 = _figures([branded(case) for case in brands])
    return {
        "brand": {"cases": len(brands), "precision": precision, "recall": recall, "f1": f1},
        "rating": _share(ratings, rated),
        "category trail": _share(trails, trailed),
    }


def _share(cases: Sequence[Any], is_right: Callable[[Any], bool]) -> dict[str, float]:
    return {"cases": len(cases), "right": sum(map(is_right, cases)) / len(cases)}


def _half(url: str) -> str:
    host = urlsplit(url).netloc.lower().removeprefix("www.")
    return "check" if hashlib.sha256(host.encode()).digest()[0] % 2 else "develop"


def _html(path: Path) -> str:
    body = gzip.decompress(path.read_bytes())
    return html_to_unicode("text/html; charset=utf-8", body)[1]


def _times(times: Sequence[float]) -> dict[str, float]:
    ranked = sorted(times)
    return {"median": round(ranked[len(ranked) // 2], 1), "most": round(ranked[-1], 1)} if ranked else {}


def _print_scores(group: str, pages: int, systems: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
    print(f"\n{group}: {pages} pages")
    print(
        f"{'field':22}{'system':10}{'F1':>7} {'95 %':^13}{'precision':>10}{'recall':>8}{'support':>9}{'F1 known':>10}"
    )
    for field in FIELDS:
        for system, fields in systems.items():
            each = fields[field]
            print(
                f"{field:22}{system:10}{each['f1']:7.3f} {each['low']:6.3f}-{each['high']:.3f}{each['precision']:10.3f}"
                f"{each['recall']:8.3f}{each['support']:9.0f}{each['f1_known']:10.3f}"
            )


def _print_snippets(snippets: Mapping[str, Mapping[str, float]]) -> None:
    for name, figures in snippets.items():
        words = ", ".join(f"{key} {value:.3f}" for key, value in figures.items() if key != "cases")
        print(f"snippets, {name}: {figures['cases']:.0f} cases, {words}")


def _print_errors(truth: Mapping[str, Mapping[str, Any]], found: Mapping[str, Fields]) -> None:
    print()
    for field in FIELDS:
        if ", " in field:
            continue
        for page, known in truth.items():
            accepted, value = known.get(field, []), found[page].get(field, "")
            if any(_count(field, accepted, value)[1:]):
                print(f"{field}\t{accepted}\t{value!r}\t{known['url'][:100]}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", type=Path, default=DATA / "products", help="folder with ground-truth.json and html/")
    parser.add_argument("--snippets", type=Path, default=DATA / "zyte-parsers", help="folder of zyte-parsers' snippets")
    parser.add_argument("--json", action="store_true", help="print figures for machines")
    parser.add_argument("--errors", action="store_true", help="list what was read wrongly or not at all")
    parser.add_argument("--halves", action="store_true", help="also figures for the two halves of the hosts")
    return parser.parse_args()


if __name__ == "__main__":
    main()
