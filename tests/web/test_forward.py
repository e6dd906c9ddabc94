"""Forwarding, with real servers: what a pod gets and what the visitor gets back."""

import asyncio
import gzip
import hashlib
import io
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from multidict import CIMultiDict

from tests.web.conftest import HOST, PortUnderTest
from waker import names
from waker.plan.model import Phase
from waker.web.passed_heads import end_to_end

BIG = bytes(range(256)) * 80_000  # 20 MB
SUM = hashlib.sha256(BIG).hexdigest()

pytestmark = pytest.mark.usefixtures("app_is_open")


async def pieces(data: bytes, size: int = 50_000) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def summing(request: web.Request) -> web.Response:
    digest, chunks = hashlib.sha256(), 0
    async for chunk in request.content.iter_any():
        digest.update(chunk)
        chunks += 1
    seen = {"X-Length": request.headers.get("Content-Length", "none"), "X-Chunks": str(chunks)}
    return web.Response(text=digest.hexdigest(), headers=seen)


async def test_a_big_upload_arrives_as_it_was_sent(rig: PortUnderTest) -> None:
    await rig.upstream(summing)
    async with rig.client.put("/up", data=io.BytesIO(BIG)) as answer:
        assert (await answer.text(), answer.headers["X-Length"]) == (SUM, str(len(BIG)))
    async with rig.client.post("/up", data=pieces(BIG)) as answer:
        assert (await answer.text(), answer.headers["X-Length"]) == (SUM, "none")


async def test_a_big_download_arrives_as_it_was_sent(rig: PortUnderTest) -> None:
    async def sends(request: web.Request) -> web.StreamResponse:
        if request.path == "/whole":
            return web.Response(body=BIG)
        response = web.StreamResponse()
        await response.prepare(request)
        async for piece in pieces(BIG):
            await response.write(piece)
        return response

    await rig.upstream(sends)
    async with rig.client.get("/whole") as answer:
        assert hashlib.sha256(await answer.read()).hexdigest() == SUM
        assert answer.headers["Content-Length"] == str(len(BIG))
    async with rig.client.get("/chunked") as answer:
        assert hashlib.sha256(await answer.read()).hexdigest() == SUM
        assert answer.headers["Transfer-Encoding"] == "chunked"


async def test_compressed_bodies_stay_compressed(rig: PortUnderTest) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(
            body=await request.read(), headers={"Content-Encoding": request.headers["Content-Encoding"]}
        )

    await rig.upstream(echo)
    packed = gzip.compress(b"text" * 100)
    async with rig.client.post("/", data=packed, headers={"Content-Encoding": "gzip"}) as answer:
        assert (await answer.read(), answer.headers["Content-Encoding"]) == (packed, "gzip")


