"""The sets of models that were promoted in a home folder: which is in use, how it got there, and the way back.

``models/promoted/VERSION/`` holds a whole set, so that no two models of different promotions ever meet;
``models/promoted/current`` holds the record of the one in use, and replacing that file is the one moment of change;
``models/promotions.jsonl`` is the log. A process killed between the two leaves a record that the log lacks: it is read
from ``current``, and written down by the next change.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from domain.codec import canonical_json, digest, dump, load
from domain.errors import BadInput, NotFound, NotReady, PromotionRefused, SettingRefused
from domain.promotion import EMBEDDED, Promotion, PromotionAction
from domain.settings import Settings
from store.folders import keep_names

LOG = "promotions.jsonl"
_CURRENT, _STAGING = "current", ".staging"
_ADVICE = "See what was promoted: assayer models history. Go back: assayer models undo."


def embedded_models() -> Path:
    """Where the models lie that came with this release."""
    import models

    return Path(models.__file__).parent


def models_in_use(settings: Settings) -> Path:
    """The folder that the settings name, or the set promoted last, or the embedded models.

    Raises SettingRefused when the named folder is not there, NotReady when the promoted one is not.
    """
    chosen = settings.models_dir
    if chosen is not None:
        if not chosen.is_dir():
            advice = "Name the folder that holds the models, or unset it to use the embedded ones."
            raise SettingRefused(f"no folder {chosen}", field="ASSAYER_MODELS_DIR", advice=advice)
        return chosen
    return folder_of(settings.home, version_in_use(settings.home))


def folder_of(home: Path, version: str) -> Path:
    """Where the models of that version lie. Raises NotReady where they were taken away."""
    if version == EMBEDDED:
        return embedded_models()
    folder = _promoted(home) / version
    if not folder.is_dir():
        raise NotReady(f"the promoted models {version} are not there", advice=_ADVICE)
    return folder


def version_of(home: Path, folder: Path) -> str:
    """The inverse of `folder_of`."""
    return folder.name if folder.parent == _promoted(home) else EMBEDDED


def version_in_use(home: Path) -> str:
    """Version of the promoted set in use, or `EMBEDDED`. Raises NotReady where the record of it is broken."""
    current = _read_current(home)
    return current.version if current else EMBEDDED


def history(home: Path) -> list[Promotion]:
    """Every change, oldest first. Raises NotReady where the log is broken."""
    logged = _read_log(home)
    current = _read_current(home)
    return logged if current is None or current in logged[-1:] else [*logged, current]


@contextlib.contextmanager
def staging(home: Path) -> Iterator[Path]:
    """A folder to make a set in, on the file system of the promoted ones; it goes with the block."""
    folder = _promoted(home) / f"{_STAGING}-{os.getpid()}"
    for left in _promoted(home).glob(f"{_STAGING}-*"):
        if not Path(f"/proc/{left.name.rpartition('-')[2]}").exists() or left == folder:
            shutil.rmtree(left, ignore_errors=True)  # of a killed process
    _making(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def files_in(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a set, by name."""
    return {path.name: _sha256(path) for path in sorted(folder.iterdir()) if path.is_file()}


def set_version(files: Mapping[str, str]) -> str:
    """12 hex digits over names and contents."""
    return digest(dict(files))[:12]


def publish(home: Path, staged: Path, record: Promotion) -> Promotion:
    """Put the set in `staged` to use, under the version and the files that `record` says; the record.

    Raises PromotionRefused where another set was put to use since `record.former` was: it was not compared with that.
    """
    with _only_writer(home):
        if version_in_use(home) != record.former:
            raise PromotionRefused(
                f"{version_in_use(home)} was put to use meanwhile, which the candidate was not held against",
                advice="Promote again.",
            )
        _settle(home, staged, record)
        _switch(home, record)
    return record


