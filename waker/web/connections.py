"""How the public port is served: what connections may cost, and what is logged of requests that cannot be parsed.

Only ingress controllers should reach this port, and they send a request's head in one piece. Still, nobody is trusted
with our memory: a connection that sends no request in time is closed, a body is read no further ahead than READ_AHEAD,
and beyond MAX_CONNECTIONS each request is answered 503 at once and its connection closed. Between requests a connection
may stay idle for as long as the library allows, an hour: a controller that keeps it open must be the one to close it,
or a request is lost. `process` serves the runner and runs `watch`; `forward` and `tunnel` use the limits.
"""

import asyncio
import logging
from typing import Any, Final

from aiohttp import web

from waker.web import http_errors

log = logging.getLogger(__name__)

DRAIN: Final = 5  # s; what requests in progress may still take when waker shuts down
LONGEST_HEADER: Final = 64 * 1024  # bytes; more than any ingress controller lets through
READ_AHEAD: Final = 16 * 1024  # bytes of a body that are read before somebody wants them; reading pauses at twice that
MAX_CONNECTIONS: Final = 6000  # clients and polls at their limits (`concurrency`), and what controllers keep open
FIRST_REQUEST_TIMEOUT: Final = 20  # s until its head has arrived; nginx, Envoy and Traefik send it in one piece
STALL_TIMEOUT: Final = 60.0  # s; a visitor who neither sends nor reads for that long is gone; an app may take longer
CHECK_EVERY: Final = 1.0  # s


def runner(app: web.Application) -> web.AppRunner:
    """The server of the public port, not yet listening. Bodies are forwarded as they are, so it decompresses nothing."""
    return http_errors.Runner(
        app,
        access_log=None,
        logger=protocol_log(),
        auto_decompress=False,
        handler_cancellation=True,  # a visitor who has left is no longer held
        max_line_size=LONGEST_HEADER,
        max_field_size=LONGEST_HEADER,
        read_bufsize=READ_AHEAD,
        shutdown_timeout=DRAIN,
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
        self._active: set[Any] = set()  # those that have sent a request
        self._silent: dict[Any, int] = {}  # the others, and in how many checks they were silent

    def request_received(self, request: web.BaseRequest) -> None:
        """Note that the connection of this request has sent one."""
        self._active.add(request.protocol)

    async def watch(self, served: web.AppRunner) -> None:
        """Check every second, for as long as the port is served."""
        while True:
            await asyncio.sleep(CHECK_EVERY)
            if served.server:
                self.close_silent(served.server.connections)

    def close_silent(self, connections: list[Any]) -> None:
        """Close the connections that have sent no request in time, and forget those that are no longer open."""
        self.over_limit = len(connections) > MAX_CONNECTIONS
        self._active.intersection_update(connections)
        self._silent = {each: self._silent.get(each, 0) + 1 for each in connections if each not in self._active}
        for each, checks in self._silent.items():
            if checks * CHECK_EVERY > FIRST_REQUEST_TIMEOUT:
                each.force_close()
