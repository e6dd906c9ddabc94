"""How both ports are served: what connections may cost, and what is logged of requests that cannot be parsed.

Only ingress controllers should reach the public port, and they send a request's head in one piece. Still, nobody is trusted
with our memory: a head has limits (`heads`), a body is read no further ahead than HELD_AHEAD while its request is held
(`unread` lets a few bring more), and than READ_AHEAD while it is forwarded. Beyond MAX_CONNECTIONS each request at the public
port is answered 503 at once and its connection closed. Between requests a connection may stay idle for as long as the
library allows, an hour: a controller that keeps it open must be the one to close it, or a request is lost. `process` serves
the runners and runs `watch`; `forward` and `tunnel` use the limits.
"""

import asyncio
import logging
from typing import Any, Final

from aiohttp import web

from waker.web import heads, heap, server

log = logging.getLogger(__name__)

LINGER: Final = 5.0  # s in which the rest of a refused body is dropped as it arrives; a reset could cost the answer
DRAIN: Final = 5  # s; what requests in progress may still take when waker shuts down
# Bytes of a body that are read before somebody wants them; the HTTP library pauses when there are more than twice as many.
HELD_AHEAD: Final = 2 * 1024  # so after the first piece that was read
READ_AHEAD: Final = 16 * 1024
MAX_CONNECTIONS: Final = 6000  # clients and polls at their limits (`concurrency`), and what controllers keep open
STALL_TIMEOUT: Final = 60.0  # s; a visitor who neither sends nor reads for that long is gone; an app may take longer
CHECK_EVERY: Final = 1.0  # s
CROWD: Final = 200  # connections; when so many have gone, 2 MB or more are free


def runner(app: web.Application) -> web.AppRunner:
    """The server of the public port, not yet listening. Bodies are forwarded as they are, so it decompresses nothing."""
    # A visitor who has left is no longer held.
    return limited_runner(app, auto_decompress=False, handler_cancellation=True, shutdown_timeout=DRAIN)


def limited_runner(app: web.Application, **options: Any) -> web.AppRunner:
    """A server with the limits of both ports, not yet listening. `options` are the HTTP library's."""
    return server.Runner(
        app,
        access_log=None,
        logger=protocol_log(),
        max_line_size=heads.LONGEST_HEAD,
        max_field_size=heads.LONGEST_HEAD,
        max_headers=heads.MOST_FIELDS,
        read_bufsize=HELD_AHEAD,
        lingering_time=LINGER,
        **options,
    )


def protocol_log() -> logging.Logger:
    """Where the HTTP library reports requests that it cannot parse. It would quote them; only the error's type is kept."""
    own = logging.getLogger(f"{__name__}.protocol")
    if not own.filters:
        own.addFilter(_without_request)
    return own


def _without_request(record: logging.LogRecord) -> bool:
    error = record.exc_info[0] if record.exc_info else None
    record.msg, record.args, record.exc_info = "a request could not be parsed: %s", (error and error.__name__,), None
    return log.isEnabledFor(logging.DEBUG)  # scanners do it all day


class Connections:
    """The open connections of the public port. `over_limit`: there are more than MAX_CONNECTIONS."""

    def __init__(self) -> None:
        self.over_limit = False
        self._most = 0  # since memory was last given back

    async def watch(self, served: web.AppRunner) -> None:
        """Count them every second, for as long as the port is served."""
        while True:
            await asyncio.sleep(CHECK_EVERY)
            if served.server:
                self.counted(len(served.server.connections))

    def counted(self, number: int) -> None:
        """So many are open."""
        self.over_limit = number > MAX_CONNECTIONS
        self._most = max(self._most, number)
        if self._most - number >= CROWD:
            self._most = number
            heap.trim()
