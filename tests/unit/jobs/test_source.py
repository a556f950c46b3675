"""Folders and archives: nothing leads out, nothing swells."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from domain.errors import ArchiveRefused, BadInput
from domain.settings import Settings
from jobs.intake.source import FolderSource, ZipSource, climb_of, open_source


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo("placeholder")
            info.filename = name  # the constructor would tidy some of the names up
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return path


def refusal(path: Path, **limits: int) -> ArchiveRefused:
    with pytest.raises(ArchiveRefused) as caught:
        ZipSource(path, Settings(**limits))
    assert caught.value.file == str(path)
    return caught.value


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/x", "C:/x", "c:x", "a\\b", "..\\x", "", "a\0b", "a\nb"])
def test_climbing_names_are_named(name: str, tmp_path: Path, settings: Settings) -> None:
    assert climb_of(name)
    with pytest.raises(BadInput):
        FolderSource(tmp_path, settings).read(name, max_bytes=10)


@pytest.mark.parametrize("name", ["a", "a/b.jpg", "..a", "a../b", "ü/日本.png", "a b"])
def test_honest_names_pass(name: str) -> None:
    assert climb_of(name) is None


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/x", "C:/x", "a\\..\\b", "a/../../b"])
def test_a_zip_with_a_climbing_name_is_refused_naming_it(name: str, tmp_path: Path) -> None:
    error = refusal(zipped(tmp_path / "z.zip", {"products.tsv": b"id", name: b"x"}))
    assert error.field == name


def test_a_zip_with_a_link_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("link.jpg")
        info.create_system = 3
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    error = refusal(path)
    assert (error.field, error.reason) == ("link.jpg", "a link or device, not a file")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_with_a_name_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.tsv", "1")
        archive.writestr("a.tsv", "2")
    error = refusal(path)
    assert (error.field, error.reason) == ("a.tsv", "is in the archive twice")


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "z.zip", {"a.tsv": b"1"})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert refusal(path).reason == "is encrypted"


def test_another_packing_than_deflate_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.tsv", "1")
    assert "deflate" in refusal(path).reason


def test_a_bomb_is_refused_by_its_ratio_before_it_is_unpacked(tmp_path: Path) -> None:
    error = refusal(zipped(tmp_path / "z.zip", {"ok.tsv": b"id", "bomb.jpg": bytes(30_000_000)}))
    assert error.field == "bomb.jpg"
    assert "bomb" in error.reason


def test_a_small_file_may_pack_well(tmp_path: Path, settings: Settings) -> None:
    source = ZipSource(zipped(tmp_path / "z.zip", {"blank.tsv": b" " * 900_000}), settings)
    assert len(source.read("blank.tsv", max_bytes=1_000_000)) == 900_000
    source.close()


def test_too_many_files_and_too_many_bytes(tmp_path: Path) -> None:
    path = zipped(tmp_path / "z.zip", {f"{n}.txt": os.urandom(1_000) for n in range(20)})
    assert "20 files" in refusal(path, max_archive_files=19).reason
    assert "more than 19999 bytes" in refusal(path, max_archive_bytes=19_999).reason
    ZipSource(path, Settings(max_archive_files=20, max_archive_bytes=20_000)).close()


def test_a_swollen_table_of_contents_is_refused_unparsed(tmp_path: Path) -> None:
    path = zipped(tmp_path / "z.zip", {f"{'n' * 200}{n}": b"" for n in range(50)})
    assert "table of contents" in refusal(path, max_archive_files=10).reason


def test_a_second_signature_within_the_end_record_hides_no_table_of_contents(tmp_path: Path) -> None:
    path = zipped(tmp_path / "z.zip", {f"{'n' * 200}{n}": b"" for n in range(50)})
    content = bytearray(path.read_bytes())
    content[-18:-14] = b"PK\x05\x06"  # the numbers of the disks, which nobody reads
    path.write_bytes(content)
    assert "table of contents" in refusal(path, max_archive_files=10).reason


def test_what_unpacks_counts_and_not_what_the_header_claims(tmp_path: Path) -> None:
    path = zipped(tmp_path / "z.zip", {"a.txt": bytes(2_000_000)})
    content = bytearray(path.read_bytes())
    claim = struct.pack("<L", 1_000)
    for at in (content.index(b"PK\x03\x04") + 22, content.index(b"PK\x01\x02") + 24):
        content[at : at + 4] = claim
    path.write_bytes(content)
    source = ZipSource(path, Settings())
    with pytest.raises(ArchiveRefused) as caught:
        source.read("a.txt", max_bytes=10_000_000)
    assert caught.value.field == "a.txt"
    source.close()


def test_members_that_share_bytes_are_bounded_by_what_comes_out(tmp_path: Path) -> None:
    """Many entries that point to the same packed bytes: each is modest, together they are a bomb."""
    one = zipped(tmp_path / "one.zip", {"0000": os.urandom(100) * 5_000}).read_bytes()
    start, end = one.index(b"PK\x01\x02"), one.index(b"PK\x05\x06")
    entry = one[start:end]
    directory = b"".join(entry.replace(b"0000", f"{n:04d}".encode()) for n in range(100))
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 100, 100, len(directory), start, 0)
    path = tmp_path / "overlap.zip"
    path.write_bytes(one[:start] + directory + tail)
    assert "more than 10000000 bytes" in refusal(path, max_archive_bytes=10_000_000).reason


def test_the_count_of_what_comes_out_has_its_own_limits(tmp_path: Path) -> None:
    """Should an unpacker ever give more than the table of contents claims."""
    path = zipped(tmp_path / "z.zip", {"a.txt": os.urandom(60_000), "b.txt": os.urandom(60_000)})
    source = ZipSource(path, Settings(max_archive_bytes=130_000, max_archive_ratio=20))
    with zipfile.ZipFile(path) as archive:
        first, second = archive.infolist()
    source.count(first, 70_000)
    source.count(first, 70_000)
    with pytest.raises(ArchiveRefused, match="more than 130000 bytes"):
        source.count(second, 60_001)
    source.close()
    source = ZipSource(path, Settings(max_archive_ratio=20))
    with pytest.raises(ArchiveRefused, match="bomb"):
        source.count(first, 2_000_000)
    source.close()


@pytest.mark.parametrize("cut", [0, 10, 60, -30, -5])
def test_a_broken_zip_is_refused(cut: int, tmp_path: Path) -> None:
    path = zipped(tmp_path / "z.zip", {"a.tsv": b"1" * 50})
    path.write_bytes(path.read_bytes()[:cut])
    refusal(path)


def test_a_member_with_a_wrong_checksum_is_refused_when_read(tmp_path: Path, settings: Settings) -> None:
    path = zipped(tmp_path / "z.zip", {"a.tsv": b"1" * 50, "b.tsv": b"2"})
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02") + 16
    content[at] ^= 0xFF
    path.write_bytes(content)
    source = ZipSource(path, settings)
    with pytest.raises(ArchiveRefused):
        source.read("a.tsv", max_bytes=100)
    assert source.read("b.tsv", max_bytes=100) == b"2"
    source.close()


def test_a_zip_whose_files_lie_in_one_folder_is_read_from_there(tmp_path: Path, settings: Settings) -> None:
    members = {"shop/products.tsv": b"id", "shop/images/a.jpg": b"a", "__MACOSX/shop/._a": b"", "shop/.DS_Store": b""}
    source = ZipSource(zipped(tmp_path / "z.zip", members), settings)
    assert source.names() == ["products.tsv"]
    assert source.read("images/a.jpg", max_bytes=10) == b"a"
    assert source.label("products.tsv") == f"{tmp_path / 'z.zip'}/products.tsv"
    source.close()


def test_a_zip_is_read_as_its_folder_is(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "f" / "sub").mkdir(parents=True)
    members = {"b.tsv": b"bb", "a.csv": b"a", "sub/c.jpg": b"c"}
    for name, content in members.items():
        (tmp_path / "f" / name).write_bytes(content)
    archive = open_source(zipped(tmp_path / "z.zip", members), settings)
    folder = open_source(tmp_path / "f", settings)
    for source in (archive, folder):
        assert list(source.names()) == ["a.csv", "b.tsv"]
        assert [source.read(name, max_bytes=2) for name in members] == list(members.values())
        with pytest.raises(BadInput, match="more than 1 bytes"):
            source.read("b.tsv", max_bytes=1)
        with pytest.raises(BadInput, match="no such file"):
            source.read("d.tsv", max_bytes=1)
        with source.open("b.tsv") as stream:
            assert io.BytesIO(stream.read()).getvalue() == b"bb"
        source.close()


def test_a_link_may_not_lead_out_of_a_folder(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "real.jpg").write_bytes(b"x")
    (folder / "inside.jpg").symlink_to(folder / "real.jpg")
    (folder / "outside.jpg").symlink_to(tmp_path / "secret.txt")
    (folder / "up").symlink_to(tmp_path)
    (folder / "loop").symlink_to(folder / "loop")
    source = FolderSource(folder, settings)
    assert source.read("inside.jpg", max_bytes=10) == b"x"
    for name in ("outside.jpg", "up/secret.txt"):
        with pytest.raises(BadInput, match="leads out of the folder"):
            source.read(name, max_bytes=10)
    with pytest.raises(BadInput, match="no such file"):
        source.read("loop", max_bytes=10)


def test_a_pipe_or_folder_is_not_a_file(tmp_path: Path, settings: Settings) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    for name in ("pipe.jpg", "folder.jpg", "."):
        with pytest.raises(BadInput, match="not a file"):
            FolderSource(tmp_path, settings).read(name, max_bytes=10)


def test_a_name_that_no_disk_can_hold(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(BadInput, match="no such file"):
        FolderSource(tmp_path, settings).read("x" * 5_000, max_bytes=10)


def test_what_is_not_there(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(BadInput, match="no such file or folder"):
        open_source(tmp_path / "absent", settings)
