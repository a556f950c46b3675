import functools
import hashlib
import io
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from domain import codec
from domain.assessment import Assessment, SignalName
from domain.errors import EvidenceCorrupt, NoticeIncomplete
from domain.listing import ListingImage, Unreadable
from takedown import export
from takedown.dsa import dsa_schema
from takedown.export import export_notice
from takedown.manifest import FileEntry, FolderWriter, safe_names, verify_export


def exported(world, folder, prepared_on, *, notice=None, backing=None, **options):
    return export_notice(
        notice or world.notice(),
        backing or world.backing,
        evidence=world.evidence,
        folder=folder,
        prepared_on=prepared_on,
        **options,
    )


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def manifest_of(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_bytes())


def test_a_notice_leaves_with_all_its_files(world, tmp_path, prepared_on):
    result = exported(world, tmp_path, prepared_on)
    files = set(tree(result.folder))
    per_listing = ["assessment.json", "listing-1.png", "listing.json", "match.png", "page.html", "reference.jpg"]
    assert files == {
        "notice.json", "letter.pdf", "mail.eml", "manifest.json", "SHA256SUMS",
        *(f"evidence/{listing_id}/{name}" for listing_id in ("L1", "L2", "L3") for name in per_listing),
    }  # fmt: skip
    assert (result.changed, result.draft, result.findings) == (True, False, ())
    assert result.file_count == len(files) - 2 == len(manifest_of(result.folder)["files"])
    assert verify_export(result.folder) == result.file_count
    assert names_in(tmp_path) == [result.notice_id]


def test_evidence_is_what_was_stored_byte_for_byte(world, tmp_path, prepared_on):
    folder = exported(world, tmp_path, prepared_on).folder / "evidence" / "L2"
    listing, assessment = world.listings["L2"], world.assessments["L2"]
    assert (folder / "page.html").read_bytes() == world.evidence.read(listing.page_sha256)
    assert (folder / "listing-1.png").read_bytes() == world.evidence.read(listing.images[0].sha256)
    reference = assessment.signal(SignalName.COPIED_PHOTO).evidence["reference_sha256"]
    assert (folder / "reference.jpg").read_bytes() == world.evidence.read(reference)
    assert codec.load(Assessment, json.loads((folder / "assessment.json").read_bytes())) == assessment
    assert Image.open(io.BytesIO((folder / "match.png").read_bytes())).format == "PNG"


def test_the_json_cites_every_file_with_its_digest(world, tmp_path, prepared_on):
    folder = exported(world, tmp_path, prepared_on).folder
    document = json.loads((folder / "notice.json").read_bytes())
    jsonschema.Draft202012Validator(dsa_schema()).validate(document)
    cited = {file["path"]: file["sha256"] for item in document["items"] for file in item["proof"]}
    there = {path: hashlib.sha256(content).hexdigest() for path, content in tree(folder).items()}
    assert cited == {path: digest for path, digest in there.items() if path.startswith("evidence/")}


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_sha256sum_accepts_the_sums(world, tmp_path, prepared_on):
    folder = exported(world, tmp_path, prepared_on).folder
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=folder, check=True)


def test_exporting_twice_changes_nothing(world, tmp_path, prepared_on):
    first = exported(world, tmp_path, prepared_on)
    before, inode = tree(first.folder), first.folder.stat().st_ino
    second = exported(world, tmp_path, prepared_on)
    assert (second.changed, second.folder.stat().st_ino) == (False, inode)
    assert tree(second.folder) == before
    assert tree(exported(world, tmp_path / "elsewhere", prepared_on).folder) == before


def test_a_changed_notice_replaces_the_earlier_one(world, tmp_path, prepared_on):
    first = exported(world, tmp_path, prepared_on)
    world.change_listing("L1", title="Another title")
    second = exported(world, tmp_path, prepared_on)
    assert second.changed
    assert second.folder == first.folder
    assert b"Another title" in (second.folder / "notice.json").read_bytes()
    assert names_in(tmp_path) == [first.notice_id]


def test_a_damaged_export_is_written_anew(world, tmp_path, prepared_on):
    first = exported(world, tmp_path, prepared_on)
    before = tree(first.folder)
    (first.folder / "letter.pdf").write_bytes(b"damaged")
    assert exported(world, tmp_path, prepared_on).changed
    assert tree(first.folder) == before


