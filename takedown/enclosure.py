"""The proof of one listing, laid beside its notice: stored bytes as they are, and the match drawn from them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from PIL import Image

from domain import codec
from domain.assessment import SignalName
from domain.errors import BadInput, ImageRefused, NotFound
from domain.listing import Listing
from domain.notice import NoticeItem
from store.images import decode_image
from store.interfaces import EvidenceReader
from store.logo_images import is_markup, shown_logo
from takedown.backing import Backing
from takedown.dsa import ProofFile
from takedown.letter import LetterPicture
from takedown.logo_picture import logo_picture
from takedown.manifest import FolderWriter
from takedown.photo_proof import PhotoProof, photo_proof
from takedown.proof import match_picture, png_bytes, small_jpeg
from takedown.rights import ShownMark
from takedown.wording import plain

_SIGNATURES = ((b"\xff\xd8\xff", "jpg"), (b"\x89PNG\r\n\x1a\n", "png"), (b"GIF8", "gif"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Enclosure:
    """What was laid down for one listing."""

    files: tuple[ProofFile, ...]
    notes: tuple[str, ...]
    """What is not there, and why, in sentences."""
    picture: LetterPicture | None
    """The match, else the mark shown, else the listing's first picture, small."""


@dataclass(kw_only=True, slots=True)
class _Collector:
    evidence: EvidenceReader
    writer: FolderWriter
    place: str
    files: list[ProofFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, kind: str, name: str, content: bytes) -> None:
        entry = self.writer.write(f"{self.place}/{name}", content)
        self.files.append(ProofFile(kind=kind, path=entry.path, sha256=entry.sha256, size_bytes=entry.size_bytes))

    def stored(self, sha256: str, what: str) -> bytes | None:
        """The stored bytes; where they are not stored, a note says so. EvidenceCorrupt is let through."""
        try:
            return self.evidence.read(sha256)
        except NotFound:
            self.notes.append(f"{what} {sha256} is not in the evidence store.")
            return None


def enclose(
    item: NoticeItem, backing: Backing, evidence: EvidenceReader, writer: FolderWriter, place: str
) -> Enclosure:
    """Write the proof of one listing under `place`. Nothing in it is rendered or run: pages stay bytes.

    Raises EvidenceCorrupt when stored bytes do not hash to their name.
    """
    listing = backing.listings[item.listing_id]
    collector = _Collector(evidence=evidence, writer=writer, place=place)
    images = _listing_images(collector, listing)
    picture = _match(collector, item, backing, images)
    marks = _marks(collector, backing.shown_marks(item.listing_id), images)
    _page(collector, listing)
    collector.add("listing", "listing.json", _json(listing))
    if item.listing_id in backing.assessments:
        collector.add("assessment", "assessment.json", _json(backing.assessments[item.listing_id]))
    picture = picture or next(iter(marks), None)
    if picture is None and images:
        picture = _thumbnail(collector, next(iter(images.values())))
    return Enclosure(files=tuple(collector.files), notes=tuple(collector.notes), picture=picture)


def _listing_images(collector: _Collector, listing: Listing) -> dict[str, bytes]:
    """Every captured picture as delivered, keyed by digest."""
    images: dict[str, bytes] = {}
    for position, image in enumerate(listing.images, start=1):
        if image.unreadable is not None:
            collector.notes.append(f"Picture {position} of the listing was not captured: {image.unreadable.reason}")
        elif image.sha256 is not None and image.sha256 not in images:
            content = collector.stored(image.sha256, f"Picture {position} of the listing")
            if content is not None:
                images[image.sha256] = content
                collector.add("listing_image", f"listing-{position}.{_suffix(content)}", content)
    return images


def _match(collector: _Collector, item: NoticeItem, backing: Backing, images: dict[str, bytes]) -> LetterPicture | None:
    """Reference picture and drawn match of a copied photograph; the match, small, for the letter."""
    proof = _copied_photo(collector, item, backing)
    if proof is None:
        return None
    reference = collector.stored(proof.reference_sha256, "The catalog picture")
    if reference is not None:
        collector.add("reference_image", f"reference.{_suffix(reference)}", reference)
    copied = images.get(proof.image_sha256)
    if copied is None:
        collector.notes.append("The match is not drawn: its listing picture is not among the captured ones.")
    if reference is None or copied is None:
        return None
    try:
        drawn = match_picture(
            decode_image(copied),
            decode_image(reference),
            outline=proof.outline,
            points=proof.points,
            mirrored=proof.mirrored,
            caption=_caption(proof),
        )
    except ImageRefused as error:
        collector.notes.append(f"The match is not drawn: {error.message}.")
        return None
    collector.add("match", "match.png", png_bytes(drawn))
    return LetterPicture(
        content=small_jpeg(drawn, max_side=900),
        description="Catalog photo and listing photo with their matched points",
        width_cm=12.4,
    )


