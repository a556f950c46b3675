"""A small world: one rights holder, one seller without authorization, real pictures made by code."""

import hashlib
import io
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal

import cv2
import numpy as np
import pytest
from PIL import Image

from domain.assessment import Assessment, Band, Finding, SignalName, Versions
from domain.case import Case
from domain.catalog import Brand, Money, ReferenceImage, ReferenceProduct, RightsHolder, Trademark
from domain.errors import NotFound
from domain.listing import Listing, ListingImage, Seller
from domain.notice import Notice
from domain.settings import Settings
from takedown.backing import Backing
from takedown.cases import group_cases
from takedown.drafting import draft_notice
from takedown.rights import RightsRegister

PAGE = b"<html><script>alert('never run')</script><h1>Bag</h1></html>\n"
PREPARED_ON = date(2026, 1, 15)


@dataclass
class MemoryEvidence:
    """Evidence in a dict, by the reader's contract."""

    content: dict[str, bytes] = field(default_factory=dict, repr=False)

    def write(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self.content[digest] = content
        return digest

    def read(self, sha256: str) -> bytes:
        if sha256 not in self.content:
            raise NotFound(f"no evidence {sha256}")
        return self.content[sha256]

    def __contains__(self, sha256: str) -> bool:
        return sha256 in self.content


def picture(seed: int, width: int = 360, height: int = 300) -> np.ndarray:
    random = np.random.default_rng(seed)
    pixels = np.full((height, width, 3), 245, np.uint8)
    for _ in range(14):
        center = (int(random.integers(width)), int(random.integers(height)))
        color = tuple(int(value) for value in random.integers(0, 255, 3))
        cv2.circle(pixels, center, int(random.integers(10, 60)), color, -1, cv2.LINE_AA)
    return pixels


def encoded(pixels: np.ndarray, kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def copied(pixels: np.ndarray) -> tuple[np.ndarray, list, list]:
    """A tilted copy of a picture, its outline in the copy, and 20 matched points."""
    height, width = pixels.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    target = np.array([[30, 20], [380, 50], [370, 330], [15, 310]], np.float32)
    mapping = cv2.getPerspectiveTransform(corners, target)
    warped = cv2.warpPerspective(pixels, mapping, (400, 350), borderValue=(60, 70, 80))
    grid = np.array(
        [[x, y] for x in np.linspace(20, width - 20, 5) for y in np.linspace(20, height - 20, 4)], np.float32
    )
    moved = cv2.perspectiveTransform(grid[None], mapping)[0]
    points = [[[float(x), float(y)], [float(u), float(v)]] for (x, y), (u, v) in zip(grid, moved, strict=True)]
    return warped, [[float(x), float(y)] for x, y in target], points


@dataclass(repr=False)
class World:
    """What the tests start from; each changes what it wants with `dataclasses.replace`."""

    evidence: MemoryEvidence
    rights_holder: RightsHolder
    product: ReferenceProduct
    listings: dict[str, Listing]
    assessments: dict[str, Assessment]
    settings: Settings

    def __repr__(self) -> str:
        return "World()"

    @property
    def register(self) -> RightsRegister:
        return RightsRegister([self.rights_holder], [self.product])

    @property
    def case(self) -> Case:
        (case,) = group_cases(self.assessments.values(), self.lookup, self.register)
        return case

    @property
    def backing(self) -> Backing:
        return Backing(
            case=self.case,
            rights_holder=self.rights_holder,
            listings=self.listings,
            assessments=self.assessments,
            register=self.register,
        )

    def lookup(self, marketplace: str, listing_id: str) -> Listing:
        if listing_id not in self.listings or self.listings[listing_id].marketplace != marketplace:
            raise NotFound(f"{marketplace}: no listing {listing_id}")
        return self.listings[listing_id]

    def notice(self) -> Notice:
        return draft_notice(
            self.case, self.listings, self.assessments, self.rights_holder, self.settings, register=self.register
        )

    def backed(self, **changes: object) -> Backing:
        return replace(self.backing, **changes)

    def change_listing(self, listing_id: str, **changes: object) -> None:
        self.listings[listing_id] = replace(self.listings[listing_id], **changes)

    def change_assessment(self, listing_id: str, **changes: object) -> None:
        self.assessments[listing_id] = replace(self.assessments[listing_id], **changes)


VERSIONS = Versions(embedder="e@1", index="i", verifier="v@1", combiner="c@1", lexicon="l1", code="0.1.0")


def brand_claim(**changes: object) -> Finding:
    finding = Finding(
        name=SignalName.BRAND_CLAIM,
        strength=0.8,
        sentence="The title names the mark Norvane.",
        brand="Norvane",
        evidence={"span": "Norvane", "normalized": "norvane"},
        contribution=1.2,
    )
    return replace(finding, **changes)


@pytest.fixture
def make_brand_claim():
    return brand_claim


@pytest.fixture
def make_picture():
    return picture


@pytest.fixture
def encode():
    return encoded


@pytest.fixture
def prepared_on() -> date:
    return PREPARED_ON


@pytest.fixture
def world() -> World:
    return build_world()


@pytest.fixture(scope="session")
def hostile_world() -> World:
    """Shared by the examples of property-based tests, which must not change it."""
    return build_world()


@pytest.fixture(scope="session")
def prepared_on_value() -> date:
    return PREPARED_ON


def build_world() -> World:
    evidence = MemoryEvidence()
    catalog_picture = picture(7)
    reference = evidence.write(encoded(catalog_picture))
    warped, outline, points = copied(catalog_picture)
    listings, assessments = {}, {}
    holder = RightsHolder(
        name="Norvane Goods",
        brands=(Brand(name="Norvane"),),
        trademarks=(Trademark(mark="NORVANE", office="EUIPO", registration_number="018000001", nice_classes=(18, 25)),),
        authorized_sellers=("norvane-official",),
        contact_email="legal@norvane.example",
    )
    for number, listing_id in enumerate(("L1", "L2", "L3")):
        image = evidence.write(encoded(np.roll(warped, number, axis=1), "PNG"))
        listings[listing_id] = Listing(
            marketplace="bundled-market",
            listing_id=listing_id,
            url=f"https://market.example/item/{listing_id}",
            title=f"Norvane weekend bag {number}",
            seller=Seller(id="s77", name="bagdeals77"),
            price=Money(amount=Decimal("19.90"), currency="EUR"),
            images=(ListingImage(source=f"{listing_id}.png", sha256=image),),
            captured_at=datetime(2026, 1, 14, 9, 30, tzinfo=UTC),
            page_sha256=evidence.write(PAGE + listing_id.encode()),
        )
        photo = Finding(
            name=SignalName.COPIED_PHOTO,
            strength=0.97,
            sentence="A picture of the listing was made from catalog photo N-1.",
            brand="Norvane",
            reference_id="N-1",
            evidence={
                "image_sha256": image,
                "reference_sha256": reference,
                "reference_id": "N-1",
                "outline": outline,
                "points": points,
                "mirrored": False,
                "inliers": 64,
                "embedding_similarity": 0.93,
                "pdq_distance": 18,
                "color_distance": 2.5,
            },
            contribution=4.0,
        )
        price = Finding(
            name=SignalName.SUSPICIOUS_PRICE,
            strength=0.6,
            sentence="At 19.90 EUR it costs a tenth of the product's regular price.",
            contribution=0.5,
        )
        assessments[listing_id] = Assessment(
            marketplace="bundled-market",
            listing_id=listing_id,
            probability=0.999 - number / 1000,
            band=Band.ENFORCE,
            signals=(price, brand_claim(), photo),
            guards=(),
            unreadable=(),
            versions=VERSIONS,
        )
    product = ReferenceProduct(
        reference_id="N-1",
        rights_holder=holder.name,
        title="Weekend Bag 40 l",
        brand="Norvane",
        images=(ReferenceImage(sha256=reference, source="images/n1.jpg"),),
    )
    return World(evidence, holder, product, listings, assessments, Settings())
