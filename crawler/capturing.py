"""From Scrapy's answers to captures, in threads, since disks take their time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from scrapy.http import Response

from crawler.capture.captured import Captured
from crawler.capture.certificate import certificate_der
from crawler.capture.recorder import CaptureRecorder
from crawler.capture.warc_writer import WarcWriter
from crawler.headers import plain_headers
from crawler.manners.conditional import visit_of
from crawler.middlewares import AS_RECEIVED
from crawler.session import Session
from domain.capture import Capture, CaptureKind
from domain.listing import Listing
from domain.visit import Visit

_WRITERS = 6


class Capturing:
    """Keeps what came over the wire. Lives on the event loop."""

    def __init__(self, session: Session) -> None:
        self._session = session
        settings = session.order.settings
        self._warc = WarcWriter(
            settings.crawl_dir / session.order.crawl,
            session.order.crawl,
            # without an earlier crawl, what this process wrote is all there is
            recorded=session.records.recorded_capture if session.remembers else _nothing,
            user_agent=settings.identity,
            operator=settings.contact,
        )
        self._recorder = CaptureRecorder(session.evidence, self._warc, session.order.crawl)
        self._threads = ThreadPoolExecutor(_WRITERS, thread_name_prefix="evidence")
        self._files: dict[str, None] = {}

    async def capture(self, response: Response, kind: CaptureKind, *, asked: str) -> Capture:
        """Keep an answer. Raises the store's errors."""
        request = response.request
        answer = Captured(
            kind=kind,
            url=asked,
            final_url=response.url,
            body=response.body,
            received_at=_received_at(response),
            status=response.status,
            headers=_pairs(request.meta.get(AS_RECEIVED, response.headers) if request else response.headers),
            protocol=response.protocol or "HTTP/1.1",
            ip_address=str(response.ip_address or ""),
            certificate=certificate_der(response.certificate),
            method=request.method if request else "GET",
            request_headers=_pairs(request.headers) if request else None,
            request_body=request.body if request else b"",
        )
        return await self.record(answer)

    async def record(self, answer: Captured) -> Capture:
        """Keep an answer or a screenshot. Raises the store's errors."""
        capture = await asyncio.get_running_loop().run_in_executor(self._threads, self._recorder.record, answer)
        self._files[capture.warc] = None
        return capture

    def sync(self) -> None:
        """Have the disk keep the WARC records that were written."""
        self._warc.sync()

    async def body(self, sha256: str) -> bytes:
        """Bytes that were captured before. Raises NotFound or EvidenceCorrupt."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._session.evidence.read, sha256)

    def close(self) -> Sequence[str]:
        """Nothing is under way anymore; the names of the files that were written."""
        self._threads.shutdown()
        self._warc.close()
        return tuple(name for name in self._files if name)


def _nothing(body_sha256: str) -> None:
    return None


def visit_to(
    url: str, response: Response, capture: Capture, listing: Listing | None = None, *, confirmable: bool = True
) -> Visit:
    """What is remembered of a page or picture that was captured.

    Not `confirmable` is a page that scripts made: that the stage has not changed says nothing of the offer.
    """
    return visit_of(
        url,
        response.status,
        plain_headers(response) if confirmable else {},
        body_sha256=capture.body_sha256,
        at=capture.captured_at,
        listing=listing.key if listing else None,
    )


def _received_at(response: Response) -> datetime:
    """Now, or when it came that the cache for development gives again: evidence says when a server answered."""
    if "cached" in response.flags and response.request:
        return datetime.fromtimestamp(float(response.request.meta["cache_timestamp"]), UTC)
    return datetime.now(UTC)


def _pairs(headers: object) -> list[tuple[bytes, bytes]]:
    assert isinstance(headers, Mapping)
    return [(name, value) for name, values in headers.items() for value in values]
