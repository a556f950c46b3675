"""Crawl, from a process that has other things to do."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import domain.errors
from crawler.addresses import check_url
from crawler.browser.chromium import why_no_browser
from crawler.manners.contact import check_contact
from crawler.report import CrawlReport
from crawler.session import CrawlOrder, Search
from domain.codec import dump, load
from domain.errors import AssayerError, BadInput, CrawlFailed, FetchRefused, NotReady
from domain.progress import Progress, silent
from domain.settings import Settings

_PATIENCE_S = 10.0
_LAST_BYTES = 4_000
_ADVICE = "What was saved stays; run the crawl again to go on."


def crawl(
    targets: Sequence[str],
    settings: Settings,
    *,
    max_pages: int = 1000,
    marketplace: str | None = None,
    searches: Sequence[Search] = (),
    yields: Mapping[str, Any] | None = None,
    fresh: bool = False,
    only_new: bool = False,
    screenshots: bool = False,
    progress: Progress = silent,
) -> CrawlReport:
    """Crawl the sites of `targets` (URLs; without a scheme, https) and store their listings as they come.

    At most `max_pages` pages are asked for, targets included, in all runs of a crawl together; what does not count is
    in docs/finding.md. `marketplace` names the site in the listings; by
    default that is its host. `searches` ask marketplaces' search APIs. A crawl of the same targets that has something
    left to do is gone on with, unless `fresh`. Reports the stages ``pages`` and ``listings``. What one URL fails at is
    in the report. Raises BadInput without a target or a page to ask for, AddressRefused for a target that may not be
    fetched, SettingRefused for sites of others without a contact, NotReady for screenshots without a browser, the
    store's own errors, StoreUnavailable when the same targets are being crawled by another process, and CrawlFailed
    when the crawling process dies.
    """
    order = CrawlOrder(
        targets=_checked(targets, allow_loopback=settings.allow_loopback) if targets or not searches else (),
        settings=settings,
        max_pages=max_pages,
        marketplace=marketplace,
        searches=tuple(searches),
        yields=yields or {},
        fresh=fresh,
        only_new=only_new,
        screenshots=screenshots,
        worker=f"{socket.gethostname()}-{os.getpid()}",
    )
    if screenshots and (reason := why_no_browser(settings)):
        raise NotReady(f"screenshots need a browser: {reason}")
    if max_pages < 1:
        raise BadInput("at least one page must be allowed", field="max_pages")
    if marketplace is not None and not marketplace.strip():
        raise BadInput("the marketplace has an empty name", field="marketplace")
    apis = {"ebay": settings.ebay_url, "etsy": settings.etsy_url}
    check_contact([*order.targets, *(apis[search.source] for search in searches)], settings)
    with _crawling_process(order) as (process, last_words):
        return _outcome(process, last_words, progress)


def _checked(targets: Sequence[str], *, allow_loopback: bool) -> tuple[str, ...]:
    urls = [target.strip() for target in targets if target.strip()]
    if not urls:
        raise BadInput("nothing to crawl", field="target", advice="Name the URL of a marketplace or shop.")
    return tuple(target_url(url, allow_loopback=allow_loopback) for url in urls)


def target_url(target: str, *, allow_loopback: bool) -> str:
    """The URL of a target; without a scheme, https. Raises AddressRefused for one that may not be fetched."""
    complete = target if "://" in target else f"https://{target}"
    return check_url(complete, allow_loopback=allow_loopback).geturl()


@contextmanager
def _crawling_process(order: CrawlOrder) -> Iterator[tuple[subprocess.Popen[str], IO[bytes]]]:
    """The process with its order given, and what it writes to standard error.

    It is gone when the block is left, however it is left.
    """
    with TemporaryFile() as last_words:
        process = subprocess.Popen(
            # -P: a folder named like ours in the working directory must not take our place
            [sys.executable, "-P", "-m", "crawler"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=last_words,
            text=True,
            encoding="utf-8",
            env=_environment(),
        )
        with process:
            try:
                _give(process, order)
                yield process, last_words
            finally:
                _end(process)


def _environment() -> dict[str, str]:
    """Ours, so that the other process finds the packages that this one runs from."""
    here = str(Path(__file__).resolve().parents[1])
    inherited = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (here, inherited))), "PYTHONUTF8": "1"}


def _give(process: subprocess.Popen[str], order: CrawlOrder) -> None:
    assert process.stdin
    try:
        process.stdin.write(json.dumps(dump(order)) + "\n")
        process.stdin.flush()
    except BrokenPipeError:  # it died at once; reading its output will tell
        pass


def _outcome(process: subprocess.Popen[str], last_words: IO[bytes], progress: Progress) -> CrawlReport:
    report = None
    for event in _events(process):
        if event["event"] == "progress":
            progress("pages", event["pages"], event["planned"])
            progress("listings", event["listings"], None)
        elif event["event"] == "error":
            raise _revived(event)
        elif event["event"] == "report":
            report = load(CrawlReport, event["report"])
    status = process.wait()
    if report is None or status != 0:
        raise CrawlFailed(_obituary(status, last_words), advice=_ADVICE)
    return report


def _events(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stdout
    for line in process.stdout:
        if line.endswith("\n"):  # what is cut short was written by a process that was dying
            yield json.loads(line)


def _revived(event: Mapping[str, Any]) -> AssayerError:
    """The error that the crawling process ended with, as one of this process."""
    kind = getattr(domain.errors, event["type"], CrawlFailed)
    if not issubclass(kind, AssayerError) or issubclass(kind, FetchRefused):
        kind = CrawlFailed
    if issubclass(kind, BadInput):
        place = {name: event[name] for name in ("file", "line", "field")}
        return kind(event["reason"], **place, advice=event["advice"])
    revived: AssayerError = kind(event["message"], advice=event["advice"])
    return revived


def _obituary(status: int, last_words: IO[bytes]) -> str:
    cause = signal.Signals(-status).name if status < 0 else f"status {status}"
    size = last_words.seek(0, os.SEEK_END)
    last_words.seek(max(0, size - _LAST_BYTES))
    lines = last_words.read().decode("utf-8", "replace").strip().splitlines()
    return f"the crawling process ended with {cause}" + (f": {lines[-1][:300]}" if lines else "")


def _end(process: subprocess.Popen[str]) -> None:
    """Also when this process is interrupted: the other one may be waiting for a slow site."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
