"""A product feed as XML (RSS 2.0 or Atom, fields in Google's ``g:`` namespace), streamed, to rows of text."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator
from typing import BinaryIO
from xml.sax import SAXParseException
from xml.sax.handler import ContentHandler, feature_namespaces
from xml.sax.xmlreader import AttributesNSImpl, Locator

from defusedxml.common import DefusedXmlException
from defusedxml.sax import make_parser

from domain.errors import BadInput
from jobs.intake.findings import Findings
from jobs.intake.table import Row

GOOGLE = "http://base.google.com/ns/1.0"
_ATOM = "http://www.w3.org/2005/Atom"
_ROOTS = ("rss", "feed", "RDF")
_ITEMS = ("item", "entry")
_CHUNK_BYTES = 65_536
_MAX_SILENT_BYTES = 2_000_000
"""Input without a single event: one comment or attribute that the parser would hold in memory."""
_MAX_DEPTH = 64
_MAX_TEXT = 100_001
_MAX_VALUES = 1_000
_MAX_ITEM_CHARACTERS = 400_000
"""Of all that is kept of one item."""


def read_xml(stream: BinaryIO, *, file: str, findings: Findings, known: Collection[str]) -> Iterator[Row]:
    """One row per ``item`` or ``entry``, with the line of its start tag; of its fields, those that are `known`.

    An item that is too large goes to `findings`. Raises BadInput with the line where the document is not well-formed,
    has a DOCTYPE or is no feed: XML says nothing reliable after that, so the file is refused as a whole.
    """
    handler = _Feed(file, findings, known)
    parser = make_parser()
    parser.forbid_dtd = True
    parser.setFeature(feature_namespaces, True)
    parser.setContentHandler(handler)
    handler.setDocumentLocator(parser)  # the parser itself does so only for whole documents
    silent = 0
    empty = True
    while content := stream.read(_CHUNK_BYTES):
        events, empty = handler.events, False
        _guarded(lambda: parser.feed(content), handler, file)  # called at once
        yield from handler.taken()
        silent = silent + len(content) if handler.events == events else 0
        if silent > _MAX_SILENT_BYTES:
            raise BadInput(f"one part of more than {_MAX_SILENT_BYTES} bytes", file=file, line=handler.line)
    if empty:
        raise BadInput("not well-formed XML: empty", file=file, line=1)
    _guarded(parser.close, handler, file)
    yield from handler.taken()


def _guarded(step: Callable[[], object], handler: _Feed, file: str) -> None:
    try:
        step()
    except DefusedXmlException as error:
        raise BadInput("a DOCTYPE or entity; feeds need neither", file=file, line=handler.line) from error
    except SAXParseException as error:
        reason = f"not well-formed XML: {error.getMessage()} at column {(error.getColumnNumber() or 0) + 1}"
        raise BadInput(reason, file=file, line=error.getLineNumber()) from error
    except (ValueError, LookupError) as error:  # an encoding that expat does not know
        raise BadInput(f"not readable XML: {error}", file=file, line=handler.line) from error


class _Feed(ContentHandler):
    """Collects the direct children of items; what lies deeper (a shipping price) is not the product's."""

    def __init__(self, file: str, findings: Findings, known: Collection[str]) -> None:
        super().__init__()
        self._file, self._findings, self._known = file, findings, known
        self._locator: Locator | None = None
        self._depth = 0
        self._item_depth: int | None = None
        self._field: tuple[bool, str] | None = None
        self._text: list[str] = []
        self._length = 0
        self._item_length = 0
        self._item: dict[tuple[bool, str], list[str]] = {}
        self._item_line = 1
        self._rows: deque[Row] = deque()
        self.events = 0

    @property
    def line(self) -> int:
        """Where the parser is."""
        return (self._locator.getLineNumber() if self._locator else None) or 1

    def taken(self) -> Iterator[Row]:
        """The rows completed since the last call."""
        while self._rows:
            yield self._rows.popleft()

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802
        self._locator = locator

    def startElementNS(  # noqa: N802
        self, name: tuple[str | None, str], qname: str | None, attrs: AttributesNSImpl
    ) -> None:
        self.events += 1
        self._depth += 1
        space, local = name
        if self._depth > _MAX_DEPTH:
            raise BadInput(f"nested more than {_MAX_DEPTH} deep", file=self._file, line=self.line)
        if self._depth == 1 and local not in _ROOTS:
            raise BadInput(f"<{local[:40]}> is neither RSS 2.0 nor Atom", file=self._file, line=self.line)
        if self._item_depth is None and local in _ITEMS and space != GOOGLE:
            self._item_depth, self._item, self._item_line = self._depth, {}, self.line
            self._item_length = 0
        elif self._item_depth is not None and self._depth == self._item_depth + 1:
            kept = local in self._known and space in (GOOGLE, _ATOM, None, "")
            self._field = (space == GOOGLE, local) if kept else None
            self._text, self._length = [], 0

    def characters(self, content: str) -> None:
        self.events += 1
        at_field = self._item_depth is not None and self._depth == self._item_depth + 1
        if at_field and self._field and self._length < _MAX_TEXT and self._item_length <= _MAX_ITEM_CHARACTERS:
            piece = content[: _MAX_TEXT - self._length]
            self._text.append(piece)
            self._length += len(piece)
            self._item_length += len(piece)

    def endElementNS(self, name: tuple[str | None, str], qname: str | None) -> None:  # noqa: N802
        self.events += 1
        if self._item_depth is not None and self._depth == self._item_depth + 1 and self._field:
            values = self._item.setdefault(self._field, [])
            if (value := "".join(self._text).strip()) and len(values) < _MAX_VALUES:
                values.append(value)
            self._field = None
        elif self._depth == self._item_depth:
            if self._item_length > _MAX_ITEM_CHARACTERS:
                reason = f"an item of more than {_MAX_ITEM_CHARACTERS} characters"
                self._findings.refuse(BadInput(reason, file=self._file, line=self._item_line))
            else:
                self._rows.append(Row(line=self._item_line, cells=self._cells()))
            self._item, self._item_depth = {}, None
        self._depth -= 1

    def _cells(self) -> dict[str, tuple[str, ...]]:
        """Google's own field wins over RSS's or Atom's of the same name (``title``, ``link``)."""
        plain = {local: tuple(values) for (google, local), values in self._item.items() if not google and values}
        own = {local: tuple(values) for (google, local), values in self._item.items() if google and values}
        return plain | own
