"""Pictures drawn by code, and models small enough to be made on the spot: for every room that looks at pictures."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import cv2
import hypothesis
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from domain.catalog import Brand, Catalog, Money, ReferenceImage, ReferenceProduct, RightsHolder, Trademark
from domain.listing import Listing, ListingImage, Seller
from index.build import CopyEmbedder
from index.verification import FEATURE_NAMES, Verifier
from store.images import RGB
from store.interfaces import Evidence, Records

hypothesis.settings.register_profile("unhurried", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("unhurried")

REPOSITORY = Path(__file__).resolve().parents[2]

WEIGHTS = (8.2, 5.9, 0.4, 0.1, -2.0, -2.4, -0.1, 3.4, -2.3, 2.9)
INTERCEPT = -12.1
"""Of the size that training finds, written down so that a new training changes no test."""


def _draw(seed: int, width: int = 360, height: int = 480) -> RGB:
    """A picture full of shapes on an uneven ground: another seed, another picture of like texture."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(90, 250, (6, 5, 3)).astype(np.uint8)
    canvas = np.ascontiguousarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC))
    for _ in range(70):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        color = tuple(int(value) for value in rng.integers(0, 256, 3))
        size = int(rng.integers(8, 42))
        kind = int(rng.integers(0, 4))
        if kind == 0:
            cv2.circle(canvas, (x, y), size // 2, color, -1, cv2.LINE_AA)
        elif kind == 1:
            corners = cv2.boxPoints(((x, y), (size, size // 2 + 4), float(rng.uniform(0, 180))))
            cv2.fillPoly(canvas, [corners.astype(np.int32)], color, cv2.LINE_AA)
        elif kind == 2:
            cv2.line(canvas, (x, y), (x + size, y + int(rng.integers(-30, 30))), color, 3, cv2.LINE_AA)
        else:
            letters = "".join(rng.choice(list("ABCDEFGHKLMNPRSTUVXZ"), 3))
            cv2.putText(canvas, letters, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size / 40, color, 2, cv2.LINE_AA)
    return canvas


def _jpeg(rgb: RGB, quality: int = 92) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


class _StandIn:
    """A stand-in for the image model: views shrunk to 8 x 8 and centered, so that like pictures get like vectors."""

    size = 128

    def embed(self, views: NDArray[np.float32], /) -> NDArray[np.float32]:
        side = views.shape[-1] // 8
        small = views.reshape(len(views), 3, 8, side, 8, side).mean(axis=(3, 5)).reshape(len(views), 192)
        small = small - small.mean(axis=1, keepdims=True) + 1e-4
        return np.asarray(small / np.linalg.norm(small, axis=1, keepdims=True), np.float32)


@dataclass(frozen=True, kw_only=True)
class DrawnShop:
    """One rights holder's catalog of drawn pictures, and listings of them and of others, not stored yet."""

    evidence: Evidence

    def catalog(self, *, products: int = 3) -> Catalog:
        """Products p0, p1, …; the picture of each is drawn from its number."""
        holder = RightsHolder(
            name="Velmora Ltd",
            brands=(Brand(name="Velmora"),),
            trademarks=(Trademark(mark="Velmora", office="EUIPO", registration_number="018000001"),),
            authorized_sellers=("velmora-direct",),
            contact_email="legal@velmora.example",
        )
        return Catalog(rights_holder=holder, products=tuple(self._product(number) for number in range(products)))

    def _product(self, number: int) -> ReferenceProduct:
        sha256 = self.evidence.write(_jpeg(_draw(number)))
        return ReferenceProduct(
            reference_id=f"p{number}",
            rights_holder="Velmora Ltd",
            title=f"Harbor Tote {number}",
            brand="Velmora",
            price=Money(amount=Decimal("120.00"), currency="EUR"),
            images=(ReferenceImage(sha256=sha256, source=f"p{number}.jpg"),),
        )

    def listing(
        self, listing_id: str, shows: RGB | str | None, *, title: str = "tote", seller: str = "bargain-9"
    ) -> Listing:
        """A listing with one picture: drawn, or a digest that is or is not in evidence, or none at all."""
        images: tuple[ListingImage, ...] = ()
        if shows is not None:
            sha256 = shows if isinstance(shows, str) else self.evidence.write(_jpeg(shows, 70))
            images = (ListingImage(source=f"{listing_id}.jpg", sha256=sha256),)
        return Listing(
            marketplace="bazaar",
            listing_id=listing_id,
            url=f"https://bazaar.example/{listing_id}",
            title=title,
            seller=Seller(id=seller, name=seller),
            price=Money(amount=Decimal("19.00"), currency="EUR"),
            images=images,
        )

    def listings(self) -> list[Listing]:
        """By id: two copies, a copy by an authorized seller, another picture, no picture, a lost one."""
        cropped = np.ascontiguousarray(_draw(1)[40:440, 30:340])
        return [
            self.listing("a-copy", cropped, title="Velmora Harbor Tote 1, 1:1 mirror quality"),
            self.listing("b-copy", np.ascontiguousarray(_draw(2)[:, ::-1]), title="Velmora Harbor Tote 2"),
            self.listing("c-authorized", _draw(0), title="Velmora Harbor Tote 0", seller="velmora-direct"),
            self.listing("d-unrelated", _draw(77), title="green vase"),
            self.listing("e-pictureless", None, title="brass lamp"),
            self.listing("f-lost", "0" * 64, title="oak table"),
        ]

    def stock(self, records: Records) -> None:
        """Save catalog and listings."""
        records.save_catalog(self.catalog())
        records.save_listings(self.listings())


@pytest.fixture(scope="session")
def shop_in() -> Callable[[Evidence], DrawnShop]:
    """A drawn shop whose pictures lie in the evidence given."""
    return lambda evidence: DrawnShop(evidence=evidence)


@pytest.fixture(scope="session")
def draw() -> Callable[..., RGB]:
    return _draw


@pytest.fixture(scope="session")
def jpeg() -> Callable[..., bytes]:
    return _jpeg


@pytest.fixture(scope="session")
def stand_in() -> CopyEmbedder:
    return _StandIn()


@pytest.fixture(scope="session")
def verifier() -> Verifier:
    return Verifier(version="drawn@1", weights=WEIGHTS, intercept=INTERCEPT)


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed models, with a verifier and a combiner whose weights are written down here."""
    from scoring.features import FEATURE_NAMES as FINDINGS
    from scoring.features import GUARD_NAMES
    from training.classifier import Measured, TrainedClassifier, export_classifier

    folder = tmp_path_factory.mktemp("models")
    pictures = ("embedder.onnx", "text.onnx", "embedder.json")
    for name in (*pictures, "detector.onnx", "detector.json", "logo-verifier.json"):
        (folder / name).write_bytes((REPOSITORY / "models" / name).read_bytes())
    stored = {
        "name": "verifier",
        "version": "drawn",
        "feature_names": list(FEATURE_NAMES),
        "weights": list(WEIGHTS),
        "intercept": INTERCEPT,
    }
    (folder / "verifier.json").write_text(json.dumps(stored), encoding="utf-8")
    trained = TrainedClassifier(
        feature_names=FINDINGS,
        weights=tuple(-4.0 if name in GUARD_NAMES else 6.0 for name in FINDINGS),
        intercept=-3.0,
        review=0.3,
        enforce=0.9,
        l2=0.0,
        calibration=(1.0, 0.0),
        measured=Measured(
            log_loss=0.0,
            listings=0,
            infringing=0,
            enforce_precision=0.0,
            enforce_precision_low=0.0,
            enforce_recall=0.0,
            review_recall=0.0,
        ),
        out_of_fold=np.zeros(0),
    )
    export_classifier(trained, folder, version="drawn", lexicon_version="drawn", training_data={})
    return folder
