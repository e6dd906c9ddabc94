"""Forwards one request to a ready pod, once, and streams the pod's answer back.

Knows nothing of apps and phases: `public_port` calls `forward` with an Address. Nothing is buffered or decompressed, no
redirect is followed, no cookie is kept. The subtle thing is *once*. If no connection can be made, `ForwardRefused` is
raised: nothing of the request has been read or sent, so another pod may be tried. From the first byte on, a failure is
`ForwardBroken`: nobody can know what the app has already done, so the visitor gets the error and the request is never
sent again, not even by the HTTP library (`send_once`). Heads are passed on as bytes (`passed_heads`). Via says that waker
was on the way, so that a request that comes back, because an app or a pod sends it here again, ends after one round.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from functools import partial
from typing import Any, Final

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientHandlerType,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    HttpVersion11,
    ServerDisconnectedError,
    TCPConnector,
    web,
)
from yarl import URL

from waker.errors import WakerError
from waker.plan.model import Address
from waker.web import server, tunnel
from waker.web.answer_heads import AnswerConnection
from waker.web.connections import READ_AHEAD, STALL_TIMEOUT
from waker.web.exact_messages import ExactAnswer, ExactRequest, Informed
from waker.web.heads import LONGEST_HEAD, MOST_ANSWER_FIELDS
from waker.web.passed_heads import FRAMING, OURS, end_to_end, target, to_bytes, values, via, written
from waker.web.request_lines import STAND_IN, USUAL

log = logging.getLogger(__name__)

SWITCHING_PROTOCOLS: Final = 101
CONNECT_TIMEOUT: Final = 3  # s; a ready pod of the same cluster accepts in milliseconds

NO_ANSWER: Final = "the app closed the connection without an answer"

ANSWERED_HERE: Final = (b"expect",)  # `body` answers it
CONTINUE: Final = 100  # waker asks no app for it, so nobody waits for that


class ForwardRefused(WakerError):
    """The pod could not be reached. Nothing of the request was sent."""


class ForwardBroken(WakerError):
    """The pod was reached but gave no answer. Nobody knows what it has done with the request."""


def client() -> ClientSession:
    """The session that forwards: no limit of connections, no cookies kept, no proxy from the environment."""
    connector = TCPConnector(limit=0)
    connector._factory = partial(AnswerConnection, loop=asyncio.get_running_loop())  # type: ignore[assignment]  # partial is invariant
    return ClientSession(
        connector=connector,
        cookie_jar=DummyCookieJar(),
        timeout=ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
        auto_decompress=False,
        trust_env=False,
        read_bufsize=READ_AHEAD,
        request_class=ExactRequest,
    )


async def forward(session: ClientSession, request: web.Request, pod: Address) -> web.StreamResponse:
    """Stream the pod's answer to the visitor. Raises ForwardRefused or ForwardBroken, both before its first byte."""
    answer = await send(session, request, pod)
    try:
        if answer.status != SWITCHING_PROTOCOLS:
            return await stream_back(request, answer)
        if not tunnel.is_websocket(request):
            raise ForwardBroken("the app tried to switch to another protocol")
        return await tunnel.tunnel(request, answer)
    finally:
        answer.close()


async def send(session: ClientSession, request: web.Request, pod: Address) -> ClientResponse:
    """Send the request and give the head of the pod's answer. Raises ForwardRefused or ForwardBroken."""
    length = request.headers.get("Content-Length")
    known = request.method.encode() in USUAL  # the library writes `head` in capitals, and would wait for no body
    try:
        return await session.request(
            request.method if known else STAND_IN.decode(),
            URL(f"http://{pod.netloc}/", encoded=True),
            headers={"Content-Length": length} if length else None,  # all else is in the exact head
            data=body(request) if request.body_exists else b"",
            allow_redirects=False,
            auto_decompress=False,
            timeout=ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
            max_line_size=LONGEST_HEAD,
            max_field_size=LONGEST_HEAD,
            max_headers=MOST_ANSWER_FIELDS,
            middlewares=(partial(send_once, request_head(request, pod), partial(inform, request)),),
        )
    except (ClientConnectorError, ConnectionTimeoutError) as error:
        raise ForwardRefused("the app could not be reached") from error
    except TimeoutError as error:  # of `body`; nothing else in here has a limit
        raise ForwardBroken("the request body stopped arriving") from error
    except ClientError as error:
        raise ForwardBroken(NO_ANSWER) from error


def request_head(request: web.Request, pod: Address) -> bytes:
    """The head of the request as the pod gets it."""
    fields = end_to_end(request.raw_headers, ANSWERED_HERE)
    if not values(fields, b"host"):
        fields.insert(0, (b"Host", pod.netloc.encode()))  # HTTP/1.0 has none, and the pod is asked in HTTP/1.1
    if request.body_exists and not (values(fields, b"content-length") or values(fields, b"transfer-encoding")):
        fields.append((b"Transfer-Encoding", b"chunked"))
    fields.append((b"Via", via(request.version)))
    if tunnel.is_websocket(request):
        fields += [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")]
    else:
        fields.append((b"Connection", b"close"))  # a kept connection may be dead, and then nobody knows what was sent
    return written(b"%s %s HTTP/1.1" % (request.method.encode(), target(request.raw_path)), fields)


def inform(request: web.Request, message: Any) -> None:
    """Pass on an answer that only announces the final one, such as 103 Early Hints. HTTP/1.0 knows none."""
    if message.code == CONTINUE or request.version < HttpVersion11 or request.transport is None:
        return
    fields = [*end_to_end(message.raw_headers, (*OURS, *FRAMING)), (b"Via", via(message.version))]
    request.transport.write(written(b"HTTP/1.1 %d %s" % (message.code, to_bytes(message.reason)), fields))


async def body(request: web.Request) -> AsyncIterator[bytes]:
    """The request body as it arrives. A visitor who waits for 100 Continue gets it first."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun
    content = request.content
    content.set_read_chunk_size(READ_AHEAD)
    server.widen(request)
    while True:
        async with asyncio.timeout(STALL_TIMEOUT):
            chunk = await content.readany()
        if not chunk:
            return
        yield chunk


async def stream_back(request: web.Request, answer: ClientResponse) -> web.StreamResponse:
    """Stream the pod's answer. If it breaks off, so does the visitor's: half an answer must not look complete."""
    fields = [*end_to_end(answer.raw_headers, OURS), (b"Via", via(answer.version))]
    response = ExactAnswer(answer.status, answer.reason or "", fields)
    await response.prepare(request)
    try:
        async for chunk in answer.content.iter_any():
            async with asyncio.timeout(STALL_TIMEOUT):
                await response.write(chunk)
        await response.write_eof()
    except asyncio.CancelledError:
        raise
    except (ClientError, ConnectionError, TimeoutError) as error:
        log.debug("an answer broke off", extra={"error": type(error).__name__})
        if request.transport is not None:
            request.transport.abort()
    return response


async def send_once(
    head: bytes, informed: Informed, request: ClientRequest, handler: ClientHandlerType
) -> ClientResponse:
    """Send this head, and keep the library from sending it again when the connection breaks: once is the promise."""
    if not isinstance(request, ExactRequest):
        raise TypeError("the HTTP library makes requests of its own kind")
    request.exact_head, request.informed = head, informed
    try:
        answer = await handler(request)
    except ClientConnectorError:
        raise
    except (ClientOSError, ServerDisconnectedError) as error:
        raise ForwardBroken(NO_ANSWER) from error
    if not request.is_exact:
        answer.close()
        raise TypeError("the HTTP library has sent a head of its own")
    return answer
