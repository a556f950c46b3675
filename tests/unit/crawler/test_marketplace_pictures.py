"""Pictures: every form can be drawn, copies stay copies, and one's own photo is no copy."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pdqhash
import pytest

from crawler.marketplace import Marketplace, generate_marketplace
from crawler.marketplace.drawing.design import Design, Family
from crawler.marketplace.drawing.edit_names import EDITS
from crawler.marketplace.drawing.edits import edit_photo
from crawler.marketplace.drawing.photograph import draw_product, photograph
from crawler.marketplace.goods import GOODS
from crawler.marketplace.palette import COLORS
from store.images import RGB, decode_image


@pytest.fixture(scope="module")
def marketplace() -> Marketplace:
    return generate_marketplace(23)


def _design(marketplace: Marketplace, family: Family, form: int = 0) -> Design:
    mark = next(p for p in marketplace.products).design.mark
    colors = {"main": COLORS["teal"], "second": COLORS["tan"], "accent": COLORS["mustard"]}
    return Design(family=family, shape_seed=300 + form, mark=mark, **colors)


def _distance(first: RGB, second: RGB) -> int:
    """Hamming distance of the PDQ hashes, out of 256; copies lie under about 31."""
    return int((pdqhash.compute(first)[0] != pdqhash.compute(second)[0]).sum())


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("form", range(3))
def test_every_form_fills_its_relief_and_carries_its_mark(marketplace: Marketplace, family: Family, form: int) -> None:
    design = _design(marketplace, family, form)
    branded = draw_product(design, np.random.default_rng(1))
    plain = draw_product(replace(design, mark=None), np.random.default_rng(1))
    assert 0.08 < branded.alpha.mean() < 0.8
    assert np.isfinite(branded.height).all()
    assert np.abs(branded.albedo - plain.albedo).max() > 0.3


@pytest.mark.parametrize("family", Family)
def test_accessories_do_not_look_like_what_they_go_with(marketplace: Marketplace, family: Family) -> None:
    design = replace(_design(marketplace, family), mark=None)
    product = draw_product(design, np.random.default_rng(1))
    accessory = draw_product(replace(design, variant=GOODS[family].accessory_variant), np.random.default_rng(1))
    assert 0.05 < accessory.alpha.mean() < 0.8
    assert np.abs(accessory.alpha - product.alpha).mean() > 0.03


def test_color_variants_share_their_outline(marketplace: Marketplace) -> None:
    by_line: dict[tuple[str, str], list[Design]] = {}
    for product in marketplace.products:
        by_line.setdefault((product.brand, product.line), []).append(product.design)
    pairs = [pair for designs in by_line.values() for pair in pairwise(designs)]
    assert pairs
    for first, second in pairs:
        one, other = (draw_product(design, np.random.default_rng(4)) for design in (first, second))
        assert np.array_equal(one.alpha, other.alpha)
        differs = np.abs(one.albedo - other.albedo).max(axis=2)[one.alpha > 0.5] > 0.1
        assert differs.mean() > 0.1, (first.family, first.shape_seed)


def test_a_photograph_is_the_same_for_the_same_seed_only(marketplace: Marketplace) -> None:
    design = _design(marketplace, Family.SHOE)
    assert photograph(design, "own", 5) == photograph(design, "own", 5)
    assert photograph(design, "own", 5) != photograph(design, "own", 6)


@pytest.mark.parametrize("edit", EDITS)
def test_every_edit_gives_a_whole_picture(marketplace: Marketplace, edit: str) -> None:
    sources = tuple(marketplace.picture(p.pictures[0]) for p in marketplace.products[:2])
    for seed in range(4):
        edited = edit_photo(sources, (edit,), seed)
        assert edited != edit_photo(sources, (), seed)
        height, width, _ = decode_image(edited).shape
        assert min(height, width) >= 150
        assert max(height, width) <= 1000


def test_light_edits_stay_near_the_photo_and_own_photos_do_not(marketplace: Marketplace) -> None:
    for product in marketplace.products[::4]:
        name = product.pictures[0]
        photo = decode_image(marketplace.picture(name))
        copied = decode_image(edit_photo((marketplace.picture(name),), ("colour", "resize", "jpeg"), 1))
        assert _distance(photo, copied) <= 50
        for seed in range(3):
            assert _distance(photo, decode_image(photograph(product.design, "own", seed))) > 60


def test_photographs_hold_enough_detail(marketplace: Marketplace) -> None:
    for product in marketplace.products[::5]:
        gray = decode_image(marketplace.picture(product.pictures[0])).astype(np.float32).mean(axis=2)
        assert gray.std() > 12
        assert np.abs(np.diff(gray, axis=0)).mean() > 0.8


def test_logos_of_one_marketplace_differ(marketplace: Marketplace) -> None:
    logos = [decode_image(marketplace.picture(brand.logo), name="logo.png") for brand in marketplace.brands]
    assert all(_distance(first, second) > 40 for first, second in pairwise(logos))
