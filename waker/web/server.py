"""The server of both ports: the HTTP library's, with bounds for what a connection may cost.

`connections` makes the runners. All connections share one buffer to read into, as whatever arrives is parsed before anything
else can arrive. A connection reads little at a time, for nobody may want the body that follows; a few whose body is being
forwarded read much (`widen`), which takes a seventh of the time. Heads have limits (`heads`), visitors who leave are noticed
(`unread`), and what the library would answer by itself is replaced (`http_errors`). The subtle thing: thousands of
connections may go at once, so nothing of a connection that is gone may wait for the garbage collector.
"""

import asyncio
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, cast

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from waker.web import heads, http_errors, unread

WRITE_AHEAD: Final = 16 * 1024  # bytes of an answer that wait for a slow visitor; asyncio's own limit is 64 KiB
WIDE: Final = 64 * 1024  # bytes that a wide connection reads at once, and of its receive buffer, which Linux doubles
MOST_WIDE: Final = 16  # connections; each has 128 KiB in the kernel and, if its pod is slow, as much here: 4 MiB


@dataclass(frozen=True, slots=True)
class _Sent:
    """All that the library asks of an answer that was sent."""

    keep_alive: bool


_KEEP_ALIVE: Final = _Sent(keep_alive=True)
_CLOSE: Final = _Sent(keep_alive=False)
_ARRIVING: Final = memoryview(bytearray(WIDE))
_LITTLE: Final = _ARRIVING[: heads.READ_AT_ONCE]


class Runner(web.AppRunner):
    """Serves an application."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            **made._kwargs,
        )


class _Server(web.Server):
    """What the connections of a port have together. `wide`: the receive buffers that wide connections had before, in bytes."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.begun = heads.BegunHeads()
        self.unread = unread.UnreadConnections(self._loop)
        self.wide: dict[_ServedConnection, int] = {}

    def __call__(self) -> RequestHandler:
        return _ServedConnection(self, loop=self._loop, **self._kwargs)


class _ServedConnection(RequestHandler, asyncio.BufferedProtocol):
    """One connection."""

    __slots__ = ("_arriving", "_bounded", "_unread", "_wide")

    def __init__(self, manager: _Server, *, loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(manager, loop=loop, **options)
        self._arriving = _LITTLE
        self._bounded = heads.BoundedParser(self._parser, self, manager.begun, self.force_close, loop)
        self._unread = manager.unread
        self._wide = manager.wide
        self._parser = self._bounded  # type: ignore[assignment]  # it has all that is used of a parser

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio at the beginning."""
        cast("asyncio.Transport", transport).set_write_buffer_limits(WRITE_AHEAD)
        super().connection_made(transport)

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Called by asyncio before it reads."""
        return self._arriving

    def buffer_updated(self, nbytes: int) -> None:
        """Called by asyncio when it has read something."""
        self.data_received(bytes(_ARRIVING[:nbytes]))

    def read_on(self, size: int) -> None:
        """Read so many bytes of the body in all, though nobody takes them yet."""
        self._bounded.body.set_read_chunk_size(size // 2)  # reading pauses at twice that
        if self._reading_paused:
            self.resume_reading()

    def widen(self) -> None:
        """Read much at once until the request is answered, unless MOST_WIDE connections do."""
        if self.transport is None or self in self._wide or len(self._wide) >= MOST_WIDE:
            return
        accepted = self.transport.get_extra_info("socket")
        self._wide[self] = accepted.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WIDE)
        self._arriving = _ARRIVING

    def _settle(self) -> None:
        """The request is answered, or the visitor is gone."""
        self._unread.settled(self)
        self._arriving = _LITTLE
        before = self._wide.pop(self, None)
        if before is not None and self.transport is not None:
            accepted = self.transport.get_extra_info("socket")
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, before // 2)  # Linux had doubled it

    def _pause_transport_reading(self) -> None:
        super()._pause_transport_reading()
        self._unread.add(self)

    def _resume_transport_reading(self) -> None:
        self._unread.discard(self)
        super()._resume_transport_reading()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Called by asyncio at the end."""
        self._bounded.stop()
        self._unread.discard(self)
        task = self._task_handler
        super().connection_lost(exc)
        self._settle()
        if task is not None:
            task.add_done_callback(_forget_cancellation)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Called by the library with what the parser or a handler has raised."""
        return http_errors.failure(request, status, exc)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Called by the library with each answer, to send it."""
        answer, is_lost = await super().finish_response(request, http_errors.without_quotes(resp), start_time)
        self._settle()
        if self._bounded.refused and not self._messages and self.transport is not None:
            self.transport.write_eof()  # closing it now could reset it, and the answer might be lost
        # The library keeps both until the next request.
        vars(request).clear()
        return cast(web.StreamResponse, _KEEP_ALIVE if answer.keep_alive else _CLOSE), is_lost


def widen(request: web.BaseRequest) -> None:
    """The body of this request is being forwarded."""
    cast(_ServedConnection, request.protocol).widen()


def _forget_cancellation(task: "asyncio.Task[None]") -> None:
    """Take the exception from a cancelled task: its traceback has the frame in which the library keeps the task itself."""
    if task.cancelled():
        with suppress(asyncio.CancelledError):
            task.exception()
