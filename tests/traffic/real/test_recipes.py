"""The recipes of docs/activity.md, asked of Debian's Prometheus, with pages in the format that the exporters write."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import aiohttp
import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.ports import next_port
from waker.errors import ScrapeError
from waker.plan.routes.route import CountedBackend
from waker.settings.ingress_class import read_classes
from waker.traffic.controllers.templates import filled_in
from waker.traffic.prometheus import Prometheus

DOCUMENT = Path(__file__).parents[3] / "docs" / "activity.md"
SHOP = CountedBackend("demo", "shop", "web", 80, "http", 80, host="shop.example.org")
WINDOW = 4  # seconds, in place of the recipes' 5 minutes
pytestmark = pytest.mark.skipif(not shutil.which("prometheus"), reason="Prometheus is not installed")


# A line of each exporter for one app, by class. APP and CODE are filled in: the Service, and what differs between requests.
FORMATS = {each.stem: each.read_text().strip() for each in (Path(__file__).parent / "recipes").glob("*.txt")}
GAUGES = frozenset({"alb", "gce", "azure-application-gateway"})  # what was counted lately, and not since the beginning


def recipes() -> dict[str, str]:
    """The queries in the document, by class, with a window for tests."""
    part = re.search(r"<!-- recipes -->(.*)<!-- end of recipes -->", DOCUMENT.read_text(), re.DOTALL)
    assert part
    texts = re.findall(r"```yaml\n(.*?)```", part[1], re.DOTALL)
    data = {key: text for each in texts for key, text in yaml.safe_load(each).items()}
    classes, problems = read_classes(data, {})
    assert problems == ()
    return {name: each.query.replace("5m", f"{WINDOW}s") for name, each in classes.items()}


class Exporter:
    """Serves one page with the lines of two apps of each format."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], float] = {}  # by the app and the code

    def page(self) -> str:
        names = {"apisix": {"web": "shop", "other": "blog"}}
        lines = []
        for (app, code), count in self.counts.items():
            for name, line in FORMATS.items():
                if name not in GAUGES or code == "200":
                    called = names.get(name, {}).get(app, app)
                    lines.append(f"{line.replace('APP', called).replace('CODE', code)} {count}")
        return "\n".join(lines) + "\n"

    async def serve(self, _request: web.Request) -> web.Response:
        return web.Response(text=self.page())


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[tuple[Exporter, str]]:
    """An exporter, and the URL of a Prometheus that reads it each half second."""
    exporter, app = Exporter(), web.Application()
    app.router.add_get("/metrics", exporter.serve)
    server = TestServer(app)
    await server.start_server()
    target = {"targets": [f"127.0.0.1:{server.port}"], "labels": {"namespace": "monitoring", "service": "exporter"}}
    config = {
        "global": {"scrape_interval": "500ms"},
        "scrape_configs": [{"job_name": "x", "static_configs": [target]}],
    }
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = next_port()
    options = [f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
    running = await asyncio.create_subprocess_exec(
        "prometheus", *options, f"--web.listen-address=127.0.0.1:{port}", stderr=asyncio.subprocess.DEVNULL
    )
    yield exporter, f"http://127.0.0.1:{port}"
    running.terminate()
    await running.wait()
    await server.close()


async def numbers(url: str) -> dict[str, float | None]:
    """What each recipe answers for the shop."""
    async with aiohttp.ClientSession() as session:
        prometheus = Prometheus(session)
        return {name: await prometheus.number(url, next(filled_in(text, SHOP))) for name, text in recipes().items()}


async def until(url: str, wanted: Mapping[str, bool | None]) -> None:
    """Until each recipe says that the shop is used (True), idle (False), or that it does not know (None)."""
    found: dict[str, bool | None] = {}
    async with asyncio.timeout(30):
        while found != wanted:
            await asyncio.sleep(0.2)
            try:
                found = {name: None if each is None else each > 0 for name, each in (await numbers(url)).items()}
            except ScrapeError:  # it is not there yet
                found = {}


def test_each_recipe_has_a_format() -> None:
    assert recipes().keys() == FORMATS.keys()


async def test_recipes(stage: tuple[Exporter, str]) -> None:
    exporter, url = stage
    everybody, idle = dict.fromkeys(FORMATS, True), dict.fromkeys(FORMATS, False)
    await until(url, dict.fromkeys(FORMATS) | dict.fromkeys(("traefik", "nginx"), False))

    exporter.counts |= {("web", "200"): 0, ("other", "200"): 0}
    await asyncio.sleep(WINDOW + 1)
    await until(url, idle)

    exporter.counts["other", "200"] = 5
    await asyncio.sleep(2)
    assert {name: bool(each) for name, each in (await numbers(url)).items()} == idle, "a neighbour's visits"

    exporter.counts["web", "200"] = 1
    await until(url, everybody)
    await asyncio.sleep(WINDOW + 1)
    await until(url, {name: name in GAUGES for name in FORMATS})  # a gauge shows it as long as it says so

    exporter.counts["web", "404"] = 1  # the very first request of a new series
    await until(url, everybody)
