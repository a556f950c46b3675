"""Refusals as RFC 9457 problem details. What is wrong with a request is said; what is wrong inside is logged."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from domain.errors import AddressRefused, AssayerError, BadInput, NotReady, StoreUnavailable

MEDIA_TYPE = "application/problem+json"
_TYPE = "urn:assayer:problem:"
_MOST_FAULTS = 20
_MOST_CHARACTERS = 1_000
_ADDRESS_REFUSED = "Only public web addresses are fetched, and this one is not, or leads to one that is not."

_log = logging.getLogger("assayer.serving")


class RequestRefused(BadInput):
    """The request is refused as HTTP, before anybody looks at the listing."""


class BodyTooLarge(RequestRefused):
    """More bytes than are read."""

    http_status = 413


class BodyTooSlow(RequestRefused):
    """The body did not come in time."""

    http_status = 408


class UnsupportedMediaType(RequestRefused):
    """Neither JSON nor multipart/form-data."""

    http_status = 415


class ServiceBusy(AssayerError):
    """As many requests as fit into memory are being worked on."""

    http_status = 503


class Fault(BaseModel):
    """One of several things that are wrong."""

    model_config = ConfigDict(extra="forbid")

    field: str | None = Field(description="Path of the field, such as images[0] or seller.id.")
    detail: str


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(description="URN that ends in the code.")
    title: str = Field(description="The same for every problem of this type.")
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="What happened this time, for a person.")
    code: str = Field(description="Stable machine name.")
    field: str | None = Field(default=None, description="Path of the field that is wrong, such as images[0].")
    errors: list[Fault] | None = Field(default=None, description="All faults, where there are several; the first 20.")


class ListingRefused(Exception):
    """An error on one field, or several faults at once; carries what a `Problem` says."""

    def __init__(self, error: AssayerError, *, field: str | None = None, faults: Sequence[BadInput] = ()) -> None:
        super().__init__(str(error))
        self.error, self.field, self.faults = error, field, tuple(faults)


def problem_of(error: AssayerError, *, field: str | None = None, faults: Sequence[BadInput] = ()) -> Problem:
    """What a client is told. Paths of this machine and the state of the store stay in the log."""
    return Problem(
        type=_TYPE + error.code,
        title=_title(error.code),
        status=error.http_status,
        detail=_detail(error)[:_MOST_CHARACTERS],
        code=error.code,
        field=field or (error.field if isinstance(error, BadInput) else None),
        errors=[Fault(field=fault.field, detail=fault.reason) for fault in faults[:_MOST_FAULTS]] or None,
    )


def http_problem(status: int, code: str, detail: str) -> Problem:
    """A problem of HTTP itself, such as a path that is not there."""
    return Problem(type=_TYPE + code, title=_title(code), status=status, detail=detail, code=code)


def internal_problem() -> Problem:
    """Something that was not foreseen; the log has it."""
    return http_problem(500, "internal", "Something went wrong inside; it is in the service's log.")


def problem_response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as an answer."""
    body = json.dumps(problem.model_dump(exclude_none=True), ensure_ascii=False)
    # half of a surrogate pair in a client's words cannot be UTF-8
    content = body.encode("utf-8", "backslashreplace")
    return Response(content, status_code=problem.status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def _title(code: str) -> str:
    return code.replace("-", " ").capitalize()


def _detail(error: AssayerError) -> str:
    if isinstance(error, AddressRefused):
        # the reason may name what an internal name resolves to
        return f"{error.url}: {_ADDRESS_REFUSED}"
    if isinstance(error, BadInput):
        return _sentence(error.reason, error.advice)
    if isinstance(error, NotReady):
        return _sentence(_without_folders(error.message), error.advice)
    if isinstance(error, StoreUnavailable) or error.http_status == internal_problem().status:
        _log.error("%s: %s %s", error.code, error.message, error.advice)
        return "The records cannot be reached." if isinstance(error, StoreUnavailable) else internal_problem().detail
    return _sentence(error.message, error.advice)


def _sentence(message: str, advice: str) -> str:
    return f"{message}. {advice}" if advice else message


def _without_folders(message: str) -> str:
    """Files by their name only: where they lie is no client's business."""
    return re.sub(r"/(?:[^\s:]+/)+", "", message)
