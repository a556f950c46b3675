"""A catalog goes in whole, with every fault named, or not at all."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path

import pytest

from domain.catalog import Catalog, Money
from domain.errors import ArchiveRefused, BadInput, EmptyCatalog, FetchRefused, ImageRefused
from domain.settings import Settings
from jobs.import_catalog import check_catalog, import_catalog
from store.evidence import MemoryEvidence
from store.interfaces import SaveCount
from store.memory import MemoryRecords

Folder = Callable[..., Path]


def as_zip(folder: Path, prefix: str = "") -> Path:
    path = folder.parent / "catalog.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, f"{prefix}{file.relative_to(folder)}")
    return path


def test_a_good_catalog(
    catalog_folder: Folder, records: MemoryRecords, evidence: MemoryEvidence, settings: Settings
) -> None:
    folder = catalog_folder()
    report = import_catalog(folder, records, evidence, settings)
    assert (report.bad, report.warnings) == ((), ())
    assert report.rights_holders == ("Acme Ltd", "Bolt Inc")
    assert (report.products, report.images) == (2, 5)
    assert report.saved == SaveCount(added=2)
    acme, bolt = records.rights_holders()
    assert acme.marks == ("Acme",)
    assert evidence.read(acme.brands[0].logos[0]) == (folder / "images" / "logo.jpg").read_bytes()
    assert acme.trademarks[0].nice_classes == (18,)
    assert bolt.name == "Bolt Inc"
    first, second = records.products()
    assert first.price == Money(amount=Decimal("59.00"), currency="USD")
    assert [(image.source, image.role) for image in first.images] == [
        ("images/a.jpg", "main"),
        ("images/b.jpg", "additional"),
        ("images/c.jpg", "additional"),
    ]
    assert all(evidence.read(image.sha256) for image in first.images)
    assert (second.rights_holder, second.brand, second.price) == ("Bolt Inc", "Bolt", None)


def test_a_feed_alone_does_not_forget_whom_the_rights_holder_authorizes(
    catalog_folder: Folder, records: MemoryRecords, evidence: MemoryEvidence, settings: Settings
) -> None:
    folder = catalog_folder()
    import_catalog(folder, records, evidence, settings)
    before = records.rights_holders()[0]
    (folder / "rights_holders.json").unlink()
    import_catalog(folder, records, evidence, settings, rights_holder=before.name)
    after = records.rights_holders()[0]
    assert (after.authorized_sellers, after.trademarks, after.contact_email) == (
        before.authorized_sellers,
        before.trademarks,
        before.contact_email,
    )
    assert after.authorized_sellers
    assert before.brands[0] in after.brands
    assert {brand.name.casefold() for brand in after.brands} == {"acme", "bolt"}


def test_again_changes_nothing(
    catalog_folder: Folder, records: MemoryRecords, evidence: MemoryEvidence, settings: Settings
) -> None:
    folder = catalog_folder()
    import_catalog(folder, records, evidence, settings)
    before = records.catalog_digest()
    assert import_catalog(folder, records, evidence, settings).saved == SaveCount(unchanged=2)
    assert records.catalog_digest() == before


@pytest.mark.parametrize("prefix", ["", "shop/"])
def test_folder_zip_and_feed_file_give_the_same(
    prefix: str, catalog_folder: Folder, evidence: MemoryEvidence, settings: Settings
) -> None:
    folder = catalog_folder()
    digests = set()
    for path in (folder, as_zip(folder, prefix), folder / "products.tsv"):
        records = MemoryRecords()
        assert import_catalog(path, records, evidence, settings).bad == ()
        digests.add(records.catalog_digest())
    assert len(digests) == 1


@pytest.mark.parametrize("name", ["truncated.jpg", "huge.png", "animation.jpg", "page.jpg", "empty.jpg", "absent.jpg"])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_bad_picture_is_named_and_the_rest_unharmed(
    name: str,
    zipped: bool,
    bad_pictures: dict[str, tuple[bytes, str]],
    catalog_folder: Folder,
    records: MemoryRecords,
    evidence: MemoryEvidence,
    settings: Settings,
) -> None:
    content, reason = bad_pictures.get(name, (None, "no such file"))
    folder = catalog_folder(
        f"X\tBad\t\tAcme\t9.00 USD\timages/{name}\t\nY\tHalf\t\tAcme\t9.00 USD\timages/a.jpg\timages/{name}\n"
    )
    if content is not None:
        (folder / "images" / name).write_bytes(content)
    path = as_zip(folder) if zipped else folder
    report = import_catalog(path, records, evidence, settings)
    feed = f"{path}/products.tsv"
    assert [(error.file, error.line, error.field) for error in report.bad] == [
        (feed, 4, "image_link"),
        (feed, 4, "image_link"),
        (feed, 5, "additional_image_link"),
    ]
    assert isinstance(report.bad[0], ImageRefused)
    assert reason in report.bad[0].reason
    assert f"images/{name}" in report.bad[0].reason
    assert "left out" in report.bad[1].reason
    assert [product.reference_id for product in records.products()] == ["A", "Y", "B"]
    assert [image.source for image in records.products()[1].images] == ["images/a.jpg"]


@pytest.mark.parametrize("link", ["../secret.jpg", "/etc/passwd", "images\\a.jpg", "C:/a.jpg", "images/out.jpg", "."])
def test_a_link_never_climbs_out(
    link: str,
    catalog_folder: Folder,
    records: MemoryRecords,
    evidence: MemoryEvidence,
    settings: Settings,
    picture: Callable[..., bytes],
) -> None:
    folder = catalog_folder(f"X\tBad\t\tAcme\t9.00 USD\t{link}\t\n")
    (folder.parent / "secret.jpg").write_bytes(picture("white"))
    (folder / "images" / "out.jpg").symlink_to(folder.parent / "secret.jpg")
    report = import_catalog(folder, records, evidence, settings)
    assert (report.bad[0].line, report.bad[0].field) == (4, "image_link")
    assert [product.reference_id for product in records.products()] == ["A", "B"]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ("X\tTitle\t\tAcme\tfree\timages/a.jpg\t\n", "price"),
        ("X\tTitle\t\tNobody\t1.00 USD\timages/a.jpg\t\n", "brand"),
        ("X\tTitle\t\t\t1.00 USD\timages/a.jpg\t\n", "brand"),
        ("A\tTitle\t\tAcme\t1.00 USD\timages/a.jpg\t\n", "id"),
        ("\tTitle\t\tAcme\t1.00 USD\timages/a.jpg\t\n", "id"),
        ("X\tCaf\xe9\t\tAcme\t1.00 USD\timages/a.jpg\t\n", "title"),
    ],
)
def test_a_bad_row_is_named_and_the_rest_unharmed(
    row: str, field: str, catalog_folder: Folder, records: MemoryRecords, evidence: MemoryEvidence, settings: Settings
) -> None:
    folder = catalog_folder(row.encode("latin-1") + b"Z\tLast\t\tAcme\t\timages/c.jpg\t\n")
    report = import_catalog(folder, records, evidence, settings)
    feed = str(folder / "products.tsv")
    assert [(error.file, error.line, error.field) for error in report.bad] == [(feed, 4, field)]
    assert [product.reference_id for product in records.products()] == ["A", "Z", "B"]
    assert records.products()[0].title == "Bag A"


def test_an_id_is_unique_per_rights_holder_only(
    catalog_folder: Folder, records: MemoryRecords, evidence: MemoryEvidence, settings: Settings
) -> None:
    folder = catalog_folder("A\tBolt A\t\tBolt\t\timages/c.jpg\t\n")
    assert import_catalog(folder, records, evidence, settings).bad == ()
    assert [(product.rights_holder, product.reference_id) for product in records.products()] == [
        ("Acme Ltd", "A"),
        ("Bolt Inc", "A"),
        ("Bolt Inc", "B"),
    ]


def test_a_missing_column_saves_nothing(
    catalog_folder: Folder, records: MemoryRecords, evidence: MemoryEvidence, settings: Settings
) -> None:
    folder = catalog_folder("1,2,3\n", header="id,title,price\n", good=False)
    with pytest.raises(BadInput) as caught:
        import_catalog(folder, records, evidence, settings)
    assert (caught.value.file, caught.value.line) == (str(folder / "products.tsv"), 1)
    assert caught.value.field == "image_link"
    assert not records.rights_holders()
    assert check_catalog(folder, settings).bad[-1].as_dict() == caught.value.as_dict()


def test_hostile_zips_save_nothing(
    tmp_path: Path, records: MemoryRecords, evidence: MemoryEvidence, settings: Settings
) -> None:
    climbing, bomb = tmp_path / "climbing.zip", tmp_path / "bomb.zip"
    with zipfile.ZipFile(climbing, "w") as archive:
        archive.writestr("../products.tsv", "id\ttitle\timage_link\n")
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("products.tsv", bytes(50_000_000))
    for path, member in ((climbing, "../products.tsv"), (bomb, "products.tsv")):
        with pytest.raises(ArchiveRefused) as caught:
            import_catalog(path, records, evidence, settings)
        assert (caught.value.file, caught.value.field) == (str(path), member)
        assert isinstance(check_catalog(path, settings).bad[-1], ArchiveRefused)
    assert not records.rights_holders()


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        ({}, None),
        ({"readme.md": "hello"}, "Acme"),
        ({"products.tsv": "id\ttitle\timage_link\n"}, "Acme"),
        ({"rights_holders.json": '{"rights_holders": []}'}, None),
        ({"rights_holders.json": '{"rights_holders": [{"name": "A"}]}'}, None),
        ({"products.tsv": "id\ttitle\timage_link\nA\tt\tabsent.jpg\n"}, "Acme"),
        ({"products.tsv": "id\ttitle\timage_link\nA\t\ta.jpg\n"}, "Acme"),
    ],
)
def test_an_empty_catalog_is_refused(
    files: dict[str, str],
    chosen: str | None,
    tmp_path: Path,
    records: MemoryRecords,
    evidence: MemoryEvidence,
    settings: Settings,
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    with pytest.raises(EmptyCatalog) as caught:
        import_catalog(folder, records, evidence, settings, rights_holder=chosen)
    assert caught.value.file == str(folder)
    assert caught.value.advice
    assert not records.rights_holders()
    assert isinstance(check_catalog(folder, settings, rights_holder=chosen).bad[-1], EmptyCatalog)


def test_logos_alone_are_a_catalog(
    catalog_folder: Folder, records: MemoryRecords, evidence: MemoryEvidence, settings: Settings
) -> None:
    folder = catalog_folder()
    (folder / "products.tsv").unlink()
    report = import_catalog(folder, records, evidence, settings)
    assert (report.products, report.images, report.bad) == (0, 1, ())
    assert [holder.name for holder in records.rights_holders()] == ["Acme Ltd", "Bolt Inc"]


@pytest.mark.parametrize(("products", "warned"), [(0, 1), (1, 0)])
def test_a_note_beside_logos_is_no_feed(
    products: int,
    warned: int,
    catalog_folder: Folder,
    records: MemoryRecords,
    evidence: MemoryEvidence,
    settings: Settings,
) -> None:
    folder = catalog_folder()
    feed = (folder / "products.tsv").read_text().splitlines()
    (folder / "products.tsv").unlink()
    (folder / "read-me.txt").write_text("\n".join(feed[:2]) if products else "Our logos, as of today")
    report = import_catalog(folder, records, evidence, settings)
    assert (report.products, len(report.warnings), report.bad) == (products, warned, ())
    assert [warning.file for warning in report.warnings] == [str(folder / "read-me.txt")] * warned


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 12"><path d="M0 0h24L12 12z" fill="#c00"/></svg>'


def one_logo(folder: Path, name: str, content: bytes) -> Path:
    """All that a one-person rights holder has: a name and a file."""
    folder.mkdir()
    (folder / name).write_bytes(content)
    holders = {"rights_holders": [{"name": "Acme Ltd", "brands": [{"name": "Acme", "logos": [name]}]}]}
    (folder / "rights_holders.json").write_text(json.dumps(holders))
    return folder


def test_an_svg_logo_is_kept_as_it_came(
    tmp_path: Path, records: MemoryRecords, evidence: MemoryEvidence, settings: Settings
) -> None:
    report = import_catalog(one_logo(tmp_path / "one", "acme.svg", SVG), records, evidence, settings)
    assert (report.images, report.bad) == (1, ())
    (holder,) = records.rights_holders()
    assert evidence.read(holder.brands[0].logos[0]) == SVG


@pytest.mark.parametrize(
    ("name", "content", "reason", "advised"),
    [
        ("a.svg", SVG.replace(b"<path", b'<image href="/etc/hostname"/><path'), "refers to another file", True),
        ("a.svg", SVG.replace(b"<path", b"<text>Acme</text><path"), "text that needs a font", True),
        ("a.png", SVG, "not a JPEG, PNG, WebP or GIF", False),
        ("a.svg", b"\x89PNG\r\n\x1a\n", "not an SVG, as its name says", False),
    ],
)
def test_a_refused_logo_says_file_and_field_and_what_to_do(
    name: str, content: bytes, reason: str, advised: bool, tmp_path: Path, settings: Settings
) -> None:
    folder = one_logo(tmp_path / "one", name, content)
    (refused,) = check_catalog(folder, settings).bad
    assert isinstance(refused, ImageRefused)
    assert (refused.file, refused.field) == (
        str(folder / "rights_holders.json"),
        "rights_holders[0].brands[0].logos[0]",
    )
    assert f"{name}: " in refused.reason
    assert reason in refused.reason
    assert bool(refused.advice) == advised


def test_an_svg_is_no_picture_of_a_product(
    catalog_folder: Folder, records: MemoryRecords, evidence: MemoryEvidence, settings: Settings
) -> None:
    folder = catalog_folder()
    (folder / "images" / "a.jpg").write_bytes(SVG)
    report = import_catalog(folder, records, evidence, settings)
    assert [(error.field, error.line) for error in report.bad if isinstance(error, ImageRefused)] == [("image_link", 2)]


def test_a_bad_logo_is_named_by_its_path(
    catalog_folder: Folder, records: MemoryRecords, evidence: MemoryEvidence, settings: Settings
) -> None:
    folder = catalog_folder()
    (folder / "images" / "logo.jpg").write_bytes(b"<svg/>")
    report = import_catalog(folder, records, evidence, settings)
    assert [(error.file, error.field) for error in report.bad] == [
        (str(folder / "rights_holders.json"), "rights_holders[0].brands[0].logos[0]")
    ]
    assert records.rights_holders()[0].brands[0].logos == ()


def test_without_the_file_a_named_rights_holder_owns_every_brand(
    catalog_folder: Folder, records: MemoryRecords, evidence: MemoryEvidence, settings: Settings
) -> None:
    folder = catalog_folder("C\tBag C\t\tACME\t\timages/c.jpg\t\n")
    (folder / "rights_holders.json").unlink()
    with pytest.raises(BadInput) as caught:
        import_catalog(folder, records, evidence, settings)
    assert "--rights-holder" in caught.value.advice
    report = import_catalog(folder, records, evidence, settings, rights_holder="Everything Ltd")
    assert report.bad == ()
    (holder,) = records.rights_holders()
    assert (holder.name, [brand.name for brand in holder.brands]) == ("Everything Ltd", ["Acme", "bolt"])
    assert len(records.products()) == 3


def test_a_feed_without_brands_belongs_to_the_named_rights_holder(
    tmp_path: Path, records: MemoryRecords, evidence: MemoryEvidence, settings: Settings, picture: Callable[..., bytes]
) -> None:
    (tmp_path / "a.jpg").write_bytes(picture())
    (tmp_path / "feed.csv").write_text("id,title,image_link\nA,Bag,a.jpg\n")
    report = import_catalog(tmp_path / "feed.csv", records, evidence, settings, rights_holder="Acme")
    assert report.bad == ()
    assert records.products()[0].brand == "Acme"
    assert records.rights_holders()[0].marks == ("Acme",)


def test_a_rights_holder_that_is_no_name(
    catalog_folder: Folder, records: MemoryRecords, evidence: MemoryEvidence, settings: Settings
) -> None:
    folder = catalog_folder()
    (folder / "rights_holders.json").unlink()
    with pytest.raises(BadInput) as caught:
        import_catalog(folder, records, evidence, settings, rights_holder="a\0b")
    assert caught.value.field == "rights_holder"


def test_with_the_file_one_rights_holder_can_be_picked(
    catalog_folder: Folder, records: MemoryRecords, evidence: MemoryEvidence, settings: Settings
) -> None:
    folder = catalog_folder()
    report = import_catalog(folder, records, evidence, settings, rights_holder="Bolt Inc")
    assert (report.rights_holders, report.products) == (("Bolt Inc",), 1)
    assert [holder.name for holder in records.rights_holders()] == ["Bolt Inc"]
    with pytest.raises(BadInput, match='named "Nobody"'):
        import_catalog(folder, records, evidence, settings, rights_holder="Nobody")


def test_a_check_writes_nothing_and_says_the_same(
    catalog_folder: Folder, records: MemoryRecords, evidence: MemoryEvidence, settings: Settings
) -> None:
    folder = catalog_folder("X\tBad\t\tAcme\tfree\timages/a.jpg\t\nY\tBad\t\tAcme\t\timages/none.jpg\t\n")
    checked = check_catalog(folder, settings)
    imported = import_catalog(folder, records, evidence, settings)
    assert [error.as_dict() for error in checked.bad] == [error.as_dict() for error in imported.bad]
    assert (checked.products, checked.images) == (imported.products, imported.images)
    assert checked.saved == SaveCount()


def test_what_is_stored_stays_where_every_product_was_refused(
    catalog_folder: Folder, records: MemoryRecords, evidence: MemoryEvidence, settings: Settings
) -> None:
    folder = catalog_folder()
    import_catalog(folder, records, evidence, settings)
    feed = (folder / "products.tsv").read_text().replace("bolt\t\timages/b.jpg", "bolt\t\thttps://x.example/b.jpg")
    (folder / "products.tsv").write_text(feed)
    report = import_catalog(folder, records, evidence, settings)
    assert report.rights_holders == ("Acme Ltd",)
    assert "stays as it is" in report.bad[-1].reason
    assert [product.reference_id for product in records.products("Bolt Inc")] == ["B"]


def test_pictures_that_are_urls_are_fetched_where_a_way_is_given(
    catalog_folder: Folder,
    records: MemoryRecords,
    evidence: MemoryEvidence,
    settings: Settings,
    picture: Callable[..., bytes],
) -> None:
    def fetch(url: str) -> bytes:
        if "secret" in url:
            raise FetchRefused("not for you", url=url)
        return picture("white", "PNG")

    folder = catalog_folder(
        "X\tUrl\t\tAcme\t\thttps://x.example/a.jpg\t\nY\tUrl\t\tAcme\t\thttps://x.example/secret.jpg\t\n"
    )
    report = import_catalog(folder, records, evidence, settings, fetch=fetch)
    assert [error.line for error in report.bad] == [5, 5]
    assert "not for you" in report.bad[0].reason
    assert [product.reference_id for product in records.products("Acme Ltd")] == ["A", "X"]


def test_floors_reach_their_products_and_idle_ones_are_said(
    catalog_folder: Folder, records: MemoryRecords, evidence: MemoryEvidence, settings: Settings
) -> None:
    folder = catalog_folder()
    path = folder / "rights_holders.json"
    data = json.loads(path.read_text())
    data["rights_holders"][0]["minimum_advertised_price"] = {"A": "49.00 USD", "Z": "1.00 USD"}
    path.write_text(json.dumps(data))
    report = import_catalog(folder, records, evidence, settings)
    assert records.products()[0].minimum_advertised_price == Money(amount=Decimal("49.00"), currency="USD")
    assert [error.field for error in report.warnings] == ["rights_holders[0].minimum_advertised_price.Z"]


def test_several_feeds_are_one_catalog(
    catalog_folder: Folder, records: MemoryRecords, evidence: MemoryEvidence, settings: Settings
) -> None:
    folder = catalog_folder()
    (folder / "more.csv").write_text(
        "id,title,brand,image_link\nC,Bag C,Acme,images/c.jpg\nA,Again,Acme,images/c.jpg\n"
    )
    (folder / "readme.txt").write_text("not a feed")
    report = import_catalog(folder, records, evidence, settings)
    assert sorted(product.reference_id for product in records.products("Acme Ltd")) == ["A", "C"]
    assert [(error.file, error.line, error.field) for error in report.bad] == [(str(folder / "products.tsv"), 2, "id")]


def test_every_picture_is_in_evidence_before_a_record_names_it(
    catalog_folder: Folder, evidence: MemoryEvidence, settings: Settings
) -> None:
    class Watching(MemoryRecords):
        def save_catalogs(self, catalogs: Iterable[Catalog]) -> SaveCount:
            taken = list(catalogs)
            for product in (product for catalog in taken for product in catalog.products):
                assert all(image.sha256 in evidence for image in product.images)
            return super().save_catalogs(taken)

    assert import_catalog(catalog_folder(), Watching(), evidence, settings).products == 2


class _FullDisk(MemoryEvidence):
    def write(self, content: bytes) -> str:
        raise OSError("disk full")


def test_a_full_disk_saves_no_record(catalog_folder: Folder, records: MemoryRecords, settings: Settings) -> None:
    with pytest.raises(OSError, match="disk full"):
        import_catalog(catalog_folder(), records, _FullDisk(), settings)
    assert not records.rights_holders()


def test_progress_ends_at_its_total(
    catalog_folder: Folder, records: MemoryRecords, evidence: MemoryEvidence, settings: Settings
) -> None:
    steps: list[tuple[str, int, int | None]] = []
    import_catalog(catalog_folder(), records, evidence, settings, progress=lambda *step: steps.append(step))
    assert steps[-1] == ("product pictures", 2, 2)


def test_a_path_that_is_not_there(
    tmp_path: Path, records: MemoryRecords, evidence: MemoryEvidence, settings: Settings
) -> None:
    with pytest.raises(BadInput, match="no such file or folder"):
        import_catalog(tmp_path / "absent", records, evidence, settings)
    (tmp_path / "photo.bin").write_bytes(b"123")
    with pytest.raises(ArchiveRefused, match="not a ZIP"):
        import_catalog(tmp_path / "photo.bin", records, evidence, settings)
