"""Which links of an offer's page lead to more of the same: its seller, what else the seller offers, similar items.

Words and shapes of addresses are those that marketplaces and shop software use. What they fit by chance costs one
request; so a link is taken only where a shape or its words say so, and a seller's page only where it is one seller's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from urllib.parse import parse_qs, unquote, urlsplit

from crawler.sources.interface import Offer, Priority

MOST_OF_A_KIND = 3
MOST_LINKS = 5_000
_LONGEST_ID = 200
_LONGEST_TEXT = 80


@dataclass(frozen=True, kw_only=True, slots=True)
class PageLink:
    """One ``a`` element of a page."""

    url: str
    """Absolute."""
    text: str = ""
    """As a person reads it; the alternative text of its picture where there is none."""
    rel: tuple[str, ...] = ()
    """Link types, lower case."""


class Relation(StrEnum):
    """What a link leads to."""

    SELLER = "seller"
    """The seller's own page, which lists what the seller offers."""
    MORE_OF_SELLER = "more_of_seller"
    """A list of the seller's other items."""
    SIMILAR = "similar"
    """A list of items like this one."""


PRIORITIES = {
    Relation.SELLER: Priority.PAGE + 8,
    Relation.MORE_OF_SELLER: Priority.PAGE + 8,
    Relation.SIMILAR: Priority.PAGE + 4,
}
"""Before any other link, after what is known to be an offer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Related:
    """A link worth following."""

    url: str
    relation: Relation
    priority: int
    seller_id: str = ""
    """The seller it leads to, by the marketplace's own key, where its address or the offer tells; else empty."""


_SELLER_FOLDER = re.compile(
    r"sellers?|usr|users?|vendors?|merchants?|str|u|members?|verkaeufer|haendler|anbieter|vendeurs?|vendedor(?:es)?"
    r"|venditor[ei]|verkopers?|sprzedawca|satici|prodavec|usuario|perfil"
)
"""Parts of a path after which a seller is named, wherever they are used."""
_SHOP_FOLDER = re.compile(
    rf"{_SELLER_FOLDER.pattern}|shops?|stores?|tiendas?|lojas?|boutique|negozio|winkel|sklep|magaza"
)
"""The same, with those in which a shop of its own keeps its whole catalog."""
_SELLER_PARAMETERS = ("seller", "seller_id", "sellerid", "vendor_id", "merchant_id", "store_id", "shop_id", "_ssn")
_NOT_A_SELLER = re.compile(
    r"login|signin|register|signup|new|edit|dashboard|account|settings|help|faq|contact|report|feedback|reviews|search"
    r"|all|list|index|category|categories|cart|about|terms|polic(?:y|ies)|password|apply|join|start|sell"
)
_NOT_A_LIST = re.compile(
    r"(?<![a-z])(?:sign-?in|log-?in|register|cart|checkout|contact|message|report|complain\w*|feedback|reviews?|ratings?"
    r"|follow|share|policy|policies|terms|help|faq)(?![a-z])"
)
_MORE_WORDS = re.compile(
    "more from this seller|more from this shop|more from this store|more from seller|more from shop"
    "|other items from|seller's other items|sellers other items|see other items|see all items from"
    "|view all items from|visit store|visit shop|visit the store|visit the shop"
    "|all items from this seller|more items from this seller|weitere artikel des verkäufers"
    "|andere artikel ansehen|mehr aus diesem shop|mehr von diesem verkäufer|shop besuchen"
    "|autres objets du vendeur|plus d'articles de ce vendeur|plus de cette boutique|voir la boutique"
    "|visiter la boutique|otros artículos del vendedor|más de este vendedor|más artículos del vendedor"
    "|más de esta tienda|visitar tienda|ver más del vendedor|ver tienda|mais deste vendedor"
    "|mais itens do vendedor|outros itens do vendedor|mais desta loja|visitar loja|ver loja"
    "|altri oggetti del venditore|altri articoli del venditore|visita il negozio|meer van deze verkoper"
    "|andere artikelen van deze verkoper|bezoek winkel|inne przedmioty sprzedającego"
    "|inne oferty sprzedającego|satıcının diğer ürünleri|mağazaya git|diğer ürünleri|mağazayı ziyaret et"
    "|другие товары продавца|все товары продавца|перейти в магазин|другие объявления"
    "|出品者のほかの商品|出品者の他の商品"
    "|ショップを見る|卖家其他商品|卖家的其他商品|进店逛逛|进入店铺|該店鋪其他商品|店铺首页"
    "|منتجات أخرى من البائع|المزيد من هذا البائع|زيارة المتجر"
)
_SIMILAR_WORDS = re.compile(
    "similar items|similar products|similar listings|see similar|view similar|shop similar|more like this"
    "|ähnliche artikel|ähnliche produkte|ähnliche angebote|articles similaires|produits similaires"
    "|objets similaires|artículos similares|productos similares|itens similares|produtos similares"
    "|produtos semelhantes|articoli simili|prodotti simili|oggetti simili|vergelijkbare artikelen"
    "|vergelijkbare producten|podobne przedmioty|podobne produkty|podobne oferty|benzer ürünler"
    "|benzer ilanlar|похожие товары|похожие объявления|類似商品|似た商品|相似商品|相似宝贝|找相似|منتجات مشابهة"
    "|منتجات مماثلة"
)
_SIMILAR_SHAPE = re.compile(r"/(?:similar|similar-items|similar-products|similar-listings)(?:/|$)")


