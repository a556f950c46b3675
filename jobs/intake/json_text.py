"""JSON from outside: finite numbers, no key twice, bounded depth, errors with their line."""

from __future__ import annotations

import json
from decimal import Decimal, DecimalException
from typing import NoReturn

from domain.errors import BadInput
from jobs.intake.text import fault_of_utf8


def read_json(content: bytes, *, file: str, first_line: int = 1) -> object:
    """The value in `content` (UTF-8, a byte-order mark is skipped); numbers with a point come as Decimal.

    Raises BadInput with file and line: not UTF-8, not JSON, NaN or Infinity, a key given twice, nested too deep.
    """
    try:
        return json.loads(
            content.decode("utf-8-sig"),
            parse_float=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object,
        )
    except UnicodeDecodeError as error:
        before = content.count(b"\n", 0, error.start)
        line = content.split(b"\n")[before]
        raise BadInput(fault_of_utf8(line), file=file, line=first_line + before) from error
    except json.JSONDecodeError as error:
        reason = f"not JSON: {error.msg} at column {error.colno}"
        raise BadInput(reason, file=file, line=first_line + error.lineno - 1) from error
    except RecursionError as error:
        raise BadInput("nested too deep", file=file, line=first_line) from error
    except (ValueError, DecimalException) as error:  # ours from the hooks, and Python's for integers of > 4,300 digits
        raise BadInput(f"not acceptable JSON: {error}", file=file, line=first_line) from error


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f'the key "{name[:80]}" is given twice')
        found[name] = value
    return found
