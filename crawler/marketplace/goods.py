"""The families of goods in words: nouns, prices, categories, sentences of a catalog."""

from __future__ import annotations

from dataclasses import dataclass

from crawler.marketplace.drawing.design import Family


@dataclass(frozen=True, kw_only=True, slots=True)
class Goods:
    """How shops speak of a family."""

    nouns: tuple[str, ...]
    """One for each form that the drawing knows, in its order."""
    price_range: tuple[float, float]
    """Regular prices, in the brand's currency."""
    category: str
    """Google product category."""
    nice_class: int
    materials: tuple[str, ...]
    features: tuple[str, ...]
    accessories: tuple[str, ...]
    """Honest goods made to go with one of the family."""
    accessory_variant: str
    """`Design.variant` that draws them."""


GOODS: dict[Family, Goods] = {
    Family.BAG: Goods(
        nouns=("tote bag", "backpack", "satchel"),
        price_range=(89, 640),
        category="Luggage & Bags > Handbags",
        nice_class=18,
        materials=("full-grain leather", "waxed canvas", "pebbled leather", "recycled nylon"),
        features=(
            "Two inner pockets and a key leash.",
            "A padded sleeve holds a 13-inch laptop.",
            "Solid metal hardware that does not tarnish.",
            "Edges are painted by hand in three layers.",
            "The strap adjusts from 70 to 120 cm.",
        ),
        accessories=("dust cover for {}", "organizer insert fits {}", "rain cover compatible with {}"),
        accessory_variant="pouch",
    ),
    Family.SHOE: Goods(
        nouns=("low sneakers", "high-top sneakers", "running shoes"),
        price_range=(75, 280),
        category="Apparel & Accessories > Shoes",
        nice_class=25,
        materials=("knit upper", "suede and mesh", "smooth leather", "ripstop upper"),
        features=(
            "The midsole returns energy at every step.",
            "Reflective details for the dark months.",
            "A removable insole made of cork.",
            "Grippy outsole with a wave pattern.",
            "True to size.",
        ),
        accessories=("replacement laces for {}", "insoles made to fit {}", "shoe bag for {}"),
        accessory_variant="pouch",
    ),
    Family.WATCH: Goods(
        nouns=("field watch", "chronograph", "dress watch"),
        price_range=(140, 1890),
        category="Apparel & Accessories > Jewelry > Watches",
        nice_class=14,
        materials=("brushed steel case", "polished steel case", "sapphire crystal", "Italian leather strap"),
        features=(
            "Water resistant to 100 meters.",
            "The hands glow for six hours.",
            "A screw-down crown keeps dust out.",
            "Runs for 42 hours when fully wound.",
            "The strap changes without tools.",
        ),
        accessories=("20 mm strap for {}", "leather strap fits {}", "travel pouch for {}"),
        accessory_variant="strap",
    ),
    Family.BOTTLE: Goods(
        nouns=("insulated bottle", "sports bottle", "travel flask"),
        price_range=(24, 72),
        category="Home & Garden > Kitchen & Dining > Water Bottles",
        nice_class=21,
        materials=("double-wall steel", "powder-coated steel", "brushed steel"),
        features=(
            "Keeps drinks cold for 24 hours, hot for 12.",
            "The lid closes with half a turn.",
            "Wide mouth, easy to clean.",
            "Holds 600 ml and fits most cup holders.",
            "Free of BPA.",
        ),
        accessories=("protective sleeve for {}", "carry pouch for {}", "cleaning kit fits {}"),
        accessory_variant="pouch",
    ),
    Family.CHARGER: Goods(
        nouns=("wall charger", "charging stand", "power bank"),
        price_range=(22, 96),
        category="Electronics > Electronics Accessories > Power > Chargers",
        nice_class=9,
        materials=("fire-resistant shell", "soft-touch shell", "anodized aluminum"),
        features=(
            "Charges two devices at once.",
            "65 W at the first port.",
            "Stays cool under full load.",
            "Folds flat for the road.",
            "A small lamp tells when the device is full.",
        ),
        accessories=("USB-C cable for {}", "travel case for {}", "braided cable compatible with {}"),
        accessory_variant="cable",
    ),
    Family.SHIRT: Goods(
        nouns=("graphic tee", "polo shirt", "long-sleeve shirt"),
        price_range=(32, 128),
        category="Apparel & Accessories > Clothing > Shirts & Tops",
        nice_class=25,
        materials=("organic cotton", "heavy jersey", "pique knit", "brushed cotton"),
        features=(
            "Pre-washed, so that it keeps its size.",
            "The print is made with water-based inks.",
            "A ribbed collar that stays in shape.",
            "Regular fit.",
            "Double-stitched seams.",
        ),
        accessories=("garment bag for {}", "iron-on name tape for {}", "laundry bag for {}"),
        accessory_variant="pouch",
    ),
}
