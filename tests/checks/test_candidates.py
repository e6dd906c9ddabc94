"""Which workloads nobody visits, and what their sleep would save: by waker's own count, and by Prometheus."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.service.scene import BLOG, NEVER, SHOP, ServiceScene, scene
from tests.test_cli import run
from waker import names
from waker.checks import history
from waker.checks.candidates import Quiet, candidates, text
from waker.commands import candidates as command
from waker.errors import ScrapeError
from waker.plan.model import AppId, Kind
from waker.plan.pod_requests import PodRequests
from waker.settings.flags import read_settings
from waker.traffic.controllers import TRAEFIK

OBSERVING = {"observe": True, "dry_run": True}
DAY = timedelta(days=1)
SUMMARY = (
    "2 workloads not visited for 1d (by waker), 1 visited. Asleep, they would give back 4 replicas, 2.5 cores and "
    "4.00 GiB of requests."
)


def test_observing_changes_nothing() -> None:
    assert read_settings({"observe": "true"}, {}).dry_run
    assert not read_settings({}, {}).observe


def quiet(name: str, idle: timedelta | None, cpu: float = 0.5, **more: Any) -> Quiet:
    return Quiet(AppId(Kind.DEPLOYMENT, "prod", name), 2, PodRequests(cpu, 2.0**30), idle, **{"enabled": False} | more)


def not_enabled(it: ServiceScene) -> None:
    for each in it.cluster.objects("Deployment", "default"):
        it.annotate(names.ENABLED, None, each["metadata"]["name"])


def test_the_largest_first_and_what_they_save_together() -> None:
    known = [
        quiet("small", DAY, 0.25),
        quiet("large", DAY * 3, 1.0),
        quiet("busy", timedelta(hours=2)),
        quiet("dark", None, unknown="nobody counts"),
        quiet("darker", None, unknown="nobody counts"),
    ]
    found = candidates(known, DAY, "by waker")
    assert [each["name"] for each in found["candidates"]] == ["large", "small"]
    assert (found["replicas"], found["cores"], found["memoryBytes"], found["visited"]) == (4, 2.5, 4 * 2**30, 1)
    assert found["unknown"] == ["2 workloads: nobody counts"]
    assert text(found).splitlines() == [
        "NAMESPACE   NAME    KIND         REPLICAS   CORES   GIB    NOBODY FOR",
        "prod        large   Deployment   2          2       2.00   3d",
        "prod        small   Deployment   2          0.5     2.00   1d",
        "",
        SUMMARY,
        "not known: 2 workloads: nobody counts",
    ]


def test_what_is_enabled_already_needs_no_advice() -> None:
    known = [quiet("asks", DAY, enabled=True), quiet("blind", None, unknown="nobody counts", enabled=True)]
    found = candidates([*known, quiet("busy", timedelta())], DAY, "by waker")
    assert (found["candidates"], found["unknown"], found["visited"], found["enabledAlready"]) == ([], [], 1, 2)
    assert text(found).endswith("and no other is known. Enabled already: 2.")


def test_the_same_of_several_is_said_once_and_of_a_real_one() -> None:
    known = [quiet(name, None, unknown=f"{name}: waker reads nothing, for 5m") for name in ("shop", "blog")]
    assert candidates(known, DAY, "by waker")["unknown"] == ["2 workloads: shop: waker reads nothing, for 5m"]


def test_nothing_to_save() -> None:
    assert text(candidates([quiet("busy", timedelta())], DAY, "by waker")) == (
        "Nothing: 1 workload visited within 1d (by waker), and no other is known."
    )


async def test_a_waker_that_observes_counts_for_all_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = replace(NEVER, idle_after=timedelta(seconds=1))
    async with scene(tmp_path, SHOP, BLOG) as it:
        not_enabled(it)
        writes = it.writes()
        async with it.waker(live, **OBSERVING) as running:

            async def ask(*_: Any) -> Any:
                return json.loads((await it.private(running, "/apps")).body)

            monkeypatch.setattr(command, "ask_service", ask)
            found: dict[str, Any] = {}
            while [each["name"] for each in found.get("candidates", ())] != ["blog"]:
                await it.visit("shop")
                found = json.loads(await command.found(it.settings(), None, "2s", "json"))
        assert it.writes() == writes
    assert (found["replicas"], found["visited"], found["candidates"][0]["enabled"]) == (2, 1, False)
    assert found["source"] == "by waker's own count since it runs"


async def test_without_anybody_who_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with scene(tmp_path):
        assert await run("check", "--candidates", "--kubeconfig", str(tmp_path / "kubeconfig")) == 1
    assert capsys.readouterr().err.startswith("waker: neither Prometheus nor the running service could be asked")


# --- Prometheus ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def prometheus(it: ServiceScene, answers: Mapping[str, list[dict[str, str]]]) -> AsyncIterator[list[str]]:
    """One that answers queries with the labels of the first word that stands in them; all queries."""
    asked: list[str] = []

    async def query(request: web.Request) -> web.Response:
        asked.append(request.query["query"])
        found = next((labels for word, labels in answers.items() if word in asked[-1]), [])
        result = [{"metric": each, "value": [0, "1"]} for each in found]
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": result}})

    app = web.Application()
    app.router.add_get("/api/v1/query", query)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    it.cluster.api.services["monitoring/prometheus:9090"] = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield asked
    finally:
        await runner.cleanup()


VISITED = {"service": "default-shop-http@kubernetes"}
RENAMED = {"service": "traefik", "exported_service": "default-shop-http@kubernetes"}


@pytest.mark.parametrize("labels", [VISITED, RENAMED], ids=["as written", "renamed by Prometheus"])
async def test_prometheus_knows_who_was_visited(tmp_path: Path, labels: dict[str, str]) -> None:
    async with scene(tmp_path, SHOP, BLOG) as it:
        not_enabled(it)
        it.configure(prometheus_url="http://prometheus.monitoring.svc:9090")
        async with prometheus(it, {"count(": [{}], "increase": [labels]}) as asked:
            found = json.loads(await command.found(it.settings(), None, "1d", "json"))
    assert [each["name"] for each in found["candidates"]] == ["blog"]
    assert (found["visited"], found["unknown"]) == (1, [])
    assert asked[0] == "count(traefik_service_requests_total offset 86400s)"
    assert 'traefik_service_requests_total{method!~"HEAD"}[86400s]' in asked[1]


async def test_prometheus_that_knows_too_little(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        not_enabled(it)
        it.configure(prometheus_url="http://prometheus.monitoring.svc:9090")
        async with prometheus(it, {"increase": [VISITED]}):
            found = json.loads(await command.found(it.settings(), None, "7d", "json"))
    assert (found["candidates"], found["unknown"]) == (
        [],
        ["1 workload: Prometheus has no traefik_service_requests_total of 7d ago"],
    )


async def test_prometheus_that_cannot_be_asked(tmp_path: Path) -> None:
    async with scene(tmp_path) as it:
        not_enabled(it)
        it.configure(prometheus_url="http://prometheus.monitoring.svc:9090")
        found = json.loads(await command.found(it.settings(), None, "7d", "json"))
    (why,) = found["unknown"]
    assert why.startswith("1 workload: Prometheus could not be asked through the API server: GET /api/v1/namespaces")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://prometheus.monitoring:9090", "/api/v1/namespaces/monitoring/services/prometheus:9090/proxy"),
        ("https://p.m.svc.cluster.local/prom/", "/api/v1/namespaces/m/services/https:p:443/proxy/prom"),
        ("http://p.m.svc", "/api/v1/namespaces/m/services/p:80/proxy"),
    ],
)
def test_a_services_url_through_the_api_server(url: str, path: str) -> None:
    assert history.proxied(url) == path


@pytest.mark.parametrize(
    "url", ["https://prometheus.example.com", "http://10.0.0.1:9090", "http://prometheus:9090", "nonsense"]
)
def test_what_is_no_service_of_the_cluster(url: str) -> None:
    with pytest.raises(ScrapeError, match="names no Service of this cluster"):
        history.proxied(url)


@pytest.mark.parametrize(
    "answer", [{}, {"status": "error", "error": "too long"}, {"status": "success", "data": {"resultType": "matrix"}}]
)
def test_an_answer_that_is_none(answer: dict[str, Any]) -> None:
    with pytest.raises(ScrapeError, match="no vector"):
        history.keys_of(TRAEFIK, answer)
