"""One listing as JSON, as files and the service's clients write it, to a domain listing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    JsonValue,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from domain.errors import BadInput
from domain.listing import Listing, Seller
from jobs.intake.fields import CONFIG, Count, Key, Line, Link, LongText, Percent, Pieces, Title, placed_faults
from jobs.intake.merchant_feed import fault_of_gtin
from jobs.intake.price import offer_price
from jobs.intake.text import CONTROL_CHARACTERS, fault_of, fault_of_url

MAX_IMAGES = 1_000
_MAX_PRICE_CHARACTERS = 200
_LARGEST_NUMBER = 10**18
_AVAILABILITY = {
    **dict.fromkeys(("instock", "httpsschemaorginstock", "httpschemaorginstock"), "InStock"),
    **dict.fromkeys(("outofstock", "httpsschemaorgoutofstock", "httpschemaorgoutofstock"), "OutOfStock"),
}


def _url(text: str) -> str:
    if fault := fault_of_url(text):
        raise PydanticCustomError("url", "{fault}", {"fault": fault})
    return text


def _price(value: object) -> int | Decimal | str | None:
    if isinstance(value, str):
        if fault := fault_of(value, max_length=_MAX_PRICE_CHARACTERS):
            raise PydanticCustomError("price", "{fault}", {"fault": fault})
        return value.strip()
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, bool) or not (value is None or isinstance(value, int | Decimal)):
        raise PydanticCustomError("price", "neither a number nor text")
    if isinstance(value, Decimal) and not value.is_finite():
        raise PydanticCustomError("price", "not a finite number")
    return value


_PRICE_AS_SHOWN: dict[str, JsonValue] = {
    "type": "string",
    "maxLength": _MAX_PRICE_CHARACTERS,
    "pattern": f"^[^{CONTROL_CHARACTERS}]*$",
}
PriceValue = Annotated[
    Any,
    BeforeValidator(_price),
    WithJsonSchema({"anyOf": [{"type": "number"}, _PRICE_AS_SHOWN, {"type": "null"}]}),
]
Url = Annotated[
    Link, AfterValidator(_url), Field(json_schema_extra={"pattern": r"^\s*[Hh][Tt][Tt][Pp][Ss]?://\S+\s*$"})
]


def _as_text(value: object) -> object:
    """Numbers of articles that consist of digits come as numbers from some files, and as 4711.0 from some tables."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LARGEST_NUMBER:
        return value
    return str(int(value)) if value == int(value) else value


Identifier = Annotated[
    Line,
    BeforeValidator(_as_text),
    WithJsonSchema(
        {"anyOf": [TypeAdapter(Line).json_schema(), {"type": "integer", "minimum": 0, "maximum": _LARGEST_NUMBER}]}
    ),
]


class SellerRow(BaseModel):
    """Who offers."""

    model_config = CONFIG
    id: Key = Field(description="The marketplace's own key of the seller.")
    name: Line | None = Field(default=None, description="As the marketplace shows it.")
    feedback_score: Count | None = Field(default=None, description="Count of ratings.")
    feedback_percent: Percent | None = Field(default=None, description="Share of positive feedback, 0 to 100.")
    location: Line | None = None


class ListingRow(BaseModel):
    """One offer; keys that are not named here are not read."""

    model_config = CONFIG | {"title": "A listing"}
    marketplace: Key = Field(description="Where it is offered; with listing_id the key of the listing.")
    listing_id: Key = Field(description="The marketplace's own key of the offer.")
    url: Url = Field(description="http or https address of the offer.")
    title: Title
    seller: SellerRow
    description: LongText | None = None
    price: PriceValue = Field(default=None, description="A number, or the price as shown.")
    currency: Line | None = Field(default=None, description="ISO 4217 code of the price.")
    quantity: Pieces | None = Field(default=None, description="Pieces on offer.")
    brand: Line | None = None
    sku: Identifier | None = Field(default=None, description="The seller's or shop's own number of the article.")
    gtin: Identifier | None = Field(
        default=None, description="GTIN-8, -12, -13 or -14; blanks and hyphens are left out."
    )
    mpn: Identifier | None = Field(default=None, description="The maker's part number.")
    availability: Line | None = Field(
        default=None, description="InStock or OutOfStock, of schema.org, or as product feeds write them."
    )
    category: Line | None = None
    condition: Line | None = Field(default=None, description="As the seller states it, such as new or used.")
    ships_from: Line | None = Field(default=None, description="ISO 3166-1 alpha-2, or the marketplace's words.")
    images: list[Link] | None = Field(
        default=None, max_length=MAX_IMAGES, description="Paths relative to the file, or http(s) URLs."
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class ListingDraft:
    """A listing whose pictures are still links."""

    listing: Listing
    """Without images."""
    images: tuple[str, ...]
    """Paths or URLs, each once, in the order given."""
    unread: tuple[BadInput, ...]
    """What could not be read though the listing could, such as a price of "free"; not placed in a file."""


def draft_listing(data: object) -> tuple[ListingDraft | None, list[BadInput]]:
    """The draft, or None and every fault of `data` with its field path. Faults carry no file or line yet."""
    if not isinstance(data, Mapping):
        return None, [BadInput("not a JSON object", field="listing")]
    try:
        row = ListingRow.model_validate(dict(data))
    except ValidationError as error:
        return None, placed_faults(error)
    return _draft(row), []


def _draft(row: ListingRow) -> ListingDraft:
    currency = row.currency or ""
    raw = "" if row.price is None else f"{row.price}"[:_MAX_PRICE_CHARACTERS]
    price, unread = None, []
    if raw:
        try:
            price = offer_price(row.price, currency)
        except BadInput as error:
            unread.append(BadInput(f"{error.reason}; the listing is read without a price", field=error.field))
    gtin, fault = _gtin(row.gtin or "")
    unread += [BadInput(f"{fault}; the listing is read without it", field="gtin")] if fault else []
    availability = _AVAILABILITY.get("".join(sign for sign in (row.availability or "").lower() if sign.isalpha()), "")
    if row.availability and not availability:
        reason = f'"{row.availability[:40]}" is neither InStock nor OutOfStock; the listing is read without it'
        unread.append(BadInput(reason, field="availability"))
    listing = Listing(
        marketplace=row.marketplace,
        listing_id=row.listing_id,
        url=row.url,
        title=row.title,
        seller=_seller(row.seller),
        description=row.description or "",
        price=price,
        price_raw=f"{raw} {currency}".strip() if raw else "",
        quantity=row.quantity,
        brand=row.brand or "",
        sku=row.sku or "",
        gtin=gtin,
        mpn=row.mpn or "",
        availability=availability,
        category=row.category or "",
        condition=row.condition or "",
        ships_from=row.ships_from or "",
    )
    return ListingDraft(listing=listing, images=tuple(dict.fromkeys(row.images or ())), unread=tuple(unread))


def _gtin(stated: str) -> tuple[str, str | None]:
    """Digits alone, and what is wrong with them."""
    fault = fault_of_gtin(stated) if stated else None
    return ("" if fault else stated.replace(" ", "").replace("-", ""), fault)


def _seller(row: SellerRow) -> Seller:
    return Seller(
        id=row.id,
        name=row.name or "",
        feedback_score=row.feedback_score,
        feedback_percent=None if row.feedback_percent is None else float(row.feedback_percent),
        location=row.location or "",
    )
