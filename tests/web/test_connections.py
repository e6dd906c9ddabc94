"""What connections of the public port may cost."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest
from aiohttp import web

from tests.web.conftest import APP, BROWSER, HOST, PortUnderTest, until
from waker import names
from waker.web import connections, heap, public_port
from waker.web.apps import View

UPLOAD = f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 9000\r\n\r\n".encode() + b"x" * 2000


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize(
    "sent",
    [b"GET / HTTP/1.1\r\nX-Half: ", f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode(), b"no HTTP\r\n\r\n", UPLOAD],
    ids=["half a head", "a request", "no HTTP", "half a body"],
)
async def test_a_connection_that_is_gone_is_freed_without_the_collector(rig: PortUnderTest, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection(*rig.address)
    writer.write(sent)
    if sent.endswith(b"\r\n\r\n"):
        await reader.readuntil(b"\r\n")
    await until(rig.connections)
    kept = [weakref.ref(each._bounded) for each in rig.connections()]
    assert kept
    writer.close()
    await until(lambda: not rig.connections())
    await until(lambda: not [each for each in kept if each() is not None])


@pytest.mark.usefixtures("no_collector")
async def test_an_idle_connection_keeps_neither_its_last_request_nor_the_answer(
    rig: PortUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[weakref.ref[object]] = []
    page_response = public_port.page_response

    async def note(port: public_port.PublicPort, request: web.Request, view: View) -> web.Response:
        response = await page_response(port, request, view)
        part_of_request = set[str]()
        vars(request)["part"] = part_of_request
        kept.extend((weakref.ref(part_of_request), weakref.ref(response)))
        return response

    monkeypatch.setattr(public_port, "page_response", note)
    async with rig.client.get("/", headers=BROWSER) as answer:
        assert answer.status == 503
    assert kept
    await until(lambda: not [each for each in kept if each() is not None])
    assert rig.connections()


async def test_beyond_the_limit_of_connections_the_answer_is_503_at_once(
    rig: PortUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 1)
    rig.port.connections.counted(2)
    async with rig.client.get("/") as answer:
        assert (answer.status, answer.headers["Connection"]) == (503, "close")
        assert answer.headers[names.MARKER] == names.MARK_PAGE
    assert not rig.apps.lookups
    rig.port.connections.counted(1)
    async with rig.client.post("/", data=b"x") as answer:
        assert answer.content_type == "application/problem+json"
    assert rig.apps.knocks == [APP]


def test_memory_is_given_back_when_a_crowd_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    trims = 0

    def trim() -> None:
        nonlocal trims
        trims += 1

    monkeypatch.setattr(heap, "trim", trim)
    port = connections.Connections()
    for number, expected in ((10, 0), (2000, 0), (1900, 0), (900, 1), (890, 1), (100, 2), (0, 2), (150, 2), (0, 2)):
        port.counted(number)
        assert trims == expected, number


def test_giving_memory_back_is_possible_here(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    heap.trim()
    assert not caplog.records
