"""WebSockets through waker, with real servers: both sides receive exactly what the other one sent."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from tests.web.conftest import HOST, PortUnderTest, until
from waker.plan.model import Address
from waker.web import public_port, tunnel

BIG = bytes(range(256)) * 80_000  # 20 MB
UPGRADE_REQUEST = (
    f"GET /ws HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
).encode()
SWITCHES = b"HTTP/1.1 101 As You Wish\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Own: 1\r\n\r\n"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

pytestmark = pytest.mark.usefixtures("app_is_open")


async def echo_socket(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=("chat",))
    await socket.prepare(request)
    await socket.send_str(f"{request.host} {request.path_qs} {request.headers.get('Cookie')}")
    async for message in socket:
        if message.data == "bye":
            await socket.close(code=4001, message=b"as you wish")
        elif message.type is WSMsgType.TEXT:
            await socket.send_str(message.data)
        else:
            await socket.send_bytes(message.data)
    return socket


async def test_websockets(rig: PortUnderTest) -> None:
    await rig.upstream(echo_socket)
    async with rig.client.ws_connect("/ws?x=1", protocols=("chat", "other"), headers={"Cookie": "a=1"}) as socket:
        assert socket.protocol == "chat"
        assert await socket.receive_str() == f"{HOST} /ws?x=1 a=1"
        await socket.send_str("hello")
        assert await socket.receive_str() == "hello"
        await socket.send_bytes(BIG[:3_000_000])
        assert await socket.receive_bytes() == BIG[:3_000_000]
        await socket.send_str("bye")
        assert (await socket.receive()).type is WSMsgType.CLOSE
        assert socket.close_code == 4001


async def test_a_websocket_that_the_visitor_closes(rig: PortUnderTest) -> None:
    codes: asyncio.Queue[int | None] = asyncio.Queue()

    async def listens(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive()
        codes.put_nowait(socket.close_code)
        return socket

    await rig.upstream(listens)
    socket = await rig.client.ws_connect("/")
    assert rig.apps.in_flight == 1
    await socket.close(code=4002)
    assert await asyncio.wait_for(codes.get(), 5) == 4002
    await until(lambda: not rig.apps.in_flight)


async def test_a_websocket_that_the_app_does_not_want(rig: PortUnderTest) -> None:
    async def no(_request: web.Request) -> web.Response:
        return web.Response(status=403, text="no")

    await rig.upstream(no)
    with pytest.raises(aiohttp.WSServerHandshakeError) as error:
        await rig.client.ws_connect("/")
    assert error.value.status == 403


async def test_a_websocket_whose_pod_cannot_be_reached(
    rig: PortUnderTest, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_port, "RETRY_PAUSES", ())
    rig.apps.addresses = [Address("127.0.0.1", unused_tcp_port)]
    with pytest.raises(aiohttp.WSServerHandshakeError) as error:
        await rig.client.ws_connect("/")
    assert error.value.status == 503


# --- byte by byte: an app that accepts and then sends what no library would ------------------------------------------------


@pytest.fixture
async def app(rig: PortUnderTest) -> AsyncIterator[Callable[[Talk], Awaitable[None]]]:
    """Starts an app that accepts the upgrade, sends its first bytes in the same piece, and then does as `Talk` says."""
    servers: list[asyncio.Server] = []

    async def start(talk: Talk) -> None:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(SWITCHES + b"first words")
            await talk(reader, writer)
            writer.close()

        servers.append(await asyncio.start_server(accept, "127.0.0.1", 0))
        rig.apps.addresses = [Address("127.0.0.1", servers[0].sockets[0].getsockname()[1])]

    yield start
    for server in servers:
        server.close()


async def upgraded(rig: PortUnderTest, early: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(*rig.address)
    writer.write(UPGRADE_REQUEST + early)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 As You Wish\r\n")
    assert b"\r\nVia: 1.1 kubesleeper-waker\r\n" in head
    assert b"X-Own: 1\r\n" in head
    assert await reader.readexactly(11) == b"first words"
    return reader, writer


async def test_bytes_go_both_ways_as_they_are(rig: PortUnderTest, app: Callable[[Talk], Awaitable[None]]) -> None:
    async def digests(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        digest = hashlib.sha256()
        while digest.digest() != everything:
            digest.update(await reader.read(100_000))
        writer.write(b"all of it" + BIG)
        await writer.drain()

    everything = hashlib.sha256(b"early" + BIG).digest()
    await app(digests)
    reader, writer = await upgraded(rig, early=b"early")
    writer.write(BIG)
    assert await reader.readexactly(9) == b"all of it"
    assert hashlib.sha256(await reader.read()).hexdigest() == hashlib.sha256(BIG).hexdigest()  # and then the end
    writer.close()
    await writer.wait_closed()
    await until(lambda: not rig.apps.in_flight)


async def test_the_last_bytes_of_a_visitor_arrive(rig: PortUnderTest, app: Callable[[Talk], Awaitable[None]]) -> None:
    received: asyncio.Queue[bytes] = asyncio.Queue()

    async def listens(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        received.put_nowait(await reader.read())

    await app(listens)
    _, writer = await upgraded(rig)
    writer.write(b"farewell")
    writer.close()
    assert await asyncio.wait_for(received.get(), 5) == b"farewell"
    await writer.wait_closed()
    await until(lambda: not rig.apps.in_flight)


async def test_a_visitor_who_reads_nothing_stops_the_app_and_is_given_up(
    rig: PortUnderTest, app: Callable[[Talk], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tunnel, "STALL_TIMEOUT", 0.05)
    stopped = asyncio.Event()

    async def floods(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(b"x" * 100_000)
                await writer.drain()
        except ConnectionError:
            stopped.set()

    await app(floods)
    _, writer = await upgraded(rig)
    await asyncio.wait_for(stopped.wait(), 10)
    await until(lambda: not rig.apps.in_flight)
    writer.close()


async def test_an_app_that_dies_in_the_handshake(rig: PortUnderTest, app: Callable[[Talk], Awaitable[None]]) -> None:
    async def dies(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        """Its connection is closed as soon as it has accepted."""

    await app(dies)
    reader, writer = await upgraded(rig)
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    await until(lambda: not rig.apps.in_flight)


async def test_an_app_that_switches_protocols_unasked_has_not_answered(
    rig: PortUnderTest, app: Callable[[Talk], Awaitable[None]]
) -> None:
    async def waits(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    await app(waits)
    async with rig.client.get("/") as answer:
        assert (answer.status, answer.content_type) == (502, "application/problem+json")


async def test_compression_is_between_the_two_ends(rig: PortUnderTest) -> None:
    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=True)
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(f"{socket.compress} {message.data}")
        return socket

    await rig.upstream(echo)
    async with rig.client.ws_connect("/", compress=15) as socket:
        assert socket.compress
        await socket.send_str("a" * 100)
        assert await socket.receive_str() == "15 " + "a" * 100
