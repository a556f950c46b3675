"""What is asked again, and what an answer leaves to be remembered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.manners.conditional import conditional_headers, confirms, visit_of
from crawler.manners.retry_after import http_date, retry_after_s
from domain.visit import Visit

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "https://shop.example/item/7"
DATE = "Sun, 01 Mar 2026 10:00:00 GMT"
SHA = "ab" * 32


def seen(**changes: object) -> Visit:
    values = {"url": URL, "visited_at": AT, "status": 200, "etag": '"v1"', "last_modified": DATE, "body_sha256": SHA}
    return Visit(**values | changes)  # type: ignore[arg-type]


def test_both_validators_are_sent() -> None:
    assert conditional_headers(seen()) == {"If-None-Match": '"v1"', "If-Modified-Since": DATE}


@pytest.mark.parametrize(
    "visit", [None, seen(status=404), seen(body_sha256=""), seen(etag="", last_modified="")], ids=str
)
def test_nothing_is_asked_about_what_was_not_kept(visit: Visit | None) -> None:
    assert conditional_headers(visit) == {}


def test_an_answer_is_remembered_with_its_validators() -> None:
    headers = {"ETag": 'W/"v2"', "Last-Modified": DATE}
    visit = visit_of(f"{URL}?utm_source=a", 200, headers, body_sha256=SHA, at=AT, listing=("shop", "7"))
    assert visit == seen(etag='W/"v2"', listing=("shop", "7"))


@pytest.mark.parametrize("etag", ["v1", '"a"b"', '"a\r\nX: y"', '"' + "x" * 1001 + '"', '"ä"', 'w/"a"'])
def test_validators_in_no_proper_form_are_left_out(etag: str) -> None:
    headers = {"etag": etag, "last-modified": "yesterday"}
    visit = visit_of(URL, 200, headers, body_sha256=SHA, at=AT)
    assert (visit.etag, visit.last_modified) == ("", "")


def test_not_modified_confirms_what_was() -> None:
    later = AT + timedelta(days=1)
    before = seen(listing=("shop", "7"))
    after = visit_of(URL, 304, {"etag": 'W/"v1"'}, body_sha256="", at=later, previous=before)
    assert after == seen(visited_at=later, etag='W/"v1"', listing=("shop", "7"))
    assert visit_of(URL, 304, {}, body_sha256="", at=later, previous=before) == seen(
        visited_at=later, listing=("shop", "7")
    )


@pytest.mark.parametrize("previous", [None, seen(), seen(body_sha256="")], ids=["none", "other version", "no content"])
def test_not_modified_of_something_else_confirms_nothing(previous: Visit | None) -> None:
    headers = {"etag": '"v9"'}
    assert not confirms(previous, headers)
    assert conditional_headers(visit_of(URL, 304, headers, body_sha256="", at=AT, previous=previous)) == {}


def test_a_page_that_is_gone_keeps_its_listing() -> None:
    gone = visit_of(URL, 410, {}, body_sha256="", at=AT, previous=seen(listing=("shop", "7")))
    assert gone.gone
    assert gone.listing == ("shop", "7")
    assert visit_of(URL, 200, {}, body_sha256=SHA, at=AT, previous=seen(listing=("shop", "7"))).listing is None


@pytest.mark.parametrize(
    "text", ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
)
def test_three_forms_of_a_date(text: str) -> None:
    assert http_date(text) == datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Sun, 01 Mar 2026 12:01:00 GMT", 60.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("9" * 40, None),
        ("Sun, 99 Mar 2026 12:01:00 GMT", None),
        ("٣", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert retry_after_s(text, now=AT) == seconds


@given(st.text(max_size=80) | st.from_regex(r"(Mon|Sunday),? [0-9 :A-Za-z+-]{0,40}", fullmatch=True))
def test_any_text_is_read_or_is_not(text: str) -> None:
    wait = retry_after_s(text, now=AT)
    assert wait is None or wait >= 0
