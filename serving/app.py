"""The HTTP surface, an ASGI application of its own: it knows nothing of BentoML, which runs it and the embedder."""

from __future__ import annotations

import functools
import json
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio
from anyio.to_thread import run_sync
from prometheus_client import Counter
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from crawler.fetch import GuardedFetcher
from domain.codec import dump
from domain.errors import AssayerError
from domain.settings import Settings
from serving.bodies import MEDIA_TYPES, read_request
from serving.listings import ReadRequest, picture_contents, read_listing, score_contents
from serving.openapi import describe
from serving.problems import (
    ListingRefused,
    Problem,
    ServiceBusy,
    UnsupportedMediaType,
    http_problem,
    internal_problem,
    problem_of,
    problem_response,
)
from serving.scorer_in_use import ScorerInUse
from serving.wire import AliveBody, AssessmentBody, ReadyBody, VersionsBody, assessment_body

MOST_AT_ONCE = 16
"""Requests that are worked on side by side: each may hold a whole body in memory. More are told to come again."""
_FETCHING_AT_ONCE = 8
_SCORING_PER_CORE = 2
"""One waits for the embedder while another is matched; and views that wait together are embedded in one call."""
_HTTP_CODES = {404: "no-such-path", 405: "method-not-allowed"}

_log = logging.getLogger("assayer.serving")
_refusals = Counter("assayer_refusals", "Requests answered by a problem, by its code.", ["code"])
_verdicts = Counter("assayer_verdicts", "Listings scored, by band.", ["band"])

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoringDesk:
    """What the endpoints work with."""

    settings: Settings
    scorer: ScorerInUse
    fetcher: GuardedFetcher
    metrics: Callable[[], tuple[bytes, str]]
    """Prometheus text and its media type."""


def create_app(desk: ScoringDesk) -> Starlette:
    """``POST /v1/score``, ``/livez``, ``/readyz``, ``/docs.json`` and ``/metrics``; every refusal is a problem."""
    endpoints = _Endpoints(desk)
    return Starlette(
        routes=[
            Route("/v1/score", _edge(endpoints.score), methods=["POST"]),
            Route("/livez", _edge(endpoints.livez), methods=["GET"]),
            Route("/readyz", _edge(endpoints.readyz), methods=["GET"]),
            Route("/docs.json", _edge(endpoints.docs), methods=["GET"]),
            Route("/metrics", _edge(endpoints.metrics), methods=["GET"]),
        ],
        exception_handlers={HTTPException: _http_refusal},
    )


class _Endpoints:
    """Work goes to threads, so that the event loop stays free to answer."""

    def __init__(self, desk: ScoringDesk) -> None:
        self._desk = desk
        self._working = 0
        self._fetching = anyio.CapacityLimiter(_FETCHING_AT_ONCE)
        self._scoring = anyio.CapacityLimiter(_SCORING_PER_CORE * (os.cpu_count() or 1))
        self._asking = anyio.CapacityLimiter(1)
        """Readiness is asked for apart: full hands are no reason to be taken out of service."""

    async def score(self, request: Request) -> Response:
        """A verdict on one listing. Nothing of it is stored."""
        if self._working >= MOST_AT_ONCE:
            raise ServiceBusy("as many listings as fit are being scored", advice="Try again in a moment.")
        self._working += 1
        try:
            return _json(await self._assessment(request))
        finally:
            self._working -= 1

    async def _assessment(self, request: Request) -> AssessmentBody:
        sent = await read_request(request, self._desk.settings)
        read = await run_sync(read_listing, sent, self._desk.settings, limiter=self._scoring)
        scorer = await run_sync(self._desk.scorer.get, limiter=self._scoring)
        fetch = functools.partial(picture_contents, read, self._desk.fetcher, self._desk.settings)
        contents = await run_sync(fetch, limiter=self._limiter_for(read))
        # decoded only where it is scored: pixels take many times the room of the files that wait here
        scored = await run_sync(score_contents, scorer, read, contents, self._desk.settings, limiter=self._scoring)
        _verdicts.labels(scored.assessment.band.value).inc()
        return assessment_body(scored.assessment)

    def _limiter_for(self, read: ReadRequest) -> anyio.CapacityLimiter:
        """Slow web servers must not keep the threads that score."""
        return self._fetching if any(picture.content is None for picture in read.pictures) else self._scoring

    async def livez(self, _: Request) -> Response:
        """The process lives."""
        return _json(AliveBody())

    async def readyz(self, _: Request) -> Response:
        """Listings can be scored."""
        scorer = await run_sync(self._desk.scorer.get, limiter=self._asking)
        return _json(ReadyBody(versions=VersionsBody.model_validate(dump(scorer.versions))))

    async def docs(self, _: Request) -> Response:
        """The OpenAPI document."""
        return Response(json.dumps(describe(self._desk.settings)), media_type="application/json")

    async def metrics(self, _: Request) -> Response:
        """For Prometheus."""
        content, media_type = await run_sync(self._desk.metrics)
        return Response(content, media_type=media_type)


def _edge(endpoint: Endpoint) -> Endpoint:
    """Errors become problems here, and only here."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ListingRefused as refused:
            return _refused(problem_of(refused.error, field=refused.field, faults=refused.faults))
        except AssayerError as error:
            return _refused(problem_of(error), _headers_for(error))
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except Exception:  # noqa: BLE001 - the edge of the process: a client learns nothing of the inside
            _log.exception("%s %s failed", request.method, request.url.path)
            return _refused(internal_problem())

    return answer


async def _http_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _HTTP_CODES.get(error.status_code, "http-error")
    return _refused(http_problem(error.status_code, code, error.detail), error.headers)


def _refused(problem: Problem, headers: object = None) -> Response:
    _refusals.labels(problem.code).inc()
    return problem_response(problem, headers if isinstance(headers, dict) else None)


def _headers_for(error: AssayerError) -> dict[str, str] | None:
    if isinstance(error, ServiceBusy):
        return {"Retry-After": "1"}
    if isinstance(error, UnsupportedMediaType):
        return {"Accept-Post": ", ".join(MEDIA_TYPES)}
    return None


def _json(body: BaseModel) -> Response:
    # the standard library's writer, as for `assayer score --out`: both print a number with the same digits
    content = json.dumps(body.model_dump(mode="json"), ensure_ascii=False)
    return Response(content.encode("utf-8", "backslashreplace"), media_type="application/json")
