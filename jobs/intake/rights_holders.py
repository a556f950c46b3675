"""``rights_holders.json``: who owns which brands and marks, and whom they allow to sell.

An unknown key is refused: a misspelt ``authorized_sellers`` would get honest sellers accused.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Discriminator, Field, Tag, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from domain.catalog import Money
from domain.errors import BadInput
from jobs.intake.fields import CONFIG, Key, Line, Link, Name, field_path, placed_faults, union_step
from jobs.intake.findings import Findings
from jobs.intake.json_text import read_json
from jobs.intake.price import feed_price

FILE_NAME = "rights_holders.json"
MAX_BYTES = 20_000_000
_EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
_PRICE = r"^\s*[0-9]{1,15}(\.[0-9]{1,6})?\s*[A-Za-z]{3}\s*$"


def _email(text: str) -> str:
    if text and not re.fullmatch(_EMAIL, text):
        raise PydanticCustomError("email", "not an e-mail address")
    return text


def _price(text: str) -> str:
    try:
        feed_price(text)
    except BadInput as error:
        raise PydanticCustomError("price", "{reason}", {"reason": error.reason}) from error
    return text


PriceText = Annotated[str, AfterValidator(_price), WithJsonSchema({"type": "string", "pattern": _PRICE})]

FloorPrices = Annotated[
    Annotated[dict[Key, PriceText], Tag(union_step("per product"))] | Annotated[PriceText, Tag(union_step("for all"))],
    Discriminator(lambda value: union_step("per product" if isinstance(value, dict) else "for all")),
]


class BrandRow(BaseModel):
    """A brand and the files of its logo."""

    model_config = CONFIG | {"extra": "forbid"}
    name: Name = Field(description="As it stands in the feed's brand column; case does not matter.")
    logos: list[Link] = Field(
        default=[], max_length=100, description="Paths of PNG, JPEG, WebP, GIF or SVG files, relative to this one."
    )


class TrademarkRow(BaseModel):
    """One registration."""

    model_config = CONFIG | {"extra": "forbid"}
    mark: Name = Field(description="The registered words.")
    office: Line = Field(default="", description="Registry, such as USPTO, EUIPO, WIPO.")
    registration_number: Line = Field(default="", description="As the registry writes it.")
    nice_classes: list[Annotated[int, Field(ge=1, le=45)]] = Field(
        default=[], max_length=45, description="Classes of the Nice classification, 1 to 45."
    )
    status: Line = Field(default="registered", description="Such as registered, pending, expired.")


class RightsHolderRow(BaseModel):
    """One rights holder as the file gives it; logos are paths, not yet read."""

    model_config = CONFIG | {"extra": "forbid"}
    name: Key = Field(description="Unique in the file.")
    brands: list[BrandRow] = Field(default=[], max_length=10_000)
    trademarks: list[TrademarkRow] = Field(default=[], max_length=10_000)
    authorized_sellers: list[Name] = Field(
        default=[], max_length=100_000, description="Seller ids or exact seller names, as the marketplace shows them."
    )
    contact_email: Annotated[Line, AfterValidator(_email)] = Field(
        default="", description="Where a platform may answer a notice."
    )
    minimum_advertised_price: FloorPrices | None = Field(
        default=None,
        description='A price such as "49.00 USD" for every product that does not regularly cost less, or one price '
        "per product id.",
    )

    def floor_of(self, product_id: str, regular: Money | None) -> Money | None:
        """The minimum advertised price of a product, None where there is none.

        A single price for all is meant for goods that cost at least as much: a floor above the regular price would
        make every honest offer look cheap.
        """
        given = self.minimum_advertised_price
        if given is None:
            return None
        if isinstance(given, dict):
            return feed_price(given[product_id]) if product_id in given else None
        floor = feed_price(given)
        comparable = regular is None or (regular.currency == floor.currency and regular.amount >= floor.amount)
        return floor if comparable else None


class RightsHoldersFile(BaseModel):
    """The whole file."""

    model_config = CONFIG | {"extra": "forbid", "title": "rights_holders.json"}
    json_schema: str = Field(default="", alias="$schema", description="Where the schema of this file lies.")
    rights_holders: list[RightsHolderRow] = Field(max_length=10_000)


def read_rights_holders(content: bytes, *, file: str, findings: Findings) -> tuple[tuple[str, RightsHolderRow], ...]:
    """Each good rights holder with its JSON path; the bad ones go to `findings`, each fault with its path.

    Raises BadInput where the file as a whole cannot be read: not JSON (with the line), or not the form.
    """
    data = read_json(content, file=file)
    if not isinstance(data, dict) or not isinstance(data.get("rights_holders"), list):
        raise BadInput("not an object with a list of rights holders", file=file, field="rights_holders")
    envelope = data | {"rights_holders": []}
    try:
        RightsHoldersFile.model_validate(envelope)
    except ValidationError as error:
        raise placed_faults(error)[0].at(file=file) from error
    found: list[tuple[str, RightsHolderRow]] = []
    for at, one in enumerate(data["rights_holders"]):
        path = field_path("rights_holders", (at,))
        try:
            found.append((path, RightsHolderRow.model_validate(one)))
        except ValidationError as error:
            for fault in placed_faults(error, prefix=path):
                findings.refuse(fault.at(file=file))
    return tuple(_without_repeats(found, file, findings))


def _without_repeats(
    found: list[tuple[str, RightsHolderRow]], file: str, findings: Findings
) -> list[tuple[str, RightsHolderRow]]:
    """A brand with two owners would put products into the wrong catalog, so the second claim falls."""
    names: set[str] = set()
    brands: set[str] = set()
    kept: list[tuple[str, RightsHolderRow]] = []
    for path, holder in found:
        own = [brand.name.casefold() for brand in holder.brands]
        twice = next((at for at, name in enumerate(own) if name in brands or name in own[:at]), None)
        if holder.name in names:
            findings.refuse(BadInput(f'"{holder.name}" is named twice', file=file, field=f"{path}.name"))
        elif twice is not None:
            reason = f'"{holder.brands[twice].name}" is claimed twice'
            findings.refuse(BadInput(reason, file=file, field=f"{path}.brands[{twice}].name"))
        else:
            names.add(holder.name)
            brands.update(own)
            kept.append((path, holder))
    return kept
