from __future__ import annotations

import base64
import hashlib
import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html
from PIL import Image

from domain.assessment import Assessment, Band, Finding, GuardName, SignalName, Versions
from domain.case import Case
from domain.catalog import Brand, Catalog, Money, ReferenceImage, ReferenceProduct, RightsHolder
from domain.codec import dump
from domain.errors import BadInput
from domain.listing import Listing, ListingImage, Seller, Unreadable
from domain.match import Alteration, LogoAlteration, LogoMatch, PhotoMatch
from domain.notice import Notice, NoticeItem, Regime
from jobs.evaluate import Evaluation, evaluate
from jobs.report import words
from jobs.report.build import build_report
from jobs.report.data import ReportData
from jobs.report.listings import ListingViews
from jobs.report.page import render_report, write_report
from jobs.truth import TruthRow
from store.evidence import MemoryEvidence
from store.memory import MemoryRecords

HOSTILE = "<script>alert('x')</script><img src=https://evil.example/p.png onerror=alert(1)>\u202e& “bag”"
VERSIONS = Versions(
    embedder="photo@0123456789ab", index="cafe", verifier="v@1", combiner="sum@ba9876543210", lexicon="7", code="0.1"
)
MADE_AT = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)


def picture(seed: int) -> bytes:
    """A noisy picture, so that no two are alike."""
    pixels = np.random.default_rng(seed).integers(0, 255, (12, 16, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize((320, 240)).save(buffer, "PNG")
    return buffer.getvalue()


class Shop:
    """A copy, a wrongly flagged resale, a missed copy and a broken picture; one case, one notice."""

    def __init__(self) -> None:
        self.records, self.evidence = MemoryRecords(), MemoryEvidence()
        self.reference = self.evidence.write(picture(0))
        product = ReferenceProduct(
            reference_id="REF-1",
            rights_holder="Velmora",
            title="Velmora Tote",
            brand="Velmora",
            images=(ReferenceImage(sha256=self.reference, source="tote.png"),),
        )
        holder = RightsHolder(name="Velmora", brands=(Brand(name="Velmora"),))
        self.records.save_catalog(Catalog(rights_holder=holder, products=(product,)))
        self.copy = self.add("copy", 0.97, Band.ENFORCE, title=HOSTILE, url="javascript:alert(1)", copied=True)
        self.add("resale", 0.93, Band.ENFORCE)
        self.add("missed", 0.1, Band.CLEAR)
        self.add("broken", 0.6, Band.REVIEW, readable=False)
        case = Case(
            case_id="case-1",
            marketplace="market",
            seller_id="s1",
            seller_name=HOSTILE,
            rights_holder="Velmora",
            listing_ids=("copy", "resale"),
        )
        self.records.save_cases([case])
        item = NoticeItem(listing_id="copy", url="https://m.example/copy", reference_id="REF-1", explanation="e")
        self.records.save_notices(
            [
                Notice(
                    notice_id="notice-1",
                    case_id="case-1",
                    marketplace="market",
                    rights_holder="Velmora",
                    regime=Regime.DSA_ARTICLE_16,
                    notifier_name="V",
                    notifier_email="v@v.example",
                    good_faith_statement="g",
                    items=(item,),
                    template_version="1",
                )
            ]
        )

    def add(
        self,
        listing_id: str,
        probability: float,
        band: Band,
        *,
        title: str = "Tote",
        url: str | None = None,
        copied: bool = False,
        readable: bool = True,
    ) -> Assessment:
        sha256 = self.evidence.write(picture(len(listing_id)))
        lost = Unreadable(what="image", source="photo.jpg", reason="the file ends early")
        image = ListingImage(source="photo.jpg", sha256=sha256) if readable else None
        listing = Listing(
            marketplace="market",
            listing_id=listing_id,
            url=url or f"https://m.example/{listing_id}",
            title=title,
            seller=Seller(id="s1", name="seller"),
            price=Money(amount=Decimal("9.50"), currency="EUR"),
            images=(image or ListingImage(source="photo.jpg", unreadable=lost),),
        )
        assessment = Assessment(
            marketplace="market",
            listing_id=listing_id,
            probability=probability,
            band=band,
            signals=(self.copied_photo(sha256),) if copied else (),
            guards=(Finding(name=GuardName.OWN_PHOTO, strength=0.4, sentence="Looks homemade.", contribution=-0.75),),
            unreadable=() if readable else (lost,),
            versions=VERSIONS,
        )
        self.records.save_listings([listing])
        self.records.save_assessments([assessment])
        return assessment

    def copied_photo(self, sha256: str) -> Finding:
        match = PhotoMatch(
            image_sha256=sha256,
            reference_id="REF-1",
            reference_sha256=self.reference,
            rights_holder="Velmora",
            brand="Velmora",
            score=0.9,
            mirrored=False,
            outline=((5, 5), (300, 8), (300, 200), (6, 210)),
            points=tuple(((x, x / 2), (x, x / 2 + 5)) for x in range(20, 200, 20)),
            inliers=9,
            embedding_similarity=0.9,
            pdq_distance=10,
            color_distance=1.0,
        )
        return Finding(
            name=SignalName.COPIED_PHOTO,
            strength=0.9,
            sentence=f"Copied: {HOSTILE}",
            brand="Velmora",
            reference_id="REF-1",
            evidence=dump(match),
            contribution=3.25,
        )

    def evaluation(self) -> Evaluation:
        kinds = {"copy": "copied_photo", "missed": "copied_photo", "resale": "resale"}
        rows = [
            TruthRow(
                listing_id=listing_id,
                kind=kind,
                label="legitimate" if kind == "resale" else "infringing",
                violations=() if kind == "resale" else ("copied_photo",),
                reference_id="REF-1",
                edits=("crop",),
            )
            for listing_id, kind in kinds.items()
        ]
        return evaluate(rows, self.records)

    def report(self, *, measured: bool = True) -> ReportData:
        return build_report(
            self.records,
            self.evidence,
            self.evaluation() if measured else None,
            title=HOSTILE,
            made_at=MADE_AT,
            weights={"copied_photo": 3.6, "own_photo": -1.9},
            notes={"Crawled": "7 pages"},
        )


@pytest.fixture
def shop() -> Shop:
    return Shop()


def parsed(data: ReportData) -> html.HtmlElement:
    return html.document_fromstring(render_report(data))


def test_the_funnel_counts_listings(shop: Shop) -> None:
    data = shop.report()
    assert {step.label: step.count for step in data.funnel} == {
        "Crawled": 4,
        "Read": 3,
        "Matched": 1,
        "Flagged": 3,
        "In cases": 2,
        "Noticed": 1,
    }
    assert next(step for step in data.funnel if step.label == "Flagged").enforce == 2
    assert data.funnel[0].note == "7 pages"
    assert (data.enforce_count, data.review_count, data.notice_count, data.assessed_count) == (2, 1, 1, 4)
    crawled = build_report(shop.records, shop.evidence, None, title="t", crawled=9).funnel[0]
    assert crawled.count == 9


def test_a_case_shows_its_proof_and_its_reasons(shop: Shop) -> None:
    case = shop.report().cases[0]
    assert case.noticed
    copy, resale = case.listings
    assert copy.proof is not None
    assert copy.pictures == ()
    assert "9 matched points" in copy.proof.caption
    assert [(one.name, one.is_guard, one.contribution) for one in copy.findings] == [
        ("copied_photo", False, 3.25),
        ("own_photo", True, -0.75),
    ]
    assert resale.proof is None
    assert [one.caption for one in resale.pictures] == ["The listing’s photo"]


def test_a_mark_is_shown_beside_its_logo_with_what_differs_and_each_place_once(shop: Shop) -> None:
    logo = shop.evidence.write(picture(9))
    sha256 = shop.evidence.write(picture(len("marked")))
    found = LogoMatch(
        image_sha256=sha256,
        rights_holder="Velmora",
        brand="Velmora",
        logo_sha256=logo,
        box=(20.0, 30.0, 90.0, 60.0),
        outline=(),
        probability=0.96,
        similarity=0.8,
        inliers=0,
        text="VELMARA",
        text_score=0.86,
        alterations=(LogoAlteration(kind=Alteration.LETTER_CHANGED, confidence=0.9, difference=f"reads {HOSTILE}"),),
    )
    signals = [
        Finding(name=name, strength=0.9, sentence="A mark.", brand="Velmora", evidence=dump(found), contribution=2.0)
        for name in (SignalName.LOGO_MISUSE, SignalName.ALTERED_LOGO)
    ]
    views = ListingViews(shop.records, shop.evidence)
    assessment = replace(shop.add("marked", 0.9, Band.REVIEW), signals=tuple(signals))
    listing = shop.records.listing("market", "marked")
    view = views.view(listing, assessment)
    assert view.proof is None
    assert view.pictures == ()
    (shown,) = view.marks
    assert "Velmora: probability 0.960" in shown.caption
    assert "reads “VELMARA”" in shown.caption
    assert "Altered: reads" in shown.alt
    data = replace(shop.report(), false_alarms=(view,))
    page = parsed(data)
    assert len(page.xpath("//section[@id='wrong']//figure[@class='proof']/img")) == 1
    assert "<script" not in render_report(data)
    elsewhere = dump(replace(found, box=(1.0, 2.0, 30.0, 40.0)))
    two = views.view(listing, replace(assessment, signals=(signals[0], replace(signals[1], evidence=elsewhere))))
    assert len(two.marks) == 2
    broken = replace(assessment, signals=(replace(signals[0], evidence={"box": "everywhere"}),))
    assert [one.caption for one in views.view(listing, broken).pictures] == ["The listing’s photo"]
    gone = ListingViews(shop.records, MemoryEvidence()).view(listing, assessment)
    assert gone.marks == ()


def test_pictures_in_the_page_can_be_decoded(shop: Shop) -> None:
    sources = parsed(shop.report()).xpath("//img/@src")
    assert len(sources) >= 4
    for source in sources:
        kind, _, encoded = str(source).partition(";base64,")
        assert kind == "data:image/webp"
        with Image.open(io.BytesIO(base64.b64decode(encoded))) as decoded:
            decoded.load()


def test_the_wrong_ones_are_shown_with_what_is_true(shop: Shop) -> None:
    data = shop.report()
    assert [one.listing_id for one in data.false_alarms] == ["resale"]
    assert [one.listing_id for one in data.misses] == ["missed"]
    assert data.misses[0].truth.startswith("In truth infringing (copied photo), of the product REF-1")
    assert [one.caption for one in data.misses[0].pictures] == ["The listing’s photo", "Catalog photo of REF-1"]
    text = parsed(data).get_element_by_id("wrong").text_content()
    assert text.index("False alarms") < text.index("In truth legitimate") < text.index("Misses")


def test_what_could_not_be_read_is_said_once(shop: Shop) -> None:
    data = shop.report()
    assert data.unreadable_count == 1
    assert data.unreadable[0].listing_id == "broken"
    assert "the file ends early" in parsed(data).get_element_by_id("unread").text_content()


def test_measured_numbers_stand_with_their_intervals(shop: Shop) -> None:
    text = " ".join(parsed(shop.report()).get_element_by_id("right").text_content().split())
    assert "Precision in enforce 50.0 %" in text.replace("\u202f", " ")
    assert "1 of 2" in text
    assert "9.5–90.5" in text  # Wilson's interval of 1 in 2
    assert "By violation" in text


def test_without_truth_nothing_is_claimed(shop: Shop) -> None:
    page = render_report(shop.report(measured=False))
    assert "claims no precision and no recall" in page
    assert "assayer evaluate --truth" in page
    for claim in ("Precision in enforce", "Average precision", "By violation", "False alarms", 'id="wrong"'):
        assert claim not in page


def test_weights_are_shown_by_sign(shop: Shop) -> None:
    rows = parsed(shop.report()).xpath("//section[@id='weights']//tbody/tr")
    assert [row.text_content().split() for row in rows] == [["copied", "photo", "+3.60"], ["own", "photo", "−1.90"]]


def test_an_empty_store_makes_a_page() -> None:
    data = build_report(MemoryRecords(), MemoryEvidence(), evaluate([], MemoryRecords()), title="Nothing yet")
    text = parsed(data).text_content()
    assert "there is nothing to measure" in text
    assert "there is no case" in text


def test_evidence_that_is_gone_leaves_the_words(shop: Shop) -> None:
    data = build_report(shop.records, MemoryEvidence(), shop.evaluation(), title="t")
    assert data.cases[0].listings[0].proof is None
    assert "No picture of this listing could be read." in render_report(data)


def test_a_listing_that_changed_since_its_case_was_made_is_left_out(shop: Shop) -> None:
    changed = replace(shop.records.listing("market", "resale"), title="Now something else")
    shop.records.save_listings([changed])
    case = shop.report(measured=False).cases[0]
    assert [one.listing_id for one in case.listings] == ["copy"]
    assert case.listing_count == 2


def test_progress_is_told_to_the_end(shop: Shop) -> None:
    told: list[tuple[str, int, int | None]] = []
    build_report(shop.records, shop.evidence, shop.evaluation(), title="t", progress=lambda *step: told.append(step))
    assert told == [("report", 1, 3), ("report", 2, 3), ("report", 3, 3)]


def test_the_page_asks_nobody_for_anything(shop: Shop) -> None:
    page = parsed(shop.report())
    assert all(str(source).startswith("data:image/webp;base64,") for source in page.xpath("//@src"))
    assert [str(href) for href in page.xpath("//link/@href")] == ["data:,"]
    for link in page.xpath("//a[not(starts-with(@href, '#'))]"):
        assert link.get("href").startswith("https://m.example/")
        assert "noreferrer" in link.get("rel")
    assert page.xpath("//script | //iframe | //object | //embed | //form | //base | //image | //use") == []
    assert page.xpath("//@srcset | //@style | //@*[starts-with(name(), 'on')]") == []
    style = page.xpath("string(//style)")
    assert "url(" not in style
    assert "@import" not in style


def test_the_content_security_policy_lets_in_this_style_alone(shop: Shop) -> None:
    page = parsed(shop.report())
    policy = page.xpath("string(//meta[@http-equiv='Content-Security-Policy']/@content)")
    digest = base64.b64encode(hashlib.sha256(page.xpath("string(//style)").encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def test_hostile_words_stay_words(shop: Shop) -> None:
    source = render_report(shop.report())
    assert "<script" not in source
    assert "javascript:" not in source
    assert "\u202e" not in source  # it would turn the reading direction of what follows
    assert "<script>alert('x')</script>" in parsed(shop.report()).xpath("string(//h1)")


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=300))
def test_no_title_changes_the_shape_of_the_page(title: str) -> None:
    data = ReportData(
        title="t",
        made_at=MADE_AT,
        versions=(),
        funnel=(),
        listing_count=0,
        assessed_count=0,
        review_count=0,
        enforce_count=0,
        notice_count=0,
    )
    shapes = [[str(node.tag) for node in parsed(replace(data, title=one)).iter()] for one in ("t", title)]
    assert shapes[0] == shapes[1]


def test_a_page_is_replaced_in_one_step(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "report.html"
    data = shop.report()
    assert write_report(path, data) == path
    assert write_report(path, replace(data, title="Second")) == path
    assert "<title>Second</title>" in path.read_text()
    assert [file.name for file in path.parent.iterdir()] == ["report.html"]


def test_a_place_that_cannot_be_written_is_bad_input_and_stays_clean(shop: Shop, tmp_path: Path) -> None:
    taken = tmp_path / "report.html"
    taken.mkdir()
    with pytest.raises(BadInput, match=r"report\.html.*cannot be written") as caught:
        write_report(taken, shop.report())
    assert caught.value.advice
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_the_same_data_gives_the_same_page(shop: Shop) -> None:
    assert render_report(shop.report()) == render_report(shop.report())


@given(st.floats(0, 1))
def test_only_certainty_reads_as_certain(value: float) -> None:
    assert (words.percent_figure(value) == "100") == (value == 1)
    assert re.fullmatch(r"[<>]? ?\d+(\.\d)?", words.percent_figure(value))
    assert (words.percent_figure(value) == "0.0") == (value == 0)


@given(st.text(), st.integers(1, 50))
def test_shortened_text_is_one_bounded_line(text: str, most: int) -> None:
    short = words.shorten(text, most)
    assert len(short) <= most
    assert not any(char in short for char in "\n\r\t\x00\u202e\u2066\u2028")


@pytest.mark.parametrize(
    ("url", "is_link"),
    [
        ("https://m.example/1", True),
        ("HTTP://m.example", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//m.example", False),
        ("https://", False),
        ("https://[", False),
        ("", False),
        ("https://m.example/" + "x" * 3_000, False),
    ],
)
def test_only_web_addresses_become_links(url: str, is_link: bool) -> None:
    assert words.is_web(url) is is_link
