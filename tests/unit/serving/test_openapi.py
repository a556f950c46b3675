"""The OpenAPI document says what the service does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator


@pytest.fixture
def document(service: Any) -> dict[str, Any]:
    answer = service.client.get("/docs.json")
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = answer.json()
    return found


def valid(document: dict[str, Any], schema: dict[str, Any], value: object) -> bool:
    return bool(Draft202012Validator(schema | {"components": document["components"]}).is_valid(value))


def schema_of(answers: dict[str, Any], status: str) -> tuple[str, dict[str, Any]]:
    (media_type,) = answers["responses"][status]["content"]
    return media_type, answers["responses"][status]["content"][media_type]["schema"]


def references(value: object) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_it_is_whole(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert set(document["paths"]) == {"/v1/score", "/livez", "/readyz"}
    names = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) <= names
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_requests_are_described(document: dict[str, Any], service: Any, listing: dict[str, Any]) -> None:
    content = document["paths"]["/v1/score"]["post"]["requestBody"]["content"]
    assert set(content) == {"application/json", "multipart/form-data"}
    schema = content["application/json"]["schema"]
    for changes, accepted in (({}, True), ({"title": ""}, False), ({"seller": {}}, False), ({"price": None}, True)):
        sent = listing | changes
        assert valid(document, schema, sent) is accepted
        assert (service.score(sent).status_code == 200) is accepted
    parts = content["multipart/form-data"]["schema"]
    assert parts["required"] == ["listing"]
    assert set(parts["properties"]) == {"listing", "images"}
    assert parts["properties"]["images"]["maxItems"] == service.settings.max_listing_images


def test_answers_are_described(
    document: dict[str, Any], service: Any, listing: dict[str, Any], draw: Callable[..., bytes]
) -> None:
    answers = document["paths"]["/v1/score"]["post"]
    sent = {
        "200": service.send(listing | {"price": "free"}, ("a.jpg", draw(1))),
        "400": service.score({}),
        "413": service.client.post("/v1/score", content=bytes(3_000_000), headers={"content-type": "application/json"}),
        "415": service.client.post("/v1/score", content=b""),
        "422": service.send(listing, ("a.jpg", b"x")),
    }
    for status, answer in sent.items():
        media_type, schema = schema_of(answers, status)
        assert (str(answer.status_code), answer.headers["content-type"]) == (status, media_type)
        assert valid(document, schema, answer.json())
        assert not valid(document, schema, answer.json() | {"more": 1})
    assert set(answers["responses"]) == {*sent, "408", "500", "503"}
    for path, status in (("/livez", "200"), ("/readyz", "200")):
        _, schema = schema_of(document["paths"][path]["get"], status)
        assert valid(document, schema, service.client.get(path).json())


def test_unreadiness_is_described(document: dict[str, Any], empty_service: Any) -> None:
    media_type, schema = schema_of(document["paths"]["/readyz"]["get"], "503")
    answer = empty_service.client.get("/readyz")
    assert (answer.status_code, answer.headers["content-type"]) == (503, media_type)
    assert valid(document, schema, answer.json())