@pytest.mark.parametrize("step", ["letter_pdf", "notice_email", "_put_in_place"])
def test_killed_in_the_middle_it_leaves_no_notice_and_the_next_run_completes_it(
    world, tmp_path, prepared_on, monkeypatch, step
):
    def killed(*_args, **_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(export, step, killed)
        with pytest.raises(KeyboardInterrupt):
            exported(world, tmp_path, prepared_on)
    assert not (tmp_path / world.notice().notice_id).exists()
    result = exported(world, tmp_path, prepared_on)
    assert names_in(tmp_path) == [result.notice_id]
    verify_export(result.folder)


def test_killed_while_replacing_the_next_run_completes_it(world, tmp_path, prepared_on):
    result = exported(world, tmp_path, prepared_on)
    before = tree(result.folder)
    result.folder.rename(tmp_path / f".{result.notice_id}.replaced")
    assert exported(world, tmp_path, prepared_on).changed
    assert tree(result.folder) == before
    assert names_in(tmp_path) == [result.notice_id]


def test_an_incomplete_notice_is_refused_and_nothing_written(world, tmp_path, prepared_on):
    notice = replace(world.notice(), notifier_email="")
    with pytest.raises(NoticeIncomplete, match="notifier_email is missing") as refusal:
        exported(world, tmp_path, prepared_on, notice=notice)
    assert "draft" in refusal.value.advice
    assert names_in(tmp_path) == []


def test_as_a_draft_it_leaves_clearly_marked(world, tmp_path, prepared_on):
    notice = replace(world.notice(), notifier_email="")
    result = exported(world, tmp_path, prepared_on, notice=notice, as_draft=True)
    assert result.draft
    assert [finding.field for finding in result.findings] == ["notifier_email"]
    document = json.loads((result.folder / "notice.json").read_bytes())
    assert document["draft"] is True
    assert [entry["field"] for entry in manifest_of(result.folder)["lint"]] == ["notifier_email"]
    assert manifest_of(result.folder)["draft"] is True
    assert b"Subject: DRAFT: " in (result.folder / "mail.eml").read_bytes()
    assert b"\nFrom:" not in (result.folder / "mail.eml").read_bytes()


def test_a_listing_without_a_page_says_so(world, tmp_path, prepared_on):
    world.change_listing("L1", page_sha256=None, captured_at=None)
    result = exported(world, tmp_path, prepared_on)
    assert "evidence/L1/page.html" not in tree(result.folder)
    (note,) = manifest_of(result.folder)["notes"]
    assert note == {"listing_id": "L1", "note": "The page was not captured: the listing comes from an imported file."}
    item = json.loads((result.folder / "notice.json").read_bytes())["items"][0]
    assert (item["page_captured"], item["captured_at"]) == (False, None)


def test_a_crawled_listing_without_a_page_is_not_called_imported(world, tmp_path, prepared_on):
    world.change_listing("L1", page_sha256=None)
    (note,) = manifest_of(exported(world, tmp_path, prepared_on).folder)["notes"]
    assert note["note"] == "The page was not captured."


def test_an_unreadable_picture_and_proof_are_told(world, tmp_path, prepared_on):
    gone = Unreadable(what="image", source="x.jpg", reason="The server answered 404.")
    world.change_listing("L1", images=(ListingImage(source="x.jpg", unreadable=gone),))
    broken = world.evidence.write(b"\x89PNG\r\n\x1a\nbroken")
    signals = tuple(
        replace(s, evidence={**s.evidence, "image_sha256": broken}) if s.name == SignalName.COPIED_PHOTO else s
        for s in world.assessments["L2"].signals
    )
    world.change_assessment("L2", signals=signals)
    world.change_listing("L2", images=(ListingImage(source="y", sha256=broken),))
    folder = exported(world, tmp_path, prepared_on).folder
    notes = {(note["listing_id"], note["note"]) for note in manifest_of(folder)["notes"]}
    assert ("L1", "Picture 1 of the listing was not captured: The server answered 404.") in notes
    assert any(key == "L2" and note.startswith("The match is not drawn: ") for key, note in notes)
    assert (folder / "evidence/L2/listing-1.png").read_bytes() == b"\x89PNG\r\n\x1a\nbroken"
    assert not (folder / "evidence/L2/match.png").exists()


def test_corrupt_evidence_is_not_exported(world, tmp_path, prepared_on):
    class Corrupt:
        def read(self, sha256):
            raise EvidenceCorrupt(f"{sha256}: changed")

        def __contains__(self, sha256):
            return True

    export = functools.partial(
        export_notice, world.notice(), world.backing, evidence=Corrupt(), folder=tmp_path, prepared_on=prepared_on
    )
    with pytest.raises(NoticeIncomplete, match="is damaged"):
        export()
    with pytest.raises(EvidenceCorrupt):
        export(as_draft=True)
    assert not (tmp_path / world.notice().notice_id).exists()


HOSTILE_IDS = ["../../../etc/passwd", "..", ".", "", "a/b", "a\\b", "CON", "nul.txt", "x" * 300, "-rf", "a\0b", "é",
               "a.", ".hidden", "C:x", "id-0123", "\ud800", "a b", "~"]  # fmt: skip


@pytest.mark.parametrize("listing_id", [i for i in HOSTILE_IDS if i not in ("", "\ud800")])
def test_a_hostile_listing_id_stays_inside_the_folder(world, tmp_path, prepared_on, listing_id):
    world.listings[listing_id] = replace(world.listings.pop("L2"), listing_id=listing_id)
    world.assessments[listing_id] = replace(world.assessments.pop("L2"), listing_id=listing_id)
    inside = tmp_path / "inside"
    result = exported(world, inside, prepared_on)
    assert names_in(tmp_path) == ["inside"]
    assert names_in(inside) == [result.notice_id]
    folders = names_in(result.folder / "evidence")
    assert len(folders) == 3
    assert all(name in ("L1", "L3") or (name.startswith("id-") and len(name) == 27) for name in folders)
    verify_export(result.folder)


def test_a_hostile_notice_id_stays_inside_the_folder(world, tmp_path, prepared_on):
    notice = replace(world.notice(), notice_id="../../outside")
    result = exported(world, tmp_path / "inside", prepared_on, notice=notice)
    assert result.folder.parent == tmp_path / "inside"
    assert names_in(tmp_path) == ["inside"]


@given(st.lists(st.one_of(st.sampled_from(HOSTILE_IDS), st.text(alphabet=st.characters(exclude_categories=())))))
def test_safe_names_are_safe_and_distinct_even_where_case_does_not_count(ids):
    names = safe_names(ids)
    assert names.keys() == set(ids)
    assert len({name.casefold() for name in names.values()}) == len(names)
    for name in names.values():
        FileEntry(path=f"evidence/{name}/x", sha256="0", size_bytes=0)


def test_names_that_differ_in_case_only_get_digests():
    assert safe_names(["Ab", "c"])["Ab"] == "Ab"
    assert all(name.startswith("id-") for name in safe_names(["Ab", "aB"]).values())


@pytest.mark.parametrize("path", ["../x", "/x", "a/../b", "a//b", "", ".x", "a/.x", "a\\b", "a b", "x\n"])
def test_the_writer_refuses_unsafe_paths(tmp_path, path):
    with pytest.raises(ValueError, match="not a safe relative path"):
        FolderWriter(tmp_path).write(path, b"")
    assert names_in(tmp_path) == []


def test_the_writer_refuses_to_write_twice(tmp_path):
    writer = FolderWriter(tmp_path)
    writer.write("x", b"1")
    with pytest.raises(ValueError, match="before"):
        writer.write("x", b"2")


@pytest.fixture(scope="module")
def sealed(hostile_world, prepared_on_value, tmp_path_factory) -> Path:
    return exported(hostile_world, tmp_path_factory.mktemp("sealed"), prepared_on_value).folder


@pytest.mark.parametrize(
    "name", ["letter.pdf", "notice.json", "mail.eml", "manifest.json", "SHA256SUMS", "evidence/L1/match.png"]
)
def test_one_changed_byte_fails_the_verification(sealed, tmp_path, name):
    folder = shutil.copytree(sealed, tmp_path / "copy")
    verify_export(folder)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(bytes(content))
    with pytest.raises(EvidenceCorrupt):
        verify_export(folder)


@pytest.mark.parametrize("name", ["letter.pdf", "manifest.json", "SHA256SUMS", "evidence/L1/page.html"])
def test_a_missing_file_fails_the_verification(sealed, tmp_path, name):
    folder = shutil.copytree(sealed, tmp_path / "copy")
    (folder / name).unlink()
    with pytest.raises(EvidenceCorrupt):
        verify_export(folder)


def test_a_file_too_many_or_a_link_fails_the_verification(sealed, tmp_path):
    folder = shutil.copytree(sealed, tmp_path / "copy")
    (folder / "evidence" / "more.txt").write_bytes(b"")
    with pytest.raises(EvidenceCorrupt, match=r"more\.txt"):
        verify_export(folder)
    (folder / "evidence" / "more.txt").unlink()
    (folder / "letter.pdf").unlink()
    (folder / "letter.pdf").symlink_to(sealed / "letter.pdf")
    with pytest.raises(EvidenceCorrupt, match=r"letter\.pdf"):
        verify_export(folder)


def test_a_manifest_that_climbs_out_is_refused(sealed, tmp_path):
    folder = shutil.copytree(sealed, tmp_path / "copy")
    manifest = manifest_of(folder)
    manifest["files"][0]["path"] = "../outside"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(EvidenceCorrupt, match="cannot be read"):
        verify_export(folder)
