"""Whatever is sent as a listing is scored or refused with a problem."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FIELDS = (
    *("marketplace", "listing_id", "url", "title", "seller", "description", "price", "currency", "quantity"),
    *("brand", "category", "condition", "ships_from", "images", "id", "name", "feedback_score", "feedback_percent"),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**300, max_value=10**301),
    st.floats(),
    st.text(max_size=20),
    st.text(st.characters(categories=["Cs", "Cc", "Cf", "Nd", "Sc"]), max_size=10),
    st.sampled_from(["http://127.0.0.1:1/x", "https://[", "http://a b/", "1.234,56 €", "$0", "-0", "1e999", "\ud800"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | st.text(), inner, max_size=4),
    max_leaves=10,
)
GOOD = {
    "marketplace": "m",
    "listing_id": "1",
    "url": "https://example.com/1",
    "title": "t",
    "seller": {"id": "s"},
}
LISTINGS = st.one_of(
    VALUES,
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=3).map(lambda changes: GOOD | changes),
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=2).map(
        lambda changes: GOOD | {"seller": {"id": "s"} | changes}
    ),
)
SMALL = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)


def answered(service: Any, content: bytes, kind: str) -> None:
    answer = service.client.post("/v1/score", content=content, headers={"content-type": kind})
    body = answer.json()
    if answer.status_code == 200:
        assert 0 <= body["probability"] <= 1
    else:
        assert answer.status_code in (400, 413, 415, 422), body
        assert answer.headers["content-type"] == "application/problem+json"
        assert body["code"] != "internal"


@SMALL
@given(LISTINGS)
def test_any_json(service: Any, value: object) -> None:
    answered(service, json.dumps(value).encode(), "application/json")


@SMALL
@given(st.binary(max_size=200))
def test_any_bytes_as_json(service: Any, content: bytes) -> None:
    answered(service, content, "application/json")


PIECES = (
    *(
        b"--cut",
        b"--cut--",
        b"\r\n",
        b"\r\n\r\n",
        b"Content-Disposition: form-data",
        b"; ",
        b": ",
        b"\n",
        b'"',
        b"\x00",
    ),
    *(b'name="listing"', b'name="images"', b'filename="a"', b"{}", b"\xff"),
)


@SMALL
@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_any_parts(service: Any, pieces: list[bytes]) -> None:
    answered(service, b"".join(pieces), "multipart/form-data; boundary=cut")