def _marks(collector: _Collector, shown: Sequence[ShownMark], images: Mapping[str, bytes]) -> tuple[LetterPicture, ...]:
    """Logo and drawn place of each mark in the listing's pictures; those drawn, small, for the letter."""
    logos: dict[str, bytes | None] = {}
    drawn: list[LetterPicture] = []
    for number, mark in enumerate(shown, start=1):
        digest = mark.proof.logo_sha256
        if digest not in logos:
            logos[digest] = logo = collector.stored(digest, "The logo")
            if logo is not None:
                collector.add("logo", f"logo-{len(logos)}.{_logo_suffix(logo)}", logo)
        picture = _drawn_mark(collector, mark, images.get(mark.proof.image_sha256), logos[digest])
        if picture is not None:
            collector.add("mark", f"mark-{number}.png", png_bytes(picture))
            description = f"The logo {plain(mark.trademark.mark, 60)}, and where it stands in the listing's photo"
            content = small_jpeg(picture, max_side=900)
            drawn.append(LetterPicture(content=content, description=description, width_cm=12.4))
    return tuple(drawn)


def _drawn_mark(collector: _Collector, mark: ShownMark, image: bytes | None, logo: bytes | None) -> Image.Image | None:
    if image is None:
        collector.notes.append("A mark is not drawn: its listing picture is not among the captured ones.")
    if image is None or logo is None:
        return None
    try:
        return logo_picture(decode_image(image), shown_logo(logo), mark.proof)
    except ImageRefused as error:
        collector.notes.append(f"A mark is not drawn: {error.message}.")
        return None


def _copied_photo(collector: _Collector, item: NoticeItem, backing: Backing) -> PhotoProof | None:
    assessment = backing.assessments.get(item.listing_id)
    finding = assessment.signal(SignalName.COPIED_PHOTO) if assessment else None
    if finding is None or backing.register.holder_of(finding) != backing.rights_holder.name:
        return None
    try:
        return photo_proof(finding)
    except BadInput as error:
        collector.notes.append(f"The match is not drawn: its evidence cannot be read ({error.message}).")
        return None


def _caption(proof: PhotoProof) -> str:
    facts = [f"Product {plain(proof.reference_id, 60)}"] if proof.reference_id else []
    facts += [f"{len(proof.points)} of {proof.inliers} matched points drawn"] if proof.inliers is not None else []
    facts += [f"PDQ distance {proof.pdq_distance} of 256"] if proof.pdq_distance is not None else []
    return " · ".join(facts)


def _page(collector: _Collector, listing: Listing) -> None:
    if listing.page_sha256 is None:
        imported = ": the listing comes from an imported file" if listing.captured_at is None else ""
        collector.notes.append(f"The page was not captured{imported}.")
        return
    page = collector.stored(listing.page_sha256, "The captured page")
    if page is not None:
        collector.add("page", "page.html", page)


def _thumbnail(collector: _Collector, content: bytes) -> LetterPicture | None:
    try:
        small = small_jpeg(Image.fromarray(decode_image(content)), max_side=420)
    except ImageRefused as error:
        collector.notes.append(f"The listing's picture cannot be shown: {error.message}.")
        return None
    return LetterPicture(content=small, description="The listing's first picture", width_cm=5.0)


def _suffix(content: bytes) -> str:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    return next((suffix for signature, suffix in _SIGNATURES if content.startswith(signature)), "bin")


def _logo_suffix(content: bytes) -> str:
    """A rights holder's markup was checked when it was taken in; a listing's bytes may be any page."""
    return "svg" if is_markup(content) else _suffix(content)


def _json(value: object) -> bytes:
    """In `domain.codec`'s form, indented. ASCII, so that whatever a page said can be written."""
    return (json.dumps(codec.dump(value), indent=2) + "\n").encode()
