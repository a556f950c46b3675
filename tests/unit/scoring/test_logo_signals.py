"""Marks in pictures: whose count, what is said of them, and that none of it makes a wrongful notice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.assessment import Band, Finding, GuardName, SignalName, Versions
from domain.codec import load
from domain.listing import ListingImage
from domain.match import Alteration, LogoAlteration, LogoMatch, Matches
from scoring.altered_logo import ON_THE_GOODS, SEEN_OTHERWISE, AlteredLogo
from scoring.authorized_seller import AuthorizedSeller
from scoring.combiner import Combiner
from scoring.compatible_part import CompatiblePart
from scoring.examples import (
    DIFFERENCES,
    HOLDER,
    OTHER_HOLDER,
    altered,
    copied,
    example_catalog,
    hidden,
    logo,
    marked,
    offer,
)
from scoring.features import FEATURE_NAMES, SIGNAL_NAMES, features
from scoring.logo_misuse import LogoMisuse
from scoring.support import SUPPORT, carries_notice

MODELS = Path(__file__).parents[3] / "models"
COMBINER = Combiner(MODELS)
VERSIONS = Versions(embedder="e@1", index="i", verifier="v@1", combiner="c@1", lexicon="l", code="0")
BRASK = logo(brand="Brask", rights_holder=OTHER_HOLDER, probability=0.8)


def band(title: str, matches: Matches, **offered: Any) -> Band:
    return COMBINER.assess(offer(title, **offered), matches, example_catalog(), versions=VERSIONS).band


def found(detector: LogoMisuse | AlteredLogo, matches: Matches, **offered: Any) -> Finding:
    finding = detector.find(offer(**offered), matches, example_catalog())
    assert finding is not None
    return finding


def test_the_sentence_tells_brand_place_and_what_each_eye_saw() -> None:
    assert found(LogoMisuse(), marked()).sentence == (
        "The picture of this listing shows the mark of Velmora, by a seller whom its owner does not list: it resembles "
        "the logo by 0.83 of 1, agrees with it in 41 points and reads “VELMORA”."
    )
    bare = logo(text="", inliers=3, outline=())
    assert found(LogoMisuse(), marked(bare)).sentence.endswith("does not list: it resembles the logo by 0.83 of 1.")


def test_the_picture_is_named_by_its_place_in_the_listing() -> None:
    listing = offer()
    listing = replace(listing, images=(*listing.images, ListingImage(source="2.jpg", sha256="d" * 64)))
    for digest, named in (("d" * 64, "Picture 2 of"), ("a" * 64, "Picture 1 of"), ("e" * 64, "A picture of")):
        finding = LogoMisuse().find(listing, marked(logo(image_sha256=digest)), example_catalog())
        assert finding is not None
        assert finding.sentence.startswith(named)


def test_the_evidence_is_the_match_and_further_marks() -> None:
    finding = found(LogoMisuse(), marked(BRASK, logo()))
    assert (finding.brand, finding.strength) == ("Velmora", 0.97)
    others = dict(finding.evidence).pop("others")
    assert load(LogoMatch, {key: value for key, value in finding.evidence.items() if key != "others"}) == logo()
    assert isinstance(others, list)
    assert [(one["brand"], one["probability"]) for one in others if isinstance(one, dict)] == [("Brask", 0.8)]


def test_hostile_words_read_in_a_picture_stay_short() -> None:
    assert len(found(LogoMisuse(), marked(logo(text="x" * 5000))).sentence) < 300


def test_exactly_marks_of_owners_who_do_not_list_the_seller_count() -> None:
    by_velmora: dict[str, Any] = {"seller": "V. D.", "seller_id": "velmora-direct"}
    finding = found(LogoMisuse(), marked(logo(), BRASK), **by_velmora)
    assert (finding.brand, finding.strength, finding.evidence["others"]) == ("Brask", 0.8, [])
    guard = AuthorizedSeller().find(offer(**by_velmora), marked(logo(), BRASK), example_catalog())
    assert guard is not None
    assert guard.strength == 0.5
    alone = AuthorizedSeller().find(offer(**by_velmora), marked(), example_catalog())
    assert alone is not None
    assert (alone.strength, alone.evidence["rights_holders"]) == (1.0, [HOLDER])
    doubtful = AuthorizedSeller().find(
        offer(**by_velmora), marked(logo(), replace(BRASK, probability=0.4)), example_catalog()
    )
    assert doubtful is not None
    assert doubtful.strength == 1.0


@pytest.mark.parametrize("kind", list(Alteration))
def test_an_altered_mark_is_as_sure_as_the_mark_and_the_alteration(kind: Alteration) -> None:
    finding = found(AlteredLogo(), marked(altered(kind, probability=0.9, confidence=0.8)))
    assert finding.strength == pytest.approx(0.72 * (1 if kind in ON_THE_GOODS else SEEN_OTHERWISE))
    assert finding.sentence == f"The picture of this listing shows the mark of Velmora altered: {DIFFERENCES[kind]}."


def test_a_hidden_mark_counts_in_full() -> None:
    finding = found(AlteredLogo(), marked(hidden(probability=0.9, confidence=0.8)))
    assert finding.strength == pytest.approx(0.72)


@pytest.mark.parametrize("kind", sorted(set(Alteration) - ON_THE_GOODS))
def test_an_honest_clearance_seen_from_the_side_is_not_enforced(kind: Alteration) -> None:
    combiner = Combiner(Path(__file__).resolve().parents[3] / "models")
    mark = altered(kind, probability=0.94, confidence=0.75)
    seen = (found(LogoMisuse(), marked(mark)), found(AlteredLogo(), marked(mark)))
    cheap = Finding(name=SignalName.SUSPICIOUS_PRICE, strength=0.9, sentence="far under what it sells for")
    named = Finding(name=SignalName.BRAND_CLAIM, strength=0.15, sentence="the mark is named")
    own = Finding(name=GuardName.OWN_PHOTO, strength=0.5, sentence="no copy of a catalog photo")

    probability = float(combiner.probabilities(features((*seen, cheap, named, own))[None])[0])

    assert combiner.band(probability, (*seen, cheap, named), (own,)) != Band.ENFORCE


def test_a_hidden_mark_is_not_shown_but_said_to_be_hidden() -> None:
    taken_out = hidden(probability=0.99)
    for beside in ((), (BRASK,)):
        misuse = LogoMisuse().find(offer(), marked(taken_out, *beside), example_catalog())
        assert (misuse.brand if misuse else None) == ("Brask" if beside else None)
        assert misuse is None or misuse.evidence["others"] == []
    finding = found(AlteredLogo(), marked(taken_out))
    assert finding.sentence == (
        "The picture of this listing is a copy of the catalog's photo in which the mark of Velmora is hidden: it is "
        "blurred in a picture that is sharp around it."
    )
    assert load(LogoMatch, dict(finding.evidence)) == taken_out


def test_the_surest_altered_mark_is_shown_with_all_its_differences() -> None:
    both = tuple(
        LogoAlteration(kind=kind, confidence=confidence, difference=DIFFERENCES[kind])
        for kind, confidence in ((Alteration.LETTER_CHANGED, 0.9), (Alteration.STRETCHED, 0.6))
    )
    finding = found(AlteredLogo(), marked(logo(probability=0.99), logo(probability=0.8, alterations=both)))
    assert finding.strength == pytest.approx(0.72)
    assert finding.sentence.endswith("“Velmora”; is 1.4 times as wide for its height as the logo.")
    assert load(LogoMatch, dict(finding.evidence)).alterations == both


def guard_strength(title: str, matches: Matches, **offered: Any) -> float:
    guard = CompatiblePart().find(offer(title, **offered), matches, example_catalog())
    return guard.strength if guard else 0.0


def test_a_compatible_part_holds_fully_only_where_pictures_were_searched_and_show_no_mark() -> None:
    searched = Matches(images_read=1, logos_sought=True)
    assert guard_strength("Case for Velmora", searched) == 1.0
    assert guard_strength("Case for Velmora", Matches(images_read=1)) == 0.5
    assert guard_strength("Case for Velmora", Matches(images_read=0, logos_sought=True)) == 0.5
    assert guard_strength("Case for Velmora", marked()) == 0.0
    assert guard_strength("Case for Velmora", marked(BRASK)) == 0.0
    assert guard_strength("Case for Velmora", copied()) == 0.0
    assert guard_strength("Case for Velmora", searched, brand="Velmora") == 0.0


def test_a_compatible_part_is_clear() -> None:
    assert band("Case for Velmora Harbor", Matches(images_read=1, logos_sought=True), price="15.00") is Band.CLEAR


SECOND_HAND: tuple[dict[str, Any], ...] = (
    {"condition": "used"},
    {"description": "Worn twice, selling because I need the space."},
    {"condition": "gebraucht", "description": "No returns, private sale."},
)


@pytest.mark.parametrize("offered", SECOND_HAND)
@pytest.mark.parametrize("title", ["Velmora Harbor tote", "Harbor tote"])
@pytest.mark.parametrize("price", ["110.00", "60.00", "25.00", None])
@pytest.mark.parametrize("shown", [logo(probability=1.0), *(altered(kind) for kind in Alteration)])
def test_a_logo_in_a_persons_own_photo_of_a_used_thing_is_never_enforced(
    offered: dict[str, Any], title: str, price: str | None, shown: LogoMatch
) -> None:
    assert band(title, marked(shown), price=price, **offered) is not Band.ENFORCE


@pytest.mark.parametrize("offered", SECOND_HAND)
@pytest.mark.parametrize("title", ["Velmora Harbor tote", "Harbor tote"])
def test_a_plain_logo_on_a_used_thing_at_a_fair_price_is_clear(offered: dict[str, Any], title: str) -> None:
    assert band(title, marked(logo(probability=1.0)), price="90.00", **offered) is Band.CLEAR


@pytest.mark.parametrize("offered", [{}, {"quantity": 200}, {"condition": "new"}])
def test_a_plain_logo_alone_is_never_enforced(offered: dict[str, Any]) -> None:
    assert band("Velmora Harbor tote", marked(logo(probability=1.0)), **offered) is not Band.ENFORCE


def test_words_beside_a_genuine_mark_are_for_a_person_to_read() -> None:
    title = "Velmora tote, mirror quality lock, replica-proof hologram"
    verdict = COMBINER.assess(offer(title), marked(logo(probability=1.0)), example_catalog(), versions=VERSIONS)
    assert verdict.probability > COMBINER.manifest.thresholds.enforce
    assert verdict.band is Band.REVIEW


def test_a_changed_letter_is_looked_at_and_with_a_low_price_enforced() -> None:
    letter = marked(altered(Alteration.LETTER_CHANGED, probability=0.99, confidence=0.95))
    letter = replace(letter, texts=copied().texts)
    assert band("Harbor tote", letter, price=None) is not Band.CLEAR
    assert band("Velmora superfake, 1:1", letter, price=None) is Band.ENFORCE


def strong(name: SignalName | GuardName, **evidence: object) -> Finding:
    return Finding(name=name, strength=0.9, sentence="x.", evidence=evidence)  # type: ignore[arg-type]


USED = strong(GuardName.OWN_PHOTO, second_hand=1.0)
OWN = strong(GuardName.OWN_PHOTO, second_hand=0.0)
CHANGED = strong(SignalName.ALTERED_LOGO, alterations=[{"kind": "letter_changed"}, {"kind": "blurred"}])
BLURRED = strong(SignalName.ALTERED_LOGO, alterations=[{"kind": "blurred"}, {"kind": "letter_changed"}])
PLAIN, WORDS, PRICE = map(strong, (SignalName.LOGO_MISUSE, SignalName.CODED_LANGUAGE, SignalName.SUSPICIOUS_PRICE))


@pytest.mark.parametrize(
    ("signals", "unless_used", "used"),
    [
        ([], False, False),
        ([PLAIN], False, False),
        ([WORDS], False, False),
        ([PLAIN, WORDS], False, False),
        ([BLURRED, PLAIN], False, False),
        ([BLURRED, PLAIN, WORDS], True, False),
        ([CHANGED, PLAIN], True, False),
        ([replace(CHANGED, strength=0.49), PLAIN], False, False),
        ([PRICE], True, False),
        ([PRICE, PLAIN], True, False),
        ([PRICE, WORDS], True, True),
        ([strong(SignalName.COPIED_PHOTO)], True, True),
        ([strong(SignalName.BRAND_CLAIM)], True, True),
        ([strong(SignalName.CONFUSING_SELLER_NAME), PLAIN], True, True),
    ],
)
def test_what_carries_a_notice(signals: list[Finding], unless_used: bool, used: bool) -> None:
    assert carries_notice(signals) is carries_notice(signals, [OWN]) is unless_used
    assert carries_notice(signals, [OWN, strong(GuardName.AUTHORIZED_SELLER)]) is unless_used
    assert carries_notice(signals, [USED]) is used


def test_only_what_no_camera_does_counts_as_done_to_the_goods() -> None:
    assert {Alteration.LETTER_CHANGED} == ON_THE_GOODS


FINDINGS = st.lists(
    st.builds(
        Finding,
        name=st.sampled_from(list(SignalName)),
        strength=st.floats(0, 1),
        sentence=st.just("x."),
        evidence=st.sampled_from([CHANGED.evidence, BLURRED.evidence, {}, {"alterations": "none"}]),
    ),
    unique_by=lambda finding: finding.name,
)


@given(FINDINGS, st.sampled_from([(), (OWN,), (USED,), (strong(GuardName.OWN_PHOTO, second_hand="often"),)]), st.data())
@settings(deadline=None)
def test_more_signals_never_carry_less(
    signals: list[Finding], guards: tuple[Finding, ...], data: st.DataObject
) -> None:
    fewer = data.draw(st.lists(st.sampled_from(signals), unique_by=lambda f: f.name)) if signals else []
    assert carries_notice(signals, guards) >= carries_notice(fewer, guards)
    if all(signal.strength < SUPPORT for signal in signals):
        assert not carries_notice(signals, guards)


def test_the_embedded_model_knows_what_logos_are_worth() -> None:
    manifest = COMBINER.manifest
    assert set(manifest.weights) == set(FEATURE_NAMES)
    assert all(manifest.weights[name] > 0 for name in SIGNAL_NAMES)
    assert set(manifest.assumed) <= {"logo_misuse", "altered_logo"}
