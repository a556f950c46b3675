"""The tree of errors, as drawn and as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

import domain.errors
from domain.errors import AssayerError, BadInput, FetchTooLarge, ImageRefused, SettingRefused

BRANCH = re.compile(r"^    (?P<lead>[│├└─ ]*)(?P<name>[A-Z]\w+)(?P<text> .*)$")


def drawn() -> dict[str, tuple[str | None, str]]:
    """Name to (parent, what stands beside it), from the module's docstring."""
    tree: dict[str, tuple[str | None, str]] = {}
    path: list[tuple[int, str]] = []
    for line in str(domain.errors.__doc__).splitlines():
        if branch := BRANCH.match(line):
            depth = len(branch["lead"])
            path = [(d, name) for d, name in path if d < depth]
            tree[branch["name"]] = (path[-1][1] if path else None, branch["text"])
            path.append((depth, branch["name"]))
    return tree


def walked(kind: type[AssayerError] = AssayerError) -> Iterator[type[AssayerError]]:
    if kind.__module__ == domain.errors.__name__:
        yield kind
        for child in kind.__subclasses__():
            yield from walked(child)


def test_every_error_is_drawn_where_it_is() -> None:
    parents = {kind.__name__: kind.__mro__[1].__name__ for kind in walked()}
    assert {name: parent for name, (parent, _) in drawn().items()} == {**parents, "AssayerError": None}
    defined = {
        name for name, value in vars(domain.errors).items() if isinstance(value, type) and issubclass(value, Exception)
    }
    assert defined == set(parents)


@pytest.mark.parametrize("kind", list(walked()), ids=lambda kind: kind.__name__)
def test_exit_codes_and_statuses_are_as_drawn(kind: type[AssayerError]) -> None:
    tree = drawn()
    for label, found in (("exit", kind.exit_code), ("HTTP", kind.http_status)):
        name: str | None = kind.__name__
        while name is not None:  # what is not said here was said further up
            name, text = tree[name]
            if said := re.search(rf"{label} (\d+)", text):
                assert found == int(said[1])
                break
        else:
            pytest.fail(f"no {label} is drawn")


def test_codes_are_stable_distinct_names() -> None:
    codes = {kind.__name__: BadInput.code.fget(kind.__new__(kind)) for kind in walked()}  # type: ignore[attr-defined]
    assert codes["ImageRefused"] == "image-refused"
    assert codes["BadInput"] == "bad-input"
    assert len(set(codes.values())) == len(codes)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes.values())


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({}, "is wrong"),
        ({"file": "a.tsv"}, "a.tsv: is wrong"),
        ({"file": "a.tsv", "line": 12}, "a.tsv:12: is wrong"),
        ({"field": "price"}, "price: is wrong"),
        ({"file": "a.tsv", "line": 12, "field": "price"}, "a.tsv:12: price: is wrong"),
        ({"line": 12, "field": "price"}, "12: price: is wrong"),
    ],
)
def test_a_refusal_says_as_much_of_the_place_as_is_known(place: dict[str, object], message: str) -> None:
    refusal = BadInput("is wrong", **place)  # type: ignore[arg-type]
    assert str(refusal) == refusal.message == message
    known = {"file": None, "line": None, "field": None} | place
    assert refusal.as_dict() == {"code": "bad-input", "reason": "is wrong", **known}


def test_placing_a_refusal_fills_in_what_is_missing_and_keeps_what_is_known() -> None:
    refusal = ImageRefused("is wrong", line=0, field="image", advice="Mend it.")
    placed = refusal.at(file="a.tsv", line=12, field="other")
    assert type(placed) is ImageRefused
    assert (placed.file, placed.line, placed.field) == ("a.tsv", 0, "image")
    assert (placed.reason, placed.advice) == ("is wrong", "Mend it.")
    assert str(placed) == "a.tsv:0: image: is wrong"
    assert refusal.file is None
    assert placed.at(file="b.tsv").file == "a.tsv"


@pytest.mark.parametrize(
    "kind", [kind for kind in walked() if issubclass(kind, BadInput)], ids=lambda kind: kind.__name__
)
def test_every_refusal_can_be_placed(kind: type[BadInput]) -> None:
    placed = kind("is wrong").at(file="a.tsv", line=1)
    assert type(placed) is kind
    assert placed.place == "a.tsv:1: "


def test_a_refused_fetch_names_its_url() -> None:
    error = FetchTooLarge("more than 5 bytes", url="https://shop.example/1.jpg", advice="Raise the limit.")
    assert str(error) == "https://shop.example/1.jpg: more than 5 bytes"
    assert (error.url, error.reason, error.advice) == (
        "https://shop.example/1.jpg",
        "more than 5 bytes",
        "Raise the limit.",
    )


def test_advice_is_no_part_of_the_message() -> None:
    error = SettingRefused("is wrong", field="ASSAYER_HOME", advice="See docs/settings.md.")
    assert str(error) == "ASSAYER_HOME: is wrong"
    assert error.advice == "See docs/settings.md."
