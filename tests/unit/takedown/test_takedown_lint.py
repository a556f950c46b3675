from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.assessment import Band, Finding, GuardName, SignalName
from domain.catalog import RightsHolder
from domain.listing import ListingImage, Seller, Unreadable
from domain.notice import NoticeItem
from takedown.lint import email_problem, lint, url_problem


def fields(notice, backing, evidence=None) -> list[str]:
    findings = lint(notice, backing, evidence)
    assert all(finding.notice_id == notice.notice_id and finding.reason for finding in findings)
    return [finding.field for finding in findings]


def with_item(notice, position, **changes):
    items = list(notice.items)
    items[position] = replace(items[position], **changes)
    return replace(notice, items=tuple(items))


def test_a_complete_notice_has_no_finding(world):
    assert lint(world.notice(), world.backing, world.evidence) == ()


@pytest.mark.parametrize(
    "field", ["notice_id", "case_id", "marketplace", "rights_holder", "notifier_name", "notifier_email",
              "good_faith_statement", "template_version"]
)  # fmt: skip
@pytest.mark.parametrize("empty", ["", "  "])
def test_each_missing_field_is_one_finding(world, field, empty):
    assert fields(replace(world.notice(), **{field: empty}), world.backing) == [field]


@pytest.mark.parametrize("field", ["url", "explanation", "listing_id"])
def test_each_missing_field_of_an_item_is_one_finding(world, field):
    assert fields(with_item(world.notice(), 1, **{field: ""}), world.backing) == [f"items[1].{field}"]


def test_a_notice_without_items_says_so(world):
    assert fields(replace(world.notice(), items=()), world.backing) == ["items"]


def test_too_many_items(world):
    backing = world.backing
    items = tuple(
        NoticeItem(listing_id=f"X{n}", url=f"https://m.example/{n}", reference_id=None, explanation="x")
        for n in range(1001)
    )
    assert fields(replace(world.notice(), items=items), backing)[0] == "items"


@pytest.mark.parametrize("field", ["case_id", "marketplace", "rights_holder"])
def test_a_notice_that_is_not_its_cases_is_found(world, field):
    assert fields(replace(world.notice(), **{field: "another"}), world.backing) == [field]


@pytest.mark.parametrize(
    "statement",
    ["We are sure.", "We believe in good faith that all is accurate.", "x" * 1001, "Good faith\naccurate complete"],
)
def test_a_statement_must_confirm_good_faith_accuracy_and_completeness(world, statement):
    assert fields(replace(world.notice(), good_faith_statement=statement), world.backing) == ["good_faith_statement"]


@pytest.mark.parametrize("change", [{"office": ""}, {"registration_number": ""}, {"status": "cancelled"}])
def test_a_mark_without_office_number_or_force_is_no_right_to_rely_on(world, change):
    world.change_assessment("L2", signals=tuple(s for s in world.assessments["L2"].signals if s.name != "copied_photo"))
    assert fields(world.notice(), world.backing) == []
    mark = replace(world.rights_holder.trademarks[0], **change)
    world.rights_holder = replace(world.rights_holder, trademarks=(mark,))
    assert fields(world.notice(), world.backing) == ["items[1].right"]


def test_a_copied_photo_is_a_right_without_any_mark(world):
    world.rights_holder = replace(world.rights_holder, trademarks=())
    assert fields(world.notice(), world.backing) == []


def test_a_copied_photo_with_unreadable_proof_is_no_right(world):
    world.rights_holder = replace(world.rights_holder, trademarks=())
    signals = tuple(
        replace(s, evidence={**s.evidence, "outline": "everywhere"}) if s.name == SignalName.COPIED_PHOTO else s
        for s in world.assessments["L3"].signals
    )
    world.change_assessment("L3", signals=signals)
    assert fields(world.notice(), world.backing) == ["items[2].right"]


def test_proof_is_a_page_or_a_picture(world):
    gone = Unreadable(what="image", source="x", reason="404")
    world.change_listing("L1", page_sha256=None)
    assert fields(world.notice(), world.backing) == []
    world.change_listing("L1", images=(ListingImage(source="x", unreadable=gone),))
    assert fields(world.notice(), world.backing) == ["items[0].proof"]


def test_proof_must_be_in_the_store(world):
    del world.evidence.content[world.listings["L2"].page_sha256]
    assert fields(world.notice(), world.backing) == []
    assert fields(world.notice(), world.backing, world.evidence) == ["items[1].proof"]


@pytest.mark.parametrize("band", [Band.CLEAR, Band.REVIEW])
def test_only_enforced_listings_are_noticed(world, band):
    notice, case = world.notice(), world.case
    world.change_assessment("L2", band=band)
    backing = replace(world.backing, case=case)
    assert fields(notice, backing) == ["items[1].band"]


