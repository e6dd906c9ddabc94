"""Controllers right after an installation: what has not had the time to show up is not known, and is tried again."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.service.scene import RunningWaker, ServiceScene, scene
from waker.checks import probes
from waker.checks.controllers import PageShows
from waker.checks.pages import shown_on
from waker.traffic.controllers import INGRESS_NGINX, TRAEFIK, Adapter

POD = "Traefik pod traefik/traefik"
COUNTER = 'traefik_service_requests_total{service="a"} 1'
FRESH = "# HELP go_x traefik_x\ngo_goroutines 7\ntraefik_config_reloads_total 3\n"


@asynccontextmanager
async def just_installed(folder: Path) -> AsyncIterator[tuple[ServiceScene, RunningWaker]]:
    """waker has made its route, and the controller has not taken it up."""
    async with scene(folder) as it:
        it.cluster.ingress.following.clear()
        async with it.waker() as running:
            await it.until(lambda: "Ingress" in it.present() and "EndpointSlice" in it.present())
            yield it, running
            it.cluster.ingress.following.set()


async def asked(it: ServiceScene, running: RunningWaker) -> Any:
    return json.loads((await it.private(running, "/check")).body)["lines"]


async def test_a_route_that_is_taken_up_meanwhile_is_no_problem(tmp_path: Path) -> None:
    async with just_installed(tmp_path) as (it, running):
        asking = asyncio.create_task(asked(it, running))
        await asyncio.sleep(0.5)
        assert not asking.done()
        it.cluster.ingress.following.set()
        found = await asking
    assert [(each["verdict"], each["text"]) for each in found] == [
        ("ok", f"{POD} shows traefik_service_requests_total"),
        ("ok", f"{POD} reaches waker"),
        ("ok", f"{POD} counts under the names that waker builds"),
    ], "waker's own request is the first that is counted"


async def test_a_young_route_that_nobody_has_taken_up_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "PATIENCE_YOUNG", timedelta())
    async with just_installed(tmp_path) as (it, running):
        page, way = await asked(it, running)
    assert way["verdict"] == "unknown"
    assert way["text"].startswith(f"{POD} does not reach waker, and may not have taken up the route yet (")
    assert way["text"].endswith("s old)")
    assert way["fix"] == "ask again in a few seconds"
    assert (page["verdict"], page["text"]) == (
        "unknown",
        f"{POD} shows no traefik_service_requests_total yet, but other metrics: nobody has been counted since it started",
    )
    assert page["fix"].startswith("visit an app through it once, then check again; if that stays, run Traefik with ")


async def test_an_old_route_that_leads_nowhere_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "PATIENCE", timedelta())
    monkeypatch.setattr(probes, "YOUNG", timedelta())
    async with just_installed(tmp_path) as (it, running):
        _, way = await asked(it, running)
    assert way["verdict"] == "problem"
    assert "does not reach waker at its ports" in way["text"]
    assert way["fix"] == "kubectl -n kubesleeper get networkpolicies"


@pytest.mark.parametrize(
    ("page", "adapter", "shows"),
    [
        pytest.param(f"{FRESH}{COUNTER}\n", TRAEFIK, PageShows.COUNTER, id="the counter"),
        pytest.param('{"traefik_service_requests_total",service="a"} 1', TRAEFIK, PageShows.COUNTER, id="quoted"),
        pytest.param(FRESH, TRAEFIK, PageShows.OTHERS, id="nobody came yet"),
        pytest.param('{"traefik_open_connections",a="b"} 1', TRAEFIK, PageShows.OTHERS, id="nobody came yet, quoted"),
        pytest.param("go_goroutines 7\n# traefik_x 1\n", TRAEFIK, PageShows.NOTHING, id="another program"),
        pytest.param(FRESH, INGRESS_NGINX, PageShows.NOTHING, id="another controller"),
        pytest.param("", TRAEFIK, PageShows.NOTHING, id="nothing"),
    ],
)
def test_what_a_page_shows(page: str, adapter: Adapter, shows: PageShows) -> None:
    assert shown_on(page, adapter) is shows
