"""A bundled marketplace as files: a rights holder's catalog, and listings with their truth."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from crawler.marketplace.model import InventedBrand, InventedProduct, Marketplace
from domain.catalog import Money

_COLUMNS = (
    "id",
    "title",
    "description",
    "brand",
    "price",
    "condition",
    "color",
    "google_product_category",
    "gtin",
    "image_link",
    "additional_image_link",
)


def write_catalog(marketplace: Marketplace, folder: Path) -> None:
    """``products.tsv`` (a Google Merchant feed), ``rights_holders.json``, ``images/`` and ``logos/``."""
    for part in ("images", "logos"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    with (folder / "products.tsv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(_feed_row(product) for product in marketplace.products)
    for product in marketplace.products:
        for name in product.pictures:
            (folder / "images" / f"{name}.jpg").write_bytes(marketplace.picture(name))
    for brand in marketplace.brands:
        (folder / "logos" / f"{brand.logo}.png").write_bytes(marketplace.picture(brand.logo))
    _write_json(folder / "rights_holders.json", {"rights_holders": rights_holders(marketplace)})


def write_listings(marketplace: Marketplace, folder: Path) -> None:
    """``listings.jsonl``, ``truth.jsonl`` and ``listings/images/``."""
    images = folder / "listings" / "images"
    images.mkdir(parents=True, exist_ok=True)
    for listing in marketplace.listings:
        for name in listing.images:
            (images / f"{name}.jpg").write_bytes(marketplace.picture(name))
    _write_lines(folder / "listings.jsonl", [listing.row() for listing in marketplace.listings])
    _write_lines(folder / "truth.jsonl", list(marketplace.truth))


def rights_holders(marketplace: Marketplace) -> list[dict[str, Any]]:
    """As ``rights_holders.json`` lists them; a house may hold several brands."""
    houses: dict[str, list[InventedBrand]] = {}
    for brand in marketplace.brands:
        houses.setdefault(brand.rights_holder, []).append(brand)
    return [_rights_holder(marketplace, name, brands) for name, brands in houses.items()]


def _rights_holder(marketplace: Marketplace, name: str, brands: list[InventedBrand]) -> dict[str, Any]:
    sellers = [entry for brand in brands for entry in marketplace.authorized[brand.name]]
    return {
        "name": name,
        "contact_email": brands[0].contact_email,
        "brands": [{"name": brand.name, "logos": [f"logos/{brand.logo}.png"]} for brand in brands],
        "authorized_sellers": list(dict.fromkeys(sellers)),
        "minimum_advertised_price": {
            product.reference_id: _feed_price(product.minimum_advertised_price)
            for product in marketplace.products
            if product.minimum_advertised_price and product.brand in {brand.name for brand in brands}
        },
        "trademarks": [
            {
                "mark": brand.name.upper(),
                "office": "EUIPO" if brand.currency == "EUR" else "USPTO",
                "registration_number": brand.registration_number,
                "nice_classes": list(brand.nice_classes),
                "status": "registered",
            }
            for brand in brands
        ],
    }


def _feed_row(product: InventedProduct) -> dict[str, str]:
    main, *others = [f"images/{name}.jpg" for name in product.pictures]
    return {
        "id": product.reference_id,
        "title": product.title,
        "description": product.description,
        "brand": product.brand,
        "price": _feed_price(product.price),
        "condition": "new",
        "color": product.color,
        "google_product_category": product.category,
        "gtin": product.gtin,
        "image_link": main,
        "additional_image_link": ",".join(others),
    }


def _feed_price(money: Money) -> str:
    return f"{money.amount:.2f} {money.currency}"


def _write_json(path: Path, data: object) -> None:
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
