from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalog import Brand, RightsHolder
from domain.errors import NotFound
from domain.settings import Settings
from takedown import drafting
from takedown.drafting import MAX_EXPLANATION, draft_notice, notice_id, template_version
from takedown.rights import RightsRegister


def test_a_draft_names_its_case_and_every_listing_in_its_order(world):
    notice = world.notice()
    assert notice.case_id == world.case.case_id
    assert [item.listing_id for item in notice.items] == ["L1", "L2", "L3"]
    assert [item.url for item in notice.items] == [world.listings[i].url for i in ("L1", "L2", "L3")]
    assert {item.reference_id for item in notice.items} == {"N-1"}
    assert notice.template_version == template_version()


def test_the_rights_holder_signs_unless_a_notifier_is_set(world):
    assert (world.notice().notifier_name, world.notice().notifier_email) == ("Norvane Goods", "legal@norvane.example")
    world.settings = Settings(notifier_name="Desk & Co", notifier_email="desk@firm.example")
    assert (world.notice().notifier_name, world.notice().notifier_email) == ("Desk & Co", "desk@firm.example")


def test_drafting_twice_gives_the_same_notice_and_other_listings_another(world):
    assert world.notice() == world.notice()
    fewer = replace(world.case, listing_ids=("L1", "L2"))
    assert notice_id(fewer, "dsa_article_16") != world.notice().notice_id
    reordered = replace(world.case, listing_ids=("L3", "L1", "L2"))
    assert notice_id(reordered, "dsa_article_16") == world.notice().notice_id


def test_the_explanation_states_right_findings_and_missing_authorization(world):
    explanation = world.notice().items[0].explanation
    positions = [
        explanation.index(part)
        for part in (
            "photograph of product N-1",
            "NORVANE, registered for Norvane Goods at EUIPO under number 018000001",
            "was made from catalog photo N-1.",
            "The title names the mark Norvane.",
            "a tenth of the product's regular price.",
            "The seller bagdeals77 is not on the list of sellers authorized by Norvane Goods.",
        )
    ]
    assert positions == sorted(positions)


def test_without_a_list_of_authorized_sellers_nothing_is_said_about_it(world):
    world.rights_holder = replace(world.rights_holder, authorized_sellers=())
    assert "authorized" not in world.notice().items[0].explanation


def test_another_rights_holders_findings_are_left_out(world, make_brand_claim):
    claim = make_brand_claim(brand="Orbel", sentence="The title names the mark Orbel.", contribution=0.2)
    world.change_assessment("L1", signals=(*world.assessments["L1"].signals, claim))
    assert "Orbel" not in world.notice().items[0].explanation
    other = RightsHolder(name="Orbel", brands=(Brand(name="Orbel"),))
    register = RightsRegister([world.rights_holder, other], [world.product])
    notice = draft_notice(
        world.case, world.listings, world.assessments, world.rights_holder, world.settings, register=register
    )
    assert "Orbel" not in notice.items[0].explanation


def test_without_findings_nothing_is_explained(world):
    case = world.case
    world.change_assessment("L1", signals=())
    notice = draft_notice(case, world.listings, world.assessments, world.rights_holder, world.settings)
    assert notice.items[0].explanation == ""


@pytest.mark.parametrize("missing", ["listings", "assessments"])
def test_a_listing_or_assessment_that_is_not_given_is_an_error(world, missing):
    case = world.case
    del getattr(world, missing)["L2"]
    with pytest.raises(NotFound, match="L2"):
        draft_notice(case, world.listings, world.assessments, world.rights_holder, world.settings)


def test_personal_data_in_sentences_is_withheld(world, make_brand_claim):
    claim = make_brand_claim(
        sentence="The text says: norvane, write jane.doe@mail.example or WhatsApp +49 170 1234567."
    )
    world.change_assessment("L1", signals=(claim,))
    explanation = world.notice().items[0].explanation
    assert "jane" not in explanation
    assert "1234567" not in explanation
    assert "withheld" in explanation


@given(sentences=st.lists(st.text(max_size=900), max_size=6))
def test_an_explanation_is_always_one_bounded_line(sentences):
    explanation = drafting._explanation(sentences, closing="The seller is not on the list.")
    assert len(explanation) <= MAX_EXPLANATION
    assert explanation.isprintable()
    explanation.encode()


def test_the_template_version_follows_the_set_phrases(monkeypatch):
    before = template_version()
    template_version.cache_clear()
    monkeypatch.setattr(drafting, "GOOD_FAITH_STATEMENT", "Another statement.")
    assert template_version() != before
    template_version.cache_clear()
