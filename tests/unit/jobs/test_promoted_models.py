from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import BadInput, NotFound, NotReady, PromotionRefused
from domain.promotion import EMBEDDED, Comparison, ModelKind, Promotion, PromotionAction
from domain.settings import Settings
from jobs import promoted_models as module
from jobs.promoted_models import (
    LOG,
    embedded_models,
    files_in,
    folder_of,
    history,
    models_in_use,
    publish,
    set_version,
    staging,
    undo,
    version_in_use,
    version_of,
)

AT = datetime(2026, 5, 1, 9, 30, tzinfo=UTC)
FIGURE = Comparison(
    model=ModelKind.COMBINER,
    figure="log loss",
    held_out="reviews",
    examples=10,
    groups=3,
    in_use=0.2,
    candidate=0.1,
    difference=-0.1,
    low=-0.2,
    high=0.0,
    worse=False,
)


def put(home: Path, content: str, *, minutes: int = 0, former: str | None = None) -> Promotion:
    """A set of two files that say which they are, put to use."""
    with staging(home) as staged:
        for name in ("combiner.json", "verifier.json"):
            (staged / name).write_text(content)
        files = files_in(staged)
        record = Promotion(
            action=PromotionAction.PROMOTED,
            at=AT + timedelta(minutes=minutes),
            by="ann",
            former=former or version_in_use(home),
            version=set_version(files),
            former_models={"combiner": "before"},
            models={"combiner": content},
            comparisons=(FIGURE,),
            files=files,
        )
        return publish(home, staged, record)


def in_use(home: Path) -> str:
    """What all files of the set in use say; they say the same."""
    folder = models_in_use(Settings(home=home))
    if folder == embedded_models():
        return EMBEDDED
    (said,) = {path.read_text() for path in folder.iterdir()}
    return said


def test_nothing_promoted_leaves_the_embedded_models_in_use(tmp_path: Path) -> None:
    assert in_use(tmp_path) == version_in_use(tmp_path) == EMBEDDED
    assert history(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_the_last_set_is_in_use_and_each_is_in_the_log(tmp_path: Path) -> None:
    records = [put(tmp_path, "one"), put(tmp_path, "two")]
    assert in_use(tmp_path) == "two"
    assert [record.former for record in records] == [EMBEDDED, records[0].version]
    assert history(tmp_path) == records
    lines = (tmp_path / "models" / LOG).read_text().splitlines()
    assert [json.loads(line)["version"] for line in lines] == [record.version for record in records]
    assert files_in(models_in_use(Settings(home=tmp_path))) == records[1].files
    assert version_of(tmp_path, folder_of(tmp_path, records[0].version)) == records[0].version
    assert version_of(tmp_path, embedded_models()) == EMBEDDED


def test_undoing_goes_back_step_by_step_and_is_recorded(tmp_path: Path) -> None:
    put(tmp_path, "one")
    put(tmp_path, "two")
    first = undo(tmp_path, by=" bob ", at=AT)
    assert (first.action, first.by, first.models) == (PromotionAction.UNDONE, "bob", {"combiner": "before"})
    assert in_use(tmp_path) == "one"
    put(tmp_path, "three")
    assert in_use(tmp_path) == "three"
    undo(tmp_path, by="bob", at=AT)
    assert in_use(tmp_path) == "one"
    undo(tmp_path, by="bob", at=AT)
    assert in_use(tmp_path) == EMBEDDED
    with pytest.raises(NotFound):
        undo(tmp_path, by="bob", at=AT)
    assert [record.action for record in history(tmp_path)] == ["promoted"] * 2 + ["undone", "promoted"] + ["undone"] * 2
    put(tmp_path, "two")
    assert in_use(tmp_path) == "two"


def test_a_set_that_was_not_compared_with_what_is_in_use_now_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "one")
    with pytest.raises(PromotionRefused, match="meanwhile"):
        put(tmp_path, "two", former=EMBEDDED)
    assert in_use(tmp_path) == "one"
    assert len(history(tmp_path)) == 1


