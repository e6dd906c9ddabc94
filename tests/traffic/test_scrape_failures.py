"""Why a pod cannot be read: against real sockets, each cause is named and has a fix of its own."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.ports import next_port
from waker.errors import ScrapeError
from waker.plan.model import Pod
from waker.traffic import fetch
from waker.traffic.controllers import SKIPPER, TRAEFIK, Access, Adapter
from waker.traffic.controllers.adapter import PLAIN

HTTPS = Access("https")
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def why(port: int, adapter: Adapter = TRAEFIK, access: Access = PLAIN, address: str = "127.0.0.1") -> str:
    """The end of a sentence about the pod that listens at this port."""
    pod = Pod("edge", "t-1", "uid", address, ready=True, ports=dict.fromkeys(adapter.metrics.names, port))
    at = replace(adapter, access=access, metrics=adapter.metrics._replace(number=port))
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ScrapeError) as caught:
            await fetch.fetch(session, at, pod, frozenset())
    return str(caught.value).replace(f":{port}", ":PORT").replace(f"port {port}", "port PORT")


@asynccontextmanager
async def answering(answer: web.Response, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that gives this answer to everybody."""

    async def answered(_: web.Request) -> web.Response:
        return answer

    app = web.Application()
    app.router.add_get("/{path:.*}", answered)
    server = TestServer(app, scheme="https" if tls else "http")
    await server.start_server(ssl=tls)
    yield server.port or 0
    await server.close()


@asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[int]:
    """A server that knows no HTTP."""
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
def token(tmp_path: Path) -> Access:
    (tmp_path / "token").write_text("a-token\n")
    return Access(token_file=f"{tmp_path}/token")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        pytest.param(
            web.Response(status=401), "asks for a token (HTTP 401); set controller.CLASS.token-file", id="401"
        ),
        pytest.param(
            web.Response(status=403),
            "refuses waker's scrape (HTTP 403); set controller.CLASS.token-file, or let the controller answer waker's pods",
            id="403",
        ),
        pytest.param(
            web.Response(status=404),
            "has no page /metrics on port PORT (HTTP 404); run Traefik with --metrics.prometheus=true and leave its "
            "addServicesLabels on, or set controller.CLASS.path or port if its page is elsewhere",
            id="404",
        ),
        pytest.param(
            web.Response(status=301, headers={"Location": "https://edge/metrics"}),
            "redirects waker's scrape to 'https://edge/metrics' (HTTP 301), and waker follows no redirect; "
            "set controller.CLASS.scheme to https, and port if that is another one",
            id="a redirect to https",
        ),
        pytest.param(
            web.Response(status=302, headers={"Location": "/login"}),
            "redirects waker's scrape to '/login' (HTTP 302), and waker follows no redirect; "
            "set controller.CLASS.path to where the page is",
            id="a redirect to elsewhere",
        ),
        pytest.param(
            web.Response(status=400),
            "does not understand waker's scrape of /metrics on port PORT (HTTP 400); "
            "if that port speaks https, set controller.CLASS.scheme to https",
            id="400, as Go answers plain HTTP on a TLS port",
        ),
        pytest.param(
            web.Response(status=429), "is asked too often, it says (HTTP 429); set a longer scrape-interval", id="429"
        ),
        pytest.param(
            web.Response(status=500),
            "failed to write its metrics page (HTTP 500); look at that pod's log, and at that of a sidecar, if it has one",
            id="500",
        ),
        pytest.param(
            web.Response(status=418),
            "answered waker's scrape of /metrics on port PORT with HTTP 418; check controller.CLASS.path and port",
            id="any other status",
        ),
        pytest.param(
            web.Response(text="<!doctype html><title>Welcome</title>"),
            "sends no metrics page (markup); check controller.CLASS.path and port, and run Traefik with "
            "--metrics.prometheus=true and leave its addServicesLabels on",
            id="a page for people",
        ),
    ],
)
async def test_an_answer_that_is_no_metrics_page(answer: web.Response, says: str) -> None:
    async with answering(answer) as port:
        assert await why(port) == says


