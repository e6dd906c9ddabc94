"""Ownership checks leave no connection behind: waker forwards with the same session, and addresses of pods are used again."""

import asyncio
import ssl
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from waker import names
from waker.plan.model import Address
from waker.plan.routes.route import HttpTarget
from waker.traffic import ownership
from waker.traffic.ownership import Asked, Checked, Owner, OwnershipChecker
from waker.web import forward

TARGET = HttpTarget("shop.example.com", "/")
DOOR = 20_000


BY_THEMSELVES = {
    302: "a login page",
    308: "a redirect",
    400: "a client certificate that is missing",
    401: "a login",
    403: "a deny-list",
    405: "a method that is not allowed, or an app that knows no HEAD",
    406: "a firewall",
    410: "a route that is closed",
    413: "a size limit",
    418: "a bot filter",
    426: "TLS alone",
    429: "a request limit",
    451: "a country that is blocked",
    509: "a bandwidth limit",
}


def proof_of(door: int, nonce: str) -> str:
    """What only waker can compute."""
    return f"secret {door} {nonce}"


@pytest.mark.parametrize(
    ("status", "headers", "owner"),
    [
        pytest.param(
            204, {names.MARKER: names.MARK_PAGE, names.PROOF: "secret 20000 NONCE"}, Owner.WAKER, id="the door"
        ),
        pytest.param(
            204, {names.MARKER: names.MARK_PAGE, names.PROOF: "secret 20001 NONCE"}, Owner.OTHER_DOOR, id="another"
        ),
        pytest.param(
            204, {names.MARKER: names.MARK_PAGE, names.PROOF: "secret 20000 0000"}, Owner.OTHER_DOOR, id="an old answer"
        ),
        pytest.param(421, {names.MARKER: names.MARK_PAGE}, Owner.OTHER_DOOR, id="another waker"),
        pytest.param(200, {names.MARKER: names.MARK_PAGE}, Owner.OTHER_DOOR, id="an app that repeats the marker"),
        pytest.param(200, {names.PROOF: "\xff"}, Owner.OTHER, id="an app"),
        pytest.param(204, {}, Owner.OTHER, id="an app with nothing to say"),
        *(pytest.param(status, {}, Owner.UNCLEAR, id=why) for status, why in BY_THEMSELVES.items()),
        pytest.param(404, {}, Owner.NO_ROUTE, id="a controller without that route, or an app without that page"),
        pytest.param(500, {}, Owner.NO_ROUTE, id="a controller whose question who may come in failed"),
        pytest.param(503, {}, Owner.NO_ROUTE, id="a controller without a pod, or an app that is not well"),
    ],
)
async def test_who_has_answered(status: int, headers: dict[str, str], owner: Owner) -> None:
    async def controller(request: web.BaseRequest) -> web.Response:
        nonce = request.headers[names.NONCE]
        return web.Response(status=status, headers={key: text.replace("NONCE", nonce) for key, text in headers.items()})

    runner = web.ServerRunner(web.Server(controller))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with forward.client() as session:
        pod = Address("127.0.0.1", runner.addresses[0][1])
        checked = await OwnershipChecker(session, proof_of).check(Asked(pod), TARGET, DOOR)
    await runner.cleanup()
    assert checked == Checked(owner, 0 if owner in (Owner.WAKER, Owner.OTHER_DOOR) else 1, status)


async def test_each_check_has_a_connection_of_its_own() -> None:
    asked: list[tuple[object, str]] = []

    async def controller(request: web.BaseRequest) -> web.Response:
        asked.append((request.transport, request.headers.get("Connection", "")))
        proof = proof_of(DOOR, request.headers[names.NONCE])
        return web.Response(headers={names.MARKER: names.MARK_PAGE, names.PROOF: proof})

    runner = web.ServerRunner(web.Server(controller))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pod = Address("127.0.0.1", runner.addresses[0][1])
    async with forward.client() as session:
        for _ in range(2):
            assert (await OwnershipChecker(session, proof_of).check(Asked(pod), TARGET, DOOR)).owner is Owner.WAKER
        assert kept(session) == 0
    await runner.cleanup()
    assert [header for _, header in asked] == ["close", "close"]
    assert asked[0][0] is not asked[1][0]


def kept(session: aiohttp.ClientSession) -> int:
    """How many connections wait for a further request."""
    assert session.connector is not None
    return sum(len(each) for each in session.connector._conns.values())