def test_who_does_it_has_a_name(tmp_path: Path) -> None:
    put(tmp_path, "one")
    with pytest.raises(BadInput) as refusal:
        undo(tmp_path, by=" ", at=AT)
    assert refusal.value.field == "by"


def test_what_was_taken_away_or_broken_is_not_ready(tmp_path: Path) -> None:
    first = put(tmp_path, "one")
    put(tmp_path, "two")
    folder_of(tmp_path, first.version).rename(tmp_path / "elsewhere")
    with pytest.raises(NotReady):
        undo(tmp_path, by="ann", at=AT)
    assert in_use(tmp_path) == "two"
    (tmp_path / "models" / LOG).write_text("{}\n")
    with pytest.raises(NotReady, match="line 1"):
        history(tmp_path)
    assert in_use(tmp_path) == "two"
    (tmp_path / "models" / "promoted" / "current").write_text("nonsense")
    with pytest.raises(NotReady):
        in_use(tmp_path)


def test_a_damaged_set_is_replaced_by_the_same_set_whole(tmp_path: Path) -> None:
    record = put(tmp_path, "one")
    (folder_of(tmp_path, record.version) / "verifier.json").write_text("damaged")
    put(tmp_path, "one", minutes=1)
    assert in_use(tmp_path) == "one"


class Killed(BaseException):
    """The process ends here."""


def killed_at(step: int, monkeypatch: pytest.MonkeyPatch, action: Callable[[], object]) -> bool:
    """Whether `action` was ended before its `step`-th change of the disk; a write is then half done."""
    left = [step]

    def counting(real: Callable[..., Any], half: Callable[..., Any] | None = None) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                if half:
                    half(*given, **named)
                raise Killed
            if left[0] < 0:
                raise Killed  # nothing runs any more, not even what cleans up
            return real(*given, **named)

        return call

    def half_a_line(home: Path, record: Promotion) -> None:
        with (home / "models" / LOG).open("ab") as log:
            log.write(b'{"action":"promo')

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", counting(os.rename))
        patched.setattr(os, "replace", counting(os.replace))
        patched.setattr(module, "_append", counting(module._append, half_a_line))
        patched.setattr(
            module, "_write_synced", counting(module._write_synced, lambda path, content: path.write_bytes(content[:9]))
        )
        patched.setattr(shutil, "rmtree", counting(shutil.rmtree))
        try:
            action()
        except Killed:
            return True
    return False


CHANGES: dict[str, Callable[[Path], object]] = {
    "promote": lambda home: put(home, "three", minutes=2),
    "undo": lambda home: undo(home, by="ann", at=AT + timedelta(minutes=2)),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_killed_anywhere_the_old_or_the_new_set_is_in_use_and_the_log_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    step, died = 0, True
    while died:
        step += 1
        home = tmp_path / str(step)
        put(home, "one")
        before = put(home, "two", minutes=1)
        died = killed_at(step, monkeypatch, partial(CHANGES[kind], home))
        new = "three" if kind == "promote" else "one"
        assert in_use(home) in ("two", new)
        assert len(history(home)) == (2 if in_use(home) == "two" else 3)
        assert history(home)[:2][-1] == before
        put(home, "four", minutes=3)
        assert in_use(home) == "four"
        logged = [json.loads(line) for line in (home / "models" / LOG).read_text().splitlines()]
        assert [line["version"] for line in logged] == [record.version for record in history(home)]
        assert len({line["at"] for line in logged}) == len(logged)
    assert step > 3  # each change was met


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["one", "two", "three", "undo"]), max_size=8))
def test_whatever_is_done_a_stack_says_what_is_in_use(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    home = tmp_path_factory.mktemp("home")
    stack = [EMBEDDED]
    for minute, step in enumerate(steps):
        if step != "undo":
            put(home, step, minutes=minute)
            stack.append(step)
        elif len(stack) > 1:
            undo(home, by="ann", at=AT)
            stack.pop()
        assert in_use(home) == stack[-1]
