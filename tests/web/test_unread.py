"""Visitors who go while waker holds their request and does not read its body."""

import asyncio
import hashlib
import io
import socket
import struct

import pytest
from aiohttp import EMPTY_PAYLOAD, web

from tests.web.conftest import APP, HOST, PortUnderTest, until
from waker.web import unread

LENGTH = 20_000_000  # bytes; of a body that never arrives whole


@pytest.fixture(autouse=True)
def no_time_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread, "LOOK_EVERY", 0.01)


async def upload(rig: PortUnderTest, sent: int) -> asyncio.StreamWriter:
    """A held request of which so many bytes of the body were sent."""
    rig.apps.gate = rig.apps.gate or asyncio.Event()
    rig.apps.waiting.clear()
    _, writer = await asyncio.open_connection(*rig.address)
    writer.write(f"PUT / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {LENGTH}\r\n\r\n".encode() + b"x" * sent)
    await rig.apps.waiting.wait()
    return writer


def reset(writer: asyncio.StreamWriter) -> None:
    """Leave at once: nothing that was not read yet is delivered."""
    at_once = struct.pack("ii", 1, 0)
    writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    writer.transport.abort()


def is_reading_paused(rig: PortUnderTest) -> bool:
    return any(each._reading_paused for each in rig.connections())


def read_ahead(rig: PortUnderTest) -> int:
    """How many bytes of bodies all connections keep."""
    bodies = [each._bounded.body for each in rig.connections()]
    return sum(body._size for body in bodies if body is not EMPTY_PAYLOAD)


async def test_who_leaves_is_noticed_though_its_body_is_not_read(
    rig: PortUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread, "MOST_READING_ON", 0)
    writer = await upload(rig, 60_000)
    await until(lambda: is_reading_paused(rig))
    writer.close()
    await until(lambda: not rig.port.held.taken)
    await until(lambda: not rig.connections())


async def test_who_leaves_behind_much_that_is_not_read_is_noticed(
    rig: PortUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread, "READ_ON", 4_000_000)
    writer = await upload(rig, 3_000_000)
    await asyncio.sleep(0)
    writer.close()
    await until(lambda: not rig.port.held.taken)


async def test_all_who_leave_are_noticed_a_few_at_a_time(rig: PortUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unread, "MOST_READING_ON", 2)
    monkeypatch.setattr(unread, "READ_ON", 4_000_000)
    writers = [await upload(rig, 3_000_000) for _ in range(6)]
    for each in writers:
        each.close()
    await until(lambda: not rig.port.held.taken)


async def test_no_more_read_on_at_a_time_than_memory_was_set_aside_for(
    rig: PortUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unread, "MOST_READING_ON", 1)
    monkeypatch.setattr(unread, "READ_ON", 1_000_000)
    first, second = await upload(rig, 3_000_000), await upload(rig, 3_000_000)
    await until(lambda: read_ahead(rig) > 1_000_000)
    await asyncio.sleep(0.1)
    assert read_ahead(rig) < 1_100_000
    assert rig.port.held.taken[APP]
    reset(first)
    await until(lambda: len(rig.connections()) == 1)
    await until(lambda: read_ahead(rig) > 1_000_000)
    reset(second)
    await until(lambda: not rig.port.held.taken)


async def test_a_body_that_was_read_on_arrives_whole(rig: PortUnderTest) -> None:
    async def digest(request: web.Request) -> web.Response:
        return web.Response(text=hashlib.sha256(await request.read()).hexdigest())

    await rig.upstream(digest)
    rig.apps.gate = asyncio.Event()
    sent = bytes(range(256)) * 20_000
    pending = asyncio.create_task(rig.client.put("/", data=io.BytesIO(sent)))
    await until(lambda: read_ahead(rig) > unread.READ_ON)
    rig.apps.gate.set()
    async with await pending as answer:
        assert (answer.status, await answer.text()) == (200, hashlib.sha256(sent).hexdigest())
    await until(lambda: not rig.port.held.taken)


async def test_nothing_is_looked_at_while_everything_is_read(rig: PortUnderTest) -> None:
    async with rig.client.get("/") as answer:
        assert answer.status == 503
    (connection,) = rig.connections()
    assert connection._unread._timer is None