@pytest.mark.parametrize(
    ("plain", "over_tls", "checked"),
    [
        pytest.param(308, (204, True), (Owner.WAKER, 0), id="redirected, then the door"),
        pytest.param(404, (204, True), (Owner.WAKER, 0), id="served over TLS only"),
        pytest.param(400, (204, True), (Owner.WAKER, 0), id="plain HTTP at a port for TLS, then the door"),
        pytest.param(426, (204, True), (Owner.WAKER, 0), id="told to come over TLS, then the door"),
        pytest.param(429, (204, True), (Owner.UNCLEAR, 1), id="a limit: nothing more is asked"),
        pytest.param(308, (200, False), (Owner.OTHER, 2), id="redirected, then an app"),
        pytest.param(
            308, (404, False), (Owner.UNCLEAR, 2), id="TLS ends elsewhere, and this pod knows no such host there"
        ),
        pytest.param(404, (404, False), (Owner.NO_ROUTE, 2), id="neither knows it"),
        pytest.param(308, (301, False), (Owner.UNCLEAR, 2), id="redirected again"),
        pytest.param(308, (401, False), (Owner.UNCLEAR, 2), id="redirected, then a login"),
        pytest.param(308, None, (Owner.UNCLEAR, 1), id="nobody listens for TLS"),
        pytest.param(None, (204, True), (Owner.WAKER, 0), id="nobody listens for plain HTTP"),
        pytest.param(200, (204, True), (Owner.OTHER, 1), id="an app: nothing more is asked"),
    ],
)
async def test_over_tls_where_plain_http_leads_nowhere(
    certificate: Path, plain: int | None, over_tls: tuple[int, bool] | None, checked: tuple[Owner, int]
) -> None:
    """With the host as the server name, whatever certificate the controller shows."""
    names_asked: list[str | None] = []

    async def answer_plain(_request: web.BaseRequest) -> web.Response:
        return web.Response(status=plain or 0, headers={"Location": "https://shop.example.com/"})

    async def answer(request: web.BaseRequest) -> web.Response:
        assert over_tls
        assert request.host == TARGET.host
        proof = proof_of(DOOR, request.headers[names.NONCE]) if over_tls[1] else "none"
        return web.Response(status=over_tls[0], headers={names.PROOF: proof})

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "ca.pem", certificate / "key.pem")
    context.sni_callback = lambda _socket, name, _context: names_asked.append(name)
    clear, secure = web.ServerRunner(web.Server(answer_plain)), web.ServerRunner(web.Server(answer))
    for runner, tls in ((clear, None), (secure, context)):
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    addresses = [Address("127.0.0.1", each.addresses[0][1]) for each in (clear, secure)]
    for runner, there in ((clear, plain), (secure, over_tls)):
        if there is None:
            await runner.cleanup()
    async with forward.client() as session:
        found = await OwnershipChecker(session, proof_of).check(Asked(*addresses), TARGET, DOOR)
        assert (found.owner, found.counted) == checked
    assert set(names_asked) <= {TARGET.host}
    assert bool(names_asked) is (over_tls is not None and plain not in (200, 429))
    await clear.cleanup()
    await secure.cleanup()


@pytest.mark.parametrize("over_tls", [False, True], ids=["one listener", "both listeners"])
async def test_a_listener_that_wants_the_proxy_protocol_shows_nothing_and_counts_nothing(over_tls: bool) -> None:
    """ingress-nginx and Envoy close the connection of whoever begins with anything else than its header."""
    begun: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.append(await reader.read(6))
        assert begun[-1] != b"PROXY "
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
    async with forward.client() as session:
        asked = Asked(address, address if over_tls else None)
        checked = await OwnershipChecker(session, proof_of).check(asked, TARGET, DOOR)
    server.close()
    await server.wait_closed()
    assert checked == Checked(Owner.UNCLEAR, 0, 0)
    assert {each[:1] for each in begun} == ({b"H", b"\x16"} if over_tls else {b"H"}), "plain, and then TLS"


async def test_who_does_not_answer_in_time_may_have_passed_it_on(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the client gives up
        writer.close()
        ended.set()

    monkeypatch.setattr(ownership, "TIMEOUT", aiohttp.ClientTimeout(total=0.05))
    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
    async with forward.client() as session:
        checked = await OwnershipChecker(session, proof_of).check(Asked(address), TARGET, DOOR)
    await ended.wait()
    server.close()
    await server.wait_closed()
    assert checked == Checked(Owner.UNCLEAR, 1)
