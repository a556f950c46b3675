"""Product feeds: good rows come through, each bad one is named with its line and field."""

from __future__ import annotations

import io
import tracemalloc
from decimal import Decimal

import pytest

from domain.catalog import Money
from domain.errors import BadInput
from jobs.intake.findings import Findings
from jobs.intake.merchant_feed import FeedRow, fault_of_gtin, read_feed

HEADER = "id\ttitle\tbrand\tprice\timage_link\n"
GOOD = "G{n}\tGood\tAcme\t9.50 EUR\tg.jpg\n"


def read(content: str | bytes, file: str = "products.tsv") -> tuple[list[FeedRow], Findings]:
    findings = Findings()
    raw = content if isinstance(content, bytes) else content.encode()
    return list(read_feed(io.BytesIO(raw), file=file, findings=findings)), findings


def places(errors: list[BadInput]) -> list[tuple[str | None, int | None, str | None]]:
    return [(error.file, error.line, error.field) for error in errors]


def test_a_row_as_google_writes_it() -> None:
    rows, findings = read(
        "\ufeffid\ttitle\tdescription\tlink\timage link\tadditional_image_link\tprice\tbrand\tgtin\tcolor\t"
        "google_product_category\tcondition\n"
        "A-1\t Canvas  bag \tBig.\thttps://x.example\timg/a.jpg\timg/b.jpg, img/c.jpg\t1299.00 usd\tAcme\t"
        "4006381333931\tred\tBags\tUsed\n"
    )
    assert not findings.bad
    assert not findings.warnings
    assert rows == [
        FeedRow(
            file="products.tsv",
            line=2,
            product_id="A-1",
            title="Canvas bag",
            brand="Acme",
            description="Big.",
            price=Money(amount=Decimal("1299.00"), currency="USD"),
            price_raw="1299.00 usd",
            condition="used",
            color="red",
            category="Bags",
            gtin="4006381333931",
            images=("img/a.jpg", "img/b.jpg", "img/c.jpg"),
        )
    ]


@pytest.mark.parametrize("delimiter", ["\t", ",", ";", "|"])
@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".txt"])
def test_the_delimiter_is_found_from_the_header(delimiter: str, suffix: str) -> None:
    text = (HEADER + GOOD.format(n=1)).replace("\t", delimiter)
    rows, findings = read(text, f"feed{suffix}")
    assert [row.product_id for row in rows] == ["G1"]
    assert not findings.bad


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        ("\tTitle\tAcme\t1.00 USD\ta.jpg\n", "id", "empty"),
        ("X\t \tAcme\t1.00 USD\ta.jpg\n", "title", "empty"),
        ("X\tTitle\tAcme\t1.00 USD\t\n", "image_link", "empty"),
        ("X\tTitle\tAcme\tfree\ta.jpg\n", "price", '"free" is not a price'),
        ("X\tTitle\tAcme\t-1.00 USD\ta.jpg\n", "price", "negative"),
        ("X\tTitle\tAcme\t1.00 XYZ\ta.jpg\n", "price", "ISO 4217"),
        ("X\tTitle\tAcme\t1.00\ta.jpg\n", "price", "is not a price such as"),
        ("X\tTitle\tAcme\t1,50 EUR\ta.jpg\n", "price", "is not a price such as"),
        ("X\tTitle\tAcme\tNaN USD\ta.jpg\n", "price", "is not a price such as"),
        ("X\tTitle\tAcme\t1e5 USD\ta.jpg\n", "price", "is not a price such as"),
        ("X\tTitle\tAcme\t999999999999999 USD\ta.jpg\n", "price", "million million"),
        (f"{'x' * 501}\tTitle\tAcme\t1.00 USD\ta.jpg\n", "id", "501 characters"),
        (f"{'é' * 300}\tTitle\tAcme\t1.00 USD\ta.jpg\n", "id", "512 bytes"),
        (f"X\t{'x' * 1001}\tAcme\t1.00 USD\ta.jpg\n", "title", "1001 characters"),
        ("X\tTi\x07tle\tAcme\t1.00 USD\ta.jpg\n", "title", "U+0007"),
        ("X\tTitle\tAcme\t1.00 USD\ta.jpg\tmore\n", None, "6 columns where the header has 5"),
        ('X\t"a" b\tAcme\t1.00 USD\ta.jpg\n', None, "not a row"),
        (f"X\t{'x' * 140_000}\tAcme\t1.00 USD\ta.jpg\n", None, "larger than field limit"),
        (f"X\t{'x' * 1_100_000}\tAcme\t1.00 USD\ta.jpg\n", None, "more than 1000000 bytes"),
    ],
)
def test_a_bad_row_is_named_and_its_neighbors_stay(row: str, field: str | None, reason: str) -> None:
    rows, findings = read(HEADER + GOOD.format(n=1) + row + GOOD.format(n=2))
    assert [(one.product_id, one.line) for one in rows] == [("G1", 2), ("G2", 4)]
    assert places(findings.bad) == [("products.tsv", 3, field)]
    assert reason in findings.bad[0].reason


