"""Infringing listings grouped into cases: one seller, one marketplace, one rights holder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from domain import codec
from domain.assessment import Assessment, Band
from domain.case import Case
from domain.listing import Listing, Seller
from domain.review import Decision, Review
from takedown.rights import RightsRegister, is_authorized

ListingLookup = Callable[[str, str], Listing]
"""(marketplace, listing_id) → listing; raises NotFound. `ListingReader.listing` is one."""


def case_id(marketplace: str, seller_id: str, rights_holder: str) -> str:
    """24 hex digits, the same whenever the same three are given."""
    key = {"marketplace": marketplace, "seller_id": seller_id, "rights_holder": rights_holder}
    return codec.digest(key)[:24]


def group_cases(
    assessments: Iterable[Assessment], listings: ListingLookup, register: RightsRegister, reviews: Iterable[Review] = ()
) -> tuple[Case, ...]:
    """The cases that the `enforce` band makes, most listings first, then by case_id; the input's order is no matter.

    A listing belongs to the rights holder to whom its findings point most. Authorized sellers get no case, and a
    listing whose rights holder nobody can name gets none either: `without_rights_holder` lists those. Nor does a
    listing that a person cleared, by the standing `reviews`; it is not handed on to the next rights holder.
    Raises NotFound when an assessed listing is not stored.
    """
    rejections = rejections_by_listing(reviews)
    groups: dict[tuple[str, str, str], list[Assessment]] = defaultdict(list)
    sellers: dict[tuple[str, str, str], dict[str, Seller]] = defaultdict(dict)
    for assessment in assessments:
        holder = register.leading_holder(assessment) if assessment.band == Band.ENFORCE else None
        if holder is None or is_cleared(rejections, assessment.marketplace, assessment.listing_id, holder.name):
            continue
        seller = listings(assessment.marketplace, assessment.listing_id).seller
        if is_authorized(seller, holder, assessment):
            continue
        key = (assessment.marketplace, seller.id, holder.name)
        groups[key].append(assessment)
        sellers[key][assessment.listing_id] = seller
    cases = (_case(key, group, sellers[key]) for key, group in groups.items())
    return tuple(sorted(cases, key=lambda case: (-len(case.listing_ids), case.case_id)))


Rejections = Mapping[tuple[str, str], Sequence[Review]]
"""By (marketplace, listing_id)."""


def rejections_by_listing(reviews: Iterable[Review]) -> Rejections:
    """Those of the standing reviews that reject."""
    found: dict[tuple[str, str], list[Review]] = defaultdict(list)
    for review in reviews:
        if review.decision == Decision.REJECTED:
            found[review.marketplace, review.listing_id].append(review)
    return dict(found)


def is_cleared(rejections: Rejections, marketplace: str, listing_id: str, rights_holder: str) -> bool:
    """Whether a person decided that the listing does not infringe this rights holder's rights."""
    return any(review.clears(rights_holder) for review in rejections.get((marketplace, listing_id), ()))


def without_rights_holder(assessments: Iterable[Assessment], register: RightsRegister) -> tuple[Assessment, ...]:
    """Listings in the `enforce` band that no case takes up, because no one rights holder can be named for them."""
    enforced = (assessment for assessment in assessments if assessment.band == Band.ENFORCE)
    return tuple(assessment for assessment in enforced if register.leading_holder(assessment) is None)


def _case(key: tuple[str, str, str], group: list[Assessment], sellers: dict[str, Seller]) -> Case:
    marketplace, seller_id, rights_holder = key
    ranked = sorted(group, key=lambda assessment: (-assessment.probability, assessment.listing_id))
    return Case(
        case_id=case_id(*key),
        marketplace=marketplace,
        seller_id=seller_id,
        seller_name=sellers[ranked[0].listing_id].name,
        rights_holder=rights_holder,
        listing_ids=tuple(assessment.listing_id for assessment in ranked),
    )
