"""What sites said to others who crawl at the same time holds for this crawl too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from crawler.manners.stops import SiteWatch
from crawler.recording import Recorder
from domain.errors import AssayerError
from domain.visit import SiteStop
from store.interfaces import SiteMemory

EVERY_S = 5.0
"""For so long, and for as long as the answer takes, a site may be asked that said stop to another worker."""


class Hearing:
    """Looks again and again at the stops that are stored. Lives on the event loop."""

    def __init__(
        self,
        memory: SiteMemory,
        recorder: Recorder,
        watch: SiteWatch,
        *,
        heard: Callable[[SiteStop], Awaitable[object]],
        end: Callable[[AssayerError], None],
        every_s: float = EVERY_S,
    ) -> None:
        """`heard` is told of stops of sites that this crawl has asked, `end` of a store that is gone."""
        self._memory, self._recorder, self._watch = memory, recorder, watch
        self._heard, self._end, self._every_s = heard, end, every_s
        self._listening = asyncio.ensure_future(self._listen())

    def close(self) -> None:
        """Hear no more."""
        self._listening.cancel()

    async def _listen(self) -> None:
        try:
            while True:
                await asyncio.sleep(self._every_s)
                for stop in self._watch.hear(await self._recorder.ask(self._memory.site_stops)):
                    await self._heard(stop)
        except AssayerError as error:
            self._end(error)
