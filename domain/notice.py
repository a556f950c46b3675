"""A notice asks one platform to act on listings under one regime."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Regime(StrEnum):
    """The law or program a notice is made under."""

    DSA_ARTICLE_16 = "dsa_article_16"


class NoticeStatus(StrEnum):
    """Where a notice stands. Nothing leaves `DRAFT` without a person."""

    DRAFT = "draft"


@dataclass(frozen=True, kw_only=True, slots=True)
class NoticeItem:
    """One listing in a notice."""

    listing_id: str
    url: str
    reference_id: str | None
    explanation: str
    """Why this listing infringes, from its signals' sentences (Art. 16(2)(a))."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """One notice to one platform for one case."""

    notice_id: str
    """Stable: derived from the case and its listings."""
    case_id: str
    marketplace: str
    rights_holder: str
    regime: Regime
    notifier_name: str
    notifier_email: str
    good_faith_statement: str
    items: tuple[NoticeItem, ...]
    template_version: str
    status: NoticeStatus = NoticeStatus.DRAFT


@dataclass(frozen=True, kw_only=True, slots=True)
class LintFinding:
    """What a notice lacks. `field` is its path, such as ``items[2].url``."""

    notice_id: str
    field: str
    reason: str
