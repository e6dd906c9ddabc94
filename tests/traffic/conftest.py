"""Fixtures of the tests of the scraper."""

from collections.abc import AsyncIterator

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
