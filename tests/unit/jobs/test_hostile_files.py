"""Whatever stands in a file, reading it ends in rows and findings or in an AssayerError, and good rows survive."""

from __future__ import annotations

import io
import json
import random
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import AssayerError, BadInput
from domain.settings import Settings
from jobs.import_catalog import check_catalog, import_catalog
from jobs.import_listings import import_listings
from jobs.intake.findings import Findings
from jobs.intake.merchant_feed import read_feed
from jobs.intake.source import ZipSource
from store.evidence import MemoryEvidence
from store.memory import MemoryRecords

TSV = (
    "id\ttitle\tbrand\tprice\timage_link\n"
    'A\t"Bag ""A"""\tAcme\t59.00 USD\ta.jpg\n'
    'B\t"two\nlines"\tAcme\t9.00 EUR\ta.jpg\n'
    "C\tCafé\tAcme\t\ta.jpg\n"
).encode()
XML = (
    '<?xml version="1.0" encoding="utf-8"?><rss xmlns:g="http://base.google.com/ns/1.0"><channel>\n'
    "<item><g:id>A</g:id><title>Café &amp; more</title><g:image_link>a.jpg</g:image_link>"
    "<g:price>59.00 USD</g:price></item>\n</channel></rss>"
).encode()
LISTING = {
    "marketplace": "m",
    "listing_id": "1",
    "url": "https://m.example/1",
    "title": "Bag",
    "price": 8.5,
    "currency": "USD",
    "images": ["a.jpg"],
    "seller": {"id": "s"},
}
CSV = (
    b"marketplace,listing_id,url,title,seller_id,price,currency,images\nm,1,https://m.example/1,Bag,s,8.50,USD,a.jpg\n"
)


def damaged(content: bytes) -> st.SearchStrategy[bytes]:
    """`content` with some pieces cut out, doubled, or overwritten; sometimes anything at all."""

    def damage(seed: int, cuts: int) -> bytes:
        chance = random.Random(seed)
        data = bytearray(content)
        for _ in range(cuts):
            at, length = chance.randrange(len(data) + 1), chance.choice([1, 1, 1, 2, 8, 40])
            piece = bytes(data[at : at + length])
            odd = bytes(chance.choice(b'\0\t\n\r"\\<>&;,|{}[]\xff\xc3\xe2eE-+.0') for _ in range(length))
            data[at : at + length] = chance.choice([b"", piece * 2, odd, piece + odd])
        return bytes(data)

    return st.one_of(st.builds(damage, st.integers(), st.integers(1, 12)), st.binary(max_size=200))


@given(damaged(TSV), st.sampled_from(["f.tsv", "f.csv", "f.txt"]))
def test_any_table_is_read_or_refused(content: bytes, file: str) -> None:
    findings = Findings()
    try:
        rows = list(read_feed(io.BytesIO(content), file=file, findings=findings))
    except BadInput as error:
        findings.refuse(error)
        rows = []
    assert all(row.product_id and row.title and row.images for row in rows)
    lines = content.count(b"\n") + 1
    assert all(error.file == file and error.line and 1 <= error.line <= lines for error in findings.bad)


@given(damaged(XML))
def test_any_xml_is_read_or_refused(content: bytes) -> None:
    try:
        list(read_feed(io.BytesIO(content), file="f.xml", findings=Findings()))
    except BadInput as error:
        assert (error.file, error.line is not None) == ("f.xml", True)  # noqa: PT017  # not every example raises


@given(damaged(b"X\tt\tAcme\t1.00 USD\ta.jpg").filter(lambda row: b"\n" not in row and b"\r" not in row))
def test_a_damaged_row_harms_no_other(row: bytes) -> None:
    content = TSV + row + b"\n" + TSV.split(b"\n", 1)[1].replace(b"A\t", b"D\t", 1)
    rows = list(read_feed(io.BytesIO(content), file="f.tsv", findings=Findings()))
    ids = [one.product_id for one in rows]
    assert ids[:3] == ["A", "B", "C"]
    assert ids[-3:] == ["D", "B", "C"]


@settings(max_examples=40)
@given(damaged(json.dumps({"rights_holders": [{"name": "A", "brands": [{"name": "Acme"}]}]}).encode()), damaged(TSV))
def test_any_folder_is_checked(holders: bytes, feed: bytes) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rights_holders.json").write_bytes(holders)
        (folder / "f.tsv").write_bytes(feed)
        report = check_catalog(folder, Settings())
        assert report.bad or report.rights_holders
        try:
            import_catalog(folder, MemoryRecords(), MemoryEvidence(), Settings(), rights_holder="A")
        except AssayerError as error:
            assert error.exit_code == 2  # noqa: PT017  # not every example raises


@given(damaged(json.dumps(LISTING).encode()), st.sampled_from(["l.jsonl", "l.csv"]))
def test_any_listing_line_is_read_or_refused_and_the_rest_unharmed(line: bytes, name: str) -> None:
    good = json.dumps(LISTING | {"listing_id": "good"}).encode()
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(line.replace(b"\n", b" ") + b"\n" + good + b"\n")
        records = MemoryRecords()
        report = import_listings([path], records, MemoryEvidence(), Settings())
        if name == "l.jsonl":
            assert records.listing("m", "good")
        assert all(error.file == str(path) for error in report.bad)


@given(damaged(CSV))
def test_any_listing_csv_is_read_or_refused(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "l.csv"
        path.write_bytes(content)
        report = import_listings([path], MemoryRecords(), MemoryEvidence(), Settings())
        assert all(error.file == str(path) for error in report.bad)


def _parquet() -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([LISTING | {"listing_id": str(n)} for n in range(20)]), stream)
    return stream.getvalue()


@settings(max_examples=15)  # each starts a process
@given(damaged(_parquet()))
def test_any_parquet_is_read_or_refused(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "l.parquet"
        path.write_bytes(content)
        report = import_listings([path], MemoryRecords(), MemoryEvidence(), Settings())
        assert report.bad


def _zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("products.tsv", TSV * 5)
        archive.writestr("images/a.jpg", bytes(500))
    return stream.getvalue()


@given(damaged(_zip()))
def test_any_zip_is_read_or_refused(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "z.zip"
        path.write_bytes(content)
        try:
            source = ZipSource(path, Settings())
        except BadInput as error:
            assert error.file == str(path)  # noqa: PT017  # not every example raises
            return
        for name in (*source.names(), "images/a.jpg"):
            try:
                assert len(source.read(name, max_bytes=2_000)) <= 2_000
            except BadInput as error:
                assert str(path) in str(error.file)  # noqa: PT017  # not every example raises
        source.close()
