"""A mark in a listing's picture, from its finding to the notice: drawn, named with its registration, and linted."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from PIL import Image

from domain.assessment import Finding, GuardName, SignalName
from domain.catalog import Trademark
from domain.codec import dump
from domain.errors import BadInput
from domain.listing import ListingImage, Unreadable
from domain.match import Alteration, LogoAlteration, LogoMatch
from takedown.dsa import dsa_notice, dsa_schema
from takedown.export import export_notice
from takedown.lint import lint
from takedown.logo_picture import caption_lines, logo_picture
from takedown.logo_proof import LogoProof, logo_proof, stated_logo
from takedown.manifest import verify_export
from takedown.proof import png_bytes
from takedown.rights import GroundKind

GRAY = np.full((300, 400, 3), 128, np.uint8)
PALE = np.full((120, 240, 3), 210, np.uint8)
MAGENTA = (255, 45, 120)
LETTER = LogoAlteration(
    kind=Alteration.LETTER_CHANGED, confidence=0.9, difference="reads “Norvame”, not “Norvane”; call +49 151 2345678"
)


def match(image: str, logo: str, **changes: object) -> LogoMatch:
    found = LogoMatch(
        image_sha256=image,
        rights_holder="Norvane Goods",
        brand="Norvane",
        logo_sha256=logo,
        box=(30.4, 40.0, 130.6, 70.0),
        outline=((31.0, 41.0), (130.0, 40.0), (129.0, 70.0), (30.0, 69.0)),
        probability=0.973,
        similarity=0.84,
        inliers=41,
        text="NORVANE",
        text_score=1.0,
    )
    return replace(found, **changes)


def signal(found: LogoMatch, name: SignalName = SignalName.LOGO_MISUSE, **changes: object) -> Finding:
    finding = Finding(
        name=name,
        strength=min(1.0, found.probability),
        sentence="The picture of this listing shows the mark of Norvane.",
        brand=found.brand,
        evidence=dump(found),
        contribution=3.0,
    )
    return replace(finding, **changes)


@pytest.fixture
def logo_world(world, encode):
    """L1 shows the mark and is no copy of a catalog photo; a low price carries the notice."""
    logo = world.evidence.write(encode(PALE, "PNG"))
    (image,) = world.listings["L1"].images
    price = next(s for s in world.assessments["L1"].signals if s.name == SignalName.SUSPICIOUS_PRICE)
    world.change_assessment("L1", signals=(price, signal(match(image.sha256, logo))))
    for other in ("L2", "L3"):
        del world.listings[other], world.assessments[other]
    return world


def proof_of(world) -> LogoProof:
    return logo_proof(world.assessments["L1"].signal(SignalName.LOGO_MISUSE))


def change_logo(world, **changes: object) -> None:
    found = replace(world.assessments["L1"].signal(SignalName.LOGO_MISUSE), **changes)
    others = tuple(s for s in world.assessments["L1"].signals if s.name != SignalName.LOGO_MISUSE)
    world.change_assessment("L1", signals=(*others, found))


def reasons(world) -> dict[str, str]:
    return {finding.field: finding.reason for finding in lint(world.notice(), world.backing, world.evidence)}


def test_a_mark_in_a_picture_is_a_trademark_right_with_its_registration(logo_world):
    (ground,) = logo_world.backing.grounds("L1")
    assert ground.kind is GroundKind.TRADEMARK
    assert ground.trademark.registration_number == "018000001"
    (item,) = logo_world.notice().items
    assert "registered for Norvane Goods at EUIPO under number 018000001" in item.explanation
    assert "shows the mark of Norvane" in item.explanation
    assert reasons(logo_world) == {}


def test_an_exported_notice_names_box_and_digests_and_encloses_the_drawn_mark(logo_world, prepared_on, tmp_path):
    done = export_notice(
        logo_world.notice(), logo_world.backing, evidence=logo_world.evidence, folder=tmp_path, prepared_on=prepared_on
    )
    document = json.loads((done.folder / "notice.json").read_bytes())
    Draft202012Validator(dsa_schema()).validate(document)
    (shown,) = document["items"][0]["marks_shown"]
    proof = proof_of(logo_world)
    assert (shown["image_sha256"], shown["logo_sha256"]) == (proof.image_sha256, proof.logo_sha256)
    assert (shown["box"], shown["registration_number"]) == ([30, 40, 131, 70], "018000001")
    kinds = {file["kind"]: done.folder / file["path"] for file in document["items"][0]["proof"]}
    assert kinds["logo"].read_bytes() == logo_world.evidence.read(proof.logo_sha256)
    assert Image.open(io.BytesIO(kinds["mark"].read_bytes())).format == "PNG"
    mail = (done.folder / "mail.eml").read_text()
    assert "Mark shown: NORVANE, EUIPO no. 018000001, from pixel 30, 40 to 131, 70" in mail.replace("=\n", "")
    assert verify_export(done.folder) == done.file_count
    assert not json.loads((done.folder / "manifest.json").read_bytes())["notes"]


def test_a_logo_that_came_as_svg_is_drawn_and_enclosed_as_such(logo_world, prepared_on, tmp_path):
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 12"><path d="M0 0h24L12 12z" fill="#c00"/></svg>'
    digest = logo_world.evidence.write(svg)
    change_logo(logo_world, evidence={**dump(proof_of(logo_world)), "logo_sha256": digest})
    done = export_notice(
        logo_world.notice(), logo_world.backing, evidence=logo_world.evidence, folder=tmp_path, prepared_on=prepared_on
    )
    document = json.loads((done.folder / "notice.json").read_bytes())
    kinds = {file["kind"]: done.folder / file["path"] for file in document["items"][0]["proof"]}
    assert kinds["logo"].name == "logo-1.svg"
    assert kinds["logo"].read_bytes() == svg
    assert (204, 0, 0) in Image.open(kinds["mark"]).convert("RGB").get_flattened_data()


def test_both_signals_of_one_mark_show_it_once_and_personal_data_in_it_is_withheld(logo_world, prepared_on):
    altered = match(
        *(getattr(proof_of(logo_world), key) for key in ("image_sha256", "logo_sha256")), alterations=(LETTER,)
    )
    change_logo(logo_world, evidence=dump(altered))
    signals = logo_world.assessments["L1"].signals
    logo_world.change_assessment("L1", signals=(*signals, signal(altered, SignalName.ALTERED_LOGO, strength=0.85)))
    (shown,) = logo_world.backing.shown_marks("L1")
    assert shown.proof.differences == (LETTER.difference,)
    document = dsa_notice(logo_world.notice(), logo_world.backing, prepared_on=prepared_on)
    assert document["items"][0]["marks_shown"][0]["differences"] == [
        "reads “Norvame”, not “Norvane”; call [number withheld]"
    ]


@pytest.mark.parametrize(
    "changes",
    [{"trademarks": ()}, {"trademarks": (Trademark(mark="NORVANE", office="EUIPO"),)}],
    ids=["no registration", "no number"],
)
def test_a_mark_without_registration_is_no_right_and_no_notice_speaks_of_it(logo_world, changes):
    logo_world.rights_holder = replace(logo_world.rights_holder, **changes)
    assert logo_world.backing.grounds("L1") == logo_world.backing.shown_marks("L1") == ()
    assert "shows the mark" not in logo_world.notice().items[0].explanation
    said = [finding.reason for finding in lint(logo_world.notice(), logo_world.backing) if "right" in finding.field]
    assert any("no right relied on" in reason for reason in said)
    assert any("'Norvane' in a picture has no registration" in reason for reason in said)


@pytest.mark.parametrize(
    "changes",
    [{"strength": 0.49}, {"evidence": {"rights_holder": "Norvane Goods"}}, {"brand": None}],
    ids=["unlikely", "unreadable", "nameless"],
)
def test_what_is_unlikely_or_cannot_be_shown_is_not_stated(logo_world, changes):
    change_logo(logo_world, **changes)
    assert logo_world.backing.shown_marks("L1") == ()
    assert "shows the mark" not in logo_world.notice().items[0].explanation
    assert "items[0].right" in reasons(logo_world)


def test_a_hidden_mark_is_no_right_and_is_not_among_the_marks_shown(logo_world, prepared_on):
    shown = proof_of(logo_world)
    taken_out = match(shown.image_sha256, shown.logo_sha256, similarity=0.0, inliers=0, text="", hidden=True)
    price = next(s for s in logo_world.assessments["L1"].signals if s.name == SignalName.SUSPICIOUS_PRICE)
    altered = signal(taken_out, SignalName.ALTERED_LOGO, sentence="The mark of Norvane is hidden.")
    logo_world.change_assessment("L1", signals=(price, altered))
    assert logo_world.backing.grounds("L1") == logo_world.backing.shown_marks("L1") == ()
    document = dsa_notice(logo_world.notice(), logo_world.backing, prepared_on=prepared_on)
    assert document["items"][0]["marks_shown"] == []
    assert not any("Similarity" in line for line in caption_lines(logo_proof(altered)))
    assert any("Hidden in this copy" in line for line in caption_lines(logo_proof(altered)))


def test_evidence_from_before_hidden_marks_were_told_apart_is_read(logo_world):
    evidence = dump(proof_of(logo_world))
    del evidence["hidden"]
    change_logo(logo_world, evidence={**evidence, "rights_holder": "Norvane Goods"})
    (shown,) = logo_world.backing.shown_marks("L1")
    assert not shown.proof.hidden


def test_anothers_mark_is_no_right_of_this_rights_holder(logo_world):
    change_logo(logo_world, evidence={**dump(proof_of(logo_world)), "rights_holder": "Somebody Else"})
    assert logo_world.register.shown_marks(logo_world.assessments["L1"], "Norvane Goods") == ()


def test_words_that_say_what_an_article_fits_are_no_right_but_a_mark_in_a_picture_is(
    world, logo_world, make_brand_claim
):
    guard = Finding(name=GuardName.COMPATIBLE_PART, strength=1.0, sentence="Norvane is what it fits.", brand="Norvane")
    backing = logo_world.backing
    words = replace(world.assessments["L1"], signals=(make_brand_claim(),), guards=())
    assert backing.register.grounds(words, "Norvane Goods")
    assert not backing.register.grounds(replace(words, guards=(guard,)), "Norvane Goods")
    assert backing.register.grounds(replace(world.assessments["L1"], guards=(guard,)), "Norvane Goods")


def test_a_mark_is_stated_of_the_listings_own_picture_beside_a_stored_logo(logo_world):
    change_logo(logo_world, evidence={**dump(match("d" * 64, proof_of(logo_world).logo_sha256))})
    assert "none of the listing's" in reasons(logo_world)["items[0].proof"]
    (image,) = logo_world.listings["L1"].images
    change_logo(logo_world, evidence={**dump(match(image.sha256, "e" * 64))})
    assert reasons(logo_world)["items[0].proof"] == f"evidence {'e' * 64} is not in the store"


def test_what_cannot_be_drawn_is_said(logo_world, prepared_on, tmp_path):
    vector = logo_world.evidence.write(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    (image,) = logo_world.listings["L1"].images
    change_logo(logo_world, evidence=dump(match(image.sha256, vector)))
    done = export_notice(
        logo_world.notice(), logo_world.backing, evidence=logo_world.evidence, folder=tmp_path, prepared_on=prepared_on
    )
    notes = json.loads((done.folder / "manifest.json").read_bytes())["notes"]
    assert any("A mark is not drawn" in note["note"] for note in notes)


def test_a_mark_in_a_picture_that_was_not_captured_is_not_drawn_and_that_is_said(logo_world, prepared_on, tmp_path):
    lost = Unreadable(what="image", source="1.jpg", reason="The file is truncated.")
    logo_world.change_listing("L1", images=(ListingImage(source="1.jpg", unreadable=lost),))
    done = export_notice(
        *(logo_world.notice(), logo_world.backing),
        evidence=logo_world.evidence,
        folder=tmp_path,
        prepared_on=prepared_on,
        as_draft=True,
    )
    manifest = json.loads((done.folder / "manifest.json").read_bytes())
    assert "A mark is not drawn: its listing picture is not among the captured ones." in [
        note["note"] for note in manifest["notes"]
    ]
    assert not [file for file in manifest["files"] if "mark-" in file["path"]]


def proof(**changes: object) -> LogoProof:
    return logo_proof(signal(match("a" * 64, "b" * 64, **changes)))


def test_box_and_outline_lie_where_they_stand_in_the_listing_picture():
    pixels = np.asarray(logo_picture(GRAY, PALE, proof(box=(100.0, 60.0, 300.0, 240.0), outline=()))).astype(int)
    left = np.flatnonzero((np.abs(pixels - 128).sum(axis=2) < 6).sum(axis=0) > 390)[0]
    marked = np.argwhere(np.abs(pixels - MAGENTA).sum(axis=2) < 40)
    marked = marked[marked[:, 1] >= left]
    zoom = 560 / 400
    assert marked[:, 1].min() == pytest.approx(left + 100 * zoom - 4, abs=4)
    assert marked[:, 1].max() == pytest.approx(left + 300 * zoom + 4, abs=4)
    assert marked[:, 0].max() - marked[:, 0].min() == pytest.approx(180 * zoom + 8, abs=6)
    outlined = np.asarray(logo_picture(GRAY, PALE, proof(box=(100.0, 60.0, 300.0, 240.0)))).astype(int)
    assert (np.abs(outlined - (0, 172, 193)).sum(axis=2) < 40).any()


def test_the_place_is_shown_enlarged_from_the_picture_itself():
    dotted = GRAY.copy()
    dotted[50:54, 60:64] = (200, 0, 0)
    pixels = np.asarray(logo_picture(dotted, PALE, proof(box=(50.0, 40.0, 74.0, 64.0), outline=()))).astype(int)
    red = np.abs(pixels[:, :420] - (200, 0, 0)).sum(axis=2) < 90
    assert red.sum() > 20 * 20


def test_the_caption_tells_what_each_eye_saw_and_what_differs():
    first, seen, altered = caption_lines(proof(alterations=(LETTER,)))
    assert first == "Norvane: probability 0.973"
    assert seen == "Similarity to the logo 0.84 of 1 · 41 points agree · reads “NORVANE”, 1.00 of 1"
    assert altered == f"Altered: {LETTER.difference}"
    assert caption_lines(proof(text="", outline=()))[1] == "Similarity to the logo 0.84 of 1"


def test_the_same_mark_gives_the_same_bytes():
    first, second = (png_bytes(logo_picture(GRAY, PALE, proof(text="高仿"))) for _ in range(2))
    assert first == second


@settings(max_examples=25, deadline=None)
@given(
    size=st.tuples(*[st.integers(1, 900)] * 4),
    numbers=st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=6),
    side=st.floats(1e-3, 1e5),
    words=st.text(max_size=300),
)
def test_any_sizes_and_places_give_a_bounded_picture(size, numbers, side, words):
    listing, logo = np.zeros((size[0], size[1], 3), np.uint8), np.zeros((size[2], size[3], 3), np.uint8)
    left, top = numbers[0] / 2, numbers[1] / 2
    hostile = proof(
        box=(left, top, left + side, top + side),
        outline=tuple(zip(numbers[::2], numbers[1::2], strict=True)),
        text=words,
        brand=words,
        alterations=(replace(LETTER, difference=words),) * 16,
    )
    picture = logo_picture(listing, logo, hostile)
    assert picture.width <= 24 + 380 + 56 + 560 + 24
    assert picture.height <= 820
    assert Image.open(io.BytesIO(png_bytes(picture))).size == picture.size


@pytest.mark.parametrize(
    "changes",
    [
        {"image_sha256": "../../etc/passwd"},
        {"logo_sha256": "A" * 64},
        {"box": (1.0, 2.0, 1.0, 9.0)},
        {"box": (float("nan"), 2.0, 3.0, 9.0)},
        {"box": (0.0, 0.0, 1e300, 9.0)},
        {"outline": ((0.0, 0.0),) * 17},
        {"outline": ((0.0, float("inf")),) * 4},
        {"probability": 1.5},
        {"alterations": (LETTER,) * 17},
    ],
)
def test_evidence_that_does_not_fit_is_refused_and_not_stated(changes):
    found = signal(replace(match("a" * 64, "b" * 64), **changes), strength=0.9)
    with pytest.raises(BadInput) as caught:
        logo_proof(found)
    assert caught.value.field.startswith("evidence")
    assert stated_logo(found) is None


@pytest.mark.parametrize("key", ["image_sha256", "logo_sha256", "box", "probability", "similarity", "brand"])
def test_missing_evidence_is_named(key):
    found = signal(match("a" * 64, "b" * 64))
    with pytest.raises(BadInput) as caught:
        logo_proof(replace(found, evidence={k: v for k, v in found.evidence.items() if k != key}))
    assert key in caught.value.field
