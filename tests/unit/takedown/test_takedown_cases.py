import random
from dataclasses import replace

import pytest

from domain.assessment import Band, Finding, GuardName
from domain.catalog import Brand, ReferenceProduct, RightsHolder
from domain.errors import NotFound
from domain.listing import Seller
from takedown.backing import Backing
from takedown.cases import case_id, group_cases, without_rights_holder
from takedown.rights import RightsRegister, registered_mark


def test_one_sellers_listings_make_one_case_highest_probability_first(world):
    (case,) = group_cases(world.assessments.values(), world.lookup, world.register)
    assert case.listing_ids == ("L1", "L2", "L3")
    assert (case.seller_id, case.seller_name, case.rights_holder) == ("s77", "bagdeals77", "Norvane Goods")


def test_equal_probabilities_are_ordered_by_listing_id(world):
    for listing_id in world.assessments:
        world.change_assessment(listing_id, probability=0.995)
    reverse = list(world.assessments.values())[::-1]
    assert group_cases(reverse, world.lookup, world.register)[0].listing_ids == ("L1", "L2", "L3")


def test_the_order_of_the_input_changes_nothing(world):
    world.change_listing("L3", seller=Seller(id="s99", name="other"))
    expected = group_cases(world.assessments.values(), world.lookup, world.register)
    for seed in range(5):
        shuffled = list(world.assessments.values())
        random.Random(seed).shuffle(shuffled)
        assert group_cases(shuffled, world.lookup, world.register) == expected
    assert [len(case.listing_ids) for case in expected] == [2, 1]


def test_case_id_depends_on_its_three_parts_only():
    assert case_id("m", "s", "r") == case_id("m", "s", "r")
    assert len({case_id("m", "s", "r"), case_id("ms", "", "r"), case_id("m", "r", "s"), case_id("x", "s", "r")}) == 4


@pytest.mark.parametrize("band", [Band.CLEAR, Band.REVIEW])
def test_only_the_enforce_band_makes_cases(world, band):
    world.change_assessment("L2", band=band)
    assert world.case.listing_ids == ("L1", "L3")


@pytest.mark.parametrize("name", ["s77", "bagdeals77", "BagDeals77 "])
def test_an_authorized_seller_gets_no_case(world, name):
    world.rights_holder = replace(world.rights_holder, authorized_sellers=(name,))
    assert group_cases(world.assessments.values(), world.lookup, world.register) == ()


def test_the_authorized_seller_guard_keeps_a_listing_out(world):
    guard = Finding(name=GuardName.AUTHORIZED_SELLER, strength=1.0, sentence="Sells with authorization.")
    world.change_assessment("L1", guards=(guard,))
    assert world.case.listing_ids == ("L2", "L3")


def test_a_listing_that_is_not_stored_is_an_error(world):
    del world.listings["L1"]
    with pytest.raises(NotFound):
        group_cases(world.assessments.values(), world.lookup, world.register)


def test_a_listing_goes_to_the_rights_holder_its_findings_point_to_most(world, make_brand_claim):
    other = RightsHolder(name="Orbel", brands=(Brand(name="Orbel"),))
    register = RightsRegister([world.rights_holder, other], [world.product])
    claim = make_brand_claim(brand="Orbel", contribution=9.0)
    world.change_assessment("L2", signals=(*world.assessments["L2"].signals, claim))
    holders = {
        case.rights_holder: case.listing_ids for case in group_cases(world.assessments.values(), world.lookup, register)
    }
    assert holders == {"Norvane Goods": ("L1", "L3"), "Orbel": ("L2",)}


def test_a_brand_two_rights_holders_share_is_nobodys_until_the_product_tells(world, make_brand_claim):
    twin = RightsHolder(name="Twin", brands=(Brand(name="Norvane"),))
    twin_product = ReferenceProduct(reference_id="T-1", rights_holder="Twin", title="Bag", brand="Norvane")
    register = RightsRegister([world.rights_holder, twin], [world.product, twin_product])
    assert register.holder_of(make_brand_claim()) is None
    assert register.holder_of(make_brand_claim(reference_id="T-1")) == "Twin"
    assert register.holder_of(make_brand_claim(reference_id="N-1")) == "Norvane Goods"


def test_the_same_reference_id_of_another_brand_does_not_count(world, make_brand_claim):
    assert world.register.holder_of(make_brand_claim(brand="Orbel", reference_id="N-1")) is None


def test_a_rights_holder_named_in_the_evidence_counts_only_when_known(world, make_brand_claim):
    assert world.register.holder_of(make_brand_claim(evidence={"rights_holder": "Norvane Goods"})) == "Norvane Goods"
    assert world.register.holder_of(make_brand_claim(evidence={"rights_holder": "Nobody"})) is None


def test_enforced_listings_without_a_rights_holder_are_told_not_lost(world, make_brand_claim):
    world.change_assessment("L2", signals=(make_brand_claim(brand="Unknown"),))
    assert world.case.listing_ids == ("L1", "L3")
    (left,) = without_rights_holder(world.assessments.values(), world.register)
    assert left.listing_id == "L2"


def test_findings_that_speak_against_infringement_name_nobody(world, make_brand_claim):
    world.change_assessment("L2", signals=(make_brand_claim(contribution=-0.4),))
    assert world.register.leading_holder(world.assessments["L2"]) is None


@pytest.mark.parametrize(
    "change", [{"office": ""}, {"registration_number": " "}, {"status": "expired"}, {"mark": "NORVAN"}]
)
def test_only_a_mark_in_force_with_office_and_number_protects(world, change):
    assert registered_mark(world.rights_holder, "norvane") is not None
    mark = replace(world.rights_holder.trademarks[0], **change)
    assert registered_mark(replace(world.rights_holder, trademarks=(mark,)), "norvane") is None


def test_backing_is_read_from_the_store_and_leaves_voided_assessments_out(world):
    class Records:
        def listing(self, marketplace, listing_id):
            return world.lookup(marketplace, listing_id)

        def assessment(self, marketplace, listing_id):
            if listing_id == "L2":
                raise NotFound("voided")
            return world.assessments[listing_id]

    backing = Backing.read(world.case, Records(), world.register)
    assert set(backing.listings) == {"L1", "L2", "L3"}
    assert set(backing.assessments) == {"L1", "L3"}
    assert backing.grounds("L2") == ()
