"""Notices that a visitor has gone while its connection is not read.

The event loop learns of the end of a connection by reading, and what waker reads of the body of a held request is little. So
as long as there are connections that are not read, each is looked at every LOOK_EVERY seconds. One that the visitor has
closed is ended, and its request with it. The subtle thing: the end arrives behind whatever the visitor's side had sent
before, and that waits there because nothing is read here. So MOST_READING_ON of the connections may bring READ_ON bytes
more: bodies that are no longer than that, and what Linux keeps for a peer that does not read, arrive whole, and the end
behind them. Each gets all of it at once: with a part of it each, none might ever get to the end.
"""

import asyncio
import select
from typing import Any, Final

LOOK_EVERY: Final = 1.0  # s
READ_ON: Final = 512 * 1024  # bytes; and 110,000 wait at a sender whose peer has the receive buffer of a door
MOST_READING_ON: Final = 16  # connections: 8 MiB


class UnreadConnections:
    """The connections of a port that are not read at present, as the HTTP library's protocol objects."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._files: dict[Any, int] = {}
        self._reading_on: set[Any] = set()  # also those that have, until `settled`
        self._poll = select.poll()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, connection: Any) -> None:
        """It is not read from now on."""
        if connection in self._files or connection.transport is None:
            return
        file = connection.transport.get_extra_info("socket").fileno()
        self._files[connection] = file
        self._poll.register(file, select.POLLRDHUP)
        if self._timer is None:
            self._timer = self._loop.call_later(LOOK_EVERY, self._look)

    def discard(self, connection: Any) -> None:
        """It is read, or gone."""
        file = self._files.pop(connection, None)
        if file is not None:
            self._poll.unregister(file)

    def settled(self, connection: Any) -> None:
        """What it has read on is not kept any more: its request is answered, or it is gone."""
        self._reading_on.discard(connection)

    def _look(self) -> None:
        self._timer = self._loop.call_later(LOOK_EVERY, self._look) if self._files else None
        ended = {file for file, _ in self._poll.poll(0)}
        for connection, file in list(self._files.items()):
            if file in ended:
                if connection.transport is not None:  # else it is closing already
                    connection.transport.abort()
            elif len(self._reading_on) < MOST_READING_ON and connection not in self._reading_on:
                self._reading_on.add(connection)
                connection.read_on(READ_ON)
