"""What is wrong with what was handed in is said, with file, line and field; everything beside it is unharmed."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

HEADER = "id\ttitle\tbrand\tprice\timage_link\n"
GOOD_ROWS = "A\tBag A\tAcme\t59.00 USD\timages/a.jpg\nB\tBag B\tAcme\t19.00 USD\timages/b.jpg\n"
GOOD_IDS = ["A", "B"]

State = Callable[[Path], dict[str, Any]]


def picture(color: str = "red", kind: str = "JPEG") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (64, 48), color).save(stream, kind)
    return stream.getvalue()


BAD_PICTURES = {"truncated.jpg": "truncated", "huge.png": "50000000 pixels", "animation.jpg": "is a GIF picture"}


def put_pictures(folder: Path, huge_png: bytes) -> None:
    folder.mkdir(parents=True)
    for name, color in (("a", "red"), ("b", "blue")):
        (folder / f"{name}.jpg").write_bytes(picture(color))
    (folder / "truncated.jpg").write_bytes(picture()[:-150])
    (folder / "huge.png").write_bytes(huge_png)
    (folder / "animation.jpg").write_bytes(picture(kind="GIF"))


@pytest.fixture
def catalog(tmp_path: Path, huge_png: bytes) -> Path:
    """Two good products, and pictures to be had."""
    folder = tmp_path / "catalog"
    put_pictures(folder / "images", huge_png)
    (folder / "products.tsv").write_text(HEADER + GOOD_ROWS, encoding="utf-8")
    return folder


class Both:
    """A command run twice, each in a new home: once for people, once for machines."""

    def __init__(self, command_line: Any, folder: Path) -> None:
        self.people, self.machines = command_line(folder / "people"), command_line(folder / "machines")

    def __call__(self, *arguments: object, code: int = 2, **settings: str) -> tuple[str, Any]:
        """(what people read of errors, the JSON)."""
        in_words = self.people(*arguments, code=code, **settings)
        as_json = self.machines(*arguments, "--json", code=code, **settings)
        assert as_json.err == ""
        return in_words.err, as_json.json

    def homes(self) -> tuple[Path, Path]:
        return self.people.home, self.machines.home


@pytest.fixture
def both(command_line: Any, tmp_path: Path) -> Both:
    return Both(command_line, tmp_path)


def product_ids(state: dict[str, Any]) -> list[str]:
    return [product["reference_id"] for product in state["products"]]


def test_bad_rows_of_a_feed_are_named_and_the_good_ones_imported(catalog: Path, both: Both, state_of: State) -> None:
    rows = [f"X{number}\tBag\tAcme\t9.00 USD\timages/{name}".encode() for number, name in enumerate(BAD_PICTURES)]
    rows += [b"F\tBag F\tAcme\tfree\timages/a.jpg", b"L\tSac \xe0 main\tAcme\t9.00 USD\timages/a.jpg"]
    rows += [b"C\tBag C\tAcme\t9.00 USD\timages/../../a.jpg", b"N\tBag N\tAcme\t9.00 USD\timages/nowhere.jpg"]
    content = (HEADER + GOOD_ROWS).encode() + b"\n".join(rows) + b"\nZ\tBag Z\tAcme\t5.00 USD\timages/b.jpg\n"
    (catalog / "products.tsv").write_bytes(content)
    feed = f"{catalog}/products.tsv"

    words, said = both("catalog", "import", catalog, "--rights-holder", "Acme")

    assert said["products"] == 3
    found = {(error["line"], error["field"]): error for error in said["bad"]}
    assert all(error["file"] == feed for error in said["bad"])
    for line, reason in enumerate(BAD_PICTURES.values(), start=4):
        assert reason in found[line, "image_link"]["reason"] or any(
            reason in error["reason"] for error in said["bad"] if error["line"] == line
        )
        assert f"{feed}:{line}: image_link: " in words
        assert reason in words
    assert "free" in found[7, "price"]["reason"]
    assert f"{feed}:7: price: " in words
    assert "UTF-8" in next(error["reason"] for error in said["bad"] if error["line"] == 8)
    assert {error["line"] for error in said["bad"]} == set(range(4, 11))
    assert {error["code"] for error in said["bad"]} <= {"bad-input", "image-refused"}
    for home in both.homes():
        assert product_ids(state_of(home)) == [*GOOD_IDS, "Z"]


@pytest.mark.parametrize(
    ("content", "field", "word"),
    [
        (b"id,title,brand,price\nA,Bag A,Acme,59.00 USD\n", "image_link", "the column is missing"),
        ((HEADER + GOOD_ROWS).encode("utf-16"), None, "UTF-8"),
        (b"", None, ""),
        (b'<?xml version="1.0"?><rss><channel><item>', None, ""),
        (b'<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><rss>&y;</rss>', None, ""),
    ],
    ids=["missing column", "not UTF-8", "nothing at all", "XML cut off", "XML with entities"],
)
def test_a_feed_that_cannot_be_read_changes_nothing(
    catalog: Path, both: Both, state_of: State, content: bytes, field: str | None, word: str
) -> None:
    before = []
    for assayer in (both.people, both.machines):
        assayer("catalog", "import", catalog, "--rights-holder", "Acme")
        before.append(state_of(assayer.home))
    name = "products.xml" if content.startswith(b"<") else "products.csv"
    (catalog / "products.tsv").unlink()
    (catalog / name).write_bytes(content)
    words, said = both("catalog", "import", catalog, "--rights-holder", "Acme")
    error = said["error"] if "error" in said else said["bad"][0]
    assert error["file"].endswith(name)
    assert error["field"] == field
    assert word in error["reason"]
    assert f"{catalog}/{name}" in words
    assert [state_of(home) for home in both.homes()] == before


def zipped(catalog: Path, path: Path, extra: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(catalog.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(catalog).as_posix())
        for name, content in extra.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("extra", "field", "reason"),
    [
        ({"../escaped.jpg": b"x"}, "../escaped.jpg", ""),
        ({"images/../../escaped.jpg": b"x"}, "images/../../escaped.jpg", ""),
        ({"/tmp/escaped.jpg": b"x"}, "/tmp/escaped.jpg", ""),
        ({"images/bomb.jpg": bytes(60_000_000)}, "images/bomb.jpg", "bomb"),
    ],
    ids=["climbs", "climbs further in", "absolute", "bomb"],
)
def test_a_hostile_archive_is_refused_whole(
    catalog: Path, tmp_path: Path, both: Both, extra: dict[str, bytes], field: str, reason: str
) -> None:
    archive = zipped(catalog, tmp_path / "catalog.zip", extra)
    before = {path for path in tmp_path.rglob("*") if "people" not in path.parts and "machines" not in path.parts}
    words, said = both("catalog", "import", archive, "--rights-holder", "Acme")
    assert said["error"]["code"] == "archive-refused"
    assert said["error"]["file"] == str(archive)
    assert said["error"]["field"] == field
    assert reason in said["error"]["reason"]
    assert f"error {archive}: {field}: " in words
    after = {path for path in tmp_path.rglob("*") if "people" not in path.parts and "machines" not in path.parts}
    assert after == before, "nothing may be unpacked anywhere"
    for home in both.homes():
        assert not list((home / "evidence").rglob("*"))


def test_an_honest_archive_is_imported(catalog: Path, tmp_path: Path, both: Both, state_of: State) -> None:
    both("catalog", "import", zipped(catalog, tmp_path / "c.zip", {}), "--rights-holder", "Acme", code=0)
    assert [product_ids(state_of(home)) for home in both.homes()] == [GOOD_IDS, GOOD_IDS]


def test_an_empty_catalog_is_refused_wherever_it_is_needed(tmp_path: Path, both: Both) -> None:
    (tmp_path / "empty").mkdir()
    words, said = both("catalog", "import", tmp_path / "empty")
    assert said["error"]["code"] == "empty-catalog"
    assert said["error"]["file"] == str(tmp_path / "empty")
    assert "assayer catalog check" in words
    for arguments in (("index", "build"), ("score", "--all")):
        words, said = both(*arguments)
        assert said["error"]["code"] == "empty-catalog"
        assert said["error"]["field"] == "catalog"
        assert "assayer catalog import PATH" in words


def listing(number: int, *images: str, **changes: object) -> bytes:
    row: dict[str, object] = {
        "marketplace": "market.example",
        "listing_id": f"L{number}",
        "url": f"https://market.example/{number}",
        "title": "Leather bag",
        "price": 20,
        "currency": "USD",
        "images": [f"images/{image}" for image in images],
        "seller": {"id": "s1", "name": "shop"},
    }
    return json.dumps(row | changes).encode()


def test_bad_listings_are_named_and_the_rest_is_imported_and_scored(
    tmp_path: Path, walked: Any, both: Both, state_of: State, huge_png: bytes
) -> None:
    put_pictures(tmp_path / "in" / "images", huge_png)
    path = tmp_path / "in" / "listings.jsonl"
    lines = [
        listing(1, "a.jpg"),
        listing(2, "truncated.jpg"),
        listing(3, "huge.png"),
        listing(4, "animation.jpg"),
        listing(5),
        listing(6, "b.jpg", price="free"),
        listing(7, "a.jpg", title=""),
        b'{"marketplace": "market.example", ',
        b'{"title": "\xff\xfe"}',
        listing(1, "b.jpg"),
        listing(11, "../../secret.jpg"),
        listing(12, "b.jpg", url="file:///etc/passwd"),
        listing(13, "b.jpg"),
    ]
    path.write_bytes(b"\n".join(lines) + b"\n")
    for home in both.homes():
        shutil.copytree(walked.homes["index"], home)

    words, said = both("listings", "import", path)

    assert all(error["file"] == str(path) for error in said["bad"])
    found = {error["line"]: error for error in said["bad"]}
    assert len(found) == len(said["bad"]) == 11
    for line, reason in zip((2, 3, 4), BAD_PICTURES.values(), strict=True):
        assert (found[line]["code"], found[line]["field"]) == ("image-refused", "images[0]")
        assert reason in found[line]["reason"]
    fields = {line: found[line]["field"] for line in (5, 6, 7, 10, 11, 12)}
    assert fields == {5: "images", 6: "price", 7: "title", 10: "listing_id", 11: "images[0]", 12: "url"}
    assert "free" in found[6]["reason"]
    assert "JSON" in found[8]["reason"]
    assert "UTF-8" in found[9]["reason"]
    for error in said["bad"]:
        where = f"{path}:{error['line']}: " + (f"{error['field']}: " if error["field"] else "")
        assert f"refused {where}" in words

    taken_in = ["L1", "L11", "L13", "L2", "L3", "L4", "L5", "L6"]
    for home in both.homes():
        state = state_of(home)
        ids = [one["listing_id"] for one in state["listings"] if one["marketplace"] == "market.example"]
        assert ids == taken_in
    scores = tmp_path / "scores.jsonl"
    both.people("score", "--new", "--out", scores)
    verdicts = {
        row["listing_id"]: row
        for row in map(json.loads, scores.read_text().splitlines())
        if row["listing_id"] in taken_in
    }
    assert len(verdicts) == len(taken_in)
    for listing_id in ("L2", "L3", "L4", "L5", "L11"):
        verdict = verdicts[listing_id]
        assert [part["what"] for part in verdict["unreadable"]] == ["image"]
        assert not {"copied_photo", "own_photo"} & {one["name"] for one in (*verdict["signals"], *verdict["guards"])}
    assert [part["what"] for part in verdicts["L6"]["unreadable"]] == ["price"]
    assert verdicts["L1"]["unreadable"] == verdicts["L13"]["unreadable"] == []


def test_a_bad_file_does_not_stop_the_one_beside_it(
    tmp_path: Path, both: Both, state_of: State, huge_png: bytes
) -> None:
    put_pictures(tmp_path / "in" / "images", huge_png)
    (tmp_path / "in" / "bad.csv").write_text("listing_id,title\n1,Bag\n")
    (tmp_path / "in" / "bad.parquet").write_bytes(b"PAR1 not really")
    (tmp_path / "in" / "good.jsonl").write_bytes(listing(1, "a.jpg"))
    names = ("bad.csv", "bad.parquet", "good.jsonl")
    _, said = both("listings", "import", *(tmp_path / "in" / name for name in names))
    refused = {Path(error["file"]).name for error in said["bad"]}
    assert refused == {"bad.csv", "bad.parquet"}
    assert "marketplace" in {error["field"] for error in said["bad"]}
    for home in both.homes():
        assert [one["listing_id"] for one in state_of(home)["listings"]] == ["L1"]


@pytest.fixture(scope="session")
def other_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same models, but for an embedder with another description in its file: other bytes, another model."""
    import hashlib

    import models

    folder = Path(shutil.copytree(Path(models.__file__).parent, tmp_path_factory.mktemp("models") / "other"))
    # field 6 of an ONNX ModelProto is its doc_string; of a field that comes twice, the last counts
    content = (folder / "embedder.onnx").read_bytes() + b"\x32\x07another"
    (folder / "embedder.onnx").write_bytes(content)
    manifest = json.loads((folder / "embedder.json").read_text(encoding="utf-8"))
    manifest["sha256"] = hashlib.sha256(content).hexdigest()
    (folder / "embedder.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def test_an_index_of_another_model_is_refused_until_it_is_built_again(
    walked: Any, command_line: Any, home_after: Callable[[str], Path], other_models: Path, state_of: State
) -> None:
    assayer = command_line(home_after("score"))
    before = state_of(assayer.home)
    words = assayer("score", "--all", code=2, models_dir=str(other_models)).err
    said = assayer("score", "--all", "--json", code=2, models_dir=str(other_models)).json
    assert said["error"]["code"] == "index-mismatch"
    assert "assayer index build" in words
    assert "assayer index build" in said["error"]["advice"]
    assert state_of(assayer.home) == before
    # what the advice says helps
    built = assayer("index", "build", "--json", models_dir=str(other_models)).json
    assert built["embedder"] != walked.done["index"].json["embedder"]
    assert "Already built" in assayer("index", "build", models_dir=str(other_models)).out
    assayer("score", "--all", code=2)


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda folder: (folder / "combiner.onnx").write_bytes(b"nonsense"), "hash"),
        (lambda folder: (folder / "combiner.json").unlink(), "no combiner"),
        (lambda folder: (folder / "verifier.json").write_text("{}"), "verifier"),
        (lambda folder: (folder / "embedder.onnx").write_bytes(b"nonsense"), "embedder"),
    ],
    ids=["tampered combiner", "no combiner", "broken verifier", "tampered embedder"],
)
def test_a_missing_or_tampered_model_is_never_a_guess(
    walked: Any, both: Both, tmp_path: Path, spoil: Callable[[Path], object], word: str, state_of: State
) -> None:
    import models

    folder = Path(shutil.copytree(Path(models.__file__).parent, tmp_path / "models"))
    spoil(folder)
    for home in both.homes():
        shutil.copytree(walked.homes["index"], home)
    words, said = both("score", "--all", code=1, models_dir=str(folder))
    assert said["error"]["code"] == "not-ready"
    assert word in said["error"]["message"]
    assert said["error"]["advice"] in words.replace("\n", " ")
    assert [state_of(home)["assessments"] for home in both.homes()] == [[], []]


