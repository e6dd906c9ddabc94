"""Passes a WebSocket on to a ready pod, for its life.

The pod's side is opened first: what it says to the handshake (subprotocol, or no) is what the visitor hears. Then
messages go both ways until one side closes; the other one hears its code. Compression is agreed with the visitor alone.
"""

import asyncio
from typing import Final

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientSession,
    ClientWebSocketResponse,
    ClientWSTimeout,
    WSCloseCode,
    WSMsgType,
    WSServerHandshakeError,
    web,
)

from waker.plan.model import Address
from waker.web.forward import HOP_BY_HOP, Broken, Refused, end_to_end, target

LARGEST: Final = 64 * 1024 * 1024  # bytes of one message, which is held whole
HANDSHAKE: Final = frozenset(
    {"sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions", "sec-websocket-protocol",
     "sec-websocket-accept", "content-length"}
)  # fmt: skip

Side = ClientWebSocketResponse | web.WebSocketResponse


def wanted(request: web.Request) -> bool:
    """Does this request want to become a WebSocket?"""
    return request.method == "GET" and request.headers.get("Upgrade", "").lower() == "websocket"


async def once(session: ClientSession, request: web.Request, to: Address) -> web.StreamResponse:
    """Returns when the socket is closed. Raises Refused or Broken, both before the visitor heard anything."""
    offered = tuple(
        word.strip() for word in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if word.strip()
    )
    try:
        pod = await session.ws_connect(
            target(request, to),
            protocols=offered,
            headers=end_to_end(request.headers, HOP_BY_HOP | HANDSHAKE),
            autoping=False,
            autoclose=False,
            max_msg_size=LARGEST,
            timeout=ClientWSTimeout(ws_close=5),
        )
    except WSServerHandshakeError as error:
        return web.Response(status=error.status, headers=end_to_end(error.headers or {}, HOP_BY_HOP | HANDSHAKE))
    except ClientConnectorError as error:
        raise Refused("the app could not be reached") from error
    except (ClientError, TimeoutError) as error:
        raise Broken("the app closed the connection without an answer") from error
    chosen = (pod.protocol,) if pod.protocol else ()
    visitor = web.WebSocketResponse(protocols=chosen, autoping=False, autoclose=False, max_msg_size=LARGEST, timeout=5)
    code: int = WSCloseCode.GOING_AWAY
    try:
        await visitor.prepare(request)
        code = await _both(visitor, pod)
    finally:
        await pod.close(code=code)
        await visitor.close(code=code)
    return visitor


async def _both(visitor: web.WebSocketResponse, pod: ClientWebSocketResponse) -> int:
    """Carry messages until the first side ends. Its close code."""
    ways = [asyncio.ensure_future(_carry(visitor, pod)), asyncio.ensure_future(_carry(pod, visitor))]
    try:
        done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        return next((way.result() for way in done if way.exception() is None), WSCloseCode.GOING_AWAY)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _carry(source: Side, sink: Side) -> int:
    while True:
        message = await source.receive()
        match message.type:
            case WSMsgType.TEXT:
                await sink.send_str(message.data)
            case WSMsgType.BINARY:
                await sink.send_bytes(message.data)
            case WSMsgType.PING:
                await sink.ping(message.data)
            case WSMsgType.PONG:
                await sink.pong(message.data)
            case WSMsgType.CLOSE:
                return message.data or WSCloseCode.OK
            case _:  # broken off
                return WSCloseCode.GOING_AWAY
