from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import index.artifact
import index.logo_files
import index.vector_search
from domain.catalog import ReferenceProduct
from domain.errors import IndexMismatch, NotReady
from index.artifact import (
    FORMAT,
    Arrays,
    Checkpoint,
    IndexArtifact,
    read_artifact,
    read_checkpoint,
    write_artifact,
)
from index.embedder import Embedder
from index.local_features import FEATURES_VERSION
from index.logo_index import LogoArrays, LogoIndex, build_logo_index
from index.vector_search import VectorSearch
from store.images import RGB

REPOSITORY = Path(__file__).resolve().parents[3]
Product = Callable[..., ReferenceProduct]
IndexOf = Callable[..., IndexArtifact]


@pytest.fixture(scope="module")
def first(draw: Callable[..., RGB], product: Product, index_of: IndexOf) -> IndexArtifact:
    pictures = {"a": draw(1), "b": draw(2), "c": draw(1)}
    return index_of([product(name, [name]) for name in pictures], pictures)


@pytest.fixture(scope="module")
def second(draw: Callable[..., RGB], product: Product, index_of: IndexOf) -> IndexArtifact:
    return index_of([product("other", ["d"])], {"d": draw(3)})


def publish(folder: Path, artifact: IndexArtifact, **changes: object) -> Checkpoint:
    checkpoint = replace(artifact.checkpoint, **changes)  # type: ignore[arg-type]
    return write_artifact(folder, checkpoint, artifact.arrays, artifact.votes)


def load(folder: Path) -> IndexArtifact:
    return read_artifact(folder, embedder="stand-in@0", features=FEATURES_VERSION)


def everything_in(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def test_what_is_written_is_read(tmp_path: Path, first: IndexArtifact) -> None:
    complete = publish(tmp_path / "index", first)
    found = load(tmp_path / "index")
    assert found.checkpoint == complete == read_checkpoint(tmp_path / "index")
    assert replace(complete, files=()) == first.checkpoint
    for field in fields(Arrays):
        one, other = getattr(found.arrays, field.name), getattr(first.arrays, field.name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    query = first.arrays.descriptors[:50].astype(np.float32) / 512
    np.testing.assert_array_equal(found.votes.vote(query, 3), first.votes.vote(query, 3))
    assert [name for name, _ in complete.files] == sorted(
        [*(f"arrays/{f.name}.npy" for f in fields(Arrays)), "votes.faiss"]
    )


def test_equal_input_gives_an_equal_version(
    tmp_path: Path, draw: Callable[..., RGB], product: Product, index_of: IndexOf, second: IndexArtifact
) -> None:
    again = index_of([product("other", ["d"])], {"d": draw(3)})
    one, other = publish(tmp_path / "one", second), publish(tmp_path / "other", again)
    assert one == other
    assert one.version == other.version
    assert len(one.version) == 12


def test_other_input_gives_another_version(tmp_path: Path, first: IndexArtifact, second: IndexArtifact) -> None:
    versions = {
        publish(tmp_path / "a", first).version,
        publish(tmp_path / "b", second).version,
        publish(tmp_path / "c", second, catalog_digest="d" * 64).version,
        publish(tmp_path / "d", second, embedder="other@1").version,
    }
    assert len(versions) == 4


def test_the_old_index_goes_and_nothing_else(tmp_path: Path, first: IndexArtifact, second: IndexArtifact) -> None:
    folder = tmp_path / "index"
    old = publish(folder, first)
    for stranger in ("evidence", "0123456789abcdef"):
        (folder / stranger).mkdir()
    new = publish(folder, second)
    assert everything_in(folder) == {"current", ".lock", new.version, "evidence", "0123456789abcdef"}
    assert old.version != new.version
    assert everything_in(tmp_path) == {"index"}


def test_publishing_twice_changes_nothing(tmp_path: Path, first: IndexArtifact) -> None:
    complete = publish(tmp_path, first)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / complete.version).rglob("*")}
    assert publish(tmp_path, first) == complete
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / complete.version).rglob("*")} == before


