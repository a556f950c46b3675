"""What the service takes and answers, as OpenAPI 3.1; its schemas are made from the models that read and write."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from domain.settings import Settings
from jobs.intake.listing_row import ListingRow
from serving import problems
from serving.wire import AliveBody, AssessmentBody, ReadyBody

_REFERENCE = "#/components/schemas/{model}"
_REFUSALS = {
    "400": "The body is not JSON, not multipart, or a field of the listing is wrong; `field` names it.",
    "408": "The body did not come in time.",
    "413": "The body, or a picture behind a URL, has more bytes than are read.",
    "415": "Neither JSON nor multipart/form-data.",
    "422": "A picture may not be fetched, could not be fetched, or is broken; `field` names it.",
    "500": "Something went wrong inside.",
    "503": "Not ready (see /readyz), or busy.",
}


def describe(settings: Settings) -> dict[str, Any]:
    """The OpenAPI document, with the limits in force."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Assayer",
            "version": version("assayer"),
            "description": "Scores one marketplace listing against the stored catalog. Nothing sent here is stored.",
        },
        "paths": {
            "/v1/score": {"post": _score(settings)},
            "/livez": {"get": _get("The process lives.", AliveBody)},
            "/readyz": {"get": _get("Listings can be scored.", ReadyBody, unready=True)},
        },
        "components": {"schemas": _schemas()},
    }


def _schemas() -> dict[str, Any]:
    written: list[type[BaseModel]] = [AssessmentBody, AliveBody, ReadyBody, problems.Problem]
    _, read = models_json_schema([(ListingRow, "validation")], ref_template=_REFERENCE)
    _, answered = models_json_schema([(model, "serialization") for model in written], ref_template=_REFERENCE)
    return {**read["$defs"], **answered["$defs"]}


def _score(settings: Settings) -> dict[str, Any]:
    return {
        "summary": "Score one listing.",
        "operationId": "score",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": _ref(ListingRow)},
                "multipart/form-data": {
                    "schema": _parts(settings),
                    "encoding": {"listing": {"contentType": "application/json"}},
                },
            },
        },
        "responses": {"200": _answer("The assessment.", AssessmentBody)}
        | {status: _problem(meaning) for status, meaning in _REFUSALS.items()},
    }


def _parts(settings: Settings) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["listing"],
        "additionalProperties": False,
        "properties": {
            "listing": _ref(ListingRow)
            | {"description": "Its `images`, if any, are the labels of the files, as many and in the same order."},
            "images": {
                "type": "array",
                "maxItems": settings.max_listing_images,
                "items": {"type": "string", "format": "binary"},
                "description": "JPEG, PNG, WebP or GIF files in order, each a part of this name.",
            },
        },
    }


def _get(summary: str, body: type[BaseModel], *, unready: bool = False) -> dict[str, Any]:
    refusals = {"503": _problem("Not ready; `detail` says what is missing.")} if unready else {}
    return {"summary": summary, "responses": {"200": _answer(summary, body)} | refusals}


def _answer(description: str, body: type[BaseModel]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _ref(body)}}}


def _problem(description: str) -> dict[str, Any]:
    return {"description": description, "content": {problems.MEDIA_TYPE: {"schema": _ref(problems.Problem)}}}


def _ref(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}
