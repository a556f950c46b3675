"""A notice as JSON under DSA Art. 16(2). The schema lies beside it: schemas/dsa-article-16.schema.json.

The regulation names the content of a notice, not its form: this form is Assayer's own (see docs/formats-notices.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.resources import files
from typing import Any

from domain.listing import Listing
from domain.notice import LintFinding, Notice, NoticeItem
from takedown.backing import Backing
from takedown.rights import Ground, ShownMark
from takedown.wording import plain, visible, withhold_personal_data

FORMAT = "assayer/dsa-article-16/1"
LEGAL_BASIS = "Regulation (EU) 2022/2065 (Digital Services Act), Article 16"


@dataclass(frozen=True, kw_only=True, slots=True)
class ProofFile:
    """One file that proves something about one listing."""

    kind: str
    """``listing_image``, ``reference_image``, ``match``, ``logo``, ``mark``, ``page``, ``listing``, ``assessment``."""
    path: str
    """Relative to the notice's folder, with ``/``."""
    sha256: str
    size_bytes: int


def dsa_notice(
    notice: Notice,
    backing: Backing,
    *,
    prepared_on: date,
    proof: Mapping[str, Sequence[ProofFile]] | None = None,
    findings: Sequence[LintFinding] = (),
    as_draft: bool = False,
) -> dict[str, Any]:
    """The notice as JSON-ready values that fit the schema; letter and e-mail are made from the same.

    `proof` is keyed by listing id. With `as_draft` or lint `findings` the document says that it is a draft.
    """
    return {
        "format": FORMAT,
        "draft": as_draft or bool(findings),
        "notice_id": visible(notice.notice_id),
        "case_id": visible(notice.case_id),
        "status": notice.status.value,
        "regime": notice.regime.value,
        "legal_basis": LEGAL_BASIS,
        "prepared_on": prepared_on.isoformat(),
        "template_version": visible(notice.template_version),
        "platform": {"name": plain(notice.marketplace)},
        "notifier": {
            "name": plain(notice.notifier_name),
            "email": plain(notice.notifier_email),
            "rights_holder": plain(notice.rights_holder),
        },
        "seller": {"id": visible(backing.case.seller_id), "name": plain(backing.case.seller_name)},
        "items": [_item(item, backing, (proof or {}).get(item.listing_id, ())) for item in notice.items],
        "good_faith_statement": plain(notice.good_faith_statement),
        "automated_detection": True,
        "lint": [{"field": finding.field, "reason": plain(finding.reason)} for finding in findings],
    }


def dsa_json(document: Mapping[str, Any]) -> bytes:
    """`dsa_notice`'s document as indented UTF-8, equal for equal documents."""
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def dsa_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that every such document fits."""
    schema: dict[str, Any] = json.loads((files("takedown") / "schemas/dsa-article-16.schema.json").read_bytes())
    return schema


def _item(item: NoticeItem, backing: Backing, proof: Sequence[ProofFile]) -> dict[str, Any]:
    listing = backing.listings.get(item.listing_id)
    return {
        "listing_id": visible(item.listing_id),
        "url": visible(item.url),
        "title": plain(listing.title, 500) if listing else "",
        "price": _price(listing),
        "captured_at": _utc(listing.captured_at) if listing and listing.captured_at else None,
        "page_captured": bool(listing and listing.page_sha256),
        "reference": _reference(item, backing),
        "explanation": plain(item.explanation),
        "rights": [_right(ground, backing) for ground in backing.grounds(item.listing_id)],
        "marks_shown": [_shown(mark) for mark in backing.shown_marks(item.listing_id)],
        "proof": [
            {"kind": file.kind, "path": file.path, "sha256": file.sha256, "size_bytes": file.size_bytes}
            for file in proof
        ],
    }


def _utc(moment: datetime) -> str:
    """A captured time is UTC, also where it does not say so."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _price(listing: Listing | None) -> dict[str, str] | None:
    if listing is None or listing.price is None:
        return None
    return {"amount": format(listing.price.amount, "f"), "currency": plain(listing.price.currency)}


def _reference(item: NoticeItem, backing: Backing) -> dict[str, str] | None:
    if item.reference_id is None:
        return None
    product = backing.register.product(backing.rights_holder.name, item.reference_id)
    return {"id": visible(item.reference_id), "title": plain(product.title, 500) if product else ""}


def _shown(shown: ShownMark) -> dict[str, Any]:
    """Where a registered mark stands in the listing's pictures, and how that was seen."""
    mark, proof = shown.trademark, shown.proof
    return {
        "mark": plain(mark.mark),
        "office": plain(mark.office),
        "registration_number": plain(mark.registration_number),
        "image_sha256": proof.image_sha256,
        "logo_sha256": proof.logo_sha256,
        "box": [round(edge) for edge in proof.box],
        "probability": round(proof.probability, 4),
        "similarity": round(proof.similarity, 4),
        "inliers": proof.inliers,
        "text": plain(withhold_personal_data(plain(proof.text)), 100),
        "differences": [plain(withhold_personal_data(plain(words)), 300) for words in proof.differences],
    }


def _right(ground: Ground, backing: Backing) -> dict[str, Any]:
    if ground.trademark is not None:
        mark = ground.trademark
        return {
            "kind": ground.kind.value,
            "mark": plain(mark.mark),
            "office": plain(mark.office),
            "registration_number": plain(mark.registration_number),
            "nice_classes": list(mark.nice_classes),
        }
    product = backing.register.product(backing.rights_holder.name, ground.reference_id)
    return {
        "kind": ground.kind.value,
        "work": "photograph",
        "reference_id": visible(ground.reference_id or ""),
        "reference_title": plain(product.title, 500) if product else "",
        "reference_sha256": ground.reference_sha256,
    }
