"""Domain values to JSON and back, one home for it: records, files and the service all speak this form."""

from __future__ import annotations

import hashlib
import json
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from domain.errors import BadInput

T = TypeVar("T")


_adapters: dict[type[Any], TypeAdapter[Any]] = {}


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """Building one costs milliseconds, so each is built once."""
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def dump(value: object) -> dict[str, Any]:
    """A domain dataclass as JSON-ready values (Decimal and datetime as strings, tuples as lists)."""
    dumped: dict[str, Any] = _adapter(type(value)).dump_python(value, mode="json")
    return dumped


def load(kind: type[T], data: object) -> T:
    """The inverse of `dump`. Raises BadInput naming the first field that does not fit."""
    try:
        value: T = _adapter(kind).validate_python(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BadInput(first["msg"], field=".".join(str(part) for part in first["loc"])) from error
    return value


def canonical_json(data: object) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces: the form that is hashed.

    Raises BadInput for what JSON cannot say: NaN, infinity, half of a surrogate pair.
    """
    try:
        text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode()
    except ValueError as error:  # UnicodeEncodeError is one
        raise BadInput(f"cannot be written as JSON ({error})") from error


def digest(data: object) -> str:
    """SHA-256 of `canonical_json`, 64 hex digits."""
    return hashlib.sha256(canonical_json(data)).hexdigest()
