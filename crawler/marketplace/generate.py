"""From a seed to a whole marketplace whose every listing's truth is known."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from crawler.marketplace.brands import BrandBook
from crawler.marketplace.drawing.design import Design, Family
from crawler.marketplace.drawing.edit_names import choose_edits
from crawler.marketplace.goods import GOODS
from crawler.marketplace.model import InventedProduct, Marketplace, OfferedListing, PageStyle, Truth
from crawler.marketplace.offers import (
    BRAND_CLAIM,
    CODED_LANGUAGE,
    CONFUSING_SELLER_NAME,
    COPIED_PHOTO,
    SUSPICIOUS_PRICE,
    Wording,
    accessory_wording,
    honest_wording,
    infringing_wording,
    unrelated_wording,
)
from crawler.marketplace.palette import COLORS
from crawler.marketplace.pictures import Picture, Shot
from crawler.marketplace.sellers import SellerBook, invent_sellers
from crawler.marketplace.streams import word_stream
from domain.listing import Seller

_SHARES = {
    "copied_photo": 0.32,
    "counterfeit": 0.13,
    "authorised": 0.11,
    "resale": 0.08,
    "own_photo": 0.13,
    "unrelated": 0.12,
    "clearance": 0.04,
    "accessory": 0.04,
    "disclaimer": 0.03,
}
"""Share of each kind among the listings; the first two infringe."""
_INFRINGING = ("copied_photo", "counterfeit")


def generate_marketplace(seed: int, *, listings: int = 300, sellers: int = 40, brands: int = 6) -> Marketplace:
    """Equal arguments give equal bytes. Raises ValueError for sizes that cannot be: fewer than 20 listings,
    fewer than 2 or more than 8 brands, or too few sellers for the brands.
    """
    if listings < 20 or not 2 <= brands <= 8:
        raise ValueError(f"{listings} listings of {brands} brands; at least 20 listings, 2 to 8 brands")
    book = BrandBook(seed, brands)
    people = invent_sellers(seed, tuple(brand.name for brand in book.brands), sellers)
    assembly = _Assembly(seed, book, people, listings)
    kinds = [kind for kind, share in _SHARES.items() for _ in range(round(share * listings))]
    kinds = (kinds + ["unrelated"] * listings)[:listings]
    word_stream(seed, "order").shuffle(kinds)
    for kind in kinds:
        assembly.add(kind)
    return assembly.marketplace()


class _Assembly:
    """Listings and pictures, one after another; each from random streams of its own."""

    def __init__(self, seed: int, book: BrandBook, people: SellerBook, count: int) -> None:
        self.seed, self.book, self.people = seed, book, people
        self.listings: list[OfferedListing] = []
        self.truths: list[Truth] = []
        self.recipes: dict[str, Picture] = dict(book.recipes)
        numbers = word_stream(seed, "listing ids")
        self.ids = iter([str(n) for n in numbers.sample(range(10**11, 10**12), k=count)])

    def add(self, kind: str) -> None:
        """One more listing of that kind."""
        listing_id = next(self.ids)
        stream = word_stream(self.seed, "listing", listing_id)
        makers: dict[str, Callable[[str, str, random.Random], None]] = {
            "copied_photo": self._infringing,
            "counterfeit": self._infringing,
            "unrelated": self._unrelated,
            "accessory": self._accessory,
        }
        makers.get(kind, self._honest)(kind, listing_id, stream)

    def _infringing(self, kind: str, listing_id: str, stream: random.Random) -> None:
        product = stream.choice(self.book.products)
        seller = self._dishonest_seller(product, stream)
        confusing = seller in self.people.copycats.get(product.brand, ())
        wanted = _copied_violations(stream) if kind == "copied_photo" else _counterfeit_violations(stream, confusing)
        wording = infringing_wording(product, wanted, stream)
        edits: tuple[str, ...] = ()
        if kind == "copied_photo":
            images, edits = self._copies(product, stream)
        else:
            images = self._own_photos(product.design, stream)
        violations = (
            *((COPIED_PHOTO,) if kind == "copied_photo" else ()),
            *wording.violations,
            *((CONFUSING_SELLER_NAME,) if confusing else ()),
        )
        truth = Truth(
            listing_id=listing_id,
            kind=kind,
            label="infringing",
            violations=violations,
            reference_id=product.reference_id,
            edits=edits,
        )
        self._list(truth, wording, seller, images, product.price.currency, product.design.family, stream)

    def _honest(self, kind: str, listing_id: str, stream: random.Random) -> None:
        product = stream.choice(self.book.products)
        if kind == "authorised":
            seller = stream.choice(self.people.authorized[product.brand])
            images, edits = self._copies(product, stream, official=True)
        else:
            seller, edits = self._honest_seller(stream), ()
            images = self._own_photos(product.design, stream)
        truth = Truth(
            listing_id=listing_id, kind=kind, label="legitimate", reference_id=product.reference_id, edits=edits
        )
        wording = honest_wording(kind, product, stream)
        self._list(truth, wording, seller, images, product.price.currency, product.design.family, stream)

    def _unrelated(self, kind: str, listing_id: str, stream: random.Random) -> None:
        family, form, color = stream.choice(list(Family)), stream.randrange(3), stream.choice(list(COLORS))
        design = _unbranded(family, form, color, stream)
        wording = unrelated_wording(family, form, color, stream)
        truth = Truth(listing_id=listing_id, kind=kind, label="legitimate")
        currency = stream.choice(("USD", "USD", "EUR"))
        seller, images = self._honest_seller(stream), self._own_photos(design, stream)
        self._list(truth, wording, seller, images, currency, family, stream)

    def _accessory(self, kind: str, listing_id: str, stream: random.Random) -> None:
        product = stream.choice(self.book.products)
        goods = GOODS[product.design.family]
        design = _unbranded(
            product.design.family, 0, stream.choice(list(COLORS)), stream, variant=goods.accessory_variant
        )
        truth = Truth(listing_id=listing_id, kind=kind, label="legitimate")
        wording, images = accessory_wording(product, stream), self._own_photos(design, stream)
        self._list(
            truth, wording, self._honest_seller(stream), images, product.price.currency, product.design.family, stream
        )

    def _list(
        self,
        truth: Truth,
        wording: Wording,
        seller: Seller,
        images: tuple[str, ...],
        currency: str,
        family: Family,
        stream: random.Random,
    ) -> None:
        self.truths.append(truth)
        self.listings.append(
            OfferedListing(
                listing_id=truth.listing_id,
                title=wording.title,
                description=wording.description,
                price=wording.price,
                currency=currency,
                quantity=wording.quantity,
                brand=wording.brand,
                category=stream.choice((GOODS[family].category, GOODS[family].category, "")),
                condition=wording.condition,
                seller=seller,
                images=images,
                style=_style(currency, stream),
                family=family,
            )
        )

    def _copies(
        self, product: InventedProduct, stream: random.Random, *, official: bool = False
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Pictures made from catalog photos, and what was done to the first; a brand's own shops only resize."""
        shown = stream.sample(product.pictures, k=len(product.pictures))[: stream.choice((1, 1, 1, 2))]
        names: list[str] = []
        first_edits: tuple[str, ...] = ()
        for number, source in enumerate(shown):
            edits = stream.choice((("jpeg",), ("resize",), ("resize", "jpeg"))) if official else choose_edits(stream)
            sources = (source, self._partner(product, source, stream)) if "collage" in edits else (source,)
            names.append(
                self._picture(
                    Picture(shot=Shot.COPY, seed=stream.getrandbits(32), sources=sources, edits=edits), stream
                )
            )
            first_edits = first_edits if number else edits
        return tuple(names), first_edits

    def _partner(self, product: InventedProduct, source: str, stream: random.Random) -> str:
        """What a collage shows beside: the product's other catalog photo, or something of no brand; never another
        product of a catalog, of which the truth would have to tell too.
        """
        others = [name for name in product.pictures if name != source]
        if others and stream.random() < 0.6:
            return others[0]
        family, form, color = stream.choice(list(Family)), stream.randrange(3), stream.choice(list(COLORS))
        design = _unbranded(family, form, color, stream)
        return self._picture(Picture(shot=Shot.OWN, seed=stream.getrandbits(32), design=design), stream)

    def _own_photos(self, design: Design, stream: random.Random) -> tuple[str, ...]:
        count = stream.choice((1, 1, 1, 1, 2))
        return tuple(
            self._picture(Picture(shot=Shot.OWN, seed=stream.getrandbits(32), design=design), stream)
            for _ in range(count)
        )

    def _picture(self, picture: Picture, stream: random.Random) -> str:
        name = f"{stream.getrandbits(48):012x}"
        self.recipes[name] = picture
        return name

    def _dishonest_seller(self, product: InventedProduct, stream: random.Random) -> Seller:
        copycats = self.people.copycats.get(product.brand, ())
        if copycats and stream.random() < 0.35:
            return stream.choice(copycats)
        weights = [self.people.temptation[seller.id] for seller in self.people.ordinary]
        return stream.choices(self.people.ordinary, weights)[0]

    def _honest_seller(self, stream: random.Random) -> Seller:
        weights = [1.0 - self.people.temptation[seller.id] for seller in self.people.ordinary]
        return stream.choices(self.people.ordinary, weights)[0]

    def marketplace(self) -> Marketplace:
        """Everything so far. Faults of the site fall on listings whose truth they do not hide."""
        copied = [truth for truth in self.truths if truth.kind == "copied_photo"]
        copied.sort(key=lambda truth: (self._in_feed(truth), -len(truth.violations)))
        others = [truth for truth in self.truths if truth.kind in ("unrelated", "accessory")]
        others.sort(key=self._in_feed)
        broken, slow, missing, private = (truth.listing_id for truth in (*copied[:2], *others[:2]))
        return Marketplace(
            seed=self.seed,
            brands=tuple(self.book.brands),
            products=tuple(self.book.products),
            sellers=self.people.all,
            authorized={brand.name: self.people.entries(brand.name) for brand in self.book.brands},
            listings=tuple(_paged(listing, (broken, slow, missing, private)) for listing in self.listings),
            truths=tuple(self.truths),
            recipes=self.recipes,
            broken_image_listing=broken,
            slow_listing=slow,
            missing_image_listing=missing,
            private_listing=private,
        )

    def _in_feed(self, truth: Truth) -> bool:
        return next(x.style for x in self.listings if x.listing_id == truth.listing_id) is PageStyle.SHOPIFY


