"""A notice as an e-mail file (`.eml`): plain text with letter and JSON attached. Nothing is sent."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from email.headerregistry import Address
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import SMTP
from email.utils import format_datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

from domain.errors import AssayerError
from takedown.lint import email_problem
from takedown.wording import plain

_HEADERS = frozenset(("subject", "from", "date", "message-id", "x-unsent", "mime-version", "content-type"))


def subject_line(document: Mapping[str, Any]) -> str:
    """The notice in one line of ASCII, without a word from outside."""
    offers = len(document["items"])
    mark = "DRAFT: " if document["draft"] else ""
    return f"{mark}DSA Art. 16 notice {_token(document)}, {offers} offer{'' if offers == 1 else 's'}"


def notice_email(document: Mapping[str, Any], *, letter: bytes, notice_json: bytes) -> bytes:
    """The `.eml` bytes of one `dsa.dsa_notice` document, equal for equal input.

    It has no recipient: Assayer knows no platform's address and invents none. `X-Unsent` makes mail programs open it
    as a draft. Text from outside stands in the body only, on single lines; of the notifier's name the header takes
    letters and digits. The finished headers are read back, and AssayerError is raised should one be there that was
    not put there.
    """
    message = EmailMessage(policy=SMTP)
    message["Subject"] = subject_line(document)
    address = document["notifier"]["email"]
    if email_problem(address) is None:
        message["From"] = Address(display_name=_display_name(document["notifier"]["name"]), addr_spec=address)
    message["Date"] = format_datetime(datetime.combine(date.fromisoformat(document["prepared_on"]), time(), tzinfo=UTC))
    message["Message-ID"] = f"<{_token(document)}@notices.assayer.invalid>"
    message["X-Unsent"] = "1"
    message.set_content(_template().render(document), cte="quoted-printable")
    message.add_attachment(letter, maintype="application", subtype="pdf", filename="letter.pdf")
    message.add_attachment(notice_json, maintype="application", subtype="json", filename="notice.json")
    message.set_boundary(f"=_{hashlib.sha256(letter + notice_json).hexdigest()[:32]}")
    return _only_known_headers(message.as_bytes())


def _display_name(name: str) -> str:
    """Letters, digits and what needs no quotes: folded, the standard library loses quotes and with them the sender."""
    return " ".join(re.sub(r"[^\w '&+-]", " ", plain(name)).split())[:60].strip()


def _only_known_headers(content: bytes) -> bytes:
    """The defense behind the policy's: some of the standard library's own encoders let line breaks through."""
    found = {name.casefold() for name in BytesHeaderParser(policy=SMTP).parsebytes(content)}
    if not found <= _HEADERS:
        raise AssayerError(f"the e-mail would carry headers of unknown origin: {sorted(found - _HEADERS)}")
    return content


@cache
def _template() -> Template:
    """Plain text, so nothing is escaped; its strings hold no line breaks, so nothing can forge a line."""
    environment = Environment(
        loader=PackageLoader("takedown", "templates"),
        autoescape=select_autoescape(default=False),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.get_template("mail.txt.j2")


def _token(document: Mapping[str, Any]) -> str:
    """The notice's id where it is letters and digits, as ours are; else a digest of it."""
    notice_id = str(document["notice_id"])
    if notice_id.isascii() and notice_id.isalnum() and len(notice_id) <= 64:
        return notice_id
    return hashlib.sha256(notice_id.encode()).hexdigest()[:24]
