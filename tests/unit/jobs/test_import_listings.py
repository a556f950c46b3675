"""Listings go in: nothing lost, nothing twice, and every fault named by file, line and field."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from domain.catalog import Money
from domain.errors import BadInput, FetchRefused, ImageRefused, StoreUnavailable
from domain.listing import Listing
from domain.settings import Settings
from jobs.import_listings import BATCH, ListingsReport, import_listings
from store.evidence import MemoryEvidence, open_evidence
from store.interfaces import SaveCount
from store.memory import MemoryRecords
from store.records import open_records

REPOSITORY = Path(__file__).resolve().parents[3]


def offer(number: int = 1, **changes: Any) -> dict[str, Any]:
    row = {
        "marketplace": "market.example",
        "listing_id": f"L{number}",
        "url": f"https://market.example/item/{number}",
        "title": "Canvas bag",
        "description": "As new.\nReally.",
        "price": 8.53,
        "currency": "USD",
        "quantity": 5,
        "brand": None,
        "images": ["a.jpg"],
        "seller": {"id": "s1", "name": "shop", "feedback_score": 80, "feedback_percent": 85.8, "location": "DE"},
        "ships_from": "DE",
    } | changes
    return {name: value for name, value in row.items() if value != "absent"}


class Shop:
    """A folder with a picture, its listing files, and where they are imported to."""

    def __init__(self, folder: Path, picture: bytes) -> None:
        self.folder = folder
        (folder / "a.jpg").write_bytes(picture)
        self.records, self.evidence, self.settings = MemoryRecords(), MemoryEvidence(), Settings()

    def write(self, *lines: dict[str, Any] | bytes | str, name: str = "listings.jsonl") -> Path:
        texts = [json.dumps(line) if isinstance(line, dict) else line for line in lines]
        raw = [text if isinstance(text, bytes) else text.encode() for text in texts]
        path = self.folder / name
        path.write_bytes(b"\n".join(raw) + b"\n")
        return path

    def take(self, *paths: Path, **options: Any) -> ListingsReport:
        return import_listings(paths, self.records, self.evidence, self.settings, **options)

    def listing(self, number: int = 1) -> Listing:
        return self.records.listing("market.example", f"L{number}")


@pytest.fixture
def shop(tmp_path: Path, picture: Callable[..., bytes]) -> Shop:
    folder = tmp_path / "shop"
    folder.mkdir()
    return Shop(folder, picture())


def places(errors: Iterable[BadInput]) -> list[tuple[str | None, int | None, str | None]]:
    return [(error.file, error.line, error.field) for error in errors]


def test_a_listing_as_it_is_written(shop: Shop) -> None:
    report = shop.take(shop.write(offer(), "", offer(2)))
    assert report.bad == ()
    assert (report.listings, report.images, report.saved) == (2, 2, SaveCount(added=2))
    found = shop.listing()
    assert found.price == Money(amount=Decimal("8.53"), currency="USD")
    assert found.price_raw == "8.53 USD"
    assert found.description == "As new.\nReally."
    assert (found.quantity, found.brand, found.seller.feedback_percent) == (5, "", 85.8)
    assert found.images[0].source == "a.jpg"
    assert shop.evidence.read(str(found.images[0].sha256)) == (shop.folder / "a.jpg").read_bytes()
    assert shop.take(shop.folder / "listings.jsonl").saved == SaveCount(unchanged=2)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"listing_id": "absent"}, "listing_id"),
        ({"marketplace": "absent"}, "marketplace"),
        ({"url": "absent"}, "url"),
        ({"title": "absent"}, "title"),
        ({"seller": "absent"}, "seller"),
        ({"seller": {"name": "x"}}, "seller.id"),
        ({"seller": {"id": ""}}, "seller.id"),
        ({"seller": "s1"}, "seller"),
        ({"listing_id": 7}, "listing_id"),
        ({"listing_id": "é" * 300}, "listing_id"),
        ({"title": "  "}, "title"),
        ({"title": "a\u0000b"}, "title"),
        ({"title": "a\ud800b"}, "title"),
        ({"url": "ftp://market.example/1"}, "url"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"url": "https://"}, "url"),
        ({"url": "https://[::1"}, "url"),
        ({"url": "https://a b"}, "url"),
        ({"quantity": "many"}, "quantity"),
        ({"quantity": -1}, "quantity"),
        ({"quantity": 1.5}, "quantity"),
        ({"quantity": 10**12}, "quantity"),
        ({"quantity": True}, "quantity"),
        ({"price": [1]}, "price"),
        ({"price": True}, "price"),
        ({"seller": {"id": "s", "feedback_percent": 101}}, "seller.feedback_percent"),
        ({"images": "a.jpg"}, "images"),
        ({"images": ["a.jpg", 7]}, "images[1]"),
        ({"images": [""]}, "images[0]"),
        ({"description": ["x"]}, "description"),
    ],
)
def test_a_bad_row_is_named_and_its_neighbors_stay(changes: dict[str, Any], field: str, shop: Shop) -> None:
    path = shop.write(offer(1), offer(2, **changes), offer(3))
    report = shop.take(path)
    assert places(report.bad) == [(str(path), 2, field)]
    assert [listing.listing_id for listing in shop.records.listings()] == ["L1", "L3"]


@pytest.mark.parametrize("quantity", ["1.0e1000000", "-1.0e1000000", "1.0e-1000000", "9" * 4_000])
def test_a_count_beyond_all_arithmetic_is_named(quantity: str, shop: Shop) -> None:
    line = json.dumps(offer(2)).replace('"quantity": 5', f'"quantity": {quantity}')
    path = shop.write(offer(1), line, offer(3))
    report = shop.take(path)
    assert places(report.bad) == [(str(path), 2, "quantity")]
    assert [listing.listing_id for listing in shop.records.listings()] == ["L1", "L3"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[1, 2]", "not a JSON object"),
        ("null", "not a JSON object"),
        ("{", "not JSON"),
        ("free text", "not JSON"),
        ('{"price": NaN}', "NaN is not a number"),
        ('{"price": -Infinity}', "-Infinity is not a number"),
        ('{"a": 1, "a": 2}', "given twice"),
        ("[" * 200_000, "nested too deep"),
        (b'{"title": "caf\xe9"}', "byte 0xE9 at position 15"),
        ('{"x": "' + "y" * 1_000_001 + '"}', "more than 1000000 bytes"),
    ],
)
def test_a_line_that_is_no_listing(line: str | bytes, reason: str, shop: Shop) -> None:
    path = shop.write(offer(1), line, offer(3))
    report = shop.take(path)
    assert places(report.bad) == [(str(path), 2, "listing")]
    assert reason in report.bad[0].reason
    assert [listing.listing_id for listing in shop.records.listings()] == ["L1", "L3"]


@pytest.mark.parametrize("price", ["free", "8 - 12", "1.299", -3, 0, 1e300])
def test_a_price_that_cannot_be_read_is_named_and_kept_raw(price: Any, shop: Shop) -> None:
    path = shop.write(offer(1, price=price))
    report = shop.take(path)
    assert places(report.bad) == [(str(path), 1, "price")]
    assert shop.listing().price is None
    assert shop.listing().price_raw.endswith(" USD")


def test_no_price_is_no_finding(shop: Shop) -> None:
    report = shop.take(shop.write(offer(1, price=None), offer(2, price="absent")))
    assert report.bad == ()
    assert (shop.listing().price, shop.listing().price_raw) == (None, "")


def test_an_unknown_currency_is_named(shop: Shop) -> None:
    report = shop.take(shop.write(offer(1, currency="XYZ")))
    assert [error.field for error in report.bad] == ["currency"]
    assert shop.listing().price_raw == "8.53 XYZ"


@pytest.mark.parametrize("images", ["absent", None, []])
def test_a_listing_without_images_is_named_and_taken_in(images: Any, shop: Shop) -> None:
    path = shop.write(offer(1, images=images), offer(2))
    report = shop.take(path)
    assert places(report.bad) == [(str(path), 1, "images")]
    assert "without images" in report.bad[0].reason
    assert (report.listings, shop.listing().images) == (2, ())


@pytest.mark.parametrize("name", ["truncated.jpg", "huge.png", "animation.jpg", "page.jpg", "empty.jpg", "absent.jpg"])
def test_a_bad_picture_is_named_and_its_bytes_are_kept(
    name: str, bad_pictures: dict[str, tuple[bytes, str]], shop: Shop
) -> None:
    content, reason = bad_pictures.get(name, (b"", "no such file"))
    if name in bad_pictures:
        (shop.folder / name).write_bytes(content)
    path = shop.write(offer(1, images=["a.jpg", name]), offer(2))
    report = shop.take(path)
    assert places(report.bad) == [(str(path), 1, "images[1]")]
    assert isinstance(report.bad[0], ImageRefused)
    assert reason in report.bad[0].reason
    good, bad = shop.listing().images
    assert good.sha256
    assert bad.unreadable
    assert (bad.unreadable.what, bad.unreadable.source) == ("image", name)
    if content:
        assert shop.evidence.read(bad.unreadable.reason.rsplit(" ", 1)[1].rstrip(")")) == content
    assert (report.listings, report.images) == (2, 2)


@pytest.mark.parametrize("link", ["../secret.jpg", "/etc/passwd", "out.jpg", "a\\b.jpg"])
def test_a_picture_never_lies_outside(link: str, shop: Shop, picture: Callable[..., bytes]) -> None:
    (shop.folder.parent / "secret.jpg").write_bytes(picture("white"))
    (shop.folder / "out.jpg").symlink_to(shop.folder.parent / "secret.jpg")
    report = shop.take(shop.write(offer(1, images=[link])))
    assert [error.field for error in report.bad] == ["images[0]"]
    assert shop.listing().images[0].unreadable


def test_urls_are_not_fetched_unless_a_way_is_given(shop: Shop, picture: Callable[..., bytes]) -> None:
    url = "https://cdn.example/a.jpg"
    path = shop.write(offer(1, images=[url, "https://cdn.example/secret.jpg"]))
    report = shop.take(path)
    assert [error.field for error in report.bad] == ["images[0]", "images[1]"]
    assert "reads files only" in report.bad[0].reason

    def fetch(asked: str) -> bytes:
        if asked != url:
            raise FetchRefused("a private address", url=asked)
        return picture("white", "PNG")  # servers transcode: the name says JPEG

    report = shop.take(path, fetch=fetch)
    assert [error.field for error in report.bad] == ["images[1]"]
    assert "a private address" in report.bad[0].reason
    assert shop.evidence.read(str(shop.listing().images[0].sha256)) == picture("white", "PNG")
    assert report.saved == SaveCount(updated=1)


def test_pictures_beyond_the_most_are_unreadable(shop: Shop, picture: Callable[..., bytes]) -> None:
    for number in range(22):
        (shop.folder / f"{number}.jpg").write_bytes(picture())
    report = shop.take(shop.write(offer(1, images=[f"{number}.jpg" for number in range(22)])))
    assert [error.field for error in report.bad] == ["images[20]", "images[21]"]
    assert report.images == 20


def test_a_repeated_key_is_named_and_the_first_stays(shop: Shop) -> None:
    path = shop.write(offer(1), offer(2), offer(1, title="Another"))
    report = shop.take(path)
    assert places(report.bad) == [(str(path), 3, "listing_id")]
    assert "line 1" in report.bad[0].reason
    assert shop.listing().title == "Canvas bag"


CSV = (
    "marketplace,listing_id,url,title,price,currency,quantity,images,seller_id,seller_name,seller_feedback_percent\n"
    'm,1,https://m.example/1,"Bag, big",8.53,USD,5,a.jpg|b.jpg,s1,shop,85.8\n'
    "m,2,https://m.example/2,Bag,8.53,USD,many,a.jpg,s1,shop,\n"
    "m,3,https://m.example/3,Bag,free,USD,,a.jpg,,shop,\n"
    'm,4,https://m.example/4,"Two\nlines",free,USD,,,s1,,\n'
)


def test_csv(shop: Shop, picture: Callable[..., bytes]) -> None:
    (shop.folder / "b.jpg").write_bytes(picture("blue"))
    path = shop.write(CSV.rstrip("\n"), name="listings.csv")
    report = shop.take(path)
    name = str(path)
    assert places(report.bad) == [
        (name, 3, "quantity"),
        (name, 4, "seller_id"),
        (name, 5, "price"),
        (name, 5, "images"),
    ]
    first, last = shop.records.listings()
    assert (first.title, first.quantity, len(first.images)) == ("Bag, big", 5, 2)
    assert first.seller.feedback_percent == 85.8
    assert last.price_raw == "free USD"


@pytest.mark.parametrize("column", ["listing_id", "marketplace", "url", "title", "seller_id"])
def test_a_csv_with_a_missing_column(column: str, shop: Shop) -> None:
    bad = shop.write(CSV.replace(column, "other").rstrip("\n"), name="bad.csv")
    good = shop.write(offer(1))
    report = shop.take(bad, good)
    assert places(report.bad) == [(str(bad), 1, column)]
    assert report.listings == 1


def test_csv_bytes_that_are_not_utf8(shop: Shop) -> None:
    path = shop.write(CSV.encode().replace(b"Bag, big", b"Caf\xe9"), name="listings.csv")
    report = shop.take(path)
    assert places(report.bad)[0] == (str(path), 2, "title")
    assert "byte 0xE9" in report.bad[0].reason


@pytest.mark.parametrize("flat", [False, True])
def test_parquet(flat: bool, shop: Shop) -> None:
    rows = [offer(1), offer(2, title=" "), offer(3, price="free"), offer(4, seller={"id": "s"}), offer(5, url="x:y")]
    for row in rows:
        row["price"] = str(row["price"])
        if flat:
            seller = row.pop("seller")
            row |= {"seller_id": seller["id"], "seller_name": seller.get("name"), "images": "|".join(row["images"])}
    path = shop.folder / "listings.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=2)
    report = shop.take(path)
    assert places(report.bad) == [(str(path), 2, "title"), (str(path), 3, "price"), (str(path), 5, "url")]
    assert [listing.listing_id for listing in shop.records.listings()] == ["L1", "L3", "L4"]
    assert shop.listing().price == Money(amount=Decimal("8.53"), currency="USD")
    assert shop.take(path).saved == SaveCount(unchanged=3)


def test_parquet_runs_no_code_of_the_folder_somebody_stands_in(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "__init__.py").write_text("from pathlib import Path\nPath('ran').touch()\n")
    path = shop.folder / "listings.parquet"
    pq.write_table(pa.Table.from_pylist([offer(1)]), path)
    monkeypatch.chdir(tmp_path)
    report = shop.take(path)
    assert (report.listings, report.bad) == (1, ())
    assert not (tmp_path / "ran").exists()


def test_parquet_is_read_with_bounded_memory_and_processor_time() -> None:
    """In a process of its own, for the limits stay with it."""
    program = (
        "import resource\nfrom jobs.intake.parquet_reader import bound_this_process\nbound_this_process()\n"
        "print(*(resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU)))\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    memory, seconds = map(int, process.stdout.split())
    assert 0 < memory < 10**10
    assert 0 < seconds <= 3_600


def test_parquet_numbers_and_gaps(shop: Shop) -> None:
    path = shop.folder / "listings.parquet"
    rows = [offer(1), offer(2, price=None, quantity=None), offer(3, price=float("nan"))]
    pq.write_table(pa.Table.from_pylist(rows), path)
    report = shop.take(path)
    assert places(report.bad) == [(str(path), 3, "listing")]
    assert "NaN" in report.bad[0].reason
    assert (shop.listing(1).price_raw, shop.listing(2).price_raw) == ("8.53 USD", "")


@pytest.mark.parametrize("column", ["listing_id", "seller"])
def test_parquet_with_a_missing_column(column: str, shop: Shop) -> None:
    path = shop.folder / "listings.parquet"
    pq.write_table(pa.Table.from_pylist([offer(1, **{column: "absent"})]), path)
    report = shop.take(path)
    assert places(report.bad) == [(str(path), 1, "seller_id" if column == "seller" else column)]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1", b"not parquet at all"])
def test_what_is_no_parquet(content: bytes, shop: Shop) -> None:
    bad = shop.folder / "bad.parquet"
    bad.write_bytes(content)
    report = shop.take(bad, shop.write(offer(1)))
    assert places(report.bad) == [(str(bad), None, None)]
    assert report.listings == 1


def test_parquet_that_kills_its_reader_harms_nothing_else(shop: Shop) -> None:
    bomb = shop.folder / "bomb.parquet"
    text = "x" * 50_000_000  # a few KB on disk; 200 of them would be 10 GB
    rows = {name: pa.array(["a"] * 200) for name in ("marketplace", "listing_id", "seller_id")}
    rows |= {"url": pa.array(["https://m.example/"] * 200), "title": pa.DictionaryArray.from_arrays([0] * 200, [text])}
    pq.write_table(pa.table(rows), bomb, compression="zstd")
    report = shop.take(bomb, shop.write(offer(1)))
    assert places(report.bad) == [(str(bomb), 1, None)]
    assert "a row of more than 1000000 bytes" in report.bad[0].reason
    assert report.listings == 1


def test_a_parquet_reader_that_dies_on_the_way_is_said(shop: Shop) -> None:
    path = shop.folder / "listings.parquet"
    pq.write_table(pa.Table.from_pylist([offer(n) for n in range(3_000)]), path, row_group_size=1_000)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(400)
    path.write_bytes(content)
    report = shop.take(path)
    assert places(report.bad) == [(str(path), report.listings + 1, None)]
    assert "what follows breaks its reader" in report.bad[0].reason
    assert report.listings == shop.records.count_listings() > 0


def test_a_file_that_is_not_there_stops_before_anything_is_read(shop: Shop) -> None:
    with pytest.raises(BadInput, match="no such file"):
        shop.take(shop.write(offer(1)), shop.folder / "absent.jsonl")
    assert shop.records.count_listings() == 0


def test_progress_ends_at_its_total(shop: Shop) -> None:
    steps: list[tuple[str, int, int | None]] = []
    shop.take(shop.write(*[offer(n) for n in range(7)]), progress=lambda *step: steps.append(step))
    assert steps[-1] == ("listings of listings.jsonl", 7, 7)


def test_listings_are_saved_in_batches_after_their_evidence(shop: Shop) -> None:
    sizes = []

    class Watching(MemoryRecords):
        def save_listings(self, listings: Iterable[Listing]) -> SaveCount:
            some = list(listings)
            sizes.append(len(some))
            assert all(str(image.sha256) in shop.evidence for listing in some for image in listing.images)
            return super().save_listings(some)

    shop.records = Watching()
    report = shop.take(shop.write(*[offer(n) for n in range(2 * BATCH + 3)]))
    assert sizes == [BATCH, BATCH, 3]
    assert report.saved == SaveCount(added=2 * BATCH + 3)


def test_no_record_names_evidence_that_is_still_on_its_way(shop: Shop) -> None:
    class Slow(MemoryEvidence):
        def write(self, content: bytes) -> str:
            Event().wait(0.3)
            return super().write(content)

    class Watching(MemoryRecords):
        def save_listings(self, listings: Iterable[Listing]) -> SaveCount:
            some = list(listings)
            assert all(str(image.sha256) in shop.evidence for listing in some for image in listing.images)
            return super().save_listings(some)

    shop.records, shop.evidence = Watching(), Slow()
    assert shop.take(shop.write(offer(1))).saved == SaveCount(added=1)


@pytest.mark.parametrize("number", [0, 5, 30])
def test_a_write_that_failed_is_heard_of_before_a_record_names_it(number: int, shop: Shop) -> None:
    class Failing(MemoryEvidence):
        def write(self, content: bytes) -> str:
            if content == pictures[number]:
                raise StoreUnavailable("disk full")
            return super().write(content)

    pictures = [(shop.folder / "a.jpg").read_bytes() + bytes(at) for at in range(40)]
    for at, content in enumerate(pictures):
        (shop.folder / f"{at}.jpg").write_bytes(content)
    shop.evidence = Failing()
    with pytest.raises(StoreUnavailable):
        shop.take(shop.write(*[offer(at, images=[f"{at}.jpg"]) for at in range(40)]))
    assert shop.records.count_listings() == 0


KILLED = """
import os, signal, sys
from pathlib import Path
from domain.settings import Settings
from jobs.import_listings import import_listings
from store.evidence import open_evidence
from store.records import open_records

