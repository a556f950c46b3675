"""Who crawls, as sites see it: without a way to reach them, nobody else's site is crawled."""

from __future__ import annotations

import re
from collections.abc import Iterable

from crawler.manners.canonical import host_of
from crawler.manners.site_rules import is_loopback
from domain.errors import SettingRefused
from domain.settings import Settings

_FIELD = "ASSAYER_CONTACT"
_ADVICE = "Set it to an e-mail address or a page (https://…) where sites reach you, such as abuse@your-brand.example."
# what can stand in a header and in the comment of a user agent as it is; stricter than RFC 5322, on purpose
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", re.ASCII)
_PAGE = re.compile(r"https?://[!-'*-\[\]-~]{3,500}", re.ASCII)


def check_contact(targets: Iterable[str], settings: Settings) -> None:
    """Raises SettingRefused where one of `targets` (URLs) is not this machine and nobody says who crawls it.

    A contact that is neither an e-mail address nor the address of a page is refused in any case.
    """
    contact = settings.contact
    if contact and not (_email(contact) or _PAGE.fullmatch(contact)):
        raise SettingRefused("is neither an e-mail address nor the address of a page", field=_FIELD, advice=_ADVICE)
    others = [host for host in map(host_of, targets) if needs_contact(host, settings)]
    if others:
        raise SettingRefused(
            f"is not set: {others[0]} must be able to reach whoever crawls it", field=_FIELD, advice=_ADVICE
        )


def needs_contact(host: str, settings: Settings) -> bool:
    """Whether a host may not be asked for anything, because it is somebody else's and there is no contact."""
    return not settings.contact and not (settings.allow_loopback and is_loopback(host))


def identifying_headers(settings: Settings) -> dict[str, str]:
    """What every request says of who makes it: the user agent with the contact, and an e-mail address as ``From``.

    RFC 9110 section 10.1.2: a robot ought to send ``From``, so that whoever runs it can be reached.
    """
    email = _email(settings.contact)
    return {"User-Agent": settings.identity, **({"From": email} if email else {})}


def _email(contact: str) -> str:
    address = contact.removeprefix("mailto:")
    return address if _EMAIL.fullmatch(address) else ""
