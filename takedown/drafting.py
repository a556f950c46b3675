"""Notices drafted from cases. Drafting says nothing that a finding or the catalog does not say."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files

from domain import codec
from domain.assessment import Assessment
from domain.case import Case
from domain.catalog import RightsHolder
from domain.errors import NotFound
from domain.listing import Listing
from domain.notice import Notice, NoticeItem, Regime
from domain.settings import Settings
from takedown.rights import Ground, GroundKind, RightsRegister
from takedown.wording import plain, withhold_personal_data

GOOD_FAITH_STATEMENT = (
    "The notifier believes in good faith that the information and the allegations in this notice "
    "are accurate and complete."
)
TRADEMARK_CLAIM = "The offer uses the sign {mark}, registered for {holder} at {office} under number {number}."
COPYRIGHT_CLAIM = "The offer shows a photograph{product} from the catalog of {holder}, who claims copyright in it."
NOT_AUTHORIZED = "The seller {seller} is not on the list of sellers authorized by {holder}."
MAX_EXPLANATION = 2000
"""Characters. A platform can then repeat it whole in its statement of reasons (`illegal_content_explanation`)."""
MAX_ITEMS = 1000
"""Listings in one notice; a case of more gets several."""
_TEMPLATES = ("templates/letter.typ", "templates/mail.txt.j2")


@cache
def template_version() -> str:
    """``dsa-article-16-en@`` and 12 digits over the templates and set phrases: it changes when they do."""
    phrases = (GOOD_FAITH_STATEMENT, TRADEMARK_CLAIM, COPYRIGHT_CLAIM, NOT_AUTHORIZED)
    digest = hashlib.sha256("\n".join(phrases).encode())
    for name in _TEMPLATES:
        digest.update((files("takedown") / name).read_bytes())
    return f"dsa-article-16-en@{digest.hexdigest()[:12]}"


def notice_cases(case: Case) -> tuple[Case, ...]:
    """The case in parts that each fit one notice, in its order; mostly just the case."""
    ids = case.listing_ids
    if len(ids) <= MAX_ITEMS:
        return (case,)
    return tuple(replace(case, listing_ids=ids[at : at + MAX_ITEMS]) for at in range(0, len(ids), MAX_ITEMS))


def draft_notice(
    case: Case,
    listings: Mapping[str, Listing],
    assessments: Mapping[str, Assessment],
    rights_holder: RightsHolder,
    settings: Settings,
    *,
    register: RightsRegister | None = None,
) -> Notice:
    """One DSA Art. 16 notice for one case; `listings` and `assessments` are keyed by listing id.

    Without a `register` only what `rights_holder` itself names counts as its own. The notice may still be
    incomplete (no e-mail known, no right named): its lint says so. Raises NotFound when a listing or its
    assessment is not given.
    """
    register = register or RightsRegister([rights_holder])
    for listing_id in case.listing_ids:
        if listing_id not in listings or listing_id not in assessments:
            raise NotFound(f"{case.marketplace}: listing {listing_id} has no current assessment", advice="Score again.")
    return Notice(
        notice_id=notice_id(case, Regime.DSA_ARTICLE_16),
        case_id=case.case_id,
        marketplace=case.marketplace,
        rights_holder=rights_holder.name,
        regime=Regime.DSA_ARTICLE_16,
        notifier_name=plain(settings.notifier_name or rights_holder.name),
        notifier_email=(settings.notifier_email or rights_holder.contact_email).strip(),
        good_faith_statement=GOOD_FAITH_STATEMENT,
        items=tuple(_item(listings[i], assessments[i], rights_holder, register) for i in case.listing_ids),
        template_version=template_version(),
    )


def notice_id(case: Case, regime: Regime) -> str:
    """24 hex digits over the case, its listings (in any order) and the regime."""
    return codec.digest({"case_id": case.case_id, "listing_ids": sorted(case.listing_ids), "regime": regime})[:24]


def _item(listing: Listing, assessment: Assessment, holder: RightsHolder, register: RightsRegister) -> NoticeItem:
    grounds = register.grounds(assessment, holder.name)
    copied = (ground.reference_id for ground in grounds if ground.kind == GroundKind.COPYRIGHT)
    findings = register.findings_for(assessment, holder.name)
    return NoticeItem(
        listing_id=listing.listing_id,
        url=listing.url,
        reference_id=next(copied, None) or next((f.reference_id for f in findings if f.reference_id), None),
        explanation=_explanation(
            [*(_claim(ground, holder) for ground in grounds), *(finding.sentence for finding in findings)]
            if findings
            else [],
            closing=_not_authorized(listing, holder) if findings else "",
        ),
    )


def _claim(ground: Ground, holder: RightsHolder) -> str:
    """The right relied on, in one sentence."""
    if ground.trademark is not None:
        mark = ground.trademark
        return TRADEMARK_CLAIM.format(
            mark=mark.mark, holder=holder.name, office=mark.office, number=mark.registration_number
        )
    product = f" of product {ground.reference_id}" if ground.reference_id else ""
    return COPYRIGHT_CLAIM.format(product=product, holder=holder.name)


def _not_authorized(listing: Listing, holder: RightsHolder) -> str:
    """Said only where the rights holder keeps a list to be absent from."""
    return NOT_AUTHORIZED.format(seller=listing.seller.name, holder=holder.name) if holder.authorized_sellers else ""


def _explanation(sentences: list[str], *, closing: str) -> str:
    """Whole sentences, weightiest first, as many as fit, then the closing one."""
    clean = [_sentence(sentence) for sentence in sentences]
    last = _sentence(closing)
    kept: list[str] = []
    for sentence in clean:
        if sentence and len(" ".join([*kept, sentence, last])) <= MAX_EXPLANATION:
            kept.append(sentence)
    return " ".join([*kept, last] if last else kept)


def _sentence(words: str) -> str:
    sentence = plain(withhold_personal_data(plain(words)), 600)
    return sentence if not sentence or sentence[-1] in ".!?…" else sentence + "."
