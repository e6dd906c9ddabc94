"""How the public port is served: what connections may cost, and what is logged of requests that cannot be read.

Only ingress controllers should reach it, and they send whole heads. Still nobody is trusted with our memory: a
connection that brings no request in time is closed, bodies are read no further ahead than AHEAD, and with more than MOST
connections each request is answered 503 at once and its connection closed. Between requests a connection may rest for
as long as the library lets it, an hour: a controller that keeps it must be the first to close, or a request is lost.
"""

import asyncio
import logging
from typing import Any, Final

from aiohttp import web

log = logging.getLogger(__name__)

DRAIN: Final = 5  # s; how long requests under way may take when waker is told to leave
LONGEST_HEADER: Final = 64 * 1024  # bytes; more than any ingress controller lets through
AHEAD: Final = 16 * 1024  # bytes of a body read before somebody wants them; twice that stops the reading
MOST: Final = 6000  # connections: clients and polls at their limits (crowd), and what controllers keep open
PATIENCE: Final = 20  # s for the first head of a connection; nginx, Envoy and Traefik send it in one piece
STALLED: Final = 60.0  # s; a visitor who neither sends nor takes for that long has gone. The app may be silent for ever
LOOK: Final = 1.0  # s


def runner(app: web.Application) -> web.AppRunner:
    """The port, not yet listening. Bodies are passed on as they are, so nothing unpacks them."""
    return web.AppRunner(
        app,
        access_log=None,
        logger=protocol_log(),
        auto_decompress=False,
        handler_cancellation=True,  # who has gone is no longer held
        max_line_size=LONGEST_HEADER,
        max_field_size=LONGEST_HEADER,
        read_bufsize=AHEAD,
        shutdown_timeout=DRAIN,
    )


def protocol_log() -> logging.Logger:
    """Where the HTTP library complains of requests it cannot read. It would repeat them; only the kind is kept."""
    own = logging.getLogger(f"{__name__}.protocol")
    if not own.filters:
        own.addFilter(_unspoken)
    return own


def _unspoken(record: logging.LogRecord) -> bool:
    error = record.exc_info[0] if record.exc_info else None
    record.msg, record.args, record.exc_info = "a request could not be read: %s", (error and error.__name__,), None
    return log.isEnabledFor(logging.DEBUG)  # scanners do it all day


class Connections:
    """Who is connected, looked at once a second."""

    def __init__(self) -> None:
        self.crowded = False
        self._active: set[Any] = set()  # those that brought a request
        self._silent: dict[Any, int] = {}  # the others: how many looks ago they were first seen

    def brought_request(self, request: web.BaseRequest) -> None:
        """This connection has brought a request."""
        self._active.add(request.protocol)

    async def watch(self, served: web.AppRunner) -> None:
        """For as long as the port is served."""
        while True:
            await asyncio.sleep(LOOK)
            if served.server:
                self.close_silent(served.server.connections)

    def close_silent(self, connections: list[Any]) -> None:
        """Close who is silent for too long. Those who have gone are forgotten."""
        self.crowded = len(connections) > MOST
        self._active.intersection_update(connections)
        self._silent = {each: self._silent.get(each, 0) + 1 for each in connections if each not in self._active}
        for each, looks in self._silent.items():
            if looks * LOOK > PATIENCE:
                each.force_close()
