"""Is a notice complete? DSA Art. 16(2)(a)-(d), and what makes a wrongful notice unlikely.

(a) a sufficiently substantiated explanation, with the right relied on and proof; (b) the exact address of each
offer; (c) name and e-mail of the notifier; (d) the good-faith statement. From general knowledge of the regulation;
the lengths are this house's own, see docs/formats-notices.md.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from email.headerregistry import Address
from urllib.parse import urlsplit

from domain.assessment import Assessment, Band
from domain.errors import EvidenceCorrupt, NotFound
from domain.listing import Listing
from domain.notice import LintFinding, Notice, NoticeItem, NoticeStatus
from store.interfaces import EvidenceReader
from takedown.backing import Backing
from takedown.drafting import MAX_EXPLANATION, MAX_ITEMS
from takedown.logo_proof import stated_logo
from takedown.rights import is_authorized
from takedown.wording import personal_data_in, plain, visible

MAX_NAME, MAX_EMAIL, MAX_URL, MAX_STATEMENT = 200, 254, 2048, 1000
MIN_EXPLANATION = 40
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]", re.IGNORECASE)
_GOOD_FAITH = ("good faith", "accurate", "complete")

Complaint = tuple[str, str]
"""(field path, reason)."""


def lint(notice: Notice, backing: Backing, evidence: EvidenceReader | None = None) -> tuple[LintFinding, ...]:
    """What the notice lacks, in the order a reader meets it; empty means complete.

    With `evidence`, proof must also be there and whole, not only be named. Raises StoreUnavailable.
    """
    complaints = [*_frame(notice, backing), *_notifier(notice), *_statement(notice), *_items(notice, backing, evidence)]
    return tuple(LintFinding(notice_id=notice.notice_id, field=field, reason=reason) for field, reason in complaints)


def _frame(notice: Notice, backing: Backing) -> Iterator[Complaint]:
    for field, stated, expected in (
        ("case_id", notice.case_id, backing.case.case_id),
        ("marketplace", notice.marketplace, backing.case.marketplace),
        ("rights_holder", notice.rights_holder, backing.case.rights_holder),
    ):
        if not stated.strip():
            yield field, "is missing"
        elif stated != expected:
            yield field, f"is not the case's {expected!r}"
    for field, stated in (("notice_id", notice.notice_id), ("template_version", notice.template_version)):
        if not stated.strip():
            yield field, "is missing"
    if notice.status != NoticeStatus.DRAFT:
        yield "status", "is not draft"


def _notifier(notice: Notice) -> Iterator[Complaint]:
    yield from _text("notifier_name", notice.notifier_name, MAX_NAME, "name of the notifier, Art. 16(2)(c)")
    reason = email_problem(notice.notifier_email)
    if reason:
        yield "notifier_email", reason


def _statement(notice: Notice) -> Iterator[Complaint]:
    statement = notice.good_faith_statement
    complaints = list(_text("good_faith_statement", statement, MAX_STATEMENT, "statement, Art. 16(2)(d)"))
    yield from complaints
    missing = [words for words in _GOOD_FAITH if words not in statement.casefold()]
    if missing and not complaints:
        yield "good_faith_statement", f"does not confirm {', '.join(missing)}, Art. 16(2)(d)"


def _items(notice: Notice, backing: Backing, evidence: EvidenceReader | None) -> Iterator[Complaint]:
    if not notice.items:
        yield "items", "names no listing, Art. 16(2)(b)"
    if len(notice.items) > MAX_ITEMS:
        yield "items", f"{len(notice.items)} listings; at most {MAX_ITEMS} in one notice"
    ids = Counter(item.listing_id for item in notice.items)
    urls = Counter(item.url for item in notice.items)
    for position, item in enumerate(notice.items):
        for field, reason in _item(item, backing, evidence):
            yield f"items[{position}].{field}", reason
        if ids[item.listing_id] > 1:
            yield f"items[{position}].listing_id", "is named more than once"
        elif urls[item.url] > 1:
            yield f"items[{position}].url", "is given for more than one listing"


def _item(item: NoticeItem, backing: Backing, evidence: EvidenceReader | None) -> Iterator[Complaint]:
    listing = backing.listings.get(item.listing_id)
    if listing is None or item.listing_id not in backing.case.listing_ids:
        yield "listing_id", "is missing" if not item.listing_id.strip() else "is not a listing of this case"
        return
    yield from _address(item, listing)
    yield from _substance(item, backing)
    yield from _verdict(item, listing, backing)
    yield from _proof(listing, evidence)
    yield from _shown_marks(listing, backing, evidence)


def _address(item: NoticeItem, listing: Listing) -> Iterator[Complaint]:
    reason = url_problem(item.url)
    if reason:
        yield "url", reason
    elif item.url != listing.url:
        yield "url", "is not the address the listing was read at"


def _substance(item: NoticeItem, backing: Backing) -> Iterator[Complaint]:
    complaints = list(_text("explanation", item.explanation, MAX_EXPLANATION, "explanation, Art. 16(2)(a)"))
    if not complaints and len(item.explanation) < MIN_EXPLANATION:
        complaints.append(("explanation", f"is too thin to substantiate anything (under {MIN_EXPLANATION} characters)"))
    if personal_data_in(item.explanation):
        complaints.append(("explanation", "holds an e-mail address or telephone number, which a notice does not need"))
    yield from complaints
    if item.listing_id in backing.assessments and not backing.grounds(item.listing_id):
        yield "right", "no right relied on: neither a registered mark with office and number nor a copied photograph"
        yield from _unregistered(backing.assessments[item.listing_id], backing)


def _verdict(item: NoticeItem, listing: Listing, backing: Backing) -> Iterator[Complaint]:
    assessment = backing.assessments.get(item.listing_id)
    if assessment is None:
        yield "assessment", "the listing has no current assessment; score it again"
    elif assessment.band != Band.ENFORCE:
        yield "band", f"is {assessment.band}, not enforce"
    if item.listing_id in backing.cleared:
        yield "review", "was rejected: a person decided that the listing does not infringe"
    if is_authorized(listing.seller, backing.rights_holder, assessment):
        yield "seller", "is authorized by the rights holder"
    elif (listing.marketplace, listing.seller.id) != (backing.case.marketplace, backing.case.seller_id):
        yield "seller", "is not the seller of this case"


def _proof(listing: Listing, evidence: EvidenceReader | None) -> Iterator[Complaint]:
    digests = [image.sha256 for image in listing.images if image.sha256]
    digests += [listing.page_sha256] if listing.page_sha256 else []
    if not digests:
        yield "proof", "neither the page nor a picture was captured"
    elif evidence is not None:
        yield from _unreadable_proof(digests, evidence)


def _unregistered(assessment: Assessment, backing: Backing) -> Iterator[Complaint]:
    """The rights holder's marks in pictures that no right follows from: no registration of them is known."""
    own = (one for one in assessment.signals if backing.register.holder_of(one) == backing.rights_holder.name)
    seen = (stated_logo(signal) for signal in own)
    for brand in dict.fromkeys(proof.brand for proof in seen if proof is not None):
        yield "right", f"the mark {plain(brand, 80)!r} in a picture has no registration with office and number"


