"""Whose rights a finding touches, and which right a notice can rely on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from domain.assessment import Assessment, Finding, GuardName, SignalName
from domain.catalog import ReferenceProduct, RightsHolder, Trademark
from domain.errors import BadInput, NotFound
from domain.listing import Seller
from store.interfaces import CatalogReader
from takedown.logo_proof import LOGO_SIGNALS, LogoProof, stated_logo
from takedown.photo_proof import photo_proof

_WORD_SIGNALS = frozenset((SignalName.BRAND_CLAIM, SignalName.CODED_LANGUAGE))


class GroundKind(StrEnum):
    """The kind of right."""

    TRADEMARK = "trademark"
    COPYRIGHT = "copyright"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ground:
    """One right that one listing infringes."""

    kind: GroundKind
    trademark: Trademark | None = None
    """Set exactly for `TRADEMARK`; always with office and number."""
    reference_id: str | None = None
    """For `COPYRIGHT`: the product whose photograph was copied."""
    reference_sha256: str | None = None
    """For `COPYRIGHT`: the photograph itself, in evidence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownMark:
    """A registered mark in a picture of a listing."""

    trademark: Trademark
    """Always with office and number."""
    proof: LogoProof


class RightsRegister:
    """All rights holders with their marks and products, looked up by what a finding names."""

    def __init__(self, rights_holders: Iterable[RightsHolder], products: Iterable[ReferenceProduct] = ()) -> None:
        self._holders = {holder.name: holder for holder in rights_holders}
        self._by_mark: dict[str, set[str]] = defaultdict(set)
        self._by_product: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._products: dict[tuple[str, str], ReferenceProduct] = {}
        for holder in self._holders.values():
            for mark in holder.marks:
                self._by_mark[_key(mark)].add(holder.name)
        for product in products:
            self._add(product)

    @classmethod
    def read(cls, catalogs: CatalogReader) -> RightsRegister:
        """Everything one tenant's catalogs hold."""
        return cls(catalogs.rights_holders(), catalogs.products())

    def _add(self, product: ReferenceProduct) -> None:
        self._by_mark[_key(product.brand)].add(product.rights_holder)
        self._by_product[product.reference_id, _key(product.brand)].add(product.rights_holder)
        self._products[product.rights_holder, product.reference_id] = product

    def holder(self, name: str) -> RightsHolder:
        """The rights holder of that name. Raises NotFound."""
        if name not in self._holders:
            raise NotFound(f"no rights holder named {name!r} in the catalogs")
        return self._holders[name]

    def product(self, rights_holder: str, reference_id: str | None) -> ReferenceProduct | None:
        """One reference product, None where the catalogs (or the finding) name none."""
        return self._products.get((rights_holder, reference_id)) if reference_id else None

    def holder_of(self, finding: Finding) -> str | None:
        """Whose right the finding touches: None where it names nobody, or more than one could be meant.

        A reference id is unique per rights holder only, so it counts together with the brand.
        """
        stated = finding.evidence.get("rights_holder")
        if isinstance(stated, str):
            return stated if stated in self._holders else None
        if not finding.brand:
            return None
        brand = _key(finding.brand)
        named = self._by_product.get((finding.reference_id or "", brand)) or self._by_mark.get(brand, set())
        known = named & self._holders.keys()
        return next(iter(known)) if len(known) == 1 else None

    def leading_holder(self, assessment: Assessment) -> RightsHolder | None:
        """The rights holder to whom the listing's findings point most, by the sum of what they contributed."""
        weights: dict[str, float] = defaultdict(float)
        for finding in assessment.signals:
            holder = self.holder_of(finding)
            if holder is not None and weight(finding) > 0:
                weights[holder] += weight(finding)
        return self._holders[min(weights, key=lambda name: (-weights[name], name))] if weights else None

    def findings_for(self, assessment: Assessment, rights_holder: str) -> tuple[Finding, ...]:
        """The signals that speak for this rights holder or name none at all, weightiest first.

        A mark in a picture is among them only where its proof can be read and it is registered: a notice that speaks of
        one must name the registration.
        """
        own = (
            finding
            for finding in assessment.signals
            if weight(finding) > 0
            and (_names_nobody(finding) or self.holder_of(finding) == rights_holder)
            and (finding.name not in LOGO_SIGNALS or self._shown_mark(finding, rights_holder) is not None)
        )
        return tuple(sorted(own, key=lambda finding: (-weight(finding), finding.name)))

    def grounds(self, assessment: Assessment, rights_holder: str) -> tuple[Ground, ...]:
        """The rights one listing infringes: registered marks it uses, and the photograph it copies.

        Words that say what an article fits may name a mark, so beside that guard they infringe none.
        """
        found: dict[Ground, None] = {}
        signs = LOGO_SIGNALS if assessment.guard(GuardName.COMPATIBLE_PART) else LOGO_SIGNALS | _WORD_SIGNALS
        for finding in self.findings_for(assessment, rights_holder):
            if finding.name in signs and finding.brand:
                mark = registered_mark(self.holder(rights_holder), finding.brand)
                if mark is not None:
                    found[Ground(kind=GroundKind.TRADEMARK, trademark=mark)] = None
            elif finding.name == SignalName.COPIED_PHOTO and not _names_nobody(finding):
                found.update(_copyright(finding))
        return tuple(found)

    def shown_marks(self, assessment: Assessment, rights_holder: str) -> tuple[ShownMark, ...]:
        """The registered marks in its pictures that a notice states, weightiest first, each place once."""
        found: dict[tuple[str, object], ShownMark] = {}
        for finding in self.findings_for(assessment, rights_holder):
            shown = self._shown_mark(finding, rights_holder)
            if shown is not None:
                found.setdefault((shown.proof.image_sha256, shown.proof.box), shown)
        return tuple(found.values())

    def _shown_mark(self, finding: Finding, rights_holder: str) -> ShownMark | None:
        proof, holder = stated_logo(finding), self._holders.get(rights_holder)
        if proof is None or holder is None or not finding.brand or self.holder_of(finding) != rights_holder:
            return None
        mark = registered_mark(holder, finding.brand)
        return ShownMark(trademark=mark, proof=proof) if mark is not None else None


