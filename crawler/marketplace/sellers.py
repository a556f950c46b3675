"""Who sells: brand stores, ordinary shops and people, and copycats. All draw ids, places and feedback alike."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from crawler.marketplace.disguise import misspelled
from crawler.marketplace.phrases import LOCATIONS
from crawler.marketplace.streams import word_stream
from crawler.marketplace.words import shop_name
from domain.listing import Seller


@dataclass(frozen=True, kw_only=True, slots=True)
class SellerBook:
    """Sellers by what they are; nothing that a listing shows tells the groups apart but the names of copycats."""

    authorized: dict[str, tuple[Seller, ...]]
    """By brand name."""
    copycats: dict[str, tuple[Seller, ...]]
    """Sellers with confusing names, by the brand they imitate."""
    ordinary: tuple[Seller, ...]
    temptation: dict[str, float]
    """Seller id of an ordinary seller to how readily it sells infringing goods, 0 to 1."""

    @property
    def all(self) -> tuple[Seller, ...]:
        """Each once, by id."""
        groups = (*self.authorized.values(), *self.copycats.values(), self.ordinary)
        return tuple(sorted({s.id: s for group in groups for s in group}.values(), key=lambda s: s.id))

    def entries(self, brand: str) -> tuple[str, ...]:
        """How the brand's own list names its authorized sellers: by id and by name, as not every page shows both."""
        return tuple(entry for seller in self.authorized[brand] for entry in (seller.id, seller.name))


def invent_sellers(seed: int, brands: tuple[str, ...], count: int) -> SellerBook:
    """`count` sellers in all. Raises ValueError when that is too few for the brands."""
    stream = word_stream(seed, "sellers")
    new = _newcomers(stream)
    authorized: dict[str, tuple[Seller, ...]] = {}
    retailers = [next(new) for _ in range(max(1, len(brands) // 2))]
    for number, brand in enumerate(brands):
        store = _renamed(next(new), _store_name(brand, stream))
        authorized[brand] = (store, retailers[number % len(retailers)])
    copycats: dict[str, tuple[Seller, ...]] = {
        brand: (_renamed(next(new), _copycat_name(brand, stream)),)
        for brand in stream.sample(brands, k=len(brands) // 2)
    }
    left = count - len(retailers) - len(brands) - len(copycats)
    if left < 4:
        raise ValueError(f"{count} sellers are too few for {len(brands)} brands")
    ordinary = [next(new) for _ in range(left)]
    # an honest shop may well contain the common word that is somebody's mark
    ordinary[0] = _renamed(ordinary[0], f"{brands[-1]}brook {stream.choice(('Finds', 'Attic', 'Vintage'))}")
    temptation = {s.id: stream.choice((0.0, 0.25, 0.5, 0.75, 1.0)) for s in ordinary}
    temptation[ordinary[0].id] = 0.0
    temptation[ordinary[1].id], temptation[ordinary[2].id] = 1.0, 0.0
    return SellerBook(authorized=authorized, copycats=copycats, ordinary=tuple(ordinary), temptation=temptation)


def _newcomers(stream: random.Random) -> Iterator[Seller]:
    ids: set[str] = set()
    names: set[str] = set()
    while True:
        seller = Seller(
            id=f"u{stream.randrange(100_000, 1_000_000)}",
            name=shop_name(stream),
            feedback_score=int(stream.lognormvariate(5.5, 1.7)),
            feedback_percent=round(100 - min(25.0, stream.expovariate(1 / 4.0)), 1),
            location=stream.choice(LOCATIONS),
        )
        if seller.id not in ids and seller.name not in names:
            ids.add(seller.id)
            names.add(seller.name)
            yield seller


def _renamed(seller: Seller, name: str) -> Seller:
    return Seller(
        id=seller.id,
        name=name,
        feedback_score=seller.feedback_score,
        feedback_percent=seller.feedback_percent,
        location=seller.location,
    )


def _store_name(brand: str, stream: random.Random) -> str:
    return stream.choice((f"{brand} Official", f"{brand} Store", f"{brand.casefold()}-official", f"{brand} Direct"))


def _copycat_name(brand: str, stream: random.Random) -> str:
    wrong = misspelled(brand, stream)
    return stream.choice(
        (
            f"{wrong}-official",
            f"{wrong.capitalize()} Store",
            f"{wrong}_outlet",
            f"{wrong}shop",
            f"{wrong.capitalize()} Direct",
        )
    )
