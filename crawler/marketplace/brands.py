"""Brands and their catalogs from a seed."""

from __future__ import annotations

import random
from decimal import Decimal

from crawler.marketplace.drawing.design import BrandMark, Design, Family
from crawler.marketplace.goods import GOODS
from crawler.marketplace.model import InventedBrand, InventedProduct
from crawler.marketplace.palette import COLORS, RGB, luminance
from crawler.marketplace.pictures import Picture, Shot
from crawler.marketplace.streams import word_stream
from crawler.marketplace.words import brand_names, line_names
from domain.catalog import Money

FONTS = (
    "DejaVuSans-Bold.ttf",
    "DejaVuSerif-Bold.ttf",
    "DejaVuSansMono-Bold.ttf",
    "STIXGeneralBol.ttf",
    "STIXGeneralBolIta.ttf",
    "cmss10.ttf",
    "cmb10.ttf",
    "DejaVuSans-BoldOblique.ttf",
    "DejaVuSerif-BoldItalic.ttf",
)
_COMPANY_FORMS = ("Group", "Ltd.", "GmbH", "Inc.")
INKS = ("black", "navy", "burgundy", "forest", "teal", "rust", "blue", "plum", "red")


class BrandBook:
    """Brands, their marks, products and pictures, growing together from one seed."""

    def __init__(self, seed: int, count: int) -> None:
        self.seed = seed
        self.brands: list[InventedBrand] = []
        self.marks: dict[str, BrandMark] = {}
        self.products: list[InventedProduct] = []
        self.recipes: dict[str, Picture] = {}
        stream = word_stream(seed, "brands")
        names = brand_names(stream, count)
        fonts, emblems = stream.sample(FONTS, k=len(FONTS)), stream.sample(range(8), k=8)
        families = [family for _ in range(2) for family in stream.sample(list(Family), k=len(Family))]
        lines = iter(line_names(stream, count * 6))
        for number, name in enumerate(names):
            mark = self._mark(name, fonts[number % len(fonts)], emblems[number % len(emblems)])
            # every family appears, and every brand sells two: one of its own and its neighbor's
            own = (families[number % 6], families[6 + (number + number // 6) % 6])
            self._add_brand(name, mark, own, number, names)
            for family in dict.fromkeys(own):
                for _ in range(2):
                    self._add_line(self.brands[-1], mark, family, next(lines))

    def _mark(self, name: str, font: str, emblem: int) -> BrandMark:
        stream = word_stream(self.seed, "mark", name)
        written = stream.choice((name, name.upper(), name.upper(), name.lower()))
        return BrandMark(
            wordmark=written,
            emblem=emblem,
            seed=stream.getrandbits(32),
            font=font,
            tracking=stream.uniform(0.0, 0.22) if written.isupper() else 0.0,
            ink=COLORS[stream.choice(INKS)],
        )

    def _add_brand(
        self, name: str, mark: BrandMark, families: tuple[Family, ...], number: int, names: tuple[str, ...]
    ) -> None:
        stream = word_stream(self.seed, "brand", name)
        # the second brand belongs to the first one's house, as real groups hold several
        house = names[0] if number == 1 else name
        logo = f"logo-{name.casefold()}"
        design = Design(
            family=families[0], shape_seed=mark.seed, main=mark.ink, second=mark.ink, accent=mark.ink, mark=mark
        )
        self.recipes[logo] = Picture(shot=Shot.LOGO, seed=mark.seed, design=design)
        self.marks[name] = mark
        self.brands.append(
            InventedBrand(
                name=name,
                rights_holder=f"{house} {word_stream(self.seed, 'house', house).choice(_COMPANY_FORMS)}",
                contact_email=f"brand-protection@{house.casefold()}.example",
                registration_number=f"{stream.randint(10_000_000, 99_999_999):09d}",
                nice_classes=tuple(sorted({GOODS[family].nice_class for family in families})),
                currency="EUR" if number % 3 == 2 else "USD",
                logo=logo,
            )
        )

    def _add_line(self, brand: InventedBrand, mark: BrandMark, family: Family, line: str) -> None:
        """One outline in one to three colors."""
        stream = word_stream(self.seed, "line", brand.name, line)
        goods, form = GOODS[family], stream.randrange(3)
        shape_seed = stream.getrandbits(30) * 3 + form
        price = regular_price(stream, goods.price_range)
        floor = Money(amount=(price * Decimal("0.75")).quantize(Decimal("0.01")), currency=brand.currency)
        floored = stream.random() < 0.6
        second, accent = stream.choice(list(COLORS.values())), stream.choice(list(COLORS.values()))
        colors = _apart(stream, stream.choice((1, 2, 2, 2, 3)))
        model = f"{stream.randrange(16**5):05X}"
        description = _describe(stream, family, goods.nouns[form], line)
        for color in colors:
            reference_id = f"{brand.name[:4].upper()}-{model}-{color.upper()}"
            design = Design(
                family=family, shape_seed=shape_seed, main=COLORS[color], second=second, accent=accent, mark=mark
            )
            self.products.append(
                InventedProduct(
                    reference_id=reference_id,
                    brand=brand.name,
                    line=line,
                    noun=goods.nouns[form],
                    color=color,
                    description=description,
                    price=Money(amount=price, currency=brand.currency),
                    minimum_advertised_price=floor if floored else None,
                    category=goods.category,
                    gtin=_gtin(stream),
                    design=design,
                    pictures=self._photos(reference_id, design, second=stream.random() < 0.6),
                )
            )

    def _photos(self, reference_id: str, design: Design, *, second: bool) -> tuple[str, ...]:
        shots = {f"{reference_id}_main": Shot.MAIN}
        if second:
            shots[f"{reference_id}_alt"] = Shot.ALTERNATIVE
        for name, shot in shots.items():
            seed = word_stream(self.seed, "photo", name).getrandbits(32)
            self.recipes[name] = Picture(shot=shot, seed=seed, design=design)
        return tuple(shots)


def regular_price(stream: random.Random, price_range: tuple[float, float]) -> Decimal:
    """A shop's price: spread evenly in ratio, ending in .00, .90, .95 or .99."""
    low, high = price_range
    whole = int(low * (high / low) ** stream.random())
    return Decimal(whole) + Decimal(stream.choice(("0.00", "0.90", "0.95", "0.99")))


def _apart(stream: random.Random, count: int) -> list[str]:
    """Colors of one line that nobody takes for one another."""
    chosen: list[str] = []
    names = stream.sample(list(COLORS), k=len(COLORS))
    for name in names:
        if len(chosen) < count and all(_distance(COLORS[name], COLORS[other]) > 0.45 for other in chosen):
            chosen.append(name)
    return chosen


def _distance(first: RGB, second: RGB) -> float:
    hue = sum((a - b) ** 2 for a, b in zip(first, second, strict=True)) ** 0.5
    return float(hue + abs(luminance(first) - luminance(second)) * 0.3)


def _describe(stream: random.Random, family: Family, noun: str, line: str) -> str:
    goods = GOODS[family]
    opening = stream.choice(
        (
            f"The {line} {noun} goes with you from morning to night.",
            f"{line} is our everyday companion, made to last.",
            f"Meet {line}: fewer parts, better made.",
            f"With {line}, the details do the talking.",
        )
    )
    made = f"Made of {stream.choice(goods.materials)}." if family is not Family.WATCH else "Assembled by hand."
    return " ".join((opening, made, *stream.sample(goods.features, k=2)))


def _gtin(stream: random.Random) -> str:
    """A valid GTIN-13 in the range 200-299, which GS1 leaves to shops' own use."""
    digits = "2" + "".join(str(stream.randrange(10)) for _ in range(11))
    total = sum(int(digit) * (3 if position % 2 else 1) for position, digit in enumerate(digits))
    return digits + str(-total % 10)
