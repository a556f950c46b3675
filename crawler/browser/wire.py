"""HTTP/1.1 over one asyncio connection, framed by h11."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import h11

READ_BYTES = 65_536
MAX_HEAD_BYTES = 65_536
"""Largest request or answer head, and largest chunk header, that is read."""


class Wire:
    """One end of a connection; every byte that passes is counted."""

    def __init__(
        self,
        role: type[h11.CLIENT] | type[h11.SERVER],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        spend: Callable[[int], None],
    ) -> None:
        self.http = h11.Connection(role, max_incomplete_event_size=MAX_HEAD_BYTES)
        self.reader, self.writer, self._spend = reader, writer, spend

    async def receive(self) -> h11.Event | type[h11.PAUSED]:
        """The next event. Raises h11.RemoteProtocolError for what is no HTTP/1.1, and what counting bytes raises."""
        while True:
            event = self.http.next_event()
            if isinstance(event, h11.Event) or event is h11.PAUSED:
                return event
            data = await self.reader.read(READ_BYTES)
            self._spend(len(data))
            self.http.receive_data(data)

    async def send(self, event: h11.Event) -> None:
        """Write an event."""
        data = self.http.send(event)
        if data:
            self._spend(len(data))
            self.writer.write(data)
            await self.writer.drain()
