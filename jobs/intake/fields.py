"""Field types that the JSON forms of listings and rights holders share; their JSON Schema says what they check."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from domain.errors import BadInput
from jobs.intake.text import CONTROL_CHARACTERS, fault_of
from store.content import MAX_KEY_BYTES

CONFIG = ConfigDict(strict=True, frozen=True)
MAX_COUNT = 2_000_000_000


def _text(max_length: int, *, one_line: bool, filled: bool, max_bytes: int | None = None) -> Any:
    """A string type, blanks at its ends removed; `filled` wants more than blanks, `max_bytes` counts UTF-8."""
    kept_out = CONTROL_CHARACTERS + (r"\t\r\n" if one_line else "")
    pattern = (r"^(?=[\s\S]*\S)" if filled else "^") + f"[^{kept_out}]*$"

    def check(text: str) -> str:
        if filled and not text.strip():
            raise PydanticCustomError("empty", "empty")
        if fault := fault_of(text, max_length=max_length, one_line=one_line):
            raise PydanticCustomError("text", "{fault}", {"fault": fault})
        if max_bytes and len(text.encode()) > max_bytes:
            raise PydanticCustomError("bytes", "more than {most} bytes", {"most": max_bytes})
        return text.strip()

    schema: dict[str, JsonValue] = {"maxLength": max_length, "pattern": pattern, "minLength": int(filled)}
    return Annotated[str, AfterValidator(check), Field(json_schema_extra=schema)]


def _number(value: object) -> Decimal:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        if number.is_finite():
            return number
    raise PydanticCustomError("number", "not a finite number")


def _pieces(value: object) -> int:
    if (number := _whole(value)) < 0:
        raise PydanticCustomError("pieces", "less than 0")
    return number


def _whole(value: object) -> int:
    number = _number(value)  # a column with gaps turns its integers into 5.0
    # compared as it is: arithmetic, abs too, overflows on 1e1000000
    if not -MAX_COUNT <= number <= MAX_COUNT or number != int(number):
        raise PydanticCustomError("whole", "not a whole number up to {most}", {"most": MAX_COUNT})
    return int(number)


Key = _text(500, one_line=True, filled=True, max_bytes=MAX_KEY_BYTES)
"""An identifier: one line, not empty, short enough to be a key in every database."""
Name = _text(1_000, one_line=True, filled=True)
Line = _text(1_000, one_line=True, filled=False)
Title = _text(5_000, one_line=False, filled=True)
LongText = _text(200_000, one_line=False, filled=False)
Link = _text(4_096, one_line=True, filled=True)
Percent = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(ge=0, le=100),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 100}),
]
Count = Annotated[
    int,
    BeforeValidator(_whole),
    WithJsonSchema({"type": "integer", "minimum": -MAX_COUNT, "maximum": MAX_COUNT}),
]
Pieces = Annotated[
    int,
    BeforeValidator(_pieces),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": MAX_COUNT}),
]


def union_step(form: str) -> str:
    """A tag for one form of a union, which `field_path` leaves out of paths."""
    return f"\0{form}"


def placed_faults(error: ValidationError, *, prefix: str = "") -> list[BadInput]:
    """One BadInput per fault, its field as a path such as ``rights_holders[0].brands[1].name``."""
    return [
        BadInput(fault["msg"], field=field_path(prefix, fault["loc"]))
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def field_path(prefix: str, steps: tuple[int | str, ...]) -> str:
    """``seller.id``, ``images[2]``."""
    path = prefix
    for step in steps:
        if isinstance(step, str) and step.startswith("\0"):
            continue
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    return path