def test_there_is_no_index_yet(tmp_path: Path) -> None:
    with pytest.raises(NotReady, match="there is no index") as refusal:
        load(tmp_path / "nowhere")
    assert "assayer index build" in refusal.value.advice


@pytest.mark.parametrize("how", ["changed", "cut", "gone"])
@pytest.mark.parametrize("name", ["votes.faiss", "arrays/points.npy", "arrays/embeddings.npy", "checkpoint.json"])
def test_a_damaged_file_is_named_and_mended_by_the_next_build(
    tmp_path: Path, first: IndexArtifact, name: str, how: str
) -> None:
    complete = publish(tmp_path, first)
    path = tmp_path / complete.version / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(content if how == "changed" else content[:-3])
    with pytest.raises(NotReady, match=name) as refusal:
        load(tmp_path)
    assert not isinstance(refusal.value, IndexMismatch)
    assert publish(tmp_path, first) == complete
    assert load(tmp_path).checkpoint == complete


@pytest.mark.parametrize("content", [b"", b"..", b"../../etc", b"\xff\xfe", b"0" * 12, b"no version"])
def test_a_broken_pointer_is_not_ready(tmp_path: Path, first: IndexArtifact, content: bytes) -> None:
    publish(tmp_path, first)
    (tmp_path / "current").write_bytes(content)
    with pytest.raises(NotReady):
        load(tmp_path)
    with pytest.raises(NotReady):
        read_checkpoint(tmp_path)
    publish(tmp_path, first)
    load(tmp_path)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"embedder": "other@1"}, "other@1"),
        ({"features": "surf-9"}, "surf-9"),
        ({"format": FORMAT + 1}, f"format {FORMAT + 1}"),
        ({"logo_variants": "logo-variants-0"}, "logo-variants-0"),
    ],
)
def test_an_index_of_another_making_is_a_mismatch(
    tmp_path: Path, first: IndexArtifact, changes: dict[str, object], says: str
) -> None:
    publish(tmp_path, first, **changes)
    with pytest.raises(IndexMismatch, match=says) as refusal:
        load(tmp_path)
    assert refusal.value.exit_code == 2
    assert "assayer index build" in refusal.value.advice


def test_an_index_from_before_there_were_logos_is_a_mismatch(tmp_path: Path, first: IndexArtifact) -> None:
    version = tmp_path / publish(tmp_path, first).version / "checkpoint.json"
    stored = json.loads(version.read_bytes())
    version.write_text(
        json.dumps({name: stored[name] for name in stored if name not in ("logos", "logo_variants")} | {"format": 1})
    )
    with pytest.raises(IndexMismatch, match="format 1; this release reads format 2") as refusal:
        load(tmp_path)
    assert "assayer index build" in refusal.value.advice
    with pytest.raises(IndexMismatch):
        read_checkpoint(tmp_path)


# Logos in an index


@pytest.fixture(scope="module")
def logos(shipped_embedder: Embedder, drawings: Any) -> LogoIndex:
    return build_logo_index(drawings.pictures(3), shipped_embedder)


def with_logos(folder: Path, artifact: IndexArtifact, logos: LogoIndex) -> Checkpoint:
    checkpoint = replace(artifact.checkpoint, logos=logos.references)
    return write_artifact(folder, checkpoint, artifact.arrays, artifact.votes, logos)


