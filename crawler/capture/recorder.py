"""From an answer to a capture: its bytes in evidence, its record in a WARC file, then the value that names both."""

from __future__ import annotations

from crawler.capture.captured import Captured
from crawler.capture.header_block import received_block
from crawler.capture.warc_writer import WarcWriter
from domain.capture import Capture
from store.interfaces import EvidenceWriter

_CERTIFICATES = 1000


class CaptureRecorder:
    """Keeps answers. Threads may share it."""

    def __init__(self, evidence: EvidenceWriter, warc: WarcWriter, crawl: str) -> None:
        self._evidence, self._warc, self._crawl = evidence, warc, crawl
        self._certificates: dict[bytes, str] = {}

    def record(self, answer: Captured) -> Capture:
        """Keep one answer. When this returns, evidence and WARC file hold it.

        Raises StoreUnavailable when either cannot be written.
        """
        certificate_sha256 = self._certificate(answer.certificate)
        body_sha256 = self._evidence.write(answer.body)
        headers_sha256 = "" if answer.status is None else self._evidence.write(received_block(answer))
        place = self._warc.write(answer, body_sha256=body_sha256, certificate_sha256=certificate_sha256)
        return Capture(
            kind=answer.kind,
            url=answer.url,
            final_url=answer.final_url,
            captured_at=answer.received_at,
            body_sha256=body_sha256,
            size=len(answer.body),
            content_type=answer.content_type,
            status=answer.status,
            headers_sha256=headers_sha256,
            ip_address=answer.ip_address,
            certificate_sha256=certificate_sha256,
            warc=place.warc,
            warc_offset=place.offset,
            warc_record_id=place.record_id,
            warc_revisit=place.revisit,
            crawl=self._crawl,
        )

    def _certificate(self, der: bytes | None) -> str:
        """A site's certificate comes with every answer and is written once."""
        if der is None:
            return ""
        if der not in self._certificates:
            if len(self._certificates) >= _CERTIFICATES:
                self._certificates.clear()
            self._certificates[der] = self._evidence.write(der)
        return self._certificates[der]