def test_every_fault_of_a_row_is_named() -> None:
    _, findings = read(HEADER + "\t\tAcme\tfree\t\n")
    assert [error.field for error in findings.bad] == ["id", "title", "image_link", "price"]


def test_the_line_is_the_physical_one_after_quoted_line_breaks() -> None:
    rows, findings = read(
        'id,title,description,image_link,price\nA,"Bag",\n'.replace(",\n", ',"two\r\nlines\n\nand a blank",a.jpg,\n')
        + "B,Bag,,b.jpg,free\n"
    )
    assert [(row.product_id, row.line) for row in rows] == [("A", 2)]
    assert "two\r\nlines" in rows[0].description
    assert places(findings.bad) == [("products.tsv", 6, "price")]


def test_an_open_quote_costs_its_own_row_only() -> None:
    rows, findings = read(HEADER + GOOD.format(n=1) + 'X\t"open\tAcme\t1.00 USD\ta.jpg\n' + GOOD.format(n=2) * 3)
    assert [(row.product_id, row.line) for row in rows] == [("G1", 2), ("G2", 4), ("G2", 5), ("G2", 6)]
    assert places(findings.bad) == [("products.tsv", 3, None)]


def test_an_open_quote_that_a_later_quote_closes() -> None:
    quoted = 'Q\t"quo\nted"\tAcme\t1.00 USD\ta.jpg\n'
    rows, findings = read(HEADER + 'X\t"open\tAcme\t1.00 USD\ta.jpg\n' + GOOD.format(n=1) + quoted + GOOD.format(n=2))
    assert [(row.product_id, row.line) for row in rows] == [("G1", 3), ("Q", 4), ("G2", 6)]
    assert [error.line for error in findings.bad] == [2]


def test_a_file_of_open_quotes_is_given_up() -> None:
    with pytest.raises(BadInput, match="quotes are left open all over"):
        read(HEADER.replace("\t", ",") + 'a","b\n' * 100_000)


@pytest.mark.parametrize("column", ["id", "title", "image_link"])
def test_a_missing_column_refuses_the_file(column: str) -> None:
    header = "id,title,image_link,price\n".replace(column, "other")
    with pytest.raises(BadInput) as caught:
        read("\n" + header + "1,2,3,4 USD\n", "feed.csv")
    assert (caught.value.file, caught.value.line, caught.value.field) == ("feed.csv", 2, column)
    assert "missing" in caught.value.reason


