"""JSON, letter and e-mail say the same, and nothing from outside can change what they are."""

import email
import io
import json
from dataclasses import replace
from decimal import Decimal
from email.policy import default

import jsonschema
import pytest
import typst
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfReader

from domain.catalog import Money
from domain.listing import Seller
from domain.notice import LintFinding
from takedown.dsa import dsa_json, dsa_notice, dsa_schema
from takedown.email import notice_email, subject_line
from takedown.letter import LetterPicture, letter_pdf
from takedown.wording import _LEGIBLE

hostile_text = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=()), max_size=300),
    st.lists(
        st.sampled_from(
            ["#panic()", '#read("letter.typ")', "*", "_", "$", "\\", "]", "[", "//", "/*", "`", "<x>", "@x", "= ", '"',
             "\r\nBcc: x@y.example", "\n.\n", "\u202e", "高仿", "עברית", "العربية", "😀", "\ud800", "{{ 7*7 }}",
             "{% x %}", "A" * 90,
             "</script>", "\x00", "e\u0301", "\ufe0f", "\u0e17\u0e49"]
        ),
        max_size=12,
    ).map("".join),
)  # fmt: skip


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = dsa_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def hostile_document(world, prepared_on, text: str) -> dict:
    """A document with `text` wherever words come from outside."""
    backing = world.backing
    listings = {
        key: replace(listing, title=text, url=text, seller=Seller(id=text, name=text))
        for key, listing in world.listings.items()
    }
    notice = world.notice()
    items = tuple(replace(item, url=text, explanation=text) for item in notice.items)
    notice = replace(notice, marketplace=text, rights_holder=text, notifier_name=text, notifier_email=text, items=items)
    case = replace(backing.case, seller_id=text, seller_name=text)
    finding = LintFinding(notice_id=notice.notice_id, field="items[0].url", reason="is missing")
    backing = replace(backing, listings=listings, case=case)
    return dsa_notice(notice, backing, prepared_on=prepared_on, findings=[finding])


def document_of(world, prepared_on, **options) -> dict:
    return dsa_notice(world.notice(), world.backing, prepared_on=prepared_on, **options)


