"""A WebSocket's life after the pod has agreed to it: bytes both ways, as they come, until one side ends.

`forward` asks for it like for anything else, so that a pod's "no" is an answer like any other. From its 101 on nothing
is parsed, and so nothing is lost or kept: extensions, compression, pings, fragments, close codes, messages of any size.
The subtle thing is that both libraries' protocols take whoever calls itself a parser; `_Inlet` is one that does not parse.
"""

import asyncio
from contextlib import suppress
from typing import Any, Protocol, cast

from aiohttp import ClientResponse, StreamReader, web

from waker import names
from waker.web.connections import AHEAD, STALLED


class _Link(Protocol):
    """A connection of the HTTP library, visitor's or pod's, as far as a tunnel needs it."""

    transport: asyncio.Transport | None

    def set_parser(self, parser: Any, more: None) -> None:
        """From here on bytes go there, those that have arrived already first."""

    async def _drain_helper(self) -> None:
        """Wait until what was written has left, or most of it. Raises ConnectionError."""


class _Inlet:
    """Where one side's bytes arrive. It stops the reading when too many wait."""

    def __init__(self, link: _Link) -> None:
        self.stream = StreamReader(cast(Any, link), AHEAD, loop=asyncio.get_running_loop())

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Called by the library; never the end, and nothing left over."""
        self.stream.feed_data(data)
        return False, b""

    def feed_eof(self) -> None:
        """Called by the library when the connection is gone."""
        self.stream.feed_eof()


def is_websocket(request: web.BaseRequest) -> bool:
    """Does this request want to become a WebSocket?"""
    return request.method == "GET" and request.headers.get("Upgrade", "").lower() == "websocket"


async def tunnel(request: web.BaseRequest, answer: ClientResponse) -> web.StreamResponse:
    """Give the pod's 101 to the visitor and carry bytes. Returns when one side has ended; then the other one ends too."""
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=answer.headers)
    response.headers.popall(names.MARKER, None)
    response.force_close()
    await response.prepare(request)
    connection = answer.connection
    if connection is not None and connection.protocol is not None:
        with suppress(ConnectionError):
            await _both(cast(_Link, request.protocol), cast(_Link, connection.protocol))
    if request.transport:
        request.transport.close()  # after what is still to be written
    return response


async def _both(visitor: _Link, pod: _Link) -> None:
    """Until the first side has ended and what it sent is handed over."""
    ways = [asyncio.ensure_future(_carry(visitor, pod)), asyncio.ensure_future(_carry(pod, visitor))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _carry(source: _Link, sink: _Link) -> None:
    inlet = _Inlet(source)
    source.set_parser(inlet, None)
    if not source.transport:
        inlet.feed_eof()  # gone already, and nobody else will say so
    try:
        while data := await inlet.stream.readany():
            if not sink.transport:
                return
            sink.transport.write(data)
            async with asyncio.timeout(STALLED):
                await sink._drain_helper()
    finally:  # who leaves in the middle of it has often said goodbye just before
        rest = inlet.stream.read_nowait()
        if rest and sink.transport:
            sink.transport.write(rest)
