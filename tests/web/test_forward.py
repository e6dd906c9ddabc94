"""Against real servers: what a pod gets and what a visitor gets back."""

import asyncio
import gzip
import hashlib
import io
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from multidict import CIMultiDict

from tests.web.conftest import HOST, Handler, PortUnderTest, until
from waker import names
from waker.plan.model import Phase
from waker.web import forward
from waker.web.forward import end_to_end

BIG = bytes(range(256)) * 80_000  # 20 MB
SUM = hashlib.sha256(BIG).hexdigest()


@pytest.fixture(autouse=True)
def _open(stand: PortUnderTest) -> None:
    stand.apps.is_(Phase.RESTORING_ROUTES, open=True)


async def pieces(data: bytes, size: int = 50_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def summing(request: web.Request) -> web.Response:
    digest, chunks = hashlib.sha256(), 0
    async for chunk in request.content.iter_any():
        digest.update(chunk)
        chunks += 1
    told = {"X-Length": request.headers.get("Content-Length", "none"), "X-Chunks": str(chunks)}
    return web.Response(text=digest.hexdigest(), headers=told)


async def test_a_big_upload_arrives_as_it_was_sent(stand: PortUnderTest) -> None:
    await stand.upstream(summing)
    async with stand.client.put("/up", data=io.BytesIO(BIG)) as answer:
        assert (await answer.text(), answer.headers["X-Length"]) == (SUM, str(len(BIG)))
    async with stand.client.post("/up", data=pieces(BIG)) as answer:
        assert (await answer.text(), answer.headers["X-Length"]) == (SUM, "none")


async def test_a_big_download_arrives_as_it_was_sent(stand: PortUnderTest) -> None:
    async def sends(request: web.Request) -> web.StreamResponse:
        if request.path == "/whole":
            return web.Response(body=BIG)
        response = web.StreamResponse()
        await response.prepare(request)
        async for piece in pieces(BIG):
            await response.write(piece)
        return response

    await stand.upstream(sends)
    async with stand.client.get("/whole") as answer:
        assert hashlib.sha256(await answer.read()).hexdigest() == SUM
        assert answer.headers["Content-Length"] == str(len(BIG))
    async with stand.client.get("/chunked") as answer:
        assert hashlib.sha256(await answer.read()).hexdigest() == SUM
        assert answer.headers["Transfer-Encoding"] == "chunked"


async def test_packed_bodies_stay_packed(stand: PortUnderTest) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(
            body=await request.read(), headers={"Content-Encoding": request.headers["Content-Encoding"]}
        )

    await stand.upstream(echo)
    packed = gzip.compress(b"text" * 100)
    async with stand.client.post("/", data=packed, headers={"Content-Encoding": "gzip"}) as answer:
        assert (await answer.read(), answer.headers["Content-Encoding"]) == (packed, "gzip")


async def test_events_are_passed_on_as_they_come(stand: PortUnderTest) -> None:
    turn, seen = asyncio.Event(), asyncio.Event()

    async def events(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: 1\n\n")
        await turn.wait()
        await response.write(b"data: 2\n\n")
        seen.set()
        return response

    await stand.upstream(events)
    async with stand.client.get("/", headers={"Accept": "text/event-stream"}) as answer:
        assert await answer.content.readuntil(b"\n\n") == b"data: 1\n\n"  # while the app still has the second one
        assert not seen.is_set()
        turn.set()
        assert await answer.content.read() == b"data: 2\n\n"
        assert answer.content_type == "text/event-stream"


async def test_headers_are_end_to_end(stand: PortUnderTest) -> None:
    got: list[CIMultiDict[str]] = []

    async def look(request: web.Request) -> web.Response:
        got.append(CIMultiDict(request.headers))
        more = CIMultiDict([("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Server", "app/1"), ("X-Private", "1"),
                            ("Connection", "X-Private"), ("Keep-Alive", "timeout=5"), (names.MARKER, "x")])  # fmt: skip
        return web.Response(text="x", headers=more)

    await stand.upstream(look)
    sent = {
        "X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https", "Forwarded": "for=192.0.2.1", "Cookie": "c=3",
        "User-Agent": "curl/8", "Accept-Encoding": "br", "Connection": "keep-alive, X-Mine", "X-Mine": "1", "TE": "trailers",
        "Proxy-Authorization": "x", "Authorization": "Bearer y",
    }  # fmt: skip
    for _ in range(2):  # the second time no cookie of the first one comes along
        async with stand.client.get("/", headers=sent) as answer:
            assert answer.headers.getall("Set-Cookie") == ["a=1", "b=2"]
            assert answer.headers["Server"] == "app/1"
            assert not {"X-Private", "Keep-Alive", names.MARKER} & set(answer.headers)
        headers = got.pop()
        kept = {"X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "User-Agent", "Accept-Encoding", "Authorization"}
        assert {name: headers[name] for name in kept} == {name: sent[name] for name in kept}
        assert (headers["Host"], headers.getall("Cookie")) == (HOST, ["c=3"])
        assert not {"X-Mine", "TE", "Proxy-Authorization"} & set(headers)
        stand.client.cookie_jar.clear()


async def test_path_and_query_stay_as_they_were_written(stand: PortUnderTest) -> None:
    async def raw(request: web.Request) -> web.Response:
        return web.Response(text=request.raw_path)

    address = await stand.upstream(raw)
    for path in ("/a%2Fb/../c%20d?x=%41&y=a+b", "//double//", "/a;b=c,d"):
        reader, writer = await asyncio.open_connection(*stand.address)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        head, _, text = (await reader.read()).partition(b"\r\n\r\n")
        assert b" 200 " in head.splitlines()[0], (path, head, text, address)
        assert text.decode() == path
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("status", [204, 304, 404, 418, 500])
async def test_any_status_is_passed_on(stand: PortUnderTest, status: int) -> None:
    async def says(_request: web.Request) -> web.Response:
        return web.Response(status=status, reason="As It Is", headers={"ETag": '"1"'})

    await stand.upstream(says)
    async with stand.client.get("/") as answer:
        assert (answer.status, answer.reason, answer.headers["ETag"]) == (status, "As It Is", '"1"')
        assert await answer.read() == b""
        assert "Content-Type" not in answer.headers or status >= 400


async def test_redirects_are_the_visitors_business(stand: PortUnderTest) -> None:
    async def away(_request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://elsewhere.example/"})

    await stand.upstream(away)
    async with stand.client.get("/", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "http://elsewhere.example/")


async def test_head_has_the_length_and_no_body(stand: PortUnderTest) -> None:
    async def whole(_request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 1000)

    await stand.upstream(whole)
    async with stand.client.head("/") as answer:
        assert (answer.status, answer.headers["Content-Length"], await answer.read()) == (200, "1000", b"")


async def test_an_answer_that_breaks_off_does_not_look_whole(stand: PortUnderTest) -> None:
    async def dies(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if request.path == "/length":
            response.content_length = 1000
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport
        request.transport.close()
        return response

    await stand.upstream(dies)
    for path in ("/length", "/chunked"):
        with pytest.raises(aiohttp.ClientError):
            async with stand.client.get(path) as answer:
                await answer.read()


def endless(gone: asyncio.Event) -> Handler:
    """An app that answers for ever; `gone` tells that its visitor has left."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 100_000)
        finally:
            gone.set()

    return answer


async def test_a_visitor_who_leaves_is_told_to_the_app(stand: PortUnderTest) -> None:
    gone = asyncio.Event()
    await stand.upstream(endless(gone))
    async with stand.client.get("/") as answer:
        await answer.content.readany()
    await asyncio.wait_for(gone.wait(), 5)
    await until(lambda: not stand.apps.carried)


async def test_an_upload_that_stalls_is_given_up(stand: PortUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "STALLED", 0.02)
    arrived: list[bytes] = []

    async def reads(request: web.Request) -> web.Response:
        arrived.append(await request.content.readany())
        await request.content.read()
        return web.Response()

    await stand.upstream(reads)
    reader, writer = await asyncio.open_connection(*stand.address)
    writer.write(f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 10\r\n\r\nhalf".encode())
    answer = await reader.readuntil(b"}")
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert b"its body stopped half way" in answer
    assert arrived == [b"half"]
    writer.close()
    await writer.wait_closed()
    await until(lambda: not stand.apps.carried)


async def test_a_visitor_who_takes_nothing_is_given_up(stand: PortUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "STALLED", 0.02)
    gone = asyncio.Event()
    await stand.upstream(endless(gone))
    _, writer = await asyncio.open_connection(*stand.address, limit=1)
    writer.write(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    await asyncio.wait_for(gone.wait(), 10)
    await until(lambda: not stand.apps.carried)
    writer.close()


async def test_an_app_may_be_silent_for_longer_than_a_visitor(
    stand: PortUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward, "STALLED", 0.001)

    async def thinks(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.02)  # longer than a visitor may stall
        return web.Response(text="thought")

    await stand.upstream(thinks)
    async with stand.client.get("/") as answer:
        assert await answer.text() == "thought"


async def test_an_upgrade_to_something_else_is_asked_without_it(stand: PortUnderTest) -> None:
    async def look(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.headers.get('Upgrade')} {request.headers.get('HTTP2-Settings')}")

    await stand.upstream(look)
    h2c = {"Upgrade": "h2c", "HTTP2-Settings": "AAMAAABk", "Connection": "Upgrade, HTTP2-Settings"}
    async with stand.client.get("/", headers=h2c) as answer:
        assert (answer.status, await answer.text()) == (200, "None None")


async def test_an_upload_waits_for_the_word_of_the_app(stand: PortUnderTest) -> None:
    await stand.upstream(summing)
    stand.apps.is_(Phase.WAKING)
    stand.apps.gate = asyncio.Event()
    reader, writer = await asyncio.open_connection(*stand.address)
    writer.write(f"POST / HTTP/1.1\r\nHost: {HOST}\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n".encode())
    await stand.apps.waiting.wait()
    assert not reader._buffer  # type: ignore[attr-defined]
    stand.apps.gate.set()
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"body")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    await reader.readuntil(b"\r\n\r\n")
    assert (await reader.readexactly(64)).decode() == hashlib.sha256(b"body").hexdigest()
    writer.close()
    await writer.wait_closed()


def test_what_connection_names_is_for_one_hop() -> None:
    headers = CIMultiDict(
        [("Connection", "close, X-A"), ("Connection", "x-b"), ("X-A", "1"), ("X-B", "2"), ("X-C", "3")]
    )
    assert dict(end_to_end(headers)) == {"X-C": "3"}
