"""JSON from outside: what it costs to read is in proportion to its length."""

from __future__ import annotations

import json
import time

import pytest

from domain.errors import BadInput
from jobs.intake.json_text import read_json


def test_a_repeated_key_is_found_in_a_wide_object_about_as_fast_as_the_object_is_read() -> None:
    wide = json.dumps({f"k{n}": n for n in range(20_000)})
    twice = wide[:-1] + ', "k19999": 0}'
    started = time.process_time()
    assert read_json(wide.encode(), file="f")
    read = time.process_time()
    with pytest.raises(BadInput, match='"k19999" is given twice'):
        read_json(twice.encode(), file="f")
    assert time.process_time() - read < 20 * (read - started)
