from __future__ import annotations

import hashlib

from crawler.marketplace import generate_marketplace
from crawler.marketplace.pictures import Shot
from crawler.marketplace.strangers import draw_stranger, stranger
from store.images import decode_image


def test_a_stranger_is_drawn_the_same_again_and_like_no_other() -> None:
    first = [draw_stranger(5, number) for number in range(4)]
    assert first == [draw_stranger(5, number) for number in range(4)]
    assert len({hashlib.sha256(content).hexdigest() for content in (*first, draw_stranger(6, 0))}) == 5
    assert all(min(decode_image(content).shape[:2]) >= 480 for content in first)


def test_they_are_of_every_family_with_and_without_marks_of_people_and_of_shops() -> None:
    recipes = [stranger(5, number) for number in range(200)]
    designs = [recipe.design for recipe in recipes if recipe.design]
    assert len(set(designs)) == 200
    assert len({design.family for design in designs}) == 6
    assert 70 < sum(design.mark is not None for design in designs) < 130
    assert 70 < sum(recipe.shot is Shot.OWN for recipe in recipes) < 130
    assert {recipe.shot for recipe in recipes} == {Shot.OWN, Shot.MAIN, Shot.ALTERNATIVE}


def test_no_marketplace_sells_what_a_stranger_shows() -> None:
    sold = {product.design for product in generate_marketplace(5).products}
    assert not sold & {stranger(5, number).design for number in range(200)}
