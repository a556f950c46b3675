"""Which code trains: the commit that a model's manifest names."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]
_TRAINS = ("crawler", "domain", "index", "jobs", "scoring", "store", "training")
"""Rooms whose code or tables decide what comes out of a training. ``models`` is none: training writes there."""
_ELSEWHERE = {"GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_PREFIX"}
"""Variables that a git hook sets: they would answer for another checkout."""
_TIMEOUT_S = 10.0


def source_commit(root: Path = _ROOT) -> str | None:
    """The commit that is checked out at `root`, with ``-dirty`` where a tracked file that trains differs from it.

    None where `root` is no checkout's top folder (an installed package, a copy), where there is no git, or where git
    does not answer in ten seconds.
    """
    git = shutil.which("git")
    if git is None:
        return None
    try:
        # a package installed somewhere inside another project's checkout is not at that project's commit
        top, commit = _ask(git, root, "rev-parse", "--show-toplevel", "HEAD").stdout.splitlines()
        if Path(top).resolve() != root.resolve():
            return None
        compared = _ask(git, root, "diff", "--quiet", "--no-ext-diff", "HEAD", "--", *_TRAINS, passes=(0, 1))
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return f"{commit}-dirty" if compared.returncode else commit


def _ask(git: str, root: Path, *arguments: str, passes: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    """Raises SubprocessError for another exit status than those in `passes`, and after the time is over."""
    environment = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    done = subprocess.run(
        [git, "-C", str(root), *arguments],
        env=environment | {"GIT_OPTIONAL_LOCKS": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode not in passes:
        raise subprocess.CalledProcessError(done.returncode, git, done.stdout, done.stderr)
    return done