def test_a_voided_assessment_is_found(world):
    notice, backing = world.notice(), world.backing
    voided = {key: value for key, value in world.assessments.items() if key != "L2"}
    assert fields(notice, replace(backing, assessments=voided)) == ["items[1].assessment"]


@pytest.mark.parametrize("name", ["s77", "bagdeals77", "BAGDEALS77"])
def test_an_authorized_seller_is_never_noticed(world, name):
    notice, backing = world.notice(), world.backing
    holder: RightsHolder = replace(world.rights_holder, authorized_sellers=(name,))
    found = fields(notice, replace(backing, rights_holder=holder))
    assert found == ["items[0].seller", "items[1].seller", "items[2].seller"]


def test_a_listing_with_the_authorized_guard_is_never_noticed(world):
    notice, backing = world.notice(), world.backing
    guard = Finding(name=GuardName.AUTHORIZED_SELLER, strength=1.0, sentence="Sells with authorization.")
    world.change_assessment("L3", guards=(guard,))
    assert fields(notice, backing) == ["items[2].seller"]


def test_another_sellers_listing_does_not_belong(world):
    notice, backing = world.notice(), world.backing
    world.change_listing("L2", seller=Seller(id="s78", name="bagdeals77"))
    assert fields(notice, backing) == ["items[1].seller"]


def test_a_listing_of_no_case_does_not_belong(world):
    backing = replace(world.backing, case=replace(world.case, listing_ids=("L1", "L2")))
    assert fields(world.notice(), backing) == ["items[2].listing_id"]


def test_an_address_must_be_the_listings_own(world):
    assert fields(with_item(world.notice(), 0, url="https://market.example/item/L9"), world.backing) == ["items[0].url"]


def test_a_listing_named_twice_is_found(world):
    notice = world.notice()
    twice = replace(notice, items=(notice.items[0], notice.items[0]))
    assert fields(twice, world.backing) == ["items[0].listing_id", "items[1].listing_id"]


def test_one_address_for_two_listings_is_found(world):
    world.change_listing("L2", url=world.listings["L1"].url)
    assert fields(world.notice(), world.backing) == ["items[0].url", "items[1].url"]


@pytest.mark.parametrize(
    "explanation",
    ["It is fake.", "x" * 2001, "Two lines are\none too many for an explanation in a notice.",
     "A buyer, jane@mail.example, complained that the bag was not genuine.",
     "A buyer complained on the phone, +49 170 1234567, that it was not genuine."],
)  # fmt: skip
def test_an_explanation_is_substantial_short_and_free_of_personal_data(world, explanation):
    notice = with_item(world.notice(), 0, explanation=explanation)
    assert fields(notice, world.backing) == ["items[0].explanation"]


@pytest.mark.parametrize(
    "address",
    ["legal", "legal@", "@brand.example", "legal@brand", "a b@brand.example", "legal@brand.example, x@y.example",
     "legal@brand.example\nBcc: x@y.example", "legal@-brand.example", "legal@brand..example", "lé@brand.example",
     "Legal <legal@brand.example>", "legal@placeholder.invalid", "l" * 65 + "@brand.example", "legal@[127.0.0.1]",
     "legal@" + "b" * 250 + ".example", '"legal team"@brand.example'],
)  # fmt: skip
def test_addresses_no_platform_can_answer_to(address):
    assert email_problem(address)


@pytest.mark.parametrize("address", ["legal@brand.example", "ip+notices@mail.brand.co.uk", "o'neil@xn--mnchen-3ya.de"])
def test_addresses_a_platform_can_answer_to(address):
    assert email_problem(address) is None


@given(st.text())
@example("[")
@example("a@[")
@example("\ud800@a.example")
def test_any_address_is_judged_and_none_raises(address):
    reason = email_problem(address)
    assert reason is None or reason.startswith(("is ",))


@pytest.mark.parametrize(
    "url",
    ["market.example/item/1", "ftp://market.example/item/1", "javascript:alert(1)", "https://", "https://market.example",
     "https://market.example/", "https://user:secret@market.example/item/1", "https://market.example/it em/1",
     "https://market.example/item/1\n", "https://market.example/\u202e1", "https://[::1", "https://market.example:0/a",
     "https://market.example:99999/a", "data:text/html,x", "https://market.example/" + "x" * 2048],
)  # fmt: skip
def test_addresses_that_are_not_one_exact_offer(url):
    assert url_problem(url)


@pytest.mark.parametrize(
    "url",
    ["https://market.example/item/1", "http://127.0.0.1:8123/shop/1", "HTTPS://m.example/?id=4", "https://m.example/ü"],
)
def test_addresses_of_one_exact_offer(url):
    assert url_problem(url) is None


@given(st.text())
@example("http://[")
@example("http://\ud800/a")
def test_any_url_is_judged_and_none_raises(url):
    reason = url_problem(url)
    assert reason or url.lower().startswith(("http://", "https://"))
