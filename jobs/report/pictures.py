"""Pictures made small enough to lie inside the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable
from contextlib import suppress

import numpy as np
from PIL import Image

from domain.assessment import Finding
from domain.errors import BadInput, EvidenceCorrupt, ImageRefused, NotFound
from jobs.report.data import PictureView
from store.images import RGB, decode_image
from store.interfaces import EvidenceReader
from store.logo_images import shown_logo
from takedown.logo_picture import caption_lines, logo_picture
from takedown.logo_proof import LOGO_SIGNALS, LogoProof, logo_proof
from takedown.photo_proof import photo_proof
from takedown.proof import match_picture


def picture_view(rgb: RGB, *, alt: str, caption: str, longest_px: int = 480) -> PictureView:
    """`rgb` as a WebP of at most `longest_px` on its longer side, as a data URI."""
    picture = Image.fromarray(rgb)
    picture.thumbnail((longest_px, longest_px), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=78, method=4)
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    return PictureView(
        data_uri=f"data:image/webp;base64,{encoded}",
        width=picture.width,
        height=picture.height,
        alt=alt,
        caption=caption,
    )


def stored_picture(
    evidence: EvidenceReader, sha256: str | None, decode: Callable[[bytes], RGB] = decode_image
) -> RGB | None:
    """The picture under that digest; None where it is gone, corrupt or not a picture: the page then goes without."""
    if not sha256:
        return None
    try:
        return decode(evidence.read(sha256))
    except (NotFound, EvidenceCorrupt, ImageRefused):
        return None


def proof_picture(evidence: EvidenceReader, copied: Finding | None, *, title: str) -> PictureView | None:
    """Catalog and listing picture with outline and matched points, as a notice shows them.

    None without a copied photo, or where its proof or a picture cannot be read: the page then shows plain pictures.
    """
    if copied is None:
        return None
    try:
        proof = photo_proof(copied)
    except BadInput:
        return None
    listing, reference = stored_picture(evidence, proof.image_sha256), stored_picture(evidence, proof.reference_sha256)
    if listing is None or reference is None:
        return None
    drawn = match_picture(listing, reference, outline=proof.outline, points=proof.points, mirrored=proof.mirrored)
    many = len(proof.points)
    return picture_view(
        np.asarray(drawn.convert("RGB"), dtype=np.uint8),
        alt=f"Catalog photo of {copied.reference_id} beside the photo of “{title}”, joined by {many} matched points",
        caption=f"Left the catalog’s photo, right the listing’s: {many} matched points and the outline of the copy.",
        longest_px=1000,
    )


def mark_pictures(
    evidence: EvidenceReader, signals: Iterable[Finding], *, title: str, most: int = 2
) -> tuple[PictureView, ...]:
    """Each mark found in the listing's pictures, drawn as a notice shows it, each place once.

    A mark whose evidence, picture or logo cannot be read is left out: its sentence stays.
    """
    proofs: dict[tuple[str, object], LogoProof] = {}
    for signal in signals:
        with suppress(BadInput):
            if signal.name in LOGO_SIGNALS:
                proof = logo_proof(signal)
                proofs.setdefault((proof.image_sha256, proof.box), proof)
    drawn = (_mark_picture(evidence, proof, title=title) for proof in list(proofs.values())[:most])
    return tuple(picture for picture in drawn if picture)


def _mark_picture(evidence: EvidenceReader, proof: LogoProof, *, title: str) -> PictureView | None:
    listing = stored_picture(evidence, proof.image_sha256)
    logo = stored_picture(evidence, proof.logo_sha256, shown_logo)
    if listing is None or logo is None:
        return None
    said = ". ".join(caption_lines(proof))
    return picture_view(
        np.asarray(logo_picture(listing, logo, proof).convert("RGB"), dtype=np.uint8),
        alt=f"The logo {proof.brand}, and its place in the photo of “{title}”. {said}",
        caption=f"Left the logo and what the box shows, right the listing’s photo. {said}.",
        longest_px=1000,
    )
