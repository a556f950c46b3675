"""Domain values to JSON and back."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.assessment import Assessment, Band, Finding, GuardName, SignalName, Versions
from domain.case import Case
from domain.catalog import Catalog, Money, ReferenceProduct, RightsHolder
from domain.codec import canonical_json, digest, dump, load
from domain.errors import BadInput
from domain.listing import Listing, ListingImage, Seller, Unreadable
from domain.match import LogoAlteration, LogoMatch, Matches, PhotoMatch, TextMatch
from domain.notice import Notice

numbers = st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | st.integers() | numbers | st.text()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
points = st.tuples(numbers, numbers)
# of the domain's own types alone: the registry is shared by all tests of a run
st.register_type_strategy(
    Money, st.builds(Money, amount=st.decimals(allow_nan=False, allow_infinity=False), currency=st.text())
)
st.register_type_strategy(Seller, st.builds(Seller, feedback_percent=st.none() | numbers))
st.register_type_strategy(
    ListingImage,
    st.builds(ListingImage, source=st.text(), sha256=st.text(), unreadable=st.none())
    | st.builds(ListingImage, source=st.text(), sha256=st.none(), unreadable=st.builds(Unreadable)),
)
st.register_type_strategy(
    Listing,
    st.builds(
        Listing,
        price=st.none() | st.from_type(Money),
        images=st.lists(st.from_type(ListingImage), max_size=3).map(tuple),
        captured_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    ),
)
st.register_type_strategy(
    Finding,
    st.builds(
        Finding,
        name=st.sampled_from([*SignalName, *GuardName]),
        strength=st.floats(0, 1),
        evidence=st.dictionaries(st.text(), values, max_size=3),
        contribution=st.none() | numbers,
    ),
)
st.register_type_strategy(Assessment, st.builds(Assessment, probability=st.floats(0, 1)))
st.register_type_strategy(
    PhotoMatch,
    st.builds(
        PhotoMatch,
        score=numbers,
        outline=st.lists(points, max_size=4).map(tuple),
        points=st.lists(st.tuples(points, points), max_size=3).map(tuple),
        embedding_similarity=numbers,
        color_distance=numbers,
    ),
)
st.register_type_strategy(TextMatch, st.builds(TextMatch, score=numbers))
st.register_type_strategy(LogoAlteration, st.builds(LogoAlteration, confidence=numbers))
st.register_type_strategy(
    LogoMatch,
    st.builds(
        LogoMatch,
        box=st.tuples(numbers, numbers, numbers, numbers),
        outline=st.lists(points, max_size=4).map(tuple),
        probability=numbers,
        similarity=numbers,
        text_score=numbers,
        alterations=st.lists(st.from_type(LogoAlteration), max_size=2).map(tuple),
    ),
)


@pytest.mark.parametrize("kind", [Listing, Catalog, Matches, Assessment, Case, Notice], ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_whatever_value_goes_out_comes_back(kind: type[object], data: st.DataObject) -> None:
    value = data.draw(st.from_type(kind))
    written = canonical_json(dump(value))
    again = load(kind, json.loads(written))
    assert again == value
    assert canonical_json(dump(again)) == written


@given(amount=st.decimals(allow_nan=False, allow_infinity=False))
def test_no_digit_of_a_price_is_lost(amount: Decimal) -> None:
    again = load(Money, json.loads(canonical_json(dump(Money(amount=amount, currency="USD")))))
    assert again.amount.as_tuple() == amount.as_tuple()


def listing(**changed: object) -> Listing:
    one = Listing(marketplace="m", listing_id="1", url="", title="T", seller=Seller(id="s", name="S"))
    return replace(one, **changed)  # type: ignore[arg-type]


@given(match=st.from_type(LogoMatch))
def test_a_mark_from_before_hidden_ones_were_told_apart_is_a_shown_one(match: LogoMatch) -> None:
    before = {name: value for name, value in dump(match).items() if name != "hidden"}
    assert load(LogoMatch, before) == replace(match, hidden=False)


def test_the_form_is_plain_json() -> None:
    dumped = dump(
        listing(
            price=Money(amount=Decimal("8.50"), currency="USD"),
            captured_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
            images=(ListingImage(source="1.jpg", sha256="a" * 64),),
        )
    )
    assert dumped["price"] == {"amount": "8.50", "currency": "USD"}
    assert dumped["captured_at"] == "2026-01-02T03:04:05Z"
    assert dumped["images"] == [{"source": "1.jpg", "sha256": "a" * 64, "unreadable": None}]
    assert json.loads(json.dumps(dumped)) == dumped


def test_a_time_elsewhere_stays_the_same_moment() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone(timedelta(hours=-5, minutes=-30)))
    assert load(Listing, dump(listing(captured_at=moment))).captured_at == moment


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": 5}, "title"),
        ({"price": {"amount": "free", "currency": "USD"}}, "price.amount"),
        ({"price": {"amount": "NaN", "currency": "USD"}}, "price.amount"),
        ({"seller": {"id": "s"}}, "seller.name"),
        ({"images": [{"source": "1.jpg"}]}, "images.0"),
        ({"images": [{"source": "1.jpg", "sha256": 7}]}, "images.0.sha256"),
        ({"captured_at": "yesterday"}, "captured_at"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(BadInput) as refusal:
        load(Listing, dump(listing()) | change)
    assert refusal.value.field == field
    assert refusal.value.reason


@pytest.mark.parametrize("data", [None, [], "text", 5])
def test_what_is_no_object_at_all_is_refused(data: object) -> None:
    with pytest.raises(BadInput):
        load(ReferenceProduct, data)


def test_an_impossible_strength_is_refused_wherever_it_comes_from() -> None:
    finding = dump(Finding(name=SignalName.BRAND_CLAIM, strength=0.5, sentence=""))
    for strength in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="outside"):
            Finding(name=SignalName.BRAND_CLAIM, strength=strength, sentence="")
        with pytest.raises(BadInput):
            load(Finding, finding | {"strength": strength})


@given(value=st.dictionaries(st.text(), values))
def test_canonical_json_depends_on_content_alone(value: dict[str, object]) -> None:
    backwards = dict(reversed(value.items()))
    assert canonical_json(backwards) == canonical_json(value)
    assert digest(backwards) == digest(value) == hashlib.sha256(canonical_json(value)).hexdigest()
    assert json.loads(canonical_json(value)) == value


def test_canonical_json_has_no_spaces_and_no_escapes() -> None:
    assert canonical_json({"b": [1, 2.5, None], "a": "é"}) == '{"a":"é","b":[1,2.5,null]}'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud83d", {"deep": [{"\udfff": 1}]}])
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises(BadInput, match="JSON"):
        canonical_json(value)


def test_an_assessment_finds_its_findings_by_name() -> None:
    copied = Finding(name=SignalName.COPIED_PHOTO, strength=0.9, sentence="")
    own = Finding(name=GuardName.OWN_PHOTO, strength=0.9, sentence="")
    versions = Versions(embedder="", index="", verifier="v@1", combiner="", lexicon="", code="")
    assessment = Assessment(
        marketplace="m", listing_id="1", probability=0.5, band=Band.REVIEW, signals=(copied,), guards=(own,),
        unreadable=(), versions=versions,
    )  # fmt: skip
    assert assessment.signal(SignalName.COPIED_PHOTO) is copied
    assert assessment.signal(SignalName.BRAND_CLAIM) is None
    assert assessment.guard(GuardName.OWN_PHOTO) is own
    assert assessment.guard(GuardName.AUTHORIZED_SELLER) is None


def test_an_image_has_bytes_or_a_reason_why_not() -> None:
    why = Unreadable(what="image", source="1.jpg", reason="truncated")
    for both_or_neither in ({"sha256": "a" * 64, "unreadable": why}, {}):
        with pytest.raises(ValueError, match="never both, never neither"):
            ListingImage(source="1.jpg", **both_or_neither)  # type: ignore[arg-type]


def test_a_rights_holder_without_products_is_a_catalog() -> None:
    catalog = Catalog(rights_holder=RightsHolder(name="Luma", brands=()))
    assert load(Catalog, dump(catalog)) == catalog


def test_an_assessment_from_before_logos_still_loads() -> None:
    versions = Versions(embedder="e@1", index="i", verifier="v@1", combiner="c@1", lexicon="l", code="0")
    before = {key: dump(versions)[key] for key in ("embedder", "index", "verifier", "combiner", "lexicon", "code")}
    loaded = load(Versions, before)
    assert loaded == versions
    assert (loaded.detector, loaded.logo_verifier, loaded.reader) == ("", "", "")