def related(links: Iterable[PageLink], offer: Offer) -> Sequence[Related]:
    """The links of the page of `offer` that lead to more, each address once, by priority and then as on the page.

    Only links to the page's own host are taken, none that are ``nofollow``, at most `MOST_OF_A_KIND` of a relation.
    """
    host = _host(offer.listing.url)
    taken: dict[str, Related] = {}
    sellers: dict[str, Related] = {}
    for link in list(links)[:MOST_LINKS]:
        if _host(link.url) != host or not host or "nofollow" in link.rel or link.url in taken:
            continue
        if found := _list_of(link, offer):
            taken[link.url] = found
        elif seller := _seller_page(link, offer):
            sellers.setdefault(link.url, seller)
    found_all = [*_of_this_offer(list(sellers.values()), offer), *taken.values()]
    chosen = [
        each
        for relation in Relation
        for each in [each for each in found_all if each.relation is relation][:MOST_OF_A_KIND]
    ]
    return tuple(sorted({each.url: each for each in chosen}.values(), key=lambda each: -each.priority))


def seller_of(url: str, *, shops: bool = False) -> str:
    """The seller that an address names by its shape (``/usr/NAME``, ``?seller=ID``); empty where it names none.

    Folders that a shop of its own uses for its catalog (``/shop/``, ``/store/``) name none by themselves; with `shops`
    they do, for who can tell a seller from a category.
    """
    return _named_in(url, _SHOP_FOLDER if shops else _SELLER_FOLDER)


def _named_in(url: str, folders: re.Pattern[str]) -> str:
    try:
        parts = urlsplit(url)
        parameters = parse_qs(parts.query, max_num_fields=50) if parts.query else {}
    except ValueError:
        return ""
    named = {name.casefold(): values for name, values in parameters.items()}
    for name in _SELLER_PARAMETERS:
        if len(values := named.get(name, [])) == 1:
            return _checked(values[0])
    segments = [segment for segment in parts.path.split("/") if segment][:3]
    for folder, identity in pairwise(segments):
        if folders.fullmatch(folder.casefold()):
            return _checked(unquote(identity))
    return ""


def _checked(identity: str) -> str:
    clean = identity.strip()
    usable = 0 < len(clean) <= _LONGEST_ID and clean.isprintable() and not _NOT_A_SELLER.fullmatch(clean.casefold())
    return clean if usable else ""


def _list_of(link: PageLink, offer: Offer) -> Related | None:
    """A link whose words, or whose shape, say that it leads to a list."""
    text = _folded(link.text)
    path = _path(link.url)
    if not path or _NOT_A_LIST.search(path) or len(text) > _LONGEST_TEXT:
        return None
    if _MORE_WORDS.search(text):
        seller_id = _named_in(link.url, _SHOP_FOLDER)
        ours = offer.listing.seller
        if seller_id and not _is_seller(seller_id, "", offer) and ours.id:
            return None  # another seller's, on a card of theirs
        return Related(
            url=link.url,
            relation=Relation.MORE_OF_SELLER,
            priority=PRIORITIES[Relation.MORE_OF_SELLER],
            seller_id=ours.id or seller_id,
        )
    if _SIMILAR_WORDS.search(text) or _SIMILAR_SHAPE.search(path):
        return Related(url=link.url, relation=Relation.SIMILAR, priority=PRIORITIES[Relation.SIMILAR])
    return None


def _seller_page(link: PageLink, offer: Offer) -> Related | None:
    """A link that may lead to a seller's page; whose, is not asked yet."""
    if _NOT_A_LIST.search(_path(link.url)):
        return None
    seller_id = seller_of(link.url)
    if not seller_id and (shop := _named_in(link.url, _SHOP_FOLDER)) and _is_seller(shop, link.text, offer):
        seller_id = shop
    if not seller_id and "author" in link.rel and _is_seller("", link.text, offer):
        seller_id = offer.listing.seller.id
    if not seller_id:
        return None
    return Related(url=link.url, relation=Relation.SELLER, priority=PRIORITIES[Relation.SELLER], seller_id=seller_id)


def _of_this_offer(sellers: Sequence[Related], offer: Offer) -> list[Related]:
    """Those of the offer's own seller; where none is, the only seller that the page names. Several are nobody's."""
    ours = [each for each in sellers if _is_seller(each.seller_id, "", offer)]
    if ours or offer.listing.seller.id:
        return ours
    return list(sellers) if len({each.seller_id for each in sellers}) == 1 else []


def _is_seller(seller_id: str, text: str, offer: Offer) -> bool:
    """Whether an id in an address, or a link's words, are those of the offer's seller."""
    seller = offer.listing.seller
    own = {_plain(seller.id), _plain(seller.name)} - {""}
    return _plain(seller_id) in own or (bool(text) and _plain(text) in own)


def _plain(name: str) -> str:
    """Letters and digits alone: ``Blue Harbor Bags`` is ``blue-harbor-bags`` in an address."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(character for character in folded if character.isalnum())


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().replace("’", "'").split())


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts.netloc.casefold() if parts.scheme in ("http", "https") else ""


def _path(url: str) -> str:
    try:
        return urlsplit(url).path.casefold()
    except ValueError:
        return ""