GOOD_TRUTH = b'{"listing_id": "L1", "kind": "copied_photo", "label": "infringing"}\n'


@pytest.mark.parametrize(
    ("content", "line", "field"),
    [
        (GOOD_TRUTH + b"{broken\n", 2, None),
        (GOOD_TRUTH + b'{"listing_id": "L2", "kind": "resale", "label": "maybe"}\n', 2, "label"),
        (GOOD_TRUTH + b'{"kind": "resale", "label": "legitimate"}\n', 2, "listing_id"),
        (GOOD_TRUTH + GOOD_TRUTH, 2, "listing_id"),
        (GOOD_TRUTH + b"\xff\xfe\n", 2, None),
        (None, None, None),
    ],
    ids=["not JSON", "unknown label", "no listing", "twice", "not UTF-8", "no such file"],
)
def test_a_broken_truth_is_refused_with_its_line(
    tmp_path: Path, both: Both, content: bytes | None, line: int | None, field: str | None
) -> None:
    path = tmp_path / "truth.jsonl"
    if content is not None:
        path.write_bytes(content)
    words, said = both("evaluate", "--truth", path)
    assert said["error"]["file"].endswith("truth.jsonl")
    assert (said["error"]["line"], said["error"]["field"]) == (line, field)
    assert "truth.jsonl" in words
    assert not any((home / "report.html").exists() for home in both.homes())


