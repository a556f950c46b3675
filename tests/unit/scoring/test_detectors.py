"""Checks that every signal and guard faces: its own examples, and the form of what it says."""

from __future__ import annotations

import json

import pytest

from domain.assessment import GuardName, SignalName
from domain.match import Matches
from scoring.context import CatalogView
from scoring.examples import offer
from scoring.interfaces import Detector, Example
from scoring.signals import GUARDS, SIGNALS

RAISED = [(d, e) for d in (*SIGNALS, *GUARDS) for e in d.raised_examples()]
SILENT = [(d, e) for d in (*SIGNALS, *GUARDS) for e in d.silent_examples()]


def name_of(value: object) -> str | None:
    if isinstance(value, Example):
        return ascii(f"{value.listing.title}|{value.listing.seller.name}|{value.listing.price}")
    return getattr(value, "name", None)


def test_every_signal_and_guard_has_a_detector() -> None:
    assert [detector.name for detector in SIGNALS] == list(SignalName)
    assert [detector.name for detector in GUARDS] == list(GuardName)


@pytest.mark.parametrize(("detector", "example"), RAISED, ids=name_of)
def test_a_positive_example_is_raised_with_sentence_and_json_evidence(detector: Detector, example: Example) -> None:
    finding = detector.find(example.listing, example.matches, example.catalog)
    assert finding is not None
    assert finding.name == detector.name
    assert 0 < finding.strength <= 1
    assert finding.sentence.endswith(".")
    assert finding.evidence
    assert json.loads(json.dumps(dict(finding.evidence), allow_nan=False)) == dict(finding.evidence)


@pytest.mark.parametrize(("detector", "example"), SILENT, ids=name_of)
def test_a_negative_example_is_silent(detector: Detector, example: Example) -> None:
    assert detector.find(example.listing, example.matches, example.catalog) is None


@pytest.mark.parametrize(("detector", "example"), RAISED, ids=name_of)
def test_every_span_quotes_the_listing(detector: Detector, example: Example) -> None:
    finding = detector.find(example.listing, example.matches, example.catalog)
    assert finding is not None
    spans = finding.evidence.get("spans", [])
    assert isinstance(spans, list)
    for span in spans:
        assert isinstance(span, dict)
        assert getattr(example.listing, str(span["field"]))[span["start"] : span["end"]] == span["text"]


@pytest.mark.parametrize("detector", [*SIGNALS, *GUARDS], ids=name_of)
def test_an_empty_listing_and_an_empty_catalog_raise_nothing(detector: Detector) -> None:
    assert detector.find(offer("", price=None, seller="", seller_id=""), Matches(), CatalogView([], [])) is None


@pytest.mark.parametrize("detector", [*SIGNALS, *GUARDS], ids=name_of)
def test_the_same_input_gives_the_same_finding(detector: Detector) -> None:
    example = detector.raised_examples()[0]
    first = detector.find(example.listing, example.matches, example.catalog)
    assert first == detector.find(example.listing, example.matches, example.catalog)
