"""Signals, guards and the verdict on one listing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import JsonValue

from domain.listing import Unreadable


class SignalName(StrEnum):
    """Findings that point to infringement."""

    COPIED_PHOTO = "copied_photo"
    LOGO_MISUSE = "logo_misuse"
    ALTERED_LOGO = "altered_logo"
    """Apart from `LOGO_MISUSE`: honest photographs show genuine marks, and genuine goods never carry altered ones."""
    BRAND_CLAIM = "brand_claim"
    CODED_LANGUAGE = "coded_language"
    SUSPICIOUS_PRICE = "suspicious_price"
    CONFUSING_SELLER_NAME = "confusing_seller_name"


class GuardName(StrEnum):
    """Findings that speak for the seller."""

    AUTHORIZED_SELLER = "authorized_seller"
    OWN_PHOTO = "own_photo"
    COMPATIBLE_PART = "compatible_part"


class Band(StrEnum):
    """What to do with a listing."""

    CLEAR = "clear"
    REVIEW = "review"
    ENFORCE = "enforce"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One signal or guard."""

    name: SignalName | GuardName
    strength: float
    """0 to 1. Of a signal: 1 = points to infringement. Of a guard: 1 = speaks fully for the seller."""
    sentence: str
    """One plain sentence for a person who decides."""
    brand: str | None = None
    reference_id: str | None = None
    evidence: Mapping[str, JsonValue] = field(default_factory=dict)
    """What proves it: spans, comparisons, image digests, points. JSON only."""
    contribution: float | None = None
    """What it added to the log-odds of infringement; None before the combiner has spoken."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.strength <= 1.0:
            raise ValueError(f"{self.name}: strength {self.strength} is outside [0, 1]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Versions:
    """What made an assessment; equal versions and input give an equal assessment."""

    embedder: str
    """``name@sha256`` (first 12 digits) of the image model."""
    index: str
    """Checkpoint digest of the index (first 12 digits)."""
    verifier: str
    """``name@sha256`` (first 12 digits) of the model that weighs aligned pictures."""
    combiner: str
    """``name@sha256`` (first 12 digits) of the combiner."""
    lexicon: str
    code: str
    """Assayer's own version."""
    calibration: str = ""
    """Digest of the thresholds that matches were held to (first 12 digits); empty of an assessment from before them."""
    detector: str = ""
    """``name@sha256`` (first 12 digits) of the model that finds where marks stand; empty: none was used."""
    logo_verifier: str = ""
    """``name@sha256`` (first 12 digits) of the model that weighs found marks; empty: no logos were looked for."""
    reader: str = ""
    """Name and version of what read words in pictures; empty: none was used."""
    negatives: str = ""
    """Digest of what rights holders called not theirs (first 12 digits); empty: there was nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Assessment:
    """The verdict on one listing."""

    marketplace: str
    listing_id: str
    probability: float
    """Calibrated probability of infringement, 0 to 1 (1 = certainly infringing)."""
    band: Band
    signals: tuple[Finding, ...]
    guards: tuple[Finding, ...]
    unreadable: tuple[Unreadable, ...]
    versions: Versions

    def signal(self, name: SignalName) -> Finding | None:
        """The signal of that name, if raised."""
        return next((s for s in self.signals if s.name == name), None)

    def guard(self, name: GuardName) -> Finding | None:
        """The guard of that name, if it holds."""
        return next((g for g in self.guards if g.name == name), None)
