"""One listing, its verdict and its pictures as the page shows them."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property

from domain.assessment import Assessment, Finding, SignalName
from domain.catalog import ReferenceProduct
from domain.listing import Listing
from jobs.report.data import FindingView, ListingView, PictureView
from jobs.report.pictures import mark_pictures, picture_view, proof_picture, stored_picture
from jobs.report.words import shorten, words
from jobs.truth import TruthRow
from store.interfaces import CatalogReader, EvidenceReader


class ListingViews:
    """Makes views; knows the catalog for the reference pictures."""

    def __init__(self, catalogs: CatalogReader, evidence: EvidenceReader) -> None:
        self._catalogs, self._evidence = catalogs, evidence

    def view(self, listing: Listing, assessment: Assessment, *, truth: TruthRow | None = None) -> ListingView:
        """The listing with its proof, or else with its own picture beside the reference that it should name."""
        title = shorten(listing.title, 120)
        proof = proof_picture(self._evidence, assessment.signal(SignalName.COPIED_PHOTO), title=title)
        marks = mark_pictures(self._evidence, assessment.signals, title=title)
        return ListingView(
            marketplace=listing.marketplace,
            listing_id=listing.listing_id,
            url=listing.url,
            title=listing.title,
            seller_name=listing.seller.name,
            price=f"{listing.price.amount} {listing.price.currency}" if listing.price else listing.price_raw,
            probability=assessment.probability,
            band=assessment.band,
            findings=_findings(assessment),
            unreadable=tuple(f"{one.what}: {one.reason}" for one in assessment.unreadable),
            proof=proof,
            marks=marks,
            pictures=() if proof or marks else self._plain(listing, assessment, truth),
            truth=_truth_sentence(truth) if truth else "",
        )

    def _plain(self, listing: Listing, assessment: Assessment, truth: TruthRow | None) -> tuple[PictureView, ...]:
        named = [truth.reference_id] if truth and truth.reference_id else []
        named += [one.reference_id for one in (*assessment.signals, *assessment.guards) if one.reference_id]
        pictures = (self._own(listing), self._reference(named[0]) if named else None)
        return tuple(picture for picture in pictures if picture)

    def _own(self, listing: Listing) -> PictureView | None:
        for image in listing.images:
            if (rgb := stored_picture(self._evidence, image.sha256)) is not None:
                return picture_view(
                    rgb, alt=f"Photo of the listing “{shorten(listing.title, 120)}”", caption="The listing’s photo"
                )
        return None

    def _reference(self, reference_id: str) -> PictureView | None:
        products = self._products.get(reference_id, [])
        if len(products) != 1:  # unknown, or the same id in two catalogs: showing the wrong one would mislead
            return None
        for image in products[0].images:
            if (rgb := stored_picture(self._evidence, image.sha256)) is not None:
                caption = f"Catalog photo of {reference_id}"
                return picture_view(rgb, alt=f"{caption}: {shorten(products[0].title, 120)}", caption=caption)
        return None

    @cached_property
    def _products(self) -> dict[str, list[ReferenceProduct]]:
        products = defaultdict(list)
        for product in self._catalogs.products():
            products[product.reference_id].append(product)
        return dict(products)


def _findings(assessment: Assessment) -> tuple[FindingView, ...]:
    """What moved the verdict most comes first; guards stand among the signals, as first-class as they."""
    findings = [(False, one) for one in assessment.signals] + [(True, one) for one in assessment.guards]
    findings.sort(key=lambda pair: -abs(_weight(pair[1])))
    return tuple(
        FindingView(
            name=str(one.name),
            is_guard=is_guard,
            sentence=one.sentence,
            strength=one.strength,
            contribution=one.contribution,
        )
        for is_guard, one in findings
    )


def _weight(finding: Finding) -> float:
    return finding.strength if finding.contribution is None else finding.contribution


def _truth_sentence(truth: TruthRow) -> str:
    sentence = f"In truth {truth.label} ({words(truth.kind)})"
    if truth.reference_id:
        sentence += f", of the product {truth.reference_id}"
    if truth.edits:
        sentence += "; the photo was changed by " + ", ".join(words(edit) for edit in truth.edits[:12])
    return sentence + "."
