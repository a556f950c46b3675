"""Listings in the forms that shops publish for machines: schema.org JSON-LD and Shopify's product feed."""

from __future__ import annotations

import html
import json
from typing import Any

from markupsafe import Markup

from crawler.marketplace.model import OfferedListing

CONDITIONS = {
    "new": "https://schema.org/NewCondition",
    "used": "https://schema.org/UsedCondition",
    "refurbished": "https://schema.org/RefurbishedCondition",
}


def json_ld(listing: OfferedListing, url: str, images: list[str], site: str) -> Markup:
    """A schema.org Product with its Offer, as the body of a script element.

    The description is HTML-escaped inside the JSON, as many shops' systems do.
    """
    seller = listing.seller
    offer: dict[str, Any] = {
        "@type": "Offer",
        "url": url,
        "price": f"{listing.price:.2f}",
        "priceCurrency": listing.currency,
        "availability": "https://schema.org/InStock",
        "inventoryLevel": {"@type": "QuantitativeValue", "value": listing.quantity},
        "seller": {
            "@type": "Organization",
            "name": seller.name,
            "identifier": seller.id,
            "url": f"{site}/seller/{seller.id}",
            "aggregateRating": {
                "@type": "AggregateRating",
                "ratingValue": seller.feedback_percent,
                "bestRating": 100,
                "ratingCount": seller.feedback_score,
            },
        },
        "shippingDetails": {
            "@type": "OfferShippingDetails",
            "shippingOrigin": {"@type": "DefinedRegion", "addressCountry": seller.location},
        },
    }
    if listing.condition:
        offer["itemCondition"] = CONDITIONS[listing.condition]
    product: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Product",
        "productID": listing.listing_id,
        "name": listing.title,
        "description": html.escape(listing.description, quote=False),
        "image": images if len(images) > 1 else images[0],
        "offers": offer,
    }
    if listing.brand:
        product["brand"] = {"@type": "Brand", "name": listing.brand}
    if listing.category:
        product["category"] = listing.category
    # "<" must not end the script element early
    return Markup(json.dumps(product, ensure_ascii=False, indent=1).replace("<", "\\u003c"))  # noqa: S704


def shopify_product(listing: OfferedListing, images: list[str]) -> dict[str, Any]:
    """One entry of ``/products.json``: no currency and no stock, which a real shop's feed does not tell either."""
    number = int(listing.listing_id)
    stamp = f"2026-{1 + number % 8:02d}-{1 + number % 27:02d}T09:{number % 60:02d}:00+00:00"
    variant = {
        "id": number + 1,
        "title": "Default Title",
        "option1": "Default Title",
        "option2": None,
        "option3": None,
        "sku": listing.listing_id,
        "requires_shipping": True,
        "taxable": True,
        "featured_image": None,
        "available": True,
        "price": f"{listing.price:.2f}",
        "grams": 500,
        "compare_at_price": None,
        "position": 1,
        "product_id": number,
        "created_at": stamp,
        "updated_at": stamp,
    }
    pictures = [
        {"id": number + 10 + position, "position": position, "product_id": number, "src": source, "variant_ids": []}
        for position, source in enumerate(images, start=1)
    ]
    return {
        "id": number,
        "title": listing.title,
        "handle": listing.handle,
        "body_html": f"<p>{html.escape(listing.description)}</p>",
        "published_at": stamp,
        "created_at": stamp,
        "updated_at": stamp,
        "vendor": listing.seller.name,
        "product_type": listing.category,
        "tags": [tag for tag in (listing.condition, listing.brand or "") if tag],
        "variants": [variant],
        "images": pictures,
        "options": [{"name": "Title", "position": 1, "values": ["Default Title"]}],
    }
