"""Forwards one request to a ready pod, once, and streams the pod's answer back.

Knows nothing of apps and phases: `public_port` calls `forward` with an Address. Nothing is buffered or decompressed, no
redirect is followed, no cookie is kept. The subtle thing is *once*. If no connection can be made, `ForwardRefused` is
raised: nothing of the request has been read or sent, so another pod may be tried. From the first byte on, a failure is
`ForwardBroken`: nobody can know what the app has already done, so the visitor gets the error and the request is never
sent again, not even by the HTTP library (`never_retry`). Via says that waker was on the way, so that a request that comes
back, because an app or a pod sends it here again, ends after one round (`is_loop`).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
from functools import partial
from typing import Final

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
    HttpVersion,
    ServerDisconnectedError,
    TCPConnector,
    web,
)
from multidict import CIMultiDict
from yarl import URL

from waker import names
from waker.errors import WakerError
from waker.plan.model import Address
from waker.web import server, tunnel
from waker.web.answer_heads import AnswerConnection
from waker.web.connections import READ_AHEAD, STALL_TIMEOUT
from waker.web.heads import LONGEST_HEAD

log = logging.getLogger(__name__)

SWITCHING_PROTOCOLS: Final = 101
CONNECT_TIMEOUT: Final = 3  # s; a ready pod of the same cluster accepts in milliseconds

NO_ANSWER: Final = "the app closed the connection without an answer"

# RFC 9110, section 7.6.1, and what older software still sends. The headers that Connection names are added to them.
HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer",
     "transfer-encoding", "upgrade"}
)  # fmt: skip
NOT_FORWARDED: Final = HOP_BY_HOP | {"expect"}  # `body` answers it
LIBRARY_EXTRAS: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")

# Headers that the server library would add though the pod's answer has none of them, see `no_added_headers`.
ABSENT: Final[web.ResponseKey[tuple[str, ...]]] = web.ResponseKey("absent", tuple)


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
    headers = end_to_end(request.headers, NOT_FORWARDED)
    headers.add("Via", via(request.version))
    headers["Connection"] = "close"  # a kept connection may be dead, and then nobody knows what was sent
    if tunnel.is_websocket(request):
        headers.update(Connection="Upgrade", Upgrade="websocket")
    try:
        return await session.request(
            request.method,
            target(request, pod),
            headers=headers,
            data=body(request) if request.body_exists else None,
            skip_auto_headers=LIBRARY_EXTRAS,
            allow_redirects=False,
            auto_decompress=False,
            timeout=ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT),
            max_line_size=LONGEST_HEAD,
            max_field_size=LONGEST_HEAD,
            middlewares=(never_retry,),
        )
    except (ClientConnectorError, ConnectionTimeoutError) as error:
        raise ForwardRefused("the app could not be reached") from error
    except TimeoutError as error:  # of `body`; nothing else in here has a limit
        raise ForwardBroken("the request body stopped arriving") from error
    except ClientError as error:
        raise ForwardBroken(NO_ANSWER) from error


def target(request: web.Request, pod: Address) -> URL:
    """The same path and query, byte for byte, at the pod's address."""
    path = request.raw_path if request.raw_path.startswith("/") else request.rel_url.raw_path_qs
    return URL(f"http://{pod.netloc}{path}", encoded=True)


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
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=end_to_end(answer.headers))
    response.headers.popall(names.MARKER, None)  # only waker's own answers have it
    response.headers.add("Via", via(answer.version))
    response[ABSENT] = tuple(name for name in ("Content-Type", "Server") if name not in answer.headers)
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


async def no_added_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Remove headers that the library has added to an answer, just before they are sent."""
    for name in response.get(ABSENT, ("Server",)):
        response.headers.popall(name, None)


def end_to_end(headers: Mapping[str, str], without: Iterable[str] = HOP_BY_HOP) -> CIMultiDict[str]:
    """The headers that are meant for the other end, repeated ones included."""
    named = {name.strip().lower() for value in _all(headers, "Connection") for name in value.split(",")}
    removed = named | set(without)
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in removed)


def via(version: HttpVersion | None) -> str:
    """What waker adds to Via for a message that arrived in this version of HTTP."""
    return f"{version.major}.{version.minor} {names.PSEUDONYM}" if version else f"1.1 {names.PSEUDONYM}"


def is_loop(headers: Mapping[str, str]) -> bool:
    """Whether a request has been here more than once. Once is no loop: an app may call another one, with its headers."""
    passed = [entry.split() for value in _all(headers, "Via") for entry in value.split(",")]
    return sum(1 for words in passed if words[1:2] and words[1].lower() == names.PSEUDONYM) > 1


def _all(headers: Mapping[str, str], name: str) -> list[str]:
    return [value for key, value in headers.items() if key.lower() == name.lower()]


async def never_retry(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Keep the library from sending an idempotent request again when its connection breaks: once is the promise."""
    try:
        return await handler(request)
    except ClientConnectorError:
        raise
    except (ClientOSError, ServerDisconnectedError) as error:
        raise ForwardBroken(NO_ANSWER) from error
