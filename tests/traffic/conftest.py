"""Fixtures of the tests of the scraper."""

import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.traffic.fake_controller_pods import ScrapeScene
from waker.traffic.scrape import Scraper


@pytest.fixture
async def scene() -> AsyncIterator[ScrapeScene]:
    """Controller pods on the loopback, and a scraper that reads them."""
    here, app = ScrapeScene(), web.Application()
    app.router.add_get("/{path:.*}", here.answer)
    server = TestServer(app, host="0.0.0.0")
    await server.start_server()
    async with aiohttp.ClientSession() as session:
        here.port, here.scraper = server.port or 0, Scraper(session, here.dependencies())
        yield here
    await server.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that is its own CA, for `metrics.edge.svc`, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=metrics.edge.svc",
    ]
    extra = ["-addext", "subjectAltName=DNS:metrics.edge.svc", "-keyout", "key.pem", "-out", "ca.pem"]
    subprocess.run([*command, *extra], cwd=folder, check=True, capture_output=True)
    return folder
