"""Nobody else's site is crawled by nobody."""

from __future__ import annotations

import pytest

from crawler.manners.contact import check_contact, identifying_headers, needs_contact
from domain.errors import SettingRefused
from domain.settings import Settings

OTHERS = "https://shop.example/"
OWN = "http://127.0.0.1:8000/"


def test_sites_of_others_need_a_contact() -> None:
    with pytest.raises(SettingRefused, match=r"shop\.example must be able to reach") as refused:
        check_contact([OWN, OTHERS], Settings(allow_loopback=True))
    assert refused.value.field == "ASSAYER_CONTACT"
    assert "e-mail address or a page" in refused.value.advice
    check_contact([OTHERS], Settings(contact="crawler@brand.example"))
    check_contact([OWN, "http://localhost:1/"], Settings(allow_loopback=True))
    assert needs_contact("127.0.0.1:8000", Settings())
    assert not needs_contact("shop.example", Settings(contact="a@b.example"))


@pytest.mark.parametrize(
    "contact",
    [
        "me",
        "a@b",
        "a b@c.example",
        "a@b.example\r\nX: y",
        "https://b.example/(x)",
        "ftp://b.example",
        "<a@b.example>",
        "ü@b.example",
    ],
)
def test_a_contact_that_reaches_nobody(contact: str) -> None:
    with pytest.raises(SettingRefused, match="neither an e-mail address nor"):
        check_contact([OWN], Settings(contact=contact, allow_loopback=True))


@pytest.mark.parametrize(
    ("contact", "sent"),
    [
        ("a.b+c@d.example", "a.b+c@d.example"),
        ("mailto:a@d.example", "a@d.example"),
        ("https://d.example/crawler", None),
        ("", None),
    ],
)
def test_an_email_address_is_sent_as_from(contact: str, sent: str | None) -> None:
    settings = Settings(contact=contact, allow_loopback=True)
    check_contact([OWN], settings)
    headers = identifying_headers(settings)
    assert headers.get("From") == sent
    assert headers["User-Agent"] == (f"Assayer/0.1 (+{contact})" if contact else "Assayer/0.1")