def _paged(listing: OfferedListing, faulty: tuple[str, ...]) -> OfferedListing:
    """The Shopify-style shop is read from its feed, where no single page can be slow or closed."""
    in_feed = listing.style is PageStyle.SHOPIFY
    return replace(listing, style=PageStyle.JSON_LD) if in_feed and listing.listing_id in faulty else listing


def _style(currency: str, stream: random.Random) -> PageStyle:
    """A Shopify-style shop has one currency; its feed does not even name it."""
    return stream.choice([style for style in PageStyle if style is not PageStyle.SHOPIFY or currency == "USD"])


def _unbranded(family: Family, form: int, color: str, stream: random.Random, variant: str = "") -> Design:
    return Design(
        family=family,
        shape_seed=stream.getrandbits(30) * 3 + form,
        main=COLORS[color],
        second=stream.choice(list(COLORS.values())),
        accent=stream.choice(list(COLORS.values())),
        mark=None,
        variant=variant,
    )


def _copied_violations(stream: random.Random) -> frozenset[str]:
    """Any subset, the empty one included: the photo alone may be all there is to see."""
    chances = {BRAND_CLAIM: 0.5, CODED_LANGUAGE: 0.35, SUSPICIOUS_PRICE: 0.45}
    return frozenset(name for name, chance in chances.items() if stream.random() < chance)


def _counterfeit_violations(stream: random.Random, confusing: bool) -> frozenset[str]:
    """At least two, one of them in the words or the seller's name: without a copied photo nothing else can be seen."""
    while True:
        wanted = _copied_violations(stream)
        if len(wanted) + confusing >= 2 and (CODED_LANGUAGE in wanted or confusing):
            return wanted