@pytest.mark.parametrize(
    ("name", "value"),
    [("onnx_threads", "-1"), ("max_image_pixels", "many"), ("tenant", "../other"), ("models_dir", "/nowhere/at/all")],
)
def test_an_impossible_setting_is_named(both: Both, name: str, value: str) -> None:
    words, said = both("models", "list", **{name: value})
    assert said["error"]["code"] == "setting-refused"
    assert said["error"]["field"] == f"ASSAYER_{name.upper()}"
    assert words.startswith(f"error ASSAYER_{name.upper()}: ")
    assert said["error"]["advice"] in words


@pytest.mark.parametrize("content", ["onnx_thread = 1\n", "onnx_threads = \n"], ids=["unknown", "not TOML"])
def test_a_bad_settings_file_is_named(tmp_path: Path, both: Both, content: str) -> None:
    (tmp_path / "assayer.toml").write_text(content)
    words, said = both("cases", "list")
    assert said["error"]["code"] == "setting-refused"
    assert "onnx_thread" in words.lower() or "assayer.toml" in words


def test_a_home_that_cannot_be_is_named(tmp_path: Path, command_line: Any) -> None:
    (tmp_path / "file").touch()
    for home in (tmp_path / "file", tmp_path / "file" / "below"):
        done = command_line(tmp_path / "home")("cases", "list", "--json", code=2, home=str(home))
        assert done.json["error"]["field"] == "ASSAYER_HOME"
        assert done.json["error"]["advice"]


