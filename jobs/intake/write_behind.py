"""Evidence written while the next picture is read: a disk takes milliseconds to promise that bytes are there."""

from __future__ import annotations

import hashlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from store.interfaces import EvidenceWriter

_THREADS = 4
_MOST_WAITING = 16
"""Bounds memory: pictures that wait for the disk."""


class WriteBehind:
    """Writes to `evidence` from threads of its own. Before a record names a digest, call `settle`."""

    def __init__(self, evidence: EvidenceWriter) -> None:
        self._evidence = evidence
        self._threads = ThreadPoolExecutor(max_workers=_THREADS)
        self._waiting: deque[Future[str]] = deque()

    def __enter__(self) -> WriteBehind:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(wait=True)

    def write(self, content: bytes) -> str:
        """The SHA-256 at once, the bytes soon. Raises what an earlier write raised."""
        if len(self._waiting) >= _MOST_WAITING:
            self._waiting.popleft().result()
        self._waiting.append(self._threads.submit(self._evidence.write, content))
        return hashlib.sha256(content).hexdigest()

    def settle(self) -> None:
        """Wait until everything written is in the store. Raises what a write raised."""
        while self._waiting:
            self._waiting.popleft().result()
