"""A WebSocket after the pod has accepted it: bytes are carried both ways, as they come, until one side ends.

`forward` sends the upgrade request like any other, so that a pod's refusal is an answer like any other, and calls `tunnel`
when the pod answers 101. From there on nothing is parsed, so nothing is lost: extensions, compression, pings, fragments,
close codes, messages of any size. The subtle thing: aiohttp's connections hand their bytes to any object with the methods
of a parser, in the server and in the client. `_Inlet` is such an object, and does not parse.
"""

import asyncio
from contextlib import suppress
from typing import Any, Protocol, cast

from aiohttp import ClientResponse, StreamReader, web

from waker.web.connections import READ_AHEAD, STALL_TIMEOUT
from waker.web.exact_messages import ExactAnswer
from waker.web.passed_heads import OURS, via


class _Connection(Protocol):
    """A connection of the HTTP library, to the visitor or to the pod, as far as a tunnel needs it."""

    transport: asyncio.Transport | None

    def set_parser(self, parser: Any, more: None) -> None:
        """Send all bytes there from now on, beginning with those that have already arrived."""

    async def _drain_helper(self) -> None:
        """Wait until most of what was written has been sent. Raises ConnectionError."""


class _Inlet:
    """Where one side's bytes arrive. Reading pauses while too many of them wait here."""

    def __init__(self, connection: _Connection) -> None:
        self.stream = StreamReader(cast(Any, connection), READ_AHEAD, loop=asyncio.get_running_loop())

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Called by the library. The answer means: more bytes may come, and none are left over."""
        self.stream.feed_data(data)
        return False, b""

    def feed_eof(self) -> None:
        """Called by the library when the connection is gone."""
        self.stream.feed_eof()


def is_websocket(request: web.BaseRequest) -> bool:
    """Whether this request asks for a WebSocket."""
    return request.method == "GET" and request.headers.get("Upgrade", "").lower() == "websocket"


async def tunnel(request: web.BaseRequest, answer: ClientResponse) -> web.StreamResponse:
    """Send the pod's 101 to the visitor and carry bytes. When one side ends, end the other one and return."""
    fields = [each for each in answer.raw_headers if each[0].lower() not in OURS]
    head = [*fields, (b"Via", via(answer.version))]
    response = ExactAnswer(answer.status, answer.reason or "", head, connection="Upgrade")
    response.force_close()
    await response.prepare(request)
    connection = answer.connection
    if connection is not None and connection.protocol is not None:
        with suppress(ConnectionError):
            await _carry_both_ways(cast(_Connection, request.protocol), cast(_Connection, connection.protocol))
    if request.transport:
        request.transport.close()  # after what is still to be written
    return response


async def _carry_both_ways(visitor: _Connection, pod: _Connection) -> None:
    """Carry bytes until one side has ended and all that it sent has been written to the other."""
    directions = [asyncio.ensure_future(_carry(visitor, pod)), asyncio.ensure_future(_carry(pod, visitor))]
    try:
        await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in directions:
            each.cancel()
        await asyncio.gather(*directions, return_exceptions=True)


async def _carry(source: _Connection, sink: _Connection) -> None:
    inlet = _Inlet(source)
    source.set_parser(inlet, None)
    if not source.transport:
        inlet.feed_eof()  # already closed, and the library will not report that again
    try:
        while data := await inlet.stream.readany():
            if not sink.transport:
                return
            sink.transport.write(data)
            async with asyncio.timeout(STALL_TIMEOUT):
                await sink._drain_helper()
    finally:  # a side that ends while we write has often sent its close frame just before
        last = inlet.stream.read_nowait()
        if last and sink.transport:
            sink.transport.write(last)
