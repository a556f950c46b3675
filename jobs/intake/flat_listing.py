"""Listings as flat rows: the columns of CSV, and of Parquet without a nested seller, to the nested form."""

from __future__ import annotations

from collections.abc import Mapping

MAX_ROW_BYTES = 1_000_000
"""Of one listing, as a line of JSON."""
COLUMNS = (
    "marketplace",
    "listing_id",
    "url",
    "title",
    "description",
    "price",
    "currency",
    "quantity",
    "brand",
    "sku",
    "gtin",
    "mpn",
    "availability",
    "category",
    "condition",
    "ships_from",
    "images",
    "seller_id",
    "seller_name",
    "seller_feedback_score",
    "seller_feedback_percent",
    "seller_location",
)
"""Images are parted by ``|``."""
REQUIRED = ("marketplace", "listing_id", "url", "title", "seller_id")


def nested(cells: Mapping[str, object]) -> dict[str, object]:
    """A flat row in the nested form; ``images`` given as text is split at ``|``."""
    row = {name: value for name, value in cells.items() if value is not None and not name.startswith("seller_")}
    if isinstance(images := row.get("images"), str):
        row["images"] = [link.strip() for link in images.split("|") if link.strip()]
    row["seller"] = {
        name.removeprefix("seller_"): value
        for name, value in cells.items()
        if value is not None and name.startswith("seller_")
    }
    return row


def flat_name(path: str | None) -> str | None:
    """``seller.id`` is the column ``seller_id``, ``images[2]`` the column ``images``."""
    return None if path is None else path.replace("seller.", "seller_", 1).split("[", 1)[0]
