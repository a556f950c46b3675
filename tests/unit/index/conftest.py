from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from domain.catalog import ReferenceImage, ReferenceProduct
from domain.errors import NotFound
from index.artifact import IndexArtifact
from index.build import CopyEmbedder, build_artifact
from index.matcher import Matcher
from index.text import TextMatcher
from index.verification import Verifier
from store.images import RGB


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
