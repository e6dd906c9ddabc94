"""Passes one request on to a ready pod, once, and its answer back, both streamed.

Knows nothing of apps and phases: `visitors` calls it with an Address. Nothing is buffered, decompressed, followed or
remembered. The subtle thing is *once*: a connection that cannot be made is `ForwardRefused`, and then nothing of the request
has been read or sent, so that another pod may be tried. From the first byte on a failure is `ForwardBroken`: nobody can know
what the app has done already, so it is told and never tried again, not even by the HTTP library (`never_retry`).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Mapping
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
    ServerDisconnectedError,
    TCPConnector,
    web,
)
from multidict import CIMultiDict
from yarl import URL

from waker import names
from waker.errors import WakerError
from waker.plan.model import Address
from waker.web import tunnel
from waker.web.connections import AHEAD, STALLED

log = logging.getLogger(__name__)

SWITCHING: Final = 101
CONNECT: Final = 3  # s; a ready pod of the same cluster answers in milliseconds
LONGEST_HEADER: Final = 64 * 1024  # what a pod may answer in one header; more than any ingress controller allows

NO_ANSWER: Final = "the app closed the connection without an answer"

# RFC 9110, section 7.6.1, and what older software still sends. Those named in Connection come on top.
HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer",
     "transfer-encoding", "upgrade"}
)  # fmt: skip
NOT_PASSED_ON: Final = HOP_BY_HOP | {"expect"}  # `body` answers it
LIBRARY_EXTRAS: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")

# What the pod's answer did not carry, though the server library would add it: see `no_added_headers`.
ABSENT: Final[web.ResponseKey[tuple[str, ...]]] = web.ResponseKey("absent", tuple)


class ForwardRefused(WakerError):
    """The pod could not be reached. Nothing of the request was sent."""


class ForwardBroken(WakerError):
    """The pod was reached but gave no answer. What it did with the request is unknown."""


def client() -> ClientSession:
    """The session to pass requests on with: no limit of its own, no cookies of others, no proxy from the environment."""
    return ClientSession(
        connector=TCPConnector(limit=0),
        cookie_jar=DummyCookieJar(),
        timeout=ClientTimeout(total=None, sock_connect=CONNECT),
        auto_decompress=False,
        trust_env=False,
        read_bufsize=AHEAD,
    )


async def forward(session: ClientSession, request: web.Request, to: Address) -> web.StreamResponse:
    """The answer of the pod, already on its way to the visitor. Raises Refused or Broken, both before its first byte."""
    answer = await send(session, request, to)
    try:
        if answer.status != SWITCHING:
            return await stream_back(request, answer)
        if not tunnel.is_websocket(request):
            raise ForwardBroken("the app wants to speak something else than HTTP")
        return await tunnel.tunnel(request, answer)
    finally:
        answer.close()


async def send(session: ClientSession, request: web.Request, to: Address) -> ClientResponse:
    """The head of the pod's answer. Raises as `forward`."""
    headers = end_to_end(request.headers, NOT_PASSED_ON)
    headers["Connection"] = "close"  # a kept connection may be dead, and then nobody knows what was sent
    if tunnel.is_websocket(request):
        headers.update(Connection="Upgrade", Upgrade="websocket")
    try:
        return await session.request(
            request.method,
            target(request, to),
            headers=headers,
            data=body(request) if request.body_exists else None,
            skip_auto_headers=LIBRARY_EXTRAS,
            allow_redirects=False,
            auto_decompress=False,
            timeout=ClientTimeout(total=None, sock_connect=CONNECT),
            max_line_size=LONGEST_HEADER,
            max_field_size=LONGEST_HEADER,
            middlewares=(never_retry,),
        )
    except (ClientConnectorError, ConnectionTimeoutError) as error:
        raise ForwardRefused("the app could not be reached") from error
    except TimeoutError as error:  # of `body`; nothing else in here has a limit
        raise ForwardBroken("its body stopped half way") from error
    except ClientError as error:
        raise ForwardBroken(NO_ANSWER) from error


def target(request: web.Request, to: Address) -> URL:
    """The same path and query, byte by byte, at another address."""
    path = request.raw_path if request.raw_path.startswith("/") else request.rel_url.raw_path_qs
    return URL(f"http://{to.netloc}{path}", encoded=True)


async def body(request: web.Request) -> AsyncIterator[bytes]:
    """What the visitor sends, as it comes. Asks for it first if that is what the visitor waits for."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun
    while True:
        async with asyncio.timeout(STALLED):
            chunk = await request.content.readany()
        if not chunk:
            return
        yield chunk


async def stream_back(request: web.Request, answer: ClientResponse) -> web.StreamResponse:
    """Stream the pod's answer. If it breaks off, so does the visitor's: half an answer must not look whole."""
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=end_to_end(answer.headers))
    response.headers.popall(names.MARKER, None)  # only waker's own answers carry it
    response[ABSENT] = tuple(name for name in ("Content-Type", "Server") if name not in answer.headers)
    await response.prepare(request)
    try:
        async for chunk in answer.content.iter_any():
            async with asyncio.timeout(STALLED):
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
    """Signal before an answer's headers are sent: no header that its author did not write."""
    for name in response.get(ABSENT, ("Server",)):
        response.headers.popall(name, None)


def end_to_end(headers: Mapping[str, str], without: Iterable[str] = HOP_BY_HOP) -> CIMultiDict[str]:
    """The headers that are for the other end, repeated ones included."""
    named = {name.strip().lower() for value in _all(headers, "Connection") for name in value.split(",")}
    gone = named | set(without)
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in gone)


def _all(headers: Mapping[str, str], name: str) -> list[str]:
    return [value for key, value in headers.items() if key.lower() == name.lower()]


async def never_retry(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """The library sends an idempotent request again when its connection breaks. We promised once."""
    try:
        return await handler(request)
    except ClientConnectorError:
        raise
    except (ClientOSError, ServerDisconnectedError) as error:
        raise ForwardBroken(NO_ANSWER) from error
