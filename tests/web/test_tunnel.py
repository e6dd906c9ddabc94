"""WebSockets against real servers: what is said through waker is what both sides hear."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from tests.web.conftest import HOST, PortUnderTest, until
from waker.plan.model import Address, Phase
from waker.web import public_port, tunnel

BIG = bytes(range(256)) * 80_000  # 20 MB
ASKS = (
    f"GET /ws HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
).encode()
AGREES = b"HTTP/1.1 101 As You Wish\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Own: 1\r\n\r\n"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def _open(stand: PortUnderTest) -> None:
    stand.apps.is_(Phase.RESTORING_ROUTES, open=True)


async def sockets_echo(request: web.Request) -> web.WebSocketResponse:
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


async def test_websockets(stand: PortUnderTest) -> None:
    await stand.upstream(sockets_echo)
    async with stand.client.ws_connect("/ws?x=1", protocols=("chat", "other"), headers={"Cookie": "a=1"}) as socket:
        assert socket.protocol == "chat"
        assert await socket.receive_str() == f"{HOST} /ws?x=1 a=1"
        await socket.send_str("hello")
        assert await socket.receive_str() == "hello"
        await socket.send_bytes(BIG[:3_000_000])
        assert await socket.receive_bytes() == BIG[:3_000_000]
        await socket.send_str("bye")
        assert (await socket.receive()).type is WSMsgType.CLOSE
        assert socket.close_code == 4001


async def test_a_websocket_that_the_visitor_closes(stand: PortUnderTest) -> None:
    codes: asyncio.Queue[int | None] = asyncio.Queue()

    async def listens(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive()
        codes.put_nowait(socket.close_code)
        return socket

    await stand.upstream(listens)
    socket = await stand.client.ws_connect("/")
    assert stand.apps.carried == 1
    await socket.close(code=4002)
    assert await asyncio.wait_for(codes.get(), 5) == 4002
    await until(lambda: not stand.apps.carried)


async def test_a_websocket_that_the_app_does_not_want(stand: PortUnderTest) -> None:
    async def no(_request: web.Request) -> web.Response:
        return web.Response(status=403, text="no")

    await stand.upstream(no)
    with pytest.raises(aiohttp.WSServerHandshakeError) as error:
        await stand.client.ws_connect("/")
    assert error.value.status == 403


async def test_a_websocket_to_nobody(
    stand: PortUnderTest, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_port, "PAUSES", ())
    stand.apps.ways = [Address("127.0.0.1", unused_tcp_port)]
    with pytest.raises(aiohttp.WSServerHandshakeError) as error:
        await stand.client.ws_connect("/")
    assert error.value.status == 503


# --- byte by byte: an app that agrees and then says what no library would -------------------------------------------------


@pytest.fixture
async def app(stand: PortUnderTest) -> AsyncIterator[Callable[[Talk], Awaitable[None]]]:
    """Starts an app that agrees to everything, in one piece with its first words, and then talks as told."""
    servers: list[asyncio.Server] = []

    async def start(talk: Talk) -> None:
        async def agree(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(AGREES + b"first words")
            await talk(reader, writer)
            writer.close()

        servers.append(await asyncio.start_server(agree, "127.0.0.1", 0))
        stand.apps.ways = [Address("127.0.0.1", servers[0].sockets[0].getsockname()[1])]

    yield start
    for server in servers:
        server.close()


async def ask(stand: PortUnderTest, early: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(*stand.address)
    writer.write(ASKS + early)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 As You Wish\r\n")
    assert b"X-Own: 1\r\n" in head
    assert await reader.readexactly(11) == b"first words"
    return reader, writer


async def test_bytes_go_both_ways_as_they_are(stand: PortUnderTest, app: Callable[[Talk], Awaitable[None]]) -> None:
    async def sums(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        digest = hashlib.sha256()
        while digest.digest() != everything:
            digest.update(await reader.read(100_000))
        writer.write(b"all of it" + BIG)
        await writer.drain()

    everything = hashlib.sha256(b"early" + BIG).digest()
    await app(sums)
    reader, writer = await ask(stand, early=b"early")
    writer.write(BIG)
    assert await reader.readexactly(9) == b"all of it"
    assert hashlib.sha256(await reader.read()).hexdigest() == hashlib.sha256(BIG).hexdigest()  # and then the end
    writer.close()
    await writer.wait_closed()
    await until(lambda: not stand.apps.carried)


async def test_last_words_of_a_visitor_arrive(stand: PortUnderTest, app: Callable[[Talk], Awaitable[None]]) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def listens(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        heard.put_nowait(await reader.read())

    await app(listens)
    _, writer = await ask(stand)
    writer.write(b"farewell")
    writer.close()
    assert await asyncio.wait_for(heard.get(), 5) == b"farewell"
    await writer.wait_closed()
    await until(lambda: not stand.apps.carried)


async def test_who_reads_nothing_stops_the_other_side_and_is_given_up(
    stand: PortUnderTest, app: Callable[[Talk], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tunnel, "STALLED", 0.05)
    stopped = asyncio.Event()

    async def floods(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(b"x" * 100_000)
                await writer.drain()
        except ConnectionError:
            stopped.set()

    await app(floods)
    _, writer = await ask(stand)
    await asyncio.wait_for(stopped.wait(), 10)
    await until(lambda: not stand.apps.carried)
    writer.close()


async def test_an_app_that_dies_in_the_handshake(stand: PortUnderTest, app: Callable[[Talk], Awaitable[None]]) -> None:
    async def dies(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        """Its connection is closed as soon as it has agreed."""

    await app(dies)
    reader, writer = await ask(stand)
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    await until(lambda: not stand.apps.carried)


async def test_an_app_that_switches_unasked_is_no_answer(
    stand: PortUnderTest, app: Callable[[Talk], Awaitable[None]]
) -> None:
    async def waits(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    await app(waits)
    async with stand.client.get("/") as answer:
        assert (answer.status, answer.content_type) == (502, "application/problem+json")


async def test_compression_and_fragments_are_between_the_two_ends(stand: PortUnderTest) -> None:
    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=True)
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(f"{socket.compress} {message.data}")
        return socket

    await stand.upstream(echo)
    async with stand.client.ws_connect("/", compress=15) as socket:
        assert socket.compress
        await socket.send_str("a" * 100)
        assert await socket.receive_str() == "15 " + "a" * 100
