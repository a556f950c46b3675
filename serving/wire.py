"""The service's answers as they go over the wire, apart from the domain's types: a change there is seen here."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from domain.assessment import Assessment, Band, GuardName, SignalName
from domain.codec import dump

_CONFIG = ConfigDict(extra="forbid", frozen=True)


class FindingBody(BaseModel):
    """One signal or guard."""

    model_config = _CONFIG

    name: SignalName | GuardName
    strength: float = Field(ge=0, le=1, description="Of a signal: 1 = points to infringement. Of a guard: 1 = genuine.")
    sentence: str = Field(description="For the person who decides.")
    brand: str | None
    reference_id: str | None
    evidence: dict[str, JsonValue] = Field(description="What proves it: spans, comparisons, picture digests, points.")
    contribution: float | None = Field(description="What it added to the log-odds of infringement.")


class UnreadableBody(BaseModel):
    """What could not be read and therefore has no verdict."""

    model_config = _CONFIG

    what: str = Field(description="image, price, …")
    source: str
    reason: str


class VersionsBody(BaseModel):
    """What made the assessment; equal versions and input give an equal assessment."""

    model_config = _CONFIG

    embedder: str
    index: str
    verifier: str
    combiner: str
    lexicon: str
    code: str
    calibration: str
    detector: str = Field(description="The model that finds where marks stand; empty: none was used.")
    logo_verifier: str = Field(description="The model that weighs found marks; empty: no logos were looked for.")
    reader: str = Field(description="What read words in pictures; empty: none was used.")
    negatives: str = Field(description="Digest of what rights holders called not theirs; empty: there was nothing.")


class AssessmentBody(BaseModel):
    """The verdict on one listing, as `assayer score --out` writes it."""

    model_config = _CONFIG

    marketplace: str
    listing_id: str
    probability: float = Field(ge=0, le=1, description="Calibrated probability of infringement; 1 = certain.")
    band: Band
    signals: list[FindingBody]
    guards: list[FindingBody]
    unreadable: list[UnreadableBody]
    versions: VersionsBody


class AliveBody(BaseModel):
    """The process lives."""

    model_config = _CONFIG

    status: Literal["alive"] = "alive"


class ReadyBody(BaseModel):
    """Listings can be scored, by these versions."""

    model_config = _CONFIG

    status: Literal["ready"] = "ready"
    versions: VersionsBody


def assessment_body(assessment: Assessment) -> AssessmentBody:
    """The same values in the wire's form."""
    return AssessmentBody.model_validate(dump(assessment))
