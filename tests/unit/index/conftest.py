from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from domain.catalog import ReferenceImage, ReferenceProduct
from domain.errors import NotFound
from domain.match import Box
from index.artifact import IndexArtifact
from index.build import CopyEmbedder, build_artifact
from index.embedder import Embedder
from index.logo_index import LogoPicture
from index.matcher import Matcher
from index.text import TextMatcher
from index.verification import Verifier
from store.images import RGB, RGBA


def _product(
    reference_id: str, images: Sequence[str], *, title: str = "", holder: str = "Acme", color: str = ""
) -> ReferenceProduct:
    return ReferenceProduct(
        reference_id=reference_id,
        rights_holder=holder,
        title=title or f"Product {reference_id}",
        brand=f"{holder} brand",
        color=color,
        images=tuple(ReferenceImage(sha256=image, source=f"{image}.jpg") for image in images),
    )


@pytest.fixture(scope="session")
def product() -> Callable[..., ReferenceProduct]:
    return _product


@pytest.fixture(scope="session")
def index_of(stand_in: CopyEmbedder) -> Callable[..., IndexArtifact]:
    """An index of products whose pictures lie in a mapping by digest; any word serves as digest here."""

    def build(products: Sequence[ReferenceProduct], pictures: Mapping[str, RGB]) -> IndexArtifact:
        def read(sha256: str) -> RGB:
            if sha256 not in pictures:
                raise NotFound(f"no evidence {sha256}")
            return pictures[sha256]

        return build_artifact(products, read, stand_in, catalog_digest="c" * 64, embedder="stand-in@0")

    return build


@pytest.fixture(scope="session")
def matcher_of(
    index_of: Callable[..., IndexArtifact], stand_in: CopyEmbedder, verifier: Verifier
) -> Callable[..., Matcher]:
    def build(products: Sequence[ReferenceProduct], pictures: Mapping[str, RGB]) -> Matcher:
        return Matcher(index_of(products, pictures), stand_in, verifier, TextMatcher(products))

    return build


class LogoDrawings:
    """Drawn logos and photographs that bear them, for what looks for logos."""

    @staticmethod
    def logo(seed: int) -> RGBA:
        """(200, 240, 4): shapes and letters in a few colors on white; another seed, another mark."""
        rng = np.random.default_rng(seed)
        canvas = np.full((200, 240, 3), 255, np.uint8)
        for _ in range(14):
            color = tuple(int(value) for value in rng.integers(0, 200, 3))
            x, y = int(rng.integers(20, 220)), int(rng.integers(20, 180))
            if rng.random() < 0.5:
                cv2.circle(canvas, (x, y), int(rng.integers(8, 30)), color, -1, cv2.LINE_AA)
            else:
                corners = cv2.boxPoints(((x, y), (int(rng.integers(12, 60)), 14), float(rng.uniform(0, 180))))
                cv2.fillPoly(canvas, [corners.astype(np.int32)], color, cv2.LINE_AA)
        letters = "".join(rng.choice(list("ABCDEFGHKLMNPRSTUVXZ"), 5))
        cv2.putText(canvas, letters, (30, 110), cv2.FONT_HERSHEY_DUPLEX, 1.6, (10, 10, 10), 3, cv2.LINE_AA)
        return np.dstack([canvas, np.full((200, 240), 255, np.uint8)])

    @staticmethod
    def photograph(seed: int) -> RGB:
        """(480, 640, 3): soft patches with noise, no mark."""
        rng = np.random.default_rng(1000 + seed)
        coarse = rng.integers(60, 220, (7, 9, 3)).astype(np.uint8)
        smooth = cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC).astype(np.float32)
        return np.asarray(np.clip(smooth + rng.normal(0, 6, smooth.shape), 0, 255), np.uint8)

    @staticmethod
    def photograph_of(logo: RGBA, seed: int, *, width: int = 260) -> tuple[RGB, Box]:
        """The logo set into a photograph, a little turned; and where it stands."""
        rng = np.random.default_rng(2000 + seed)
        picture = LogoDrawings.photograph(seed)
        scale = width / logo.shape[1]
        left, top = float(rng.uniform(60, 640 - width - 60)), float(rng.uniform(60, 480 - scale * logo.shape[0] - 60))
        turn = cv2.getRotationMatrix2D((logo.shape[1] / 2, logo.shape[0] / 2), float(rng.uniform(-12, 12)), scale)
        turn[:, 2] += (
            left + scale * logo.shape[1] / 2 - logo.shape[1] / 2,
            top + scale * logo.shape[0] / 2 - logo.shape[0] / 2,
        )
        rgb = np.ascontiguousarray(logo[..., :3])
        cv2.warpAffine(rgb, turn, (640, 480), dst=picture, borderMode=cv2.BORDER_TRANSPARENT)
        corners = cv2.transform(
            np.array([[[0, 0], [logo.shape[1], 0], [logo.shape[1], logo.shape[0]], [0, logo.shape[0]]]], np.float32),
            turn,
        )[0]
        (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
        return picture, (float(x0), float(y0), float(x1), float(y1))

    @staticmethod
    def pictures(count: int) -> list[LogoPicture]:
        """One logo of each of so many brands."""
        return [
            LogoPicture(
                rights_holder="Marks Ltd", brand=f"Brand {seed}", sha256=f"{seed:064x}", rgba=LogoDrawings.logo(seed)
            )
            for seed in range(count)
        ]


@pytest.fixture(scope="session")
def drawings() -> type[LogoDrawings]:
    return LogoDrawings


@pytest.fixture(scope="session")
def shipped_embedder() -> Embedder:
    return Embedder(Path(__file__).resolve().parents[3] / "models" / "embedder.onnx", threads=1)
