"""Bytes are passed on as they are: odd messages straight to an app and through waker, compared field by field.

What waker changes of every message is left out: `Via`, what `Connection` says, the coding that frames a body, and the `Date`
that an answer without one gets (RFC 9110, 6.6.1). Everything else is the same, or stands in the table as a limit.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.web.conftest import BROWSER, PortUnderTest
from tests.web.odd_messages import ANSWERS, REQUESTS, Message, Odd, answered, asked, is_whole, is_whole_answer, parsed
from waker.plan.model import Address, Phase
from waker.web import heads

PLAIN = asked()
ADDED = {b"via", b"connection", b"date", b"transfer-encoding"}
SEEN = b"1.1 kubesleeper-waker"

pytestmark = pytest.mark.usefixtures("app_is_open")


@asynccontextmanager
async def app(answer: bytes) -> AsyncIterator[tuple[Address, list[bytes]]]:
    """An app that answers so, and the requests that arrive there."""
    arrived: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = b""
        with contextlib.suppress(ConnectionError):
            while not is_whole(data) and (more := await reader.read(65536)):
                data += more
            arrived.append(data)
            writer.write(answer)
            await writer.drain()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield Address("127.0.0.1", server.sockets[0].getsockname()[1]), arrived


async def ask(address: Address, request: bytes) -> bytes:
    """The whole answer. The request's own end ends the connection once it is answered."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request)
    data = b""
    async with asyncio.timeout(10):
        while not is_whole_answer(data):
            more = await reader.read(65536)
            if not more:
                break
            data += more
    writer.close()
    return data


async def both(rig: PortUnderTest, request: bytes, answer: bytes) -> tuple[list[Message], list[Message]]:
    """The request as it arrives at the app, and the answer as it arrives at the visitor: straight, and through waker."""
    async with app(answer) as (address, arrived):
        rig.apps.addresses = [address]
        answers = [await ask(address, request), await ask(rig.address, request)]
    return [parsed(each) for each in arrived], [parsed(each) for each in answers]


def comparable(message: Message) -> Message:
    """Without what waker changes of every message."""
    fields = [each for each in message.fields if each[0].lower() not in ADDED]
    return message._replace(fields=fields, announced=tuple(map(_without_via, message.announced)))


def _without_via(head: bytes) -> bytes:
    return b"\r\n".join(line for line in head.split(b"\r\n") if not line.startswith(b"Via: "))


@pytest.mark.parametrize("odd", [pytest.param(each, id=each.what) for each in REQUESTS])
async def test_odd_requests(rig: PortUnderTest, odd: Odd) -> None:
    arrived, _ = await both(rig, odd.message, answered())
    straight, *through = arrived
    if odd.differs:
        assert [comparable(each) for each in through] != [comparable(straight)]
        return
    assert [comparable(each) for each in through] == [comparable(straight)]
    assert through[0].values("Via") == [*straight.values("Via"), SEEN]
    assert through[0].values("Connection") == [b"close"]


@pytest.mark.parametrize("odd", [pytest.param(each, id=each.what) for each in ANSWERS])
async def test_odd_answers(rig: PortUnderTest, odd: Odd) -> None:
    _, (straight, through) = await both(rig, PLAIN, odd.message)
    if odd.differs:
        assert comparable(through) != comparable(straight)
        return
    assert comparable(through) == comparable(straight)
    assert through.values("Via") == [*straight.values("Via"), SEEN]
    assert through.values("Date") == straight.values("Date") or not straight.values("Date")
    assert all(b"Via: " + SEEN in each for each in through.announced)


async def test_one_connection_carries_odd_lines_one_after_the_other(rig: PortUnderTest) -> None:
    """Also when a line arrives in pieces, and after a body."""
    lines = [b"GET /caf\xe9 HTTP/1.1", b"BREW /pot? HTTP/1.1", b"GET /plain HTTP/1.1", b"PUT /\xff HTTP/1.1"]
    async with app(answered(body=b"")) as (address, arrived):
        rig.apps.addresses = [address]
        reader, writer = await asyncio.open_connection(*rig.address)
        for line in lines:
            request = asked(b"Content-Length: 4", line=line, body=b"body")
            for piece in (request[:7], request[7:12], request[12:]):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.01)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        writer.close()
    assert [parsed(each).line for each in arrived] == lines
    assert [parsed(each).body for each in arrived] == [b"body"] * len(lines)


