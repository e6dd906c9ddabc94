"""The answers that the HTTP library gives by itself: to what cannot be parsed, to a path or method that nobody serves.

The library's own say which library it is, in which version, and quote what they could not read. Ours say the status and no
more. Both ports are served by `Runner`, which puts them in place; `connections` and `private_port` make it. Answers of
handlers are not touched, but for an HTTPException that no handler has caught.
"""

import asyncio
import logging
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final, cast

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from waker import names
from waker.web import heads, unread

log = logging.getLogger(__name__)

WRITE_AHEAD: Final = 16 * 1024  # bytes of an answer that wait for a slow visitor; asyncio's own limit is 64 KiB

_ARRIVING: Final = memoryview(bytearray(heads.READ_AT_ONCE))


class Runner(web.AppRunner):
    """Serves an application; what its handlers never see is answered in here."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            **made._kwargs,
        )


class _Server(web.Server):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.begun = heads.BegunHeads()
        self.unread = unread.UnreadConnections(self._loop)

    def __call__(self) -> RequestHandler:
        return _ServedConnection(self, loop=self._loop, **self._kwargs)


class _ServedConnection(RequestHandler, asyncio.BufferedProtocol):
    """One connection. All share one buffer to read into, as whatever arrives is parsed before anything else can arrive."""

    __slots__ = ("_bounded", "_unread")

    def __init__(self, manager: _Server, *, loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(manager, loop=loop, **options)
        self._bounded = heads.BoundedParser(self._parser, self, manager.begun, self.force_close, loop)
        self._unread = manager.unread
        self._parser = self._bounded  # type: ignore[assignment]  # it has all that is used of a parser

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio at the beginning."""
        cast("asyncio.Transport", transport).set_write_buffer_limits(WRITE_AHEAD)
        super().connection_made(transport)

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Called by asyncio before it reads."""
        return _ARRIVING

    def buffer_updated(self, nbytes: int) -> None:
        """Called by asyncio when it has read something."""
        self.data_received(bytes(_ARRIVING[:nbytes]))

    def read_on(self, size: int) -> None:
        """Read so many bytes of the body, though nobody takes them yet."""
        self._bounded.body.set_read_chunk_size(size // 2)  # reading pauses at twice that
        if self._reading_paused:
            self.resume_reading()

    def _pause_transport_reading(self) -> None:
        super()._pause_transport_reading()
        self._unread.add(self)

    def _resume_transport_reading(self) -> None:
        self._unread.discard(self)
        super()._resume_transport_reading()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Called by asyncio at the end. Whatever the connection has kept is freed at once, without the garbage collector."""
        self._bounded.stop()
        self._unread.discard(self)
        self._unread.settled(self)
        task = self._task_handler
        super().connection_lost(exc)
        if task is not None:
            task.add_done_callback(_forget_cancellation)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Called by the library with what the parser or a handler has raised. The connection ends with the answer."""
        if status < HTTPStatus.INTERNAL_SERVER_ERROR:  # scanners do it all day
            log.debug("a request could not be parsed", extra={"error": type(exc).__name__})
        elif not isinstance(exc, ConnectionError):
            log.error("a request could not be answered", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("half an answer was sent already")
        answer = _StatusOnly(status)
        answer.force_close()
        return answer

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Called by the library with each answer, to send it. An HTTPException may quote the request."""
        if isinstance(resp, web.HTTPException):
            resp = _StatusOnly(resp.status, {"Allow": resp.headers["Allow"]} if "Allow" in resp.headers else {})
        finished = await super().finish_response(request, resp, start_time)
        self._unread.settled(self)
        if self._bounded.refused and not self._messages and self.transport is not None:
            self.transport.write_eof()  # closing it now could reset it, and the answer might be lost
        return finished


def _forget_cancellation(task: "asyncio.Task[None]") -> None:
    """Take the exception from a cancelled task: its traceback has the frame in which the library keeps the task itself."""
    if task.cancelled():
        with suppress(asyncio.CancelledError):
            task.exception()


class _StatusOnly(web.Response):
    """Says its status, in the words of the standard."""

    def __init__(self, status: int, headers: dict[str, str] | None = None) -> None:
        fixed = {names.MARKER: names.MARK_PAGE, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        super().__init__(status=status, text=f"{status} {HTTPStatus(status).phrase}\n", headers=fixed | (headers or {}))

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.popall("Server", None)


async def no_server_header(_request: web.Request, response: web.StreamResponse) -> None:
    """Remove the header in which the library names itself. For `on_response_prepare` of an application."""
    response.headers.popall("Server", None)
