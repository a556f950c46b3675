"""Every error that Assayer raises on purpose.

    AssayerError                  exit 1, HTTP 500
    ├── BadInput                  exit 2, HTTP 400   something handed in is wrong; names file, line and field
    │   ├── ImageRefused          HTTP 422           not a picture, truncated, too large, another type than it says
    │   ├── ArchiveRefused                           a ZIP that climbs out, is too big, or is broken
    │   ├── EmptyCatalog                             nothing to compare with
    │   └── SettingRefused                           a setting with an impossible value
    ├── FetchRefused              HTTP 422           a URL that may not, or could not, be fetched
    │   ├── AddressRefused                           private, loopback, link-local or metadata address
    │   └── FetchTooLarge         HTTP 413           more bytes than allowed
    ├── NotFound                  HTTP 404           a record that is not there
    ├── NotReady                  HTTP 503           a model or index is missing
    │   ├── IndexMismatch     exit 2             the index was built by another model or other features
    │   └── RecordsNewer                             the database was migrated by a newer Assayer than this one
    ├── StoreUnavailable          HTTP 503           database or evidence cannot be reached, or is locked, full, broken
    ├── CrawlFailed                              the crawling process died; what it had saved stays
    ├── EvidenceCorrupt                              stored bytes do not hash to their name
    ├── NoticeIncomplete                             a notice that fails its lint is asked to leave
    └── PromotionRefused                             a model that is worse than the one in use is not put in its place

`exit_code` is the process's exit status, `http_status` the service's answer.
"""

from __future__ import annotations

from typing import ClassVar


class AssayerError(Exception):
    """Base of the tree. `advice` says what to do next, in one sentence, or is empty."""

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    @property
    def code(self) -> str:
        """Stable machine name, such as ``image-refused``; the RFC 9457 problem type ends in it."""
        name = type(self).__name__
        return "".join("-" + c.lower() if c.isupper() and i else c.lower() for i, c in enumerate(name))


class BadInput(AssayerError):
    """Something handed in is wrong. Any of `file`, `line` (1-based) and `field` may be None."""

    exit_code = 2
    http_status = 400

    def __init__(
        self,
        reason: str,
        *,
        file: str | None = None,
        line: int | None = None,
        field: str | None = None,
        advice: str = "",
    ) -> None:
        self.reason, self.file, self.line, self.field = reason, file, line, field
        super().__init__(f"{self.place}{reason}", advice=advice)

    @property
    def place(self) -> str:
        """``products.tsv:12: price: `` or as much of it as is known."""
        where = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        return "".join(f"{part}: " for part in (where, self.field) if part)

    def at(self, *, file: str | None = None, line: int | None = None, field: str | None = None) -> BadInput:
        """The same refusal, placed: what is already known stays, what is missing is filled in."""
        return type(self)(
            self.reason,
            file=self.file or file,
            line=self.line if self.line is not None else line,
            field=self.field or field,
            advice=self.advice,
        )

    def as_dict(self) -> dict[str, str | int | None]:
        """For ``--json`` and problem details."""
        return {
            "code": self.code,
            "file": self.file,
            "line": self.line,
            "field": self.field,
            "reason": self.reason,
        }


class ImageRefused(BadInput):
    """Bytes that are not a picture we are willing to read."""

    http_status = 422


class ArchiveRefused(BadInput):
    """A ZIP with climbing names, a bomb, or a broken one."""


class EmptyCatalog(BadInput):
    """No reference product and no mark: nothing to compare with."""


class SettingRefused(BadInput):
    """A setting with an impossible value."""


class FetchRefused(AssayerError):
    """A URL that may not, or could not, be fetched."""

    http_status = 422

    def __init__(self, reason: str, *, url: str, advice: str = "") -> None:
        super().__init__(f"{url}: {reason}", advice=advice)
        self.reason, self.url = reason, url


class AddressRefused(FetchRefused):
    """The URL leads to a private, loopback, link-local or metadata address."""


class FetchTooLarge(FetchRefused):
    """The answer has more bytes than allowed."""

    http_status = 413


class NotFound(AssayerError):
    """A record that is not there."""

    http_status = 404


class NotReady(AssayerError):
    """A model or index is missing; retrying without doing something will not help."""

    http_status = 503


class IndexMismatch(NotReady):
    """The index was built by another model or other features."""

    exit_code = 2


class RecordsNewer(NotReady):
    """The database was migrated by a newer Assayer than this one."""


class StoreUnavailable(AssayerError):
    """Database or evidence cannot be reached, or is locked, full or broken; a later try may succeed."""

    http_status = 503


class CrawlFailed(AssayerError):
    """The crawling process died; what it had saved stays."""


class EvidenceCorrupt(AssayerError):
    """Stored bytes do not hash to their name."""


class NoticeIncomplete(AssayerError):
    """A notice that fails its lint is asked to leave."""


class PromotionRefused(AssayerError):
    """A model that is worse than the one in use is not put in its place."""
