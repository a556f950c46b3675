"""How fast the frontiers are: pages per second, each taken, 20 more added, and finished; beside a plain deque.

    python benchmarks/frontier.py                        # the local one
    python benchmarks/frontier.py --redis-url redis://127.0.0.1:6379/0

200,000 entries wait already, of 1, 100 and 5,000 hosts. All hosts but one are to be avoided, another one for each page.
The deque lies in memory and knows no priorities, no hosts and no duplicates.
Each figure is the best of three rounds, taken in turns.
"""

from __future__ import annotations

import argparse
import json
import secrets
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any

from crawler.frontier.interface import Entry, Frontier
from crawler.frontier.local import LocalFrontier
from crawler.sources.interface import Ask, Priority

_PLENTY = 1 << 40
_FOUND = 20
_PAGES_PER_FLUSH = 30
_PRIORITIES = (Priority.PAGE, Priority.OFFER, Priority.VARIANT)


def main() -> None:
    arguments = _arguments()
    rows = [_measure(hosts, arguments) for hosts in (1, 100, 5_000)]
    print(json.dumps(rows, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--redis-url", default="", help="measure the shared frontier on this Redis too")
    parser.add_argument("--waiting", type=int, default=200_000, help="entries that wait already")
    parser.add_argument("--pages", type=int, default=500, help="pages of one round")
    return parser.parse_args()


def _measure(hosts: int, arguments: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        frontiers: dict[str, Frontier] = {"local": LocalFrontier(Path(folder) / "frontier.db")}
        if arguments.redis_url:
            from crawler.frontier.shared import SharedFrontier

            frontiers["shared"] = SharedFrontier(arguments.redis_url, "benchmark", secrets.token_hex(8), "worker")
        row: dict[str, Any] = {"waiting": arguments.waiting, "hosts": hosts, "avoided": hosts - 1}
        entries = _entries(hosts)
        first = list(islice(entries, arguments.waiting))
        for name, frontier in frontiers.items():
            row[f"{name}_added_per_second"] = round(_rate(partial(_fill, frontier, first), len(first)))
        rounds: dict[str, list[float]] = {"deque": [], **{name: [] for name in frontiers}}
        plain: deque[Entry] = deque(first)
        for _ in range(3):
            found = [list(islice(entries, _FOUND)) for _ in range(arguments.pages)]
            rounds["deque"].append(_rate(partial(_crawl_plainly, plain, found), len(found)))
            for name, frontier in frontiers.items():
                rounds[name].append(_rate(partial(_crawl, frontier, found, hosts), len(found)))
        for name, rates in rounds.items():
            row[f"{name}_pages_per_second"] = round(max(rates))
        for name, frontier in frontiers.items():
            row[f"{name}_share_of_deque"] = float(f"{max(rounds[name]) / max(rounds['deque']):.2g}")
            frontier.clear()
            frontier.close()
        return row


def _entries(hosts: int) -> Iterator[Entry]:
    """Addresses of ordinary length, over all hosts and priorities in turn, without end."""
    priorities = cycle(_PRIORITIES)
    for number in count():
        host = f"shop{number % hosts}.example"
        url = f"https://{host}/collections/all/products/an-ordinary-name-{number}"
        yield Entry(key=url, ask=Ask(url=url, priority=next(priorities), referer=f"https://{host}/"), host=host)


def _fill(frontier: Frontier, entries: list[Entry]) -> None:
    frontier.add(entries, most=_PLENTY)
    frontier.flush()


def _crawl(frontier: Frontier, found: list[list[Entry]], hosts: int) -> None:
    names = [f"shop{number}.example" for number in range(hosts)]
    avoid = set(names)
    for number, each in enumerate(found):
        free = names[number % hosts]
        avoid.discard(free)
        taken = frontier.take(now=0.0, avoid=avoid)
        assert taken, "something of this host waits"
        assert taken.host == free
        avoid.add(free)
        frontier.add(each, most=_PLENTY)
        frontier.finish(taken.key)
        if number % _PAGES_PER_FLUSH == 0:
            frontier.flush()
    frontier.flush()


def _crawl_plainly(entries: deque[Entry], found: list[list[Entry]]) -> None:
    for each in found:
        entries.popleft()
        entries.extend(each)


def _rate(work: Callable[[], None], times: int) -> float:
    started = time.perf_counter()
    work()
    return times / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