async def test_events_are_forwarded_as_they_come(rig: PortUnderTest) -> None:
    go_on, done = asyncio.Event(), asyncio.Event()

    async def events(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: 1\n\n")
        await go_on.wait()
        await response.write(b"data: 2\n\n")
        done.set()
        return response

    await rig.upstream(events)
    async with rig.client.get("/", headers={"Accept": "text/event-stream"}) as answer:
        assert await answer.content.readuntil(b"\n\n") == b"data: 1\n\n"  # the app keeps the second one back
        assert not done.is_set()
        go_on.set()
        assert await answer.content.read() == b"data: 2\n\n"
        assert answer.content_type == "text/event-stream"


async def test_end_to_end_headers_are_forwarded_and_no_others(rig: PortUnderTest) -> None:
    got: list[CIMultiDict[str]] = []

    async def app(request: web.Request) -> web.Response:
        got.append(CIMultiDict(request.headers))
        more = CIMultiDict([("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Server", "app/1"), ("X-Private", "1"),
                            ("Connection", "X-Private"), ("Keep-Alive", "timeout=5"), (names.MARKER, "x")])  # fmt: skip
        return web.Response(text="x", headers=more)

    await rig.upstream(app)
    sent = {
        "X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https", "Forwarded": "for=192.0.2.1", "Cookie": "c=3",
        "User-Agent": "curl/8", "Accept-Encoding": "br", "Connection": "keep-alive, X-Mine", "X-Mine": "1", "TE": "trailers",
        "Proxy-Authorization": "x", "Authorization": "Bearer y",
    }  # fmt: skip
    for _ in range(2):  # twice: no cookie of the first answer is sent with the second request
        async with rig.client.get("/", headers=sent) as answer:
            assert answer.headers.getall("Set-Cookie") == ["a=1", "b=2"]
            assert answer.headers["Server"] == "app/1"
            assert not {"X-Private", "Keep-Alive", names.MARKER} & set(answer.headers)
        headers = got.pop()
        kept = {"X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "User-Agent", "Accept-Encoding", "Authorization"}
        assert {name: headers[name] for name in kept} == {name: sent[name] for name in kept}
        assert (headers["Host"], headers.getall("Cookie")) == (HOST, ["c=3"])
        assert not {"X-Mine", "TE", "Proxy-Authorization"} & set(headers)
        rig.client.cookie_jar.clear()


async def test_path_and_query_are_forwarded_byte_for_byte(rig: PortUnderTest) -> None:
    async def raw(request: web.Request) -> web.Response:
        return web.Response(text=request.raw_path)

    address = await rig.upstream(raw)
    for path in ("/a%2Fb/../c%20d?x=%41&y=a+b", "//double//", "/a;b=c,d"):
        reader, writer = await asyncio.open_connection(*rig.address)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        head, _, text = (await reader.read()).partition(b"\r\n\r\n")
        assert b" 200 " in head.splitlines()[0], (path, head, text, address)
        assert text.decode() == path
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("status", [204, 304, 404, 418, 500])
async def test_any_status_is_forwarded(rig: PortUnderTest, status: int) -> None:
    async def says(_request: web.Request) -> web.Response:
        return web.Response(status=status, reason="As It Is", headers={"ETag": '"1"'})

    await rig.upstream(says)
    async with rig.client.get("/") as answer:
        assert (answer.status, answer.reason, answer.headers["ETag"]) == (status, "As It Is", '"1"')
        assert await answer.read() == b""
        assert "Content-Type" not in answer.headers or status >= 400


async def test_redirects_are_for_the_visitor_to_follow(rig: PortUnderTest) -> None:
    async def away(_request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://elsewhere.example/"})

    await rig.upstream(away)
    async with rig.client.get("/", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (302, "http://elsewhere.example/")


async def test_the_answer_to_head_has_a_length_and_no_body(rig: PortUnderTest) -> None:
    async def whole(_request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 1000)

    await rig.upstream(whole)
    async with rig.client.head("/") as answer:
        assert (answer.status, answer.headers["Content-Length"], await answer.read()) == (200, "1000", b"")


async def test_an_upgrade_to_another_protocol_is_forwarded_without_it(rig: PortUnderTest) -> None:
    async def app(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.headers.get('Upgrade')} {request.headers.get('HTTP2-Settings')}")

    await rig.upstream(app)
    h2c = {"Upgrade": "h2c", "HTTP2-Settings": "AAMAAABk", "Connection": "Upgrade, HTTP2-Settings"}
    async with rig.client.get("/", headers=h2c) as answer:
        assert (answer.status, await answer.text()) == (200, "None None")


async def test_an_upload_that_expects_100_continue_gets_it_when_a_pod_is_there(rig: PortUnderTest) -> None:
    await rig.upstream(summing)
    rig.apps.set_phase(Phase.WAKING)
    rig.apps.gate = asyncio.Event()
    reader, writer = await asyncio.open_connection(*rig.address)
    writer.write(f"POST / HTTP/1.1\r\nHost: {HOST}\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n".encode())
    await rig.apps.waiting.wait()
    assert not reader._buffer  # type: ignore[attr-defined]
    rig.apps.gate.set()
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"body")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    await reader.readuntil(b"\r\n\r\n")
    assert (await reader.readexactly(64)).decode() == hashlib.sha256(b"body").hexdigest()
    writer.close()
    await writer.wait_closed()


def test_headers_that_connection_names_are_hop_by_hop() -> None:
    named = [(b"Connection", b"close, X-A"), (b"connection", b"x-b, Host,content-length")]
    fields = [(b"X-A", b"1"), (b"x-B", b"2"), (b"X-C", b"3"), (b"Host", b"h"), (b"Content-Length", b"4")]
    assert end_to_end([*named, *fields]) == [(b"X-C", b"3"), (b"Host", b"h"), (b"Content-Length", b"4")]


SEEN = "1.1 kubesleeper-waker"


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        pytest.param([], [SEEN], id="the first proxy"),
        pytest.param(["1.0 fred, 1.1 p.example.net"], ["1.0 fred, 1.1 p.example.net", SEEN], id="after others"),
        pytest.param([SEEN], [SEEN, SEEN], id="an app that woke calls another one"),
    ],
)
async def test_via_says_that_waker_was_on_the_way(rig: PortUnderTest, sent: list[str], arrives: list[str]) -> None:
    got: list[list[str]] = []

    async def app(request: web.Request) -> web.Response:
        got.append(request.headers.getall("Via"))
        return web.Response(text="x", headers={"Via": "1.1 app"})

    await rig.upstream(app)
    async with rig.client.get("/", headers=CIMultiDict([("Via", each) for each in sent])) as answer:
        assert (answer.status, answer.headers.getall("Via")) == (200, ["1.1 app", SEEN])
    assert got == [arrives]


@pytest.mark.parametrize(
    "via",
    [
        pytest.param([SEEN, SEEN], id="two headers"),
        pytest.param([f"{SEEN}, 1.1 traefik,HTTP/1.1 KubeSleeper-Waker (again)"], id="one header"),
    ],
)
async def test_a_request_that_goes_round_is_not_forwarded_again(rig: PortUnderTest, via: list[str]) -> None:
    got: list[web.Request] = []

    async def app(request: web.Request) -> web.Response:
        got.append(request)
        return web.Response()

    await rig.upstream(app)
    async with rig.client.get("/", headers=CIMultiDict([("Via", each) for each in via])) as answer:
        assert (answer.status, answer.content_type) == (508, "application/problem+json")
        assert names.MARKER in answer.headers
    assert got == []


async def test_a_request_for_no_path_is_not_forwarded(rig: PortUnderTest) -> None:
    """`OPTIONS *` is about a server as a whole."""

    async def app(_request: web.Request) -> web.Response:
        return web.Response()

    await rig.upstream(app)
    reader, writer = await asyncio.open_connection(*rig.address)
    writer.write(b"OPTIONS * HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    writer.close()
