"""What a person sees of sites that said stop, and how one is lifted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.errors import NotFound
from domain.visit import SiteStop
from jobs.site_stops import lift_site_stop, list_site_stops
from store.interfaces import Records
from store.records import open_records

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    opened = open_records(f"sqlite:///{tmp_path / 'assayer.db'}", "default")
    for host, until in (("a.example", NOW), ("b.example", None), ("c.example:81", NOW + timedelta(seconds=1))):
        stop = SiteStop(host=host, reason="said so", stopped_at=NOW - timedelta(hours=1), until=until)
        opened.save_site_stop(stop)
    yield opened
    opened.close()


def test_those_that_hold_are_listed(records: Records) -> None:
    assert [stop.host for stop in list_site_stops(records, now=NOW)] == ["b.example", "c.example:81"]
    later = NOW + timedelta(minutes=1)
    assert [stop.host for stop in list_site_stops(records, now=later)] == ["b.example"]


@pytest.mark.parametrize("name", ["C.example:81", " c.example:81 ", "http://c.example:81/item"])
def test_one_is_lifted(records: Records, name: str) -> None:
    lift_site_stop(records, name)
    assert [stop.host for stop in list_site_stops(records, now=NOW)] == ["b.example"]
    with pytest.raises(NotFound, match="has said no stop"):
        lift_site_stop(records, name)