async def test_the_app_of_a_sleeping_app_is_woken_by_an_odd_line_too(rig: PortUnderTest) -> None:
    rig.apps.set_phase(Phase.ASLEEP)
    answer = await ask(rig.address, asked(line=b"BREW /caf\xe9 HTTP/1.1"))
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert rig.apps.knocks


async def test_the_page_comes_back_to_a_query_beyond_ascii(rig: PortUnderTest) -> None:
    rig.apps.set_phase(Phase.ASLEEP)
    fields = [f"{name}: {value}".encode() for name, value in BROWSER.items()]
    answer = await ask(rig.address, asked(*fields, line=b"GET /x?n=\xc3\xa9&m=%E9< HTTP/1.1"))
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"url=?n=%C3%A9&amp;m=%E9&lt;" in answer


UPGRADE = (
    b"Connection: Upgrade",
    b"Upgrade: WebSocket",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    b"Cookie: n=\xfc",
)
SWITCH = b"HTTP/1.1 101 Tr\xe8s bien\r\nupgrade: websocket\r\nConnection: Upgrade\r\nX-Name: caf\xe9\r\n\r\n"


async def test_a_websocket_keeps_its_bytes(rig: PortUnderTest) -> None:
    async with app(SWITCH) as (address, arrived):
        rig.apps.addresses = [address]
        answer = await ask(rig.address, asked(*UPGRADE, line=b"GET /caf\xe9? HTTP/1.1"))
    line, *fields = answer.removesuffix(b"\r\n\r\n").split(b"\r\n")
    assert line == b"HTTP/1.1 101 Tr\xe8s bien"
    assert fields[:3] == [b"upgrade: websocket", b"Connection: Upgrade", b"X-Name: caf\xe9"]
    (got,) = (parsed(each) for each in arrived)
    assert got.line == b"GET /caf\xe9? HTTP/1.1"
    assert got.values("Cookie") == [b"n=\xfc"]
    assert got.values("Upgrade") == [b"websocket"]


async def test_more_fields_than_an_app_needs_are_refused(rig: PortUnderTest) -> None:
    def some(count: int) -> list[bytes]:
        return [b"X-%d: 1" % each for each in range(count)]

    async with app(answered(*some(heads.MOST_ANSWER_FIELDS))) as (address, _):
        rig.apps.addresses = [address]
        assert (await ask(rig.address, PLAIN)).startswith(b"HTTP/1.1 502 ")
        assert (await ask(rig.address, asked(*some(heads.MOST_FIELDS))))[8:].startswith(b" 400 ")


@pytest.mark.parametrize("coding", [b"identity", b"gzip", b"chunked, chunked"])
async def test_an_answer_that_another_coding_frames_is_framed_by_waker(rig: PortUnderTest, coding: bytes) -> None:
    """It ends with the app's connection. The visitor's goes on, so only one coding may say where the answer ends."""
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + coding + b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    async with app(answer) as (address, _):
        rig.apps.addresses = [address]
        got = parsed(await ask(rig.address, PLAIN))
    assert got.values("Transfer-Encoding") in ([b"chunked"], [])


async def test_an_announcement_frames_nothing_and_is_never_wakers(rig: PortUnderTest) -> None:
    fields = b"Content-Length: 5\r\nX-Kubesleeper: waiting\r\nLink: </a>"
    early = b"HTTP/1.1 103 Early Hints\r\n" + fields + b"\r\n\r\n" + answered()
    async with app(early) as (address, _):
        rig.apps.addresses = [address]
        (announced,) = parsed(await ask(rig.address, PLAIN)).announced
    assert _without_via(announced).split(b"\r\n") == [b"HTTP/1.1 103 Early Hints", b"Link: </a>"]


async def test_a_visitor_of_http_1_0_gets_no_announcement(rig: PortUnderTest) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answered()
    async with app(early) as (address, _):
        rig.apps.addresses = [address]
        assert (await ask(rig.address, asked(line=b"GET / HTTP/1.0"))).startswith(b"HTTP/1.0 200 ")


@pytest.mark.parametrize("between", ["\r", "\0", "\r\n "])
async def test_nothing_ends_a_field_of_an_answer_early(rig: PortUnderTest, between: str) -> None:
    answer = f"HTTP/1.1 200 OK\r\nX-A: a{between}X-Injected: 1\r\nContent-Length: 2\r\n\r\nok".encode()
    _, (_, through) = await both(rig, PLAIN, answer)
    assert not through.values("X-Injected")
    assert not any(letter in b"".join(value for _, value in through.fields) for letter in b"\r\n\0")
