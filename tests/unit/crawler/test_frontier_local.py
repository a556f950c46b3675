"""The local frontier's file: whose it is, what is refused, and what a killed process leaves."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from crawler.frontier import local
from crawler.frontier.file import APPLICATION_ID
from crawler.frontier.interface import Counts, Entry
from crawler.frontier.local import LocalFrontier
from crawler.sources.interface import Ask
from domain.errors import RecordsNewer, StoreUnavailable

REPOSITORY = Path(__file__).resolve().parents[3]
PLENTY = 1_000_000


def entry(key: str, host: str = "shop.example", **ask: Any) -> Entry:
    return Entry(key=key, ask=Ask(url=f"https://{host}/{key}", **ask), host=host)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "crawl" / "frontier.db"


def refused(path: Path) -> StoreUnavailable:
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StoreUnavailable) as caught:
        LocalFrontier(path)
    assert str(path) in caught.value.message
    assert caught.value.advice
    if before is not None:
        assert path.read_bytes() == before, "what is refused is left as it is"
    return caught.value


def test_a_second_one_on_the_same_file_is_refused(path: Path) -> None:
    frontier = LocalFrontier(path)
    with pytest.raises(StoreUnavailable, match="another process is at work"):
        LocalFrontier(path)
    frontier.add([entry("a")], most=1)
    frontier.close()
    again = LocalFrontier(path)
    assert again.counts() == Counts(waiting=1)
    again.close()


def test_another_process_is_refused_and_let_in_after_a_kill(path: Path) -> None:
    code = f"""
from pathlib import Path
from crawler.frontier.local import LocalFrontier
frontier = LocalFrontier(Path({str(path)!r}))
print("open", flush=True)
input()
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout
        assert child.stdout.readline() == "open\n"
        with pytest.raises(StoreUnavailable, match="another process is at work"):
            LocalFrontier(path)
        child.kill()
    LocalFrontier(path).close()


@pytest.mark.parametrize(
    "content", [b"no database at all\n" * 500, b"\x00" * 5_000, b"SQLite format 3\x00" + b"?" * 99]
)
def test_what_is_no_database_is_refused(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    assert "is not a frontier" in refused(path).message


def test_another_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE listing (id)")
    other.close()
    assert "is not a frontier" in refused(path).message


@pytest.mark.parametrize("version", [0, 2, 99])
def test_another_format_is_refused(path: Path, version: int) -> None:
    LocalFrontier(path).close()
    with sqlite3.connect(path) as file:
        file.execute(f"PRAGMA user_version = {version}")
    file.close()
    before = path.read_bytes()
    with pytest.raises(RecordsNewer, match=f"has format {version}, this Assayer reads 1") as caught:
        LocalFrontier(path)
    assert caught.value.advice
    assert path.read_bytes() == before


def test_a_damaged_file_is_refused(path: Path) -> None:
    frontier = LocalFrontier(path)
    frontier.add([entry(str(number)) for number in range(2_000)], most=PLENTY)
    frontier.close()
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 9] = random.Random(1).randbytes(4096 * 6)
    path.write_bytes(content)
    assert "the frontier is damaged" in refused(path).message


def test_a_file_that_was_cut_off_is_refused(path: Path) -> None:
    frontier = LocalFrontier(path)
    frontier.add([entry(str(number)) for number in range(2_000)], most=PLENTY)
    frontier.close()
    path.write_bytes(path.read_bytes()[: 4096 * 5 + 17])
    assert "the frontier is damaged" in refused(path).message


def test_no_file_can_be_made_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert "cannot be used" in refused(tmp_path / "file" / "frontier.db").message
    assert "cannot be used" in refused(tmp_path).message


def test_an_empty_file_becomes_a_frontier(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    LocalFrontier(path).close()
    with sqlite3.connect(path) as file:
        assert file.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    file.close()


def test_an_entry_that_cannot_be_read_says_so(path: Path) -> None:
    frontier = LocalFrontier(path)
    frontier.add([entry("a")], most=1)
    frontier.close()
    for content in ("[", "{}", '["a", {"adress": "x"}]', '["a", {}]', "[1, 2, 3]", '["a", {"url": "x", "then": 7}]'):
        with sqlite3.connect(path) as file:
            file.execute("UPDATE entry SET content = ?", (content,))
        file.close()
        frontier = LocalFrontier(path)
        with pytest.raises(StoreUnavailable, match="cannot be read"):
            frontier.take(now=0)
        frontier.close()


def test_a_full_disk_takes_back_what_was_not_flushed(path: Path) -> None:
    frontier = LocalFrontier(path)
    frontier.add([entry("a"), entry("b")], most=PLENTY)
    frontier.flush()
    frontier.take(now=0)
    pages = frontier._file.execute("PRAGMA page_count").fetchone()[0]
    frontier._file.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreUnavailable, match="full") as caught:
        frontier.add([entry(f"{number}" * 99) for number in range(2_000)], most=PLENTY)
    assert "free space" in caught.value.advice
    with pytest.raises(StoreUnavailable):
        frontier.flush()
    frontier.close()
    again = LocalFrontier(path)
    assert again.counts() == Counts(waiting=2)
    assert again.known(["0" * 99]) == set()
    again.close()