def weight(finding: Finding) -> float:
    """How much a finding says: its contribution to the log-odds, or its strength before the combiner has spoken."""
    return finding.strength if finding.contribution is None else finding.contribution


def registered_mark(rights_holder: RightsHolder, brand: str) -> Trademark | None:
    """The registration that protects `brand`, with office and number; None where none is in force."""
    return next(
        (
            mark
            for mark in rights_holder.trademarks
            if _key(mark.mark) == _key(brand)
            and mark.status.strip().casefold() == "registered"
            and mark.office.strip()
            and mark.registration_number.strip()
        ),
        None,
    )


def is_authorized(seller: Seller, rights_holder: RightsHolder, assessment: Assessment | None = None) -> bool:
    """Whether the seller may sell: by id or name on the rights holder's list, or by the guard of the assessment.

    Letter case does not count here: between a sloppy list and an impostor, silence is the smaller error.
    """
    allowed = {_key(name) for name in rights_holder.authorized_sellers}
    listed = _key(seller.id) in allowed or _key(seller.name) in allowed
    return listed or (assessment is not None and assessment.guard(GuardName.AUTHORIZED_SELLER) is not None)


def _copyright(finding: Finding) -> dict[Ground, None]:
    try:
        proof = photo_proof(finding)
    except BadInput:  # evidence that cannot be read proves nothing: no right is claimed on it
        return {}
    ground = Ground(kind=GroundKind.COPYRIGHT, reference_id=proof.reference_id, reference_sha256=proof.reference_sha256)
    return {ground: None}


def _names_nobody(finding: Finding) -> bool:
    return not finding.brand and not finding.reference_id and "rights_holder" not in finding.evidence


def _key(words: str) -> str:
    return " ".join(words.split()).casefold()
