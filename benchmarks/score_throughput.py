"""How fast `assayer score` is: listings per second, share of time per stage, and peak memory.

    python benchmarks/score_throughput.py --shop DIR     # catalog/, listings.jsonl, as in realshop

The whole run is timed as a person runs it, in a process of its own. The shares come from a second pass over a sample
in this process, stage by stage on one thread; the matcher's own parts are timed by wrapping its functions.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

_ASSAYER = (sys.executable, "-m", "cli")
_STAGES = {
    "describe (SIFT, PDQ)": "index.matcher.prepare",
    "query views": "index.matcher.query_views",
    "align": "index.matcher.align",
    "compare": "index.matcher.compare",
    "unwarp": "index.matcher.unwarp",
    "color": "index.matcher.color_distances",
}


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"ASSAYER_HOME": home}
        _run(environment, "catalog", "import", str(arguments.shop / "catalog"))
        _run(environment, "listings", "import", str(arguments.shop / "listings.jsonl"))
        _run(environment, "index", "build")
        started = time.perf_counter()
        scored = json.loads(_run(environment, "score", "--all", "--json"))["scored"]
        seconds = time.perf_counter() - started
        os.environ["ASSAYER_HOME"] = home
        shares = _shares(arguments.sample)
    print(
        json.dumps(
            {
                "listings": scored,
                "seconds_with_start": round(seconds, 2),
                "listings_per_second": round(scored / seconds, 1),
                "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
                "share_of_time": shares,
            },
            indent=1,
        )
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shop", type=Path, required=True, help="folder with catalog/ and listings.jsonl")
    parser.add_argument("--sample", type=int, default=200, help="listings for the shares per stage")
    return parser.parse_args()


def _run(environment: dict[str, str], *command: str) -> str:
    done = subprocess.run([*_ASSAYER, *command], env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 1:
        raise SystemExit(done.stderr)
    return done.stdout


def _shares(sample: int) -> dict[str, float]:
    """Share of one thread's time, by stage; `other matching` is what no named part accounts for."""
    from domain.settings import load_settings
    from index.threads import one_thread_each
    from jobs.read_pictures import read_pictures
    from jobs.workspace import Workspace

    one_thread_each()
    spent: dict[str, float] = defaultdict(float)
    with Workspace(load_settings()) as work:
        scorer = work.scorer()
        listings = list(islice(work.records.listings(), sample))
        scorer.matcher._embed = _timed(spent, "embed", scorer.matcher._embed)
        votes = scorer.matcher.artifact.votes
        votes.vote = _timed(spent, "votes", votes.vote)  # type: ignore[method-assign]
        with _wrapped(spent):
            for listing in listings:
                with _clock(spent, "read and decode"):
                    pictures, _ = read_pictures(listing, work.evidence, work.settings)
                with _clock(spent, "matching"):
                    matches = scorer.matcher.match(listing, pictures)
                with _clock(spent, "signals and combiner"):
                    scorer.combiner.assess(listing, matches, scorer.catalog, versions=scorer.versions)
    inner = sum(spent[name] for name in (*_STAGES, "embed", "votes"))
    spent["other matching"] = spent.pop("matching") - inner
    total = sum(spent.values())
    return {name: round(seconds / total, 3) for name, seconds in sorted(spent.items(), key=lambda item: -item[1])}


@contextmanager
def _clock(spent: dict[str, float], stage: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    spent[stage] += time.perf_counter() - started


def _timed(spent: dict[str, float], stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def timed(*args: Any, **kwargs: Any) -> Any:
        with _clock(spent, stage):
            return function(*args, **kwargs)

    return timed


@contextmanager
def _wrapped(spent: dict[str, float]) -> Iterator[None]:
    import importlib

    patches = []
    for stage, name in _STAGES.items():
        module, _, attribute = name.rpartition(".")
        function = getattr(importlib.import_module(module), attribute)
        patches.append(patch(name, _timed(spent, stage, function)))
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()


if __name__ == "__main__":
    main()