def test_a_column_twice_refuses_the_file_but_for_more_pictures() -> None:
    with pytest.raises(BadInput) as caught:
        read("id,title,image_link,title\n", "feed.csv")
    assert (caught.value.line, caught.value.field) == (1, "title")
    rows, _ = read("id,title,image_link,additional_image_link,additional_image_link\nA,t,a,b,c\n", "feed.csv")
    assert rows[0].images == ("a", "b", "c")


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_an_empty_file(content: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(content)
    assert caught.value.file == "products.tsv"


def test_bytes_that_are_not_utf8_are_named_by_line_field_and_byte() -> None:
    content = (HEADER + GOOD.format(n=1)).encode() + "X\tCafé\tAcme\t1.00 USD\ta.jpg\n".encode("latin-1")
    rows, findings = read(content + GOOD.format(n=2).encode())
    assert [row.product_id for row in rows] == ["G1", "G2"]
    assert places(findings.bad) == [("products.tsv", 3, "title")]
    assert "byte 0xE9 at position 6 of the line" in findings.bad[0].reason


def test_a_byte_that_is_not_utf8_in_a_later_line_of_a_row() -> None:
    content = HEADER.encode() + b'X\t"a\nb\xff"\tAcme\t1.00 USD\ta.jpg\n'
    _, findings = read(content)
    assert places(findings.bad) == [("products.tsv", 3, "title")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
def test_another_unicode_is_refused_as_a_file(encoding: str) -> None:
    with pytest.raises(BadInput) as caught:
        read((HEADER + GOOD).encode(encoding))
    assert (caught.value.file, caught.value.line) == ("products.tsv", 1)


def test_a_header_that_is_not_utf8_is_refused_as_a_file() -> None:
    with pytest.raises(BadInput, match="byte 0xE9") as caught:
        read(b"id,title,image_link,caf\xe9\n")
    assert caught.value.line == 1


def test_price_is_optional_and_zero_is_none_with_a_warning() -> None:
    rows, findings = read(HEADER + "A\tt\tAcme\t\ta.jpg\nB\tt\tAcme\t0.00 USD\ta.jpg\n")
    assert [(row.price, row.price_raw) for row in rows] == [(None, ""), (None, "0.00 USD")]
    assert places(findings.warnings) == [("products.tsv", 3, "price")]
    assert not findings.bad


def test_a_wrong_check_digit_is_a_warning() -> None:
    rows, findings = read("id,title,image_link,gtin\nA,t,a.jpg,4006381333932\n")
    assert rows[0].gtin == "4006381333932"
    assert places(findings.warnings) == [("products.tsv", 2, "gtin")]


@pytest.mark.parametrize("gtin", ["4006381333931", "96385074", "036000291452", "10614141000415", "4006381-333931"])
def test_good_gtins(gtin: str) -> None:
    assert fault_of_gtin(gtin) is None


@pytest.mark.parametrize("gtin", ["4006381333930", "123", "abc", "٤٠٠٦٣٨١٣٣٣٩٣١", "96385075"])
def test_bad_gtins(gtin: str) -> None:
    assert fault_of_gtin(gtin)


def test_too_many_pictures_are_cut_with_a_warning() -> None:
    links = ",".join(f"{n}.jpg" for n in range(60))
    rows, findings = read(f"id\ttitle\timage_link\tadditional_image_link\nA\tt\ta.jpg\t{links}\n")
    assert len(rows[0].images) == 50
    assert places(findings.warnings) == [("products.tsv", 2, "additional_image_link")]


RSS = """<?xml version="1.0"?>
<rss xmlns:g="http://base.google.com/ns/1.0" version="2.0">
<channel>
<title>Shop</title>
<item>
<g:id>A</g:id>
<title>plain</title>
<g:title>Bag &amp; <![CDATA[<more>]]></g:title>
<g:image_link>a.jpg</g:image_link>
<g:additional_image_link>b,1.jpg</g:additional_image_link>
<g:additional_image_link>c.jpg</g:additional_image_link>
<g:price>59.00 USD</g:price>
<g:shipping><g:price>5.00 USD</g:price></g:shipping>
<g:brand>Acme</g:brand>
</item>
<item>
<g:id>B</g:id><title>Bag B</title><g:image_link>b.jpg</g:image_link><g:price>free</g:price>
</item>
<item><g:id>C</g:id><title>Bag C</title></item>
</channel>
</rss>
"""


def test_rss() -> None:
    rows, findings = read(RSS, "feed.xml")
    assert [(row.product_id, row.title, row.line) for row in rows] == [("A", "Bag & <more>", 5)]
    assert rows[0].images == ("a.jpg", "b,1.jpg", "c.jpg")
    assert rows[0].price == Money(amount=Decimal("59.00"), currency="USD")
    assert places(findings.bad) == [("feed.xml", 16, "price"), ("feed.xml", 19, "image_link")]


def test_atom() -> None:
    rows, findings = read(
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="http://base.google.com/ns/1.0"><title>Shop</title>\n'
        "<entry><title>Bag</title><g:id>A</g:id><g:image_link>a.jpg</g:image_link></entry></feed>",
        "feed.xml",
    )
    assert [(row.product_id, row.title, row.line) for row in rows] == [("A", "Bag", 2)]
    assert not findings.bad


def test_a_field_given_twice_in_xml() -> None:
    text = RSS.replace("<g:id>A</g:id>", "<g:id>A</g:id><g:id>A2</g:id>")
    rows, findings = read(text, "feed.xml")
    assert not rows
    assert findings.bad[0].field == "id"
    assert findings.bad[0].line == 5


def test_lines_far_down_in_xml_are_right() -> None:
    item = "<item><g:id>{n}</g:id><title>t</title><g:image_link>a.jpg</g:image_link></item>\n"
    start, end = '<rss xmlns:g="http://base.google.com/ns/1.0"><channel>\n', "</channel></rss>"
    rows, _ = read(start + "".join(item.format(n=n) for n in range(66_000)) + end, "feed.xml")
    assert rows[-1].line == 66_001
    assert rows[-1].product_id == "65999"


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (b'<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>\n<rss>&b;</rss>', 1, "DOCTYPE"),
        (b'<?xml version="1.0"?>\n<!DOCTYPE rss SYSTEM "file:///etc/passwd">\n<rss/>', 2, "DOCTYPE"),
        (b"<!DOCTYPE rss>\n<rss/>", 1, "DOCTYPE"),
        (RSS.encode()[:-20], 19, "not well-formed"),
        (RSS.replace("plain", "caf\xe9").encode("latin-1"), 7, "not well-formed"),
        (RSS.replace("<g:id>B", "<g:id>&undefined;B").encode(), 17, "not well-formed"),
        (b"<html><body/></html>", 1, "neither RSS 2.0 nor Atom"),
        (b"<rss>" + b"<a>" * 100, 1, "nested more than 64 deep"),
        (b"", 1, "not well-formed"),
        (b'<?xml version="1.0" encoding="x-unknown"?><rss/>', 1, "XML"),
        (b'<?xml version="1.0" encoding="gbk"?><rss/>', 1, "XML"),
        (b"<rss><!--" + b"x" * 5_000_000, 1, "one part of more than"),
    ],
)
def test_bad_xml_is_refused_as_a_whole_with_its_line(content: bytes, line: int, reason: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(content, "feed.xml")
    assert (caught.value.file, caught.value.line) == ("feed.xml", line)
    assert reason in caught.value.reason


def test_latin1_xml_that_says_so_is_read() -> None:
    text = '<?xml version="1.0" encoding="iso-8859-1"?>' + RSS.split("?>", 1)[1].replace("Bag &amp; ", "Café ")
    rows, _ = read(text.encode("latin-1"), "feed.xml")
    assert rows[0].title == "Café <more>"


def test_an_item_of_invented_fields_costs_no_memory() -> None:
    invented = "".join(f"<x{n}>{'x' * 90_000}</x{n}>" for n in range(40))
    content = RSS.replace("<item>", f"<item>{invented}", 1).encode()
    tracemalloc.start()
    try:
        rows, _ = read(content, "feed.xml")
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [row.product_id for row in rows] == [row.product_id for row in read(RSS, "feed.xml")[0]]
    assert held < len(content)


def test_an_item_of_many_long_values_is_refused_and_the_rest_read() -> None:
    links = f"<g:additional_image_link>{'x' * 2_000}</g:additional_image_link>" * 900
    rows, findings = read(RSS.replace("<item>", f"<item>{links}", 1), "feed.xml")
    everything, refused = read(RSS, "feed.xml")
    assert rows == everything[1:]
    assert [error.reason for error in findings.bad][:1] == ["an item of more than 400000 characters"]
    assert places(findings.bad[1:]) == places(refused.bad)


def test_a_swollen_element_is_bounded() -> None:
    text = RSS.replace("Bag B", "x" * 3_000_000).replace("free", "1.00 USD")
    _, findings = read(text, "feed.xml")
    assert (findings.bad[0].field, findings.bad[0].line) == ("title", 16)