def copied(path: Path, name: str) -> LocalFrontier:
    """As a process finds it that is started after the other was killed now."""
    shutil.copytree(path.parent, path.parent.parent / name)
    return LocalFrontier(path.parent.parent / name / path.name)


def test_nothing_is_committed_before_it_is_flushed(path: Path) -> None:
    frontier = LocalFrontier(path)
    frontier.add([entry("a")], most=PLENTY)
    before = copied(path, "before")
    frontier.flush()
    after = copied(path, "after")
    assert (before.counts(), after.counts()) == (Counts(), Counts(waiting=1))
    for each in (frontier, before, after):
        each.close()


def test_a_crawl_that_is_never_flushed_commits_whole_calls(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "MOST_UNFLUSHED", 50)
    frontier = LocalFrontier(path)
    frontier.add([entry("0")], most=PLENTY)
    seen = set()
    for number in range(40):
        taken = frontier.take(now=0)
        assert taken is not None
        frontier.add([entry(f"{number}-{each}") for each in range(7)], most=PLENTY)
        frontier.finish(taken.key)
        left = copied(path, f"after-{number}")
        counts = left.counts()
        assert counts.planned in (0, 1 + 7 * counts.done, 8 + 7 * counts.done), "all that a page led to, or nothing"
        seen.add(counts.done)
        left.close()
    assert 4 <= len(seen) < 20
    frontier.close()


CRAWL = """
import itertools, os, signal, sys
from pathlib import Path
from crawler.frontier.interface import Entry
from crawler.frontier.local import LocalFrontier
from crawler.sources.interface import Ask

path, (pages, fanout, die_at) = Path(sys.argv[1]), map(int, sys.argv[2:])
statements = itertools.count(1)

def count_statement(_):
    if next(statements) == die_at:
        os.kill(os.getpid(), signal.SIGKILL)

def entry(number):
    host = f"{number % 5}.example"
    return Entry(key=str(number), ask=Ask(url=f"https://{host}/{number}", priority=number % 4), host=host)

frontier = LocalFrontier(path)
frontier._file.set_trace_callback(count_statement)
frontier.add([entry(0)], most=pages)
done = []
while taken := frontier.take(now=0):
    print("took", taken.key, flush=True)
    number = int(taken.key)
    found = [entry(child) for child in range(number * fanout + 1, number * fanout + fanout + 1) if child < pages]
    if number % 11 == 3 and not taken.attempts:
        frontier.postpone(taken.key, until=-1)
    elif number % 13 == 5:
        frontier.add(found, most=pages)
        frontier.bury(taken.key, reason="Broken.", status=500)
        done.append(taken.key)
    else:
        frontier.add(found, most=pages)
        frontier.finish(taken.key)
        done.append(taken.key)
    if len(done) % 6 == 5:
        frontier.flush()
        print("kept", *done, flush=True)
        done.clear()
frontier.close()
print("kept", *done, flush=True)
"""


_KILLS = 8


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_statement_nothing_is_lost_and_nothing_kept_comes_again(path: Path, seed: int) -> None:
    pages, fanout = 2_000, 4
    chance = random.Random(seed)
    took: set[str] = set()
    kept: set[str] = set()
    taken_after_kept: set[str] = set()
    for kill in range(_KILLS + 1):
        die_at = chance.randint(1, 1_500) if kill < _KILLS else 0
        command = [sys.executable, "-c", CRAWL, *map(str, (path, pages, fanout, die_at))]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == (-signal.SIGKILL if die_at else 0), done.stderr
        for line in done.stdout.splitlines():
            said, *words = line.split()
            if said == "took":
                took.update(words)
                taken_after_kept |= kept.intersection(words)
            else:
                kept.update(words)
    assert taken_after_kept == set()
    assert kept <= took == set(map(str, range(pages)))
    assert len(kept) > pages / 2  # all but those of which a killed process could not tell any more
    frontier = LocalFrontier(path)
    dead = len([number for number in range(pages) if number % 13 == 5])
    assert frontier.counts() == Counts(done=pages - dead, dead=dead)
    assert len(frontier.dead_letters()) == dead
    frontier.close()
