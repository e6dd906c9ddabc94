"""Forwarding, with real servers, when one side stops: a pod that breaks off, a visitor who leaves or stalls."""

import asyncio

import aiohttp
import pytest
from aiohttp import web

from tests.web.conftest import HOST, Handler, PortUnderTest, until
from waker.plan.model import Address
from waker.web import forward

pytestmark = pytest.mark.usefixtures("app_is_open")


async def test_an_answer_that_breaks_off_does_not_look_complete(rig: PortUnderTest) -> None:
    async def dies(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if request.path == "/length":
            response.content_length = 1000
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport
        request.transport.close()
        return response

    await rig.upstream(dies)
    for path in ("/length", "/chunked"):
        with pytest.raises(aiohttp.ClientError):
            async with rig.client.get(path) as answer:
                await answer.read()


def endless(gone: asyncio.Event) -> Handler:
    """An app whose answer never ends; `gone` is set when its visitor has left."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 100_000)
        finally:
            gone.set()

    return answer


async def test_when_a_visitor_leaves_the_app_notices(rig: PortUnderTest) -> None:
    gone = asyncio.Event()
    await rig.upstream(endless(gone))
    async with rig.client.get("/") as answer:
        await answer.content.readany()
    await asyncio.wait_for(gone.wait(), 5)
    await until(lambda: not rig.apps.in_flight)


async def test_an_upload_that_stalls_is_given_up(rig: PortUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "STALL_TIMEOUT", 0.02)
    arrived: list[bytes] = []

    async def reads(request: web.Request) -> web.Response:
        arrived.append(await request.content.readany())
        await request.content.read()
        return web.Response()

    await rig.upstream(reads)
    reader, writer = await asyncio.open_connection(*rig.address)
    writer.write(f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 10\r\n\r\nhalf".encode())
    answer = await reader.readuntil(b"}")
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert b"the request body stopped arriving" in answer
    assert arrived == [b"half"]
    writer.close()
    await writer.wait_closed()
    await until(lambda: not rig.apps.in_flight)


async def test_a_visitor_who_reads_nothing_is_given_up(rig: PortUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "STALL_TIMEOUT", 0.02)
    gone = asyncio.Event()
    await rig.upstream(endless(gone))
    _, writer = await asyncio.open_connection(*rig.address, limit=1)
    writer.write(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    await asyncio.wait_for(gone.wait(), 10)
    await until(lambda: not rig.apps.in_flight)
    writer.close()


async def test_an_app_may_stay_silent_for_longer_than_a_visitor(
    rig: PortUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward, "STALL_TIMEOUT", 0.001)

    async def thinks(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.02)  # longer than a visitor may stall
        return web.Response(text="thought")

    await rig.upstream(thinks)
    async with rig.client.get("/") as answer:
        assert await answer.text() == "thought"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X-Long: %s\r\n" % (b"x" * 30_000), 200, id="long"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"X-Long: %s\r\n" % (b"x" * 30_000) * 60, 502, id="too long"),
        pytest.param(
            b"HTTP/1.1 103 Early Hints\r\n\r\n" * 60_000 + b"HTTP/1.1 200 OK\r\n", 502, id="too many announcements"
        ),
    ],
)
async def test_the_head_of_an_answer_is_bounded_in_all(rig: PortUnderTest, head: bytes, status: int) -> None:
    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head + b"Content-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answers, "127.0.0.1", 0) as app:
        rig.apps.addresses = [Address(*app.sockets[0].getsockname())]
        async with rig.client.get("/", max_field_size=2**16) as answer:
            assert answer.status == status