def undo(home: Path, *, by: str, at: datetime) -> Promotion:
    """Back to what was in use before the last promotion that still holds; the record of it.

    Raises NotFound where nothing is promoted, NotReady where the former set was taken away, BadInput without a name.
    """
    if not by.strip():
        raise BadInput("needs a name", field="by", advice="Say who undoes it: --by NAME.")
    with _only_writer(home):
        done = _standing(history(home))
        if not done:
            raise NotFound("no promotion is left to be undone", advice="See what was done: assayer models history.")
        last = done[-1]
        folder_of(home, last.former)
        record = Promotion(
            action=PromotionAction.UNDONE,
            at=at,
            by=by.strip(),
            former=last.version,
            version=last.former,
            former_models=last.models,
            models=last.former_models,
            files=_files_of(home, last.former),
        )
        _switch(home, record)
    return record


def _standing(records: list[Promotion]) -> list[Promotion]:
    """The promotions that were not undone, oldest first."""
    done: list[Promotion] = []
    for record in records:
        if record.action == PromotionAction.PROMOTED:
            done.append(record)
        else:
            del done[-1:]
    return done


def _files_of(home: Path, version: str) -> dict[str, str]:
    return {} if version == EMBEDDED else files_in(folder_of(home, version))


def _promoted(home: Path) -> Path:
    return home / "models" / "promoted"


def _making(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"the folder {folder} cannot be made ({error.strerror})"
        raise SettingRefused(reason, field="ASSAYER_HOME", advice="Name a folder that you may write to.") from error


@contextlib.contextmanager
def _only_writer(home: Path) -> Iterator[None]:
    """One change at a time. The kernel lets go of the lock when a process dies."""
    _making(_promoted(home))
    with (_promoted(home) / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _settle(home: Path, staged: Path, record: Promotion) -> None:
    """Under its version; what lies there already stays, as it may be in use, unless it is damaged."""
    folder = _promoted(home) / record.version
    if folder.is_dir():
        if files_in(folder) == dict(record.files):
            return
        shutil.rmtree(folder)
    for path in staged.iterdir():
        keep_names(path)
    keep_names(staged)
    staged.rename(folder)
    keep_names(folder.parent)


def _switch(home: Path, record: Promotion) -> None:
    """The log first takes up what a killed process left out of it."""
    current = _read_current(home)
    logged = _read_log(home)
    if current is not None and current not in logged[-1:]:
        _append(home, current)
    pointer = _promoted(home) / _CURRENT
    partial = pointer.with_name(f".{_CURRENT}")
    _write_synced(partial, canonical_json(dump(record)))
    partial.replace(pointer)
    keep_names(pointer.parent)
    _append(home, record)


def _read_current(home: Path) -> Promotion | None:
    try:
        content = (_promoted(home) / _CURRENT).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NotReady(f"the record of the models in use cannot be read ({error.strerror})", advice=_ADVICE) from error
    return _record(content, "the record of the models in use is broken")


def _read_log(home: Path) -> list[Promotion]:
    """A last line without its end is what a killed process began to write; it says nothing yet."""
    try:
        content = (home / "models" / LOG).read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise NotReady(f"{LOG} cannot be read ({error.strerror})", advice=_ADVICE) from error
    lines = content.split(b"\n")[:-1]
    return [_record(line, f"line {number} of {LOG} is broken") for number, line in enumerate(lines, start=1)]


def _record(content: bytes, reason: str) -> Promotion:
    try:
        return load(Promotion, json.loads(content))
    except (ValueError, BadInput) as error:
        raise NotReady(f"{reason} ({error})", advice="Restore the file from a copy.") from error


def _append(home: Path, record: Promotion) -> None:
    path = home / "models" / LOG
    with path.open("ab+") as file:
        file.seek(0)
        whole = file.read().rfind(b"\n") + 1
        file.truncate(whole)  # of a line that was never ended
        file.write(canonical_json(dump(record)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    keep_names(path.parent)


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
