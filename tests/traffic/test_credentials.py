"""Metrics pages behind a token and a certificate, against a real TLS server."""

import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from waker.errors import ScrapeError
from waker.plan.model import Pod
from waker.traffic.controllers import TRAEFIK, Access
from waker.traffic.fetch import fetch

TOKEN = "a-token"
PAGE = 'traefik_service_requests_total{service="other"} 1\n'


@pytest.fixture(autouse=True)
def _token(certificate: Path) -> None:
    (certificate / "token").write_text(TOKEN + "\n")
    (certificate / "binary").write_bytes(b"\xff\xfe")


@pytest.fixture
async def pod(certificate: Path) -> AsyncIterator[Pod]:
    async def answer(request: web.Request) -> web.Response:
        known = request.headers.get("Authorization") == f"Bearer {TOKEN}"
        return web.Response(text=PAGE) if known else web.Response(status=401)

    app = web.Application()
    app.router.add_get("/metrics", answer)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "ca.pem", certificate / "key.pem")
    server = TestServer(app, scheme="https")
    await server.start_server(ssl=context)
    yield Pod("edge", "t-1", "uid", "127.0.0.1", ready=True, ports={"metrics": server.port or 0})
    await server.close()


async def proven(pod: Pod, access: Access) -> bool:
    async with aiohttp.ClientSession() as session:
        scrape, _ = await fetch(session, replace(TRAEFIK, access=access), pod, frozenset())
    return scrape.proven


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"verify": False}, id="unchecked"),
        pytest.param({"ca_file": "ca.pem", "server_name": "metrics.edge.svc"}, id="by its CA and name"),
    ],
)
async def test_a_page_that_waker_may_read(pod: Pod, certificate: Path, options: dict[str, str | bool]) -> None:
    assert await proven(pod, in_folder(certificate, options | {"token_file": "token"}))


@pytest.mark.parametrize(
    ("options", "why"),
    [
        pytest.param(
            {"verify": False}, r"asks for a token \(HTTP 401\); set controller.CLASS.token-file", id="no token"
        ),
        pytest.param(
            {"token_file": "token"},
            r"certificate at 127.0.0.1:.* that waker does not trust \(self-signed certificate\); set controller.CLASS.ca-file",
            id="an unknown CA",
        ),
        pytest.param(
            {"ca_file": "ca.pem", "token_file": "token"},
            "IP address mismatch.*; set controller.CLASS.server-name",
            id="another name",
        ),
        pytest.param(
            {"verify": False, "token_file": "gone"},
            r"waker cannot read .*gone \(No such file.*; check controller.CLASS.token-file",
            id="no such file",
        ),
        pytest.param(
            {"verify": False, "token_file": "binary"},
            r"\(it is not text\); check controller.CLASS.token-file",
            id="a binary file",
        ),
        pytest.param(
            {"verify": False, "token_file": "ca.pem"},
            "cannot be asked for its metrics page .*; check controller.CLASS.token-file and server-name",
            id="a file of many lines",
        ),
        pytest.param(
            {"ca_file": "token"}, "holds no CA certificate; check controller.CLASS.ca-file", id="a CA that is none"
        ),
    ],
)
async def test_a_page_that_waker_may_not_read(
    pod: Pod, certificate: Path, options: dict[str, str | bool], why: str
) -> None:
    with pytest.raises(ScrapeError, match=why):
        await proven(pod, in_folder(certificate, options))


def in_folder(folder: Path, options: dict[str, str | bool]) -> Access:
    paths: dict[str, Any] = {key: f"{folder}/{value}" for key, value in options.items() if key.endswith("_file")}
    return Access("https")._replace(**{**options, **paths})
