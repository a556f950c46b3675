"""What every implementation of `store.interfaces.Evidence` promises, and what a folder promises besides."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import fsspec  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import EvidenceCorrupt, NotFound, SettingRefused, StoreUnavailable
from store.evidence import FolderEvidence, FsspecEvidence, open_evidence
from store.interfaces import Evidence


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=2000))
def test_whatever_is_written_is_read_back_under_its_sha256(evidence: Evidence, content: bytes) -> None:
    assert evidence.write(content) == sha256_of(content)
    assert evidence.read(sha256_of(content)) == content
    assert sha256_of(content) in evidence


def test_what_was_never_written_is_not_there(evidence: Evidence) -> None:
    absent = sha256_of(b"absent")
    assert absent not in evidence
    with pytest.raises(NotFound, match=absent):
        evidence.read(absent)


@pytest.mark.parametrize(
    "name", ["", "../../../../etc/passwd", "a" * 63, "G" * 64, "a" * 64 + "\n", "/" * 64, "\0" * 64]
)
def test_a_name_that_is_no_digest_is_not_there_and_leads_nowhere(evidence: Evidence, name: str) -> None:
    evidence.write(b"something")
    assert name not in evidence
    with pytest.raises(NotFound):
        evidence.read(name)


def test_a_digest_in_capitals_is_another_name(evidence: Evidence) -> None:
    assert evidence.write(b"abc").upper() not in evidence


def test_threads_that_write_the_same_bytes_at_once_all_find_them(evidence: Evidence) -> None:
    content = os.urandom(300_000)
    barrier = threading.Barrier(4)
    read: list[bytes] = []

    def write() -> None:
        barrier.wait()
        read.append(evidence.read(evidence.write(content)))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read == [content] * 4


# Stores whose bytes can be damaged from outside


class Folder:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.evidence: Evidence = open_evidence(str(root))

    def damage(self, sha256: str, content: bytes) -> None:
        (self.root / sha256[:2] / sha256[2:4] / sha256).write_bytes(content)


class ObjectStore:
    def __init__(self, root: str) -> None:
        self.root = root
        self.evidence: Evidence = open_evidence(f"memory://{root}")

    def damage(self, sha256: str, content: bytes) -> None:
        fsspec.filesystem("memory").pipe_file(f"/{self.root}/{sha256[:2]}/{sha256[2:4]}/{sha256}", content)


@pytest.fixture(params=["folder", "fsspec"])
def damaged(request: pytest.FixtureRequest, tmp_path: Path) -> Folder | ObjectStore:
    return Folder(tmp_path / "evidence") if request.param == "folder" else ObjectStore(f"{tmp_path.name}/damaged")


@pytest.mark.parametrize("damage", [b"", b"the whole tru", b"the whole truth!", b"the whole lie  "])
def test_damaged_evidence_is_refused_and_healed_by_writing_it_again(
    damaged: Folder | ObjectStore, damage: bytes
) -> None:
    store, content = damaged.evidence, b"the whole truth"
    sha256 = store.write(content)
    damaged.damage(sha256, damage)
    with pytest.raises(EvidenceCorrupt, match=sha256) as corrupt:
        store.read(sha256)
    assert corrupt.value.advice
    assert store.write(content) == sha256
    assert store.read(sha256) == content


def test_another_process_finds_what_was_written(damaged: Folder | ObjectStore) -> None:
    sha256 = damaged.evidence.write(b"abc")
    again = (
        open_evidence(str(damaged.root)) if isinstance(damaged, Folder) else open_evidence(f"memory://{damaged.root}")
    )
    assert again.read(sha256) == b"abc"


# A folder


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_a_folder_fans_out_and_leaves_nothing_temporary(tmp_path: Path) -> None:
    sha256 = open_evidence(str(tmp_path / "deep" / "evidence")).write(b"abc")
    assert files(tmp_path) == [tmp_path / "deep" / "evidence" / sha256[:2] / sha256[2:4] / sha256]


def test_writing_what_is_there_writes_nothing(tmp_path: Path) -> None:
    evidence = FolderEvidence(tmp_path)
    evidence.write(b"abc")
    (path,) = files(tmp_path)
    before = (path.stat().st_ino, path.stat().st_mtime_ns)
    evidence.write(b"abc")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == before


def test_others_of_the_same_user_group_may_read_as_the_umask_says(tmp_path: Path) -> None:
    FolderEvidence(tmp_path).write(b"abc")
    (tmp_path / "plain").write_bytes(b"")
    modes = {path.stat().st_mode for path in files(tmp_path)}
    assert len(modes) == 1


def test_a_disk_that_fails_in_the_middle_leaves_the_old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = FolderEvidence(tmp_path)
    sha256 = sha256_of(b"abc")
    (tmp_path / sha256[:2] / sha256[2:4]).mkdir(parents=True)

    def no_space(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(StoreUnavailable, match="No space left"):
        evidence.write(b"abc")
    assert files(tmp_path) == []
    assert sha256 not in evidence


KILLED = """
import os, sys
from pathlib import Path
from store.evidence import FolderEvidence

def stop(descriptor):
    print("half written", flush=True)
    sys.stdin.read()

os.fsync = stop
FolderEvidence(Path(sys.argv[1])).write(b"x" * 100_000)
"""


def test_what_a_killed_process_leaves_is_no_content(tmp_path: Path) -> None:
    content = b"x" * 100_000
    sha256 = sha256_of(content)
    (tmp_path / sha256[:2] / sha256[2:4]).mkdir(parents=True)
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "half written\n"
    finally:
        process.kill()
        process.communicate()
    (leftover,) = files(tmp_path)
    evidence = FolderEvidence(tmp_path)
    assert sha256 not in evidence
    assert leftover.name not in evidence
    with pytest.raises(NotFound):
        evidence.read(sha256)
    assert evidence.read(evidence.write(content)) == content


def test_a_folder_that_is_a_file_is_unavailable_not_empty(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    evidence = open_evidence(str(tmp_path / "file"))
    with pytest.raises(StoreUnavailable) as unavailable:
        evidence.write(b"abc")
    assert unavailable.value.advice


# URLs


def test_file_urls_are_folders(tmp_path: Path) -> None:
    evidence = open_evidence(f"file://{tmp_path}/evidence")
    sha256 = evidence.write(b"abc")
    assert open_evidence(str(tmp_path / "evidence")).read(sha256) == b"abc"


def test_an_object_store_with_real_folders_gets_them_made(tmp_path: Path) -> None:
    evidence = FsspecEvidence(fsspec.filesystem("file"), str(tmp_path / "evidence"))
    assert evidence.read(evidence.write(b"abc")) == b"abc"


@pytest.mark.parametrize("url", ["nothing-like-it://bucket/evidence", "hdfs+unknown://x"])
def test_an_unknown_kind_of_url_is_refused(url: str) -> None:
    with pytest.raises(SettingRefused) as refusal:
        open_evidence(url)
    assert refusal.value.field == "ASSAYER_EVIDENCE_URL"