home = Path(sys.argv[1])
def die(stage, done, total):
    if done == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
records = open_records(f"sqlite:///{home / 'a.db'}", "default")
import_listings([home / "shop" / "listings.jsonl"], records, open_evidence(str(home / "evidence")), Settings(),
                progress=die)
"""


def test_a_killed_import_resumes_by_running_again(shop: Shop, tmp_path: Path, picture: Callable[..., bytes]) -> None:
    total = 2 * BATCH + 50
    rows = [offer(n, images=[f"{n % 5}.jpg"]) for n in range(total)]
    for number in range(5):
        (shop.folder / f"{number}.jpg").write_bytes(picture(("red", "blue", "green", "white", "black")[number]))
    path = shop.write(*rows)
    for stop in (BATCH - 1, BATCH + 30):
        child = [sys.executable, "-c", KILLED, str(tmp_path), str(stop)]
        ended = subprocess.run(child, cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, check=False)
        assert ended.returncode == -signal.SIGKILL
    records = open_records(f"sqlite:///{tmp_path / 'a.db'}", "default")
    evidence = open_evidence(str(tmp_path / "evidence"))
    assert records.count_listings() == BATCH
    report = import_listings([path], records, evidence, Settings())
    assert report.saved == SaveCount(added=total - BATCH, unchanged=BATCH)
    shop.take(path)
    assert list(records.listings()) == list(shop.records.listings())
    assert all(evidence.read(str(image.sha256)) for listing in records.listings() for image in listing.images)
    records.close()