def test_a_broken_database_is_said_to_be_one(tmp_path: Path, both: Both) -> None:
    for home in both.homes():
        home.mkdir()
        (home / "assayer.db").write_bytes(b"this is no database" * 100)
    words, said = both("cases", "list", code=1)
    assert said["error"]["code"] == "store-unavailable"
    assert said["error"]["advice"] in words


@pytest.mark.parametrize(
    "arguments",
    [
        ("score", "--all", "--out", "{file}/scores.jsonl"),
        ("score", "--all", "--out", "{folder}"),
        ("notices", "export", "--out", "{file}"),
        ("demo", "--out", "{file}"),
        ("evaluate", "--truth", "{truth}", "--report", "{file}/report.html"),
        ("evaluate", "--truth", "{truth}", "--report", "{folder}"),
    ],
    ids=" ".join,
)
def test_a_place_that_cannot_be_written_is_refused_at_once(
    tmp_path: Path, both: Both, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "truth.jsonl").write_bytes(GOOD_TRUTH)
    places = {"file": tmp_path / "file", "folder": tmp_path / "folder", "truth": tmp_path / "truth.jsonl"}
    words, said = both(*(argument.format(**places) for argument in arguments))
    assert said["error"]["code"] == "bad-input"
    assert said["error"]["file"].startswith(str(tmp_path / "f"))
    assert said["error"]["advice"] in words


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (("catalog", "import", "nowhere"), 2, "bad-input"),
        (("catalog", "import", "."), 2, "empty-catalog"),
        (("listings", "import", "nowhere.jsonl"), 2, "bad-input"),
        (("cases", "show", "nobody"), 1, "not-found"),
        (("index", "info"), 1, "not-ready"),
        (("crawl", "ftp://market.example/"), 1, "address-refused"),
        (("crawl", "http://10.0.0.1/"), 1, "address-refused"),
    ],
    ids=str,
)
def test_what_is_not_there_is_said(both: Both, arguments: tuple[str, ...], code: int, error: str) -> None:
    words, said = both(*arguments, code=code)
    assert said["error"]["code"] == error
    assert words.startswith(f"error {said['error']['message']}")


@pytest.mark.parametrize("arguments", [("bogus",), ("score", "--bogus"), ("listings", "import"), ("cases", "show")])
def test_bad_usage_is_said_with_exit_2(command_line: Any, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = command_line(tmp_path / "home")(*arguments, code=2)
    assert "Usage: " in done.err
    assert done.out == ""
    assert not (tmp_path / "home").exists()
