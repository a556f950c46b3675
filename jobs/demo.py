"""The whole line on the bundled marketplace: catalog, crawl, index, scores, cases, notices with proof, and a report."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from crawler.marketplace import Marketplace, generate_marketplace
from crawler.marketplace.server import MarketplaceServer
from crawler.report import CrawlReport
from crawler.run import crawl
from domain.progress import Progress, silent
from domain.settings import Settings
from jobs.draft_notices import DraftReport, draft_notices, export_notices
from jobs.evaluate import Evaluation, evaluate
from jobs.import_catalog import import_catalog
from jobs.learning_sets import DEMO_SEED
from jobs.report.build import build_report
from jobs.report.page import write_report
from jobs.score_listings import ScoreReport, score_listings
from jobs.truth import read_truth
from jobs.workspace import Workspace

MARKETPLACE = "bundled-marketplace"

Step = Callable[[str], AbstractContextManager[None]]
"""Entered for each step, with its name, so that a command can say what is done and how long it took."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoReport:
    """What the demo did and where to look."""

    crawl: CrawlReport
    score: ScoreReport
    drafts: DraftReport
    exported: int
    """Notices in the export folder."""
    evaluation: Evaluation
    report: Path
    notices: Path


def run_demo(out: Path, settings: Settings, today: date, step: Step, progress: Progress = silent) -> DemoReport:
    """Everything lands under `out`. Run again, it continues or finds nothing left to do."""
    with step("draw the marketplace"):
        marketplace = generate_marketplace(DEMO_SEED)
        marketplace.write_catalog(out / "catalog")
        truth = _write_truth(marketplace, out / "truth.jsonl")
    with Workspace(settings) as work:
        with step("import the catalog"):
            import_catalog(out / "catalog", work.records, work.evidence, settings, progress=progress)
        with step("crawl the marketplace"):
            crawled = _crawl(marketplace, settings, progress)
        with step("index the catalog"):
            artifact = work.artifact(progress)
        with step("set the thresholds"):
            work.calibration(artifact, progress)
            scorer = work.scorer_for(artifact, work.embedder)
        with step("score the listings"):
            scored = score_listings(
                work.records.listings(),
                scorer,
                work.evidence,
                work.records,
                total=work.records.count_listings(),
                progress=progress,
            )
        with step("draft and export notices"):
            drafts = draft_notices(work.records, work.evidence, settings, progress=progress)
            exported = export_notices(
                work.records, work.evidence, out / "notices", prepared_on=today, as_draft=True, progress=progress
            )
        with step("measure and report"):
            evaluation = evaluate(read_truth(truth), work.records, marketplace=MARKETPLACE)
            data = build_report(
                work.records,
                work.evidence,
                evaluation,
                title="Assayer on the bundled marketplace",
                weights=scorer.combiner.manifest.weights,
                crawled=crawled.listings + crawled.duplicates,
                progress=progress,
            )
            page = write_report(out / "report.html", data)
    return DemoReport(
        crawl=crawled,
        score=scored,
        drafts=drafts,
        exported=len(exported),
        evaluation=evaluation,
        report=page,
        notices=out / "notices",
    )


def _crawl(marketplace: Marketplace, settings: Settings, progress: Progress) -> CrawlReport:
    with MarketplaceServer(marketplace) as server:
        return crawl([server.base_url], settings, max_pages=2_000, marketplace=MARKETPLACE, progress=progress)


def _write_truth(marketplace: Marketplace, path: Path) -> Path:
    """What a crawler can reach; the rest is nobody's miss."""
    rows = [row for row in marketplace.truth if row["listing_id"] in marketplace.reachable]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