def _shown_marks(listing: Listing, backing: Backing, evidence: EvidenceReader | None) -> Iterator[Complaint]:
    """A mark is stated of a picture that the listing has, beside a logo that is stored whole."""
    digests = {image.sha256 for image in listing.images}
    for shown in backing.shown_marks(listing.listing_id):
        if shown.proof.image_sha256 not in digests:
            yield "proof", f"picture {shown.proof.image_sha256} that shows a mark is none of the listing's"
        if evidence is not None:
            yield from _unreadable_proof([shown.proof.logo_sha256], evidence)


def _unreadable_proof(digests: Iterable[str], evidence: EvidenceReader) -> Iterator[Complaint]:
    """The first that is lost or damaged; raises StoreUnavailable."""
    for digest in digests:
        try:
            evidence.read(digest)
        except NotFound:
            yield "proof", f"evidence {digest} is not in the store"
            return
        except EvidenceCorrupt:
            yield "proof", f"evidence {digest} is damaged"
            return


def _text(field: str, words: str, longest: int, what: str) -> Iterator[Complaint]:
    if not words.strip():
        yield field, f"is missing ({what})"
    elif len(words) > longest:
        yield field, f"has {len(words)} characters; at most {longest}"
    elif words != plain(words):
        yield field, "holds control characters, line breaks or doubled spaces"


def email_problem(address: str) -> str | None:
    """Why a platform could not answer to `address`, or None. ASCII addresses only: many platforms take no others."""
    if not address.strip():
        return "is missing (e-mail of the notifier, Art. 16(2)(c))"
    if len(address) > MAX_EMAIL or not address.isascii() or address != visible(address):
        return f"is not a plain ASCII e-mail address of at most {MAX_EMAIL} characters"
    try:
        parsed = Address(addr_spec=address)
    except Exception as error:  # noqa: BLE001 - the stdlib parser raises IndexError and AttributeError besides its own
        return f"is not an e-mail address ({type(error).__name__})"
    if not parsed.username or len(parsed.username) > 64 or '"' in address or not _DOMAIN.fullmatch(parsed.domain):
        return "is not an e-mail address"
    if parsed.domain.casefold().endswith(".invalid"):
        return "is a placeholder (.invalid)"
    return None


def url_problem(url: str) -> str | None:
    """Why `url` is not the exact address of an offer, or None."""
    if not url.strip():
        return "is missing (exact address, Art. 16(2)(b))"
    if len(url) > MAX_URL:
        return f"has {len(url)} characters; at most {MAX_URL}"
    if url != visible(url) or any(character.isspace() or character in '<>"' for character in url):
        return "holds spaces, quotes or control characters"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname or port == 0:
        return "is not an http or https URL"
    if parts.username is not None or parts.password is not None:
        return "holds a user name or password"
    if parts.path in ("", "/") and not parts.query:
        return "is a whole site, not the exact address of one offer"
    return None