def text_of(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


def letter_of(document: dict, pictures: dict | None = None) -> bytes:
    return letter_pdf(document, pictures or {}, subject=subject_line(document))


def test_a_complete_notice_fits_the_schema(world, prepared_on, validator):
    document = json.loads(dsa_json(document_of(world, prepared_on)))
    validator.validate(document)
    assert document["draft"] is False
    assert document["notifier"] == {
        "name": "Norvane Goods",
        "email": "legal@norvane.example",
        "rights_holder": "Norvane Goods",
    }
    assert {right["kind"] for right in document["items"][0]["rights"]} == {"trademark", "copyright"}
    assert document["items"][0]["captured_at"] == "2026-01-14T09:30:00Z"


@pytest.mark.parametrize(("amount", "written"), [("1E+3", "1000"), ("19.90", "19.90"), ("1E-7", "0.0000001")])
def test_a_price_is_written_in_plain_digits(world, prepared_on, validator, amount, written):
    price = Money(amount=Decimal(amount), currency="EUR")
    backing = world.backing
    listings = {key: replace(listing, price=price) for key, listing in backing.listings.items()}
    document = json.loads(
        dsa_json(dsa_notice(world.notice(), replace(backing, listings=listings), prepared_on=prepared_on))
    )
    validator.validate(document)
    assert {item["price"]["amount"] for item in document["items"]} == {written}


@pytest.mark.parametrize(
    "break_it",
    [
        lambda d: d["notifier"].update(name=""),
        lambda d: d["notifier"].update(email=""),
        lambda d: d["notifier"].update(email="nobody"),
        lambda d: d.update(items=[]),
        lambda d: d.update(good_faith_statement=""),
        lambda d: d.update(prepared_on="15.1.2026"),
        lambda d: d.update(lint=[{"field": "items", "reason": "is missing"}]),
        lambda d: d["items"][0].update(url="javascript:alert(1)"),
        lambda d: d["items"][0].update(explanation="Fake."),
        lambda d: d["items"][0].update(rights=[]),
        lambda d: d["items"][0]["rights"][1].pop("registration_number"),
        lambda d: d["items"][0].update(
            proof=[{"kind": "page", "path": "evidence/../../x", "sha256": "0" * 64, "size_bytes": 1}]
        ),
        lambda d: d.update(extra=1),
        lambda d: d.pop("automated_detection"),
    ],
)
def test_the_schema_refuses_an_incomplete_notice(world, prepared_on, validator, break_it):
    document = json.loads(dsa_json(document_of(world, prepared_on)))
    break_it(document)
    assert not validator.is_valid(document)


def test_an_incomplete_notice_says_that_it_is_a_draft(world, prepared_on, validator):
    finding = LintFinding(notice_id="n", field="items[0].url", reason="is missing")
    document = document_of(world, prepared_on, findings=[finding])
    validator.validate(document)
    assert document["draft"] is True
    assert document["lint"] == [{"field": "items[0].url", "reason": "is missing"}]
    assert "DRAFT, not to be sent" in text_of(letter_of(document))
    assert "items[0].url: is missing" in text_of(letter_of(document))
    message = email.message_from_bytes(notice_email(document, letter=b"%PDF", notice_json=b"{}"), policy=default)
    assert message["Subject"].startswith("DRAFT: ")
    assert "items[0].url: is missing" in message.get_body().get_content()


@settings(max_examples=60, deadline=None)
@given(text=hostile_text)
def test_hostile_text_stays_text_in_json(hostile_world, prepared_on_value, text):
    document = hostile_document(hostile_world, prepared_on_value, text)
    content = dsa_json(document)
    assert json.loads(content) == document
    jsonschema.Draft202012Validator(dsa_schema()).validate(document)
    assert "\u202e" not in content.decode()


@settings(max_examples=40, deadline=None)
@given(text=hostile_text)
def test_hostile_text_stays_text_in_the_letter(hostile_world, prepared_on_value, text):
    pdf = letter_of(hostile_document(hostile_world, prepared_on_value, text))
    assert pdf.startswith(b"%PDF-")
    assert "Notice of illegal content" in text_of(pdf)


@settings(max_examples=60, deadline=None)
@given(text=hostile_text)
def test_hostile_text_cannot_make_a_header(hostile_world, prepared_on_value, text):
    document = hostile_document(hostile_world, prepared_on_value, text)
    content = notice_email(document, letter=b"%PDF-1.7", notice_json=b"{}")
    message = email.message_from_bytes(content, policy=default)
    assert set(message.keys()) <= {
        "Subject", "From", "Date", "Message-ID", "X-Unsent", "MIME-Version", "Content-Type"
    }  # fmt: skip
    assert [part.get_filename() for part in message.iter_attachments()] == ["letter.pdf", "notice.json"]


@settings(max_examples=60, deadline=None)
@given(name=hostile_text)
@example(name="A" * 90 + '"')
@example(name="A" * 90 + "@x<x@y.example>;,")
@example(name="高" * 200)
def test_a_hostile_notifier_name_cannot_make_a_header_or_another_sender(hostile_world, prepared_on_value, name):
    notice = replace(hostile_world.notice(), notifier_name=name)
    document = dsa_notice(notice, hostile_world.backing, prepared_on=prepared_on_value)
    message = email.message_from_bytes(notice_email(document, letter=b"%PDF", notice_json=b"{}"), policy=default)
    assert [address.addr_spec for address in message["From"].addresses] == ["legal@norvane.example"]
    assert "Bcc" not in message


@pytest.mark.parametrize("local", ["l" * 64, "legal+ip.notices"])
def test_the_longest_address_survives_folding(world, prepared_on, local):
    address = f"{local}@{'b' * 60}.{'c' * 60}.{'d' * 55}.example"
    notice = replace(world.notice(), notifier_email=address, notifier_name="Größe & Söhne " * 5)
    document = dsa_notice(notice, world.backing, prepared_on=prepared_on)
    message = email.message_from_bytes(notice_email(document, letter=b"%PDF", notice_json=b"{}"), policy=default)
    assert [sender.addr_spec for sender in message["From"].addresses] == [address]


def test_a_hostile_notice_id_reaches_no_header(world, prepared_on):
    notice = replace(world.notice(), notice_id="x>\r\nBcc: a@b.example")
    document = dsa_notice(notice, world.backing, prepared_on=prepared_on)
    message = email.message_from_bytes(notice_email(document, letter=b"%PDF", notice_json=b"{}"), policy=default)
    assert "Bcc" not in message
    assert "Bcc" not in message["Message-ID"] + message["Subject"]


def test_markup_and_file_access_in_a_title_are_shown_as_they_are(world, prepared_on):
    title = '#panic("x") *bold* $x$ #read("letter.typ") = Heading \\ {{ 7*7 }}'
    world.change_listing("L1", title=title)
    document = document_of(world, prepared_on)
    assert title in text_of(letter_of(document))
    body = email.message_from_bytes(notice_email(document, letter=b"", notice_json=b""), policy=default).get_body()
    assert title in body.get_content()


def test_the_letter_holds_every_fact_a_platform_needs(world, prepared_on):
    world.change_listing("L2", page_sha256=None, captured_at=None, title="高仿 bag")
    document = document_of(world, prepared_on)
    text = text_of(letter_of(document))
    for item in document["items"]:
        assert item["url"] in text
        assert item["explanation"] in text
    for words in (
        "legal@norvane.example",
        "bagdeals77 (s77)",
        "trademark NORVANE, EUIPO no. 018000001, Nice classes 18, 25",
        "copyright in the photograph of Weekend Bag 40 l, N-1",
        "[GaoFang] bag",
        "from an imported file · the page itself was not captured",
        "in good faith that the information and the allegations in this notice are accurate and complete.",
        "captured 2026-01-14 09:30 UTC",
        document["notice_id"],
    ):
        assert words in text
    assert "DRAFT" not in text


def test_the_letter_shows_its_pictures_and_only_those_of_its_offers(world, prepared_on, encode, make_picture):
    picture = LetterPicture(content=encode(make_picture(1)), description="a bag", width_cm=6)
    pdf = letter_of(document_of(world, prepared_on), {"L1": picture, "nobody's": picture})
    images = [image for page in PdfReader(io.BytesIO(pdf)).pages for image in page.images]
    assert [image.image.size for image in images] == [Image.open(io.BytesIO(picture.content)).size]


def test_a_long_unbroken_address_stays_on_the_page(world, prepared_on):
    url = "https://market.example/item/" + "a1b2c3d4" * 100
    world.change_listing("L1", url=url)
    pdf = letter_of(document_of(world, prepared_on))
    pieces: list[tuple[float, str]] = []
    PdfReader(io.BytesIO(pdf)).pages[0].extract_text(
        visitor_text=lambda text, cm, tm, font, size: pieces.append((tm[4], text))
    )
    assert url in "".join(text_of(pdf).split())
    width = float(PdfReader(io.BytesIO(pdf)).pages[0].mediabox.width)
    assert max(x for x, text in pieces if text.strip()) < width - 65


def test_equal_input_gives_equal_bytes(world, prepared_on):
    first, second = document_of(world, prepared_on), document_of(world, prepared_on)
    letters = letter_of(first), letter_of(second)
    assert letters[0] == letters[1]
    assert notice_email(first, letter=letters[0], notice_json=dsa_json(first)) == notice_email(
        second, letter=letters[1], notice_json=dsa_json(second)
    )


def test_the_email_carries_letter_and_json_byte_for_byte(world, prepared_on):
    document = document_of(world, prepared_on)
    letter, as_json = letter_of(document), dsa_json(document)
    message = email.message_from_bytes(notice_email(document, letter=letter, notice_json=as_json), policy=default)
    attached = [part.get_payload(decode=True) for part in message.iter_attachments()]
    assert attached == [letter, as_json]
    assert (message["To"], message["X-Unsent"]) == (None, "1")
    assert message["Date"].datetime.date() == prepared_on
    body = message.get_body().get_content()
    for item in document["items"]:
        assert item["url"] in body
        assert item["explanation"] in body


def test_the_letters_fonts_show_what_is_called_legible(tmp_path):
    """PDF/A refuses a character that no font can show, so a document of all of them proves the claim."""
    characters = [
        chr(code) for code in range(0x20, 0x3000) if _LEGIBLE.fullmatch(chr(code)) and chr(code).isprintable()
    ]
    source = tmp_path / "all.typ"
    source.write_text(
        '#set text(font: ("Libertinus Serif", "New Computer Modern", "DejaVu Sans Mono"))\n'
        '#set document(title: "x")\n#json(bytes(sys.inputs.data))'
    )
    compiler = typst.Compiler(source, root=tmp_path, ignore_system_fonts=True)

    def compiled(text: str) -> object:
        return compiler.compile(format="pdf", pdf_standards="a-2b", sys_inputs={"data": json.dumps(text)})

    assert compiled(" ".join(characters))
    with pytest.raises(typst.TypstError):
        compiled("高")