def test_logos_that_are_written_are_read(tmp_path: Path, first: IndexArtifact, logos: LogoIndex) -> None:
    complete = with_logos(tmp_path, first, logos)
    found = load(tmp_path).logos
    assert found.references == logos.references == complete.logos
    for field in fields(LogoArrays):
        one, other = getattr(found.arrays, field.name), getattr(logos.arrays, field.name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    descriptors = logos.arrays.descriptors[:50].astype(np.float32) / 512
    count = len(logos.references)
    np.testing.assert_array_equal(found.votes.vote(descriptors, count), logos.votes.vote(descriptors, count))
    for one, other in zip(found.search(logos.vectors[:4], 5), logos.search(logos.vectors[:4], 5), strict=True):
        np.testing.assert_array_equal(one, other)
    assert {name for name, _ in complete.files if name.startswith("logos/")} == {
        *(f"logos/{field.name}.npy" for field in fields(LogoArrays)),
        "logos/votes.faiss",
    }


def test_the_search_structure_of_many_logos_is_kept(
    tmp_path: Path, first: IndexArtifact, logos: LogoIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index.vector_search, "EXACT_BELOW", 4)
    many = LogoIndex(logos.references, logos.arrays, VectorSearch.build(logos.vectors), logos.votes)
    assert "logos/search.faiss" in dict(with_logos(tmp_path, first, many).files)
    found = load(tmp_path).logos
    assert found.vector_search.index is not None
    for one, other in zip(found.search(logos.vectors[:4], 5), many.search(logos.vectors[:4], 5), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_catalog_without_logos_costs_nothing(tmp_path: Path, first: IndexArtifact) -> None:
    complete = publish(tmp_path, first)
    assert not (tmp_path / complete.version / "logos").exists()
    found = load(tmp_path).logos
    assert found.references == ()
    cosines, numbers = found.search(np.ones((2, 7), np.float32), 3)
    assert (cosines == -1).all()
    assert (numbers == -1).all()


def test_other_logos_give_another_version(
    tmp_path: Path, first: IndexArtifact, logos: LogoIndex, shipped_embedder: Embedder, drawings: Any
) -> None:
    fewer = build_logo_index(drawings.pictures(2), shipped_embedder)
    again = build_logo_index(drawings.pictures(3), shipped_embedder)
    versions = [with_logos(tmp_path / str(at), first, one).version for at, one in enumerate((logos, again, fewer))]
    assert versions[0] == versions[1] != versions[2]


def test_a_checkpoint_that_names_other_logos_is_not_written(
    tmp_path: Path, first: IndexArtifact, logos: LogoIndex
) -> None:
    with pytest.raises(ValueError, match="other logos"):
        write_artifact(tmp_path, first.checkpoint, first.arrays, first.votes, logos)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["vectors.npy", "votes.faiss", "thumbs.npy"])
@pytest.mark.parametrize("content", [None, b"damaged"])
def test_damaged_logos_are_named(
    tmp_path: Path, first: IndexArtifact, logos: LogoIndex, name: str, content: bytes | None
) -> None:
    file = tmp_path / with_logos(tmp_path, first, logos).version / "logos" / name
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(NotReady, match=f"logos/{name} is damaged"):
        load(tmp_path)


def test_nothing_is_pickled(tmp_path: Path, first: IndexArtifact) -> None:
    """An array of objects would run code when it is read, so numpy is told to refuse them, both ways."""
    calls = [
        node
        for module in (index.artifact, index.logo_files)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("save", "load")
        if isinstance(node.func.value, ast.Name) and node.func.value.id == "np"
    ]
    assert len(calls) == 4
    for call in calls:
        assert [(word.arg, ast.literal_eval(word.value)) for word in call.keywords] == [("allow_pickle", False)]
    objects = np.array([{}, []], dtype=object)
    with pytest.raises(ValueError, match="allow_pickle"):
        write_artifact(tmp_path, first.checkpoint, replace(first.arrays, pdq=objects), first.votes)


def test_a_build_that_fails_leaves_the_old_index(tmp_path: Path, first: IndexArtifact, second: IndexArtifact) -> None:
    complete = publish(tmp_path, first)
    broken = replace(second.arrays, pdq=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        write_artifact(tmp_path, second.checkpoint, broken, second.votes)
    assert load(tmp_path).checkpoint == complete
    new = publish(tmp_path, second)
    assert everything_in(tmp_path) == {"current", ".lock", new.version}


def test_readers_never_meet_half_an_index(tmp_path: Path, first: IndexArtifact, second: IndexArtifact) -> None:
    """While one thread publishes two indexes in turn, and so removes the other, each read finds a whole one."""
    wanted = {publish(tmp_path, first).version, publish(tmp_path, second).version}
    done = threading.Event()

    def keep_publishing() -> None:
        while not done.is_set():
            publish(tmp_path, first)
            publish(tmp_path, second)

    writer = threading.Thread(target=keep_publishing)
    writer.start()
    try:
        found = [load(tmp_path).checkpoint.version for _ in range(60)]
    finally:
        done.set()
        writer.join()
    assert set(found) <= wanted


def test_builds_at_the_same_time_do_not_disturb_each_other(
    tmp_path: Path, first: IndexArtifact, second: IndexArtifact
) -> None:
    failures: list[BaseException] = []

    def keep_publishing(artifact: IndexArtifact) -> None:
        try:
            for _ in range(10):
                publish(tmp_path, artifact)
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            failures.append(error)

    writers = [threading.Thread(target=keep_publishing, args=(one,)) for one in (first, second, first)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failures == []
    assert everything_in(tmp_path) == {"current", ".lock", load(tmp_path).checkpoint.version}


_PUBLISHER = """
import itertools, os, signal, sys
from pathlib import Path
from index.artifact import read_artifact, write_artifact
from index.embedder import Embedder
from index.local_features import FEATURES_VERSION
from index.logo_index import LogoArrays, LogoIndex, build_logo_index
from index.vector_search import VectorSearch
sources = [read_artifact(Path(folder), embedder="stand-in@0", features=FEATURES_VERSION) for folder in sys.argv[2:]]
for line in sys.stdin:
    last, calls, child = int(line), itertools.count(1), os.fork()
    if child == 0:
        def count(frame, event, argument):
            if event == "c_call" and next(calls) == last:
                os.kill(os.getpid(), signal.SIGKILL)
        sys.setprofile(count)
        for one in sources:
            write_artifact(Path(sys.argv[1]), one.checkpoint, one.arrays, one.votes)
        sys.setprofile(None)
        print(next(calls), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""


@pytest.fixture
def publisher(tmp_path: Path, first: IndexArtifact, second: IndexArtifact) -> Iterator[subprocess.Popen[str]]:
    """For each number it is sent, a child that publishes two indexes and kills itself at that call out of Python.

    A child that lives to publish both says how many calls it made.
    """
    folders = [str(tmp_path / name) for name in ("index", "second", "first")]
    publish(tmp_path / "first", first)
    publish(tmp_path / "second", second)
    process = subprocess.Popen(
        [sys.executable, "-c", _PUBLISHER, *folders],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield process
        assert process.stdin
        process.stdin.close()


def test_a_killed_build_leaves_an_index_and_no_litter(
    tmp_path: Path, publisher: subprocess.Popen[str], first: IndexArtifact, second: IndexArtifact
) -> None:
    folder = tmp_path / "index"
    wanted = {publish(folder, second).version, publish(folder, first).version}

    def said_when_killed_at(call: int) -> list[str]:
        assert publisher.stdin
        assert publisher.stdout
        publisher.stdin.write(f"{call}\n")
        publisher.stdin.flush()
        return list(iter(publisher.stdout.readline, "gone\n"))

    [calls] = map(int, said_when_killed_at(0))
    littered = 0
    for part in range(40):
        publish(folder, first)
        assert said_when_killed_at(1 + calls * part // 40) == []
        assert load(folder).checkpoint.version in wanted
        littered += len(everything_in(folder)) > 3
    assert littered > 20
    complete = publish(folder, first)
    assert everything_in(folder) == {"current", ".lock", complete.version}