async def test_metrics_in_another_format() -> None:
    async with answering(web.json_response({"counters": {}})) as port:
        assert await why(port, SKIPPER) == (
            "sends no metrics page (application/json); check controller.CLASS.path and port, and run Skipper with "
            "-metrics-flavour=prometheus and -serve-route-counter"
        )


@pytest.mark.parametrize(
    ("status", "says"),
    [
        pytest.param(401, "does not accept the token in FILE (HTTP 401); check controller.CLASS.token-file", id="401"),
        pytest.param(
            403,
            "refuses the owner of the token in FILE (HTTP 403); allow it `get` on the nonResourceURL /metrics",
            id="403",
        ),
    ],
)
async def test_a_token_that_does_not_help(token: Access, status: int, says: str) -> None:
    async with answering(web.Response(status=status)) as port:
        assert (await why(port, access=token)).replace(token.token_file, "FILE") == says


async def test_a_port_where_nothing_listens() -> None:
    assert await why(next_port()) == (
        "refuses connections at 127.0.0.1:PORT, so nothing listens there; "
        "run Traefik with --metrics.prometheus=true and leave its addServicesLabels on, or set controller.CLASS.port"
    )


async def test_an_address_that_nothing_leads_to() -> None:
    found = await why(9100, address="255.255.255.255")
    assert found.startswith("cannot be reached at 255.255.255.255:PORT (")
    assert found.endswith("); check its node, and NetworkPolicies")


async def test_silence_is_a_network_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener with a full backlog drops what comes, as a NetworkPolicy does."""
    monkeypatch.setattr(fetch, "TIMEOUT", aiohttp.ClientTimeout(total=5, sock_connect=0.2))
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = listening.getsockname()[1]
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        await asyncio.sleep(0.05)
        assert await why(port) == (
            "does not answer at 127.0.0.1:PORT; let NetworkPolicies and firewalls admit waker's pods to that port"
        )


async def test_a_pod_that_takes_the_request_and_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "TIMEOUT", aiohttp.ClientTimeout(total=0.2))
    over = asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    async with talking(silent) as port:
        assert await why(port) == (
            "took waker's scrape at 127.0.0.1:PORT and did not answer in time; look at that pod's log"
        )
        over.set()


@pytest.mark.parametrize(
    "words", [pytest.param(b"", id="it hangs up"), pytest.param(b"\x15\x03\x01\x00\x02\x02\x16", id="a TLS alert")]
)
async def test_a_port_that_does_not_speak_http(words: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(words)
        writer.close()

    async with talking(talk) as port:
        assert await why(port) == (
            "gave no answer in HTTP at 127.0.0.1:PORT; if that port speaks https, set controller.CLASS.scheme to https"
        )
        found = await why(port, access=HTTPS._replace(verify=False))
    assert "127.0.0.1:PORT" in found
    assert "; " in found


async def test_plain_http_where_https_is_asked_for() -> None:
    async with answering(web.Response(status=200)) as port:
        found = await why(port, access=HTTPS)
    assert found.startswith("speaks no TLS at 127.0.0.1:PORT that waker understands (")
    assert found.endswith("; if that port speaks plain HTTP, set controller.CLASS.scheme to http")


@pytest.mark.parametrize(
    ("options", "what", "fix"),
    [
        pytest.param(
            {}, "self-signed certificate", "set controller.CLASS.ca-file to the CA that has signed it, or tls-verify to false",
            id="an unknown CA",
        ),
        pytest.param(
            {"ca": True}, "IP address mismatch", "set controller.CLASS.server-name to a name in it", id="another name"
        ),
    ],
)  # fmt: skip
async def test_a_certificate_that_is_not_trusted(
    certificate: Path, options: dict[str, bool], what: str, fix: str
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate / "ca.pem", certificate / "key.pem")
    access = HTTPS._replace(ca_file=str(certificate / "ca.pem") if options else "")
    async with answering(web.Response(), tls) as port:
        found = await why(port, access=access)
    assert found.startswith("shows a certificate at 127.0.0.1:PORT that waker does not trust (")
    assert what in found
    assert found.endswith(f"; {fix}")
