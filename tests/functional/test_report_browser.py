"""The report page in a real browser: it opens, shows its pictures and talks to nobody."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from domain.assessment import Assessment, Band, Versions
from domain.listing import Listing, Seller
from jobs.evaluate import evaluate
from jobs.report.data import CaseView, FindingView, FunnelStep, ListingView, PictureView, ReportData, Weight
from jobs.report.page import write_report
from jobs.report.pictures import picture_view
from jobs.truth import TruthRow
from store.memory import MemoryRecords

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HOSTILE = "<script>document.title='taken'</script><img src=https://evil.example/p.png onerror=alert(1)>"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")


def photo(seed: int, *, caption: str) -> PictureView:
    pixels = np.random.default_rng(seed).integers(0, 255, (240, 640, 3), dtype=np.uint8)
    return picture_view(pixels, alt=HOSTILE, caption=caption)


def listing(listing_id: str, seed: int, *, proof: bool) -> ListingView:
    return ListingView(
        marketplace="market",
        listing_id=listing_id,
        url=f"https://market.example/{listing_id}",
        title=HOSTILE * 3,
        seller_name="a-seller-whose-name-" + "never-ends-" * 10,
        price="9.50 EUR",
        probability=0.93,
        band=Band.ENFORCE,
        findings=(
            FindingView(name="copied_photo", is_guard=False, sentence=HOSTILE, strength=0.9, contribution=3.2),
            FindingView(name="own_photo", is_guard=True, sentence="Looks homemade.", strength=0.3, contribution=-0.6),
        ),
        unreadable=("image: the file ends early",),
        proof=photo(seed, caption="9 matched points") if proof else None,
        pictures=() if proof else (photo(seed, caption="The listing’s photo"), photo(seed + 1, caption="Catalog")),
        truth="In truth legitimate (resale).",
    )


def judged() -> tuple[MemoryRecords, list[TruthRow]]:
    """Forty listings with verdicts that are right more often than not."""
    records, rows = MemoryRecords(), []
    versions = Versions(embedder="e", index="i", verifier="v@1", combiner="c", lexicon="l", code="0")
    for number in range(40):
        name, probability = f"{number:02}", ((number * 7) % 40 + 0.5) / 40
        seller = Seller(id="s", name="s")
        offer = Listing(marketplace="market", listing_id=name, url="https://m.example", title="t", seller=seller)
        band = Band.ENFORCE if probability > 0.8 else Band.REVIEW if probability > 0.5 else Band.CLEAR
        records.save_listings([offer])
        records.save_assessments(
            [
                Assessment(
                    marketplace="market",
                    listing_id=name,
                    probability=probability,
                    band=band,
                    signals=(),
                    guards=(),
                    unreadable=(),
                    versions=versions,
                )
            ]
        )
        infringing = probability > 0.5 if number % 5 else number % 2 == 0
        rows.append(
            TruthRow(
                listing_id=name,
                kind="copied_photo" if infringing else "own_photo",
                label="infringing" if infringing else "legitimate",
                violations=("copied_photo",) if infringing else (),
                edits=("crop",) if infringing else (),
            )
        )
    return records, rows


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    records, rows = judged()
    data = ReportData(
        title="A report to open",
        made_at=datetime(2026, 3, 4, 5, 6, tzinfo=UTC),
        versions=(Versions(embedder="e" * 80, index="i", verifier="v@1", combiner="c", lexicon="l", code="0"),),
        funnel=(FunnelStep(label="Crawled", count=40), FunnelStep(label="Flagged", count=20, enforce=8)),
        listing_count=40,
        assessed_count=40,
        review_count=12,
        enforce_count=8,
        notice_count=1,
        evaluation=evaluate(rows, records),
        weights=(Weight(feature="copied_photo", weight=3.5), Weight(feature="own_photo", weight=-1.5)),
        cases=(
            CaseView(
                case_id="case",
                marketplace="market",
                seller_name=HOSTILE,
                rights_holder="Velmora",
                noticed=True,
                listing_count=5,
                listings=(listing("one", 1, proof=True), listing("two", 2, proof=False)),
            ),
        ),
        case_count=1,
        false_alarms=(listing("three", 4, proof=True),),
        misses=(listing("four", 5, proof=False),),
    )
    return write_report(tmp_path_factory.mktemp("report") / "report.html", data)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield launched
        launched.close()


class Visit:
    """A page opened, with everything it said and asked for."""

    def __init__(self, page: Page, report: Path) -> None:
        self.page = page
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(report.as_uri())
        page.wait_for_load_state("networkidle")


@pytest.fixture(params=[(1280, "light"), (390, "dark")], ids=["desktop", "phone"])
def visit(request: pytest.FixtureRequest, browser: Browser, report: Path) -> Iterator[Visit]:
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    yield Visit(context.new_page(), report)
    context.close()


def test_it_opens_quietly_and_asks_nobody(visit: Visit, report: Path) -> None:
    assert visit.said == []
    assert [url for url in visit.asked if not url.startswith("data:")] == [report.as_uri()]
    assert visit.page.title() == "A report to open"


def test_every_picture_loads(visit: Visit) -> None:
    widths = visit.page.evaluate("[...document.images].map(image => image.complete && image.naturalWidth)")
    assert len(widths) == 6
    assert all(width > 0 for width in widths)


def test_the_style_applies_and_follows_the_scheme(visit: Visit) -> None:
    ground = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = visit.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert ground == ("rgb(22, 20, 18)" if dark else "rgb(250, 247, 241)")


def test_nothing_runs_off_the_side(visit: Visit) -> None:
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_plots_are_drawn(visit: Visit) -> None:
    boxes = visit.page.evaluate(
        "[...document.querySelectorAll('.plot .curve, .plot .band, .plot .dot')].map(e => e.getBBox().width)"
    )
    assert len(boxes) > 6
    assert all(width > 0 for width in boxes)
    names = visit.page.get_by_role("img").evaluate_all("all => all.map(one => one.getAttribute('aria-labelledby'))")
    assert {"pr-title pr-desc", "cal-title cal-desc"} <= set(names)


def test_text_stands_out_from_its_ground(visit: Visit) -> None:
    """WCAG 2.2 AA: 4.5 to 1, for every text of the page on the page's or a card's ground."""
    ratios = visit.page.evaluate(
        """() => {
          const light = color => {
            const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map(Number).map(value => {
              const share = value / 255
              return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
            })
            return 0.2126 * r + 0.7152 * g + 0.0722 * b
          }
          const ground = getComputedStyle(document.body).backgroundColor
          const words = [...document.querySelectorAll('p, h1, h2, h3, h4, td, th, dt, dd, a, .label, .badge, .num')]
          return words.map(element => {
            const both = [light(getComputedStyle(element).color), light(ground)].sort((a, b) => b - a)
            return (both[0] + 0.05) / (both[1] + 0.05)
          })
        }"""
    )
    assert len(ratios) > 100
    assert min(ratios) >= 4.5
