"""An invented catalog and listings around it: every detector's examples are made of these."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import cache

from domain.catalog import Brand, Money, ReferenceProduct, RightsHolder, Trademark
from domain.listing import Listing, ListingImage, Seller
from domain.match import Alteration, Box, LogoAlteration, LogoMatch, Matches, PhotoMatch, Point, TextMatch
from scoring.context import CatalogView
from scoring.interfaces import Example

IMAGE_SHA256 = "a" * 64
REFERENCE_SHA256 = "b" * 64
LOGO_SHA256 = "c" * 64
HOLDER = "Velmora Goods Ltd"
OTHER_HOLDER = "Brask Instruments"


@cache
def example_catalog() -> CatalogView:
    """Two rights holders: one sells bags as Velmora, the other watches as Brask and Ox."""
    velmora = RightsHolder(
        name=HOLDER,
        brands=(Brand(name="Velmora"),),
        trademarks=(Trademark(mark="VELMORA"),),
        authorized_sellers=("velmora-direct", "Lakeside Leather"),
    )
    brask = RightsHolder(name=OTHER_HOLDER, brands=(Brand(name="Brask"), Brand(name="Ox")))
    bag = ReferenceProduct(
        reference_id="V-100",
        rights_holder=HOLDER,
        title="Velmora Harbor Tote",
        brand="Velmora",
        price=Money(amount=Decimal("120.00"), currency="USD"),
    )
    return CatalogView([velmora, brask], [bag])


def offer(
    title: str = "Harbor tote, blue",
    *,
    description: str = "",
    brand: str = "",
    price: str | None = "95.00",
    currency: str = "USD",
    quantity: int | None = 1,
    condition: str = "",
    seller: str = "quiet corner",
    seller_id: str = "m-31",
) -> Listing:
    """A listing with one readable picture."""
    return Listing(
        marketplace="example",
        listing_id="1",
        url="https://market.example/1",
        title=title,
        description=description,
        brand=brand,
        price=Money(amount=Decimal(price), currency=currency) if price is not None else None,
        quantity=quantity,
        condition=condition,
        seller=Seller(id=seller_id, name=seller),
        images=(ListingImage(source="1.jpg", sha256=IMAGE_SHA256),),
    )


def copied(score: float = 0.97) -> Matches:
    """The picture is an edited copy of the bag's catalog photo."""
    photo = PhotoMatch(
        image_sha256=IMAGE_SHA256,
        reference_id="V-100",
        reference_sha256=REFERENCE_SHA256,
        rights_holder=HOLDER,
        brand="Velmora",
        score=score,
        mirrored=False,
        outline=((0.0, 0.0), (400.0, 0.0), (400.0, 300.0), (0.0, 300.0)),
        points=(((10.0, 12.0), (10.5, 12.1)),),
        inliers=84,
        embedding_similarity=0.93,
        pdq_distance=22,
        color_distance=4.0,
    )
    return Matches(photos=(photo,), images_read=1)


def named(score: float = 0.9) -> Matches:
    """The title names the bag; the picture is none of the catalog's."""
    text = TextMatch(reference_id="V-100", rights_holder=HOLDER, brand="Velmora", score=score)
    return Matches(texts=(text,), images_read=1)


def logo(
    *,
    brand: str = "Velmora",
    rights_holder: str = HOLDER,
    probability: float = 0.97,
    box: Box = (40.0, 60.0, 220.0, 120.0),
    outline: tuple[Point, ...] = ((41.0, 62.0), (219.0, 60.0), (220.0, 119.0), (40.0, 120.0)),
    inliers: int = 41,
    text: str = "VELMORA",
    text_score: float = 1.0,
    alterations: tuple[LogoAlteration, ...] = (),
    image_sha256: str = IMAGE_SHA256,
) -> LogoMatch:
    """A mark in the picture, seen by all three eyes."""
    return LogoMatch(
        image_sha256=image_sha256,
        rights_holder=rights_holder,
        brand=brand,
        logo_sha256=LOGO_SHA256,
        box=box,
        outline=outline,
        probability=probability,
        similarity=0.83,
        inliers=inliers,
        text=text,
        text_score=text_score,
        alterations=alterations,
    )


DIFFERENCES = {
    Alteration.STRETCHED: "is 1.4 times as wide for its height as the logo",
    Alteration.MIRRORED: "is the logo seen in a mirror",
    Alteration.RECOLORED: "is green where the logo is blue",
    Alteration.LETTER_CHANGED: "reads “Velmara”, not “Velmora”",
    Alteration.COVERED: "lacks the left third of the logo",
    Alteration.BLURRED: "is blurred in a picture that is sharp around it",
}


def altered(kind: Alteration, *, probability: float = 0.95, confidence: float = 0.9) -> LogoMatch:
    """The mark in the picture, changed in one way."""
    alteration = LogoAlteration(kind=kind, confidence=confidence, difference=DIFFERENCES[kind])
    return logo(probability=probability, alterations=(alteration,))


def hidden(kind: Alteration = Alteration.BLURRED, *, probability: float = 0.95, confidence: float = 0.9) -> LogoMatch:
    """The mark of a catalog's photo, taken out of its copy."""
    found = altered(kind, probability=probability, confidence=confidence)
    return replace(found, similarity=0.0, inliers=0, text="", text_score=0.0, hidden=True)


def marked(*logos: LogoMatch, photos: tuple[PhotoMatch, ...] = ()) -> Matches:
    """The picture shows these marks; without any named, Velmora's."""
    return Matches(photos=photos, logos=logos or (logo(),), logos_sought=True, images_read=1)


def example(listing: Listing, matches: Matches | None = None) -> Example:
    """The listing against the invented catalog; by default its picture was read and is unknown."""
    return Example(listing=listing, catalog=example_catalog(), matches=matches or Matches(images_read=1))
