"""Invented names: brands, product lines, people, shops. The best-known real marks are kept out."""

from __future__ import annotations

import random
from collections.abc import Iterable


def _split(words: str) -> tuple[str, ...]:
    return tuple(words.split())


_ONSETS = _split("b br c ch d dr f fl g gr h j k kl l m n p pr qu r s sk st t tr v w z")
_VOWELS = _split("a e i o u ae ei ia ou")
_CODAS = _split("l n r s th nd rk lt x m sk v")
_COMMON_WORDS = _split(
    "Alder Bramble Cinder Copper Cypress Ember Fable Fennel Hazel Heron Juniper Lantern Larch Linden Marble Meadow "
    "Orchard Osprey Pebble Quarry Russet Saffron Sparrow Thicket Thistle Timber Willow Wren"
)
_TAKEN = frozenset(
    _split(
        "fendi prada gucci chanel dior hermes rolex omega nike adidas puma reebok asics fila vans casio seiko tissot "
        "swatch fossil samsung sony anker belkin apple lego zara mango lacoste diesel levis celine loewe balenciaga "
        "kipling coach furla bally kenzo versace armani boss tumi samsonite stanley sigg hydro chilly"
    )
)
_FIRST_NAMES = _split(
    "anna bea carl dana elif emre faye gus hana igor ines jo kai lena li luis mara mei nadia nico noor olga omar paul "
    "pia raj rosa sam sara tao tess uli vera will yara yusuf zoe"
)
_SHOP_WORDS = _split(
    "attic avenue bazaar boutique bay cabin cart closet corner cove deal den depot dock emporium factory find gallery "
    "garage goods harbor haven house island lane loft market mart nest orbit outlet parlor pier plaza port ridge room "
    "shed shelf shop square stall station store street studio supply thrift trading trove vault village warehouse wharf"
)
_SHOP_ADJECTIVES = _split(
    "amber blue bright busy city corner crisp daily dusty early east fair fast first fresh gentle global golden good "
    "grand green happy high honest kind late little lucky main merry neat new next nice noble north old open polite "
    "prime quick quiet rapid red royal silver simple smart sunny super swift top trend trusty urban warm west wide"
)


def invented_word(stream: random.Random, syllables: int) -> str:
    """A capitalized word that reads like a name, such as ``Drevalt``."""
    parts = [stream.choice(_ONSETS) + stream.choice(_VOWELS[:5] if i else _VOWELS) for i in range(syllables)]
    return ("".join(parts) + (stream.choice(_CODAS) if stream.random() < 0.7 else "")).capitalize()


def brand_names(stream: random.Random, count: int) -> tuple[str, ...]:
    """`count` different names of 5 to 9 letters; the last one is a common word, as some real marks are."""
    names: list[str] = []
    while len(names) < count - 1:
        name = invented_word(stream, 2 if stream.random() < 0.6 else 3)
        if 5 <= len(name) <= 9 and name.casefold() not in _TAKEN and _unlike(name, names):
            names.append(name)
    return (*names, stream.choice(_COMMON_WORDS))


def line_names(stream: random.Random, count: int) -> tuple[str, ...]:
    """Names of product lines, such as ``Kova`` or ``Tresk``."""
    names: list[str] = []
    while len(names) < count:
        name = invented_word(stream, stream.choice((1, 2, 2)))
        if 4 <= len(name) <= 8 and name not in names:
            names.append(name)
    return tuple(names)


def shop_name(stream: random.Random) -> str:
    """A seller's name in one of the manners in which real ones are written; honest and dishonest share them all."""
    first, shop, adjective = stream.choice(_FIRST_NAMES), stream.choice(_SHOP_WORDS), stream.choice(_SHOP_ADJECTIVES)
    number = stream.randint(1, 99)
    return stream.choice(
        (
            f"{first}_{number}",
            f"{first}s_{shop}",
            f"{adjective}{shop}{number}",
            f"{adjective}-{shop}",
            f"{adjective.capitalize()} {shop.capitalize()}",
            f"{first.capitalize()}'s {shop.capitalize()}",
            f"{shop}_{first}{number}",
            f"the_{adjective}_{shop}",
            f"{adjective}{first}",
        )
    )


def _unlike(name: str, others: Iterable[str]) -> bool:
    """Two brands of one marketplace never share their first three letters."""
    return all(name[:3].casefold() != other[:3].casefold() for other in others)
