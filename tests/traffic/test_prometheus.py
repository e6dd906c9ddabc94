"""Visits read from Prometheus, against a server that answers as it does: what is known, and why the rest is not."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from waker.errors import ScrapeError
from waker.plan.model import AppId, Kind, Pod
from waker.plan.snapshot import Traffic
from waker.traffic import prometheus
from waker.traffic.controllers import TRAEFIK, Adapter, Interest
from waker.traffic.dependencies import ScraperDependencies
from waker.traffic.name_proof import Primed
from waker.traffic.prometheus import Prometheus
from waker.traffic.scrape import Scraper
from waker.traffic.targets import SAMPLED

INTERVAL = timedelta(seconds=15)
SHOP = AppId(Kind.DEPLOYMENT, "team-a", "shop")
KEY = "team-a-shop-80@kubernetes"


@dataclass
class Sampled:
    """What Prometheus has of one pod."""

    count: float = 5
    age: float = 1  # seconds
    started: float | None = 1000
    counts: bool = True


@dataclass
class PrometheusScene:
    """Time, controller pods, and a Prometheus whose clock is an hour behind."""

    now: datetime = datetime(2026, 1, 31, 12, tzinfo=UTC)
    pods: list[Pod] = field(default_factory=lambda: [pod("t-1")])
    has: dict[str, Sampled] = field(default_factory=lambda: {"t-1": Sampled()})
    answer: Any = None  # instead of a good one
    asked: list[web.Request] = field(default_factory=list)
    primed: list[str] = field(default_factory=list)
    url: str = ""
    scraper: Scraper = field(init=False)

    @property
    def their_time(self) -> float:
        return self.now.timestamp() - 3600

    def vector(self) -> dict[str, Any]:
        elements = []
        for name, each in self.has.items():
            labels = {"job": "pods", "instance": f"{name}.example:9100", "pod": name}
            series = {"__name__": "traefik_service_requests_total", "exported_service": KEY, "service": "metrics"}
            elements += [(labels | series, each.count)] if each.counts else []
            elements += [(labels | {SAMPLED: "yes"}, self.their_time - each.age)] if each.counts else []
            if each.started is not None:
                elements.append((labels | {"__name__": "process_start_time_seconds"}, each.started))
        result = [{"metric": labels, "value": [self.their_time, str(value)]} for labels, value in elements]
        return {"status": "success", "data": {"resultType": "vector", "result": result}}

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        return self.answer or web.json_response(self.vector())

    async def prime(self, _: Adapter, pod: Pod, _after: str) -> Primed:
        self.primed.append(pod.name)
        return Primed()

    async def round(self, *, after: timedelta = INTERVAL) -> Traffic:
        self.now += after
        await self.scraper.round()
        return self.scraper.traffic(SHOP)


def pod(name: str) -> Pod:
    return Pod("ingress", name, f"uid-of-{name}", "10.0.0.1", ready=True, ports={})


@pytest.fixture
async def scene() -> AsyncIterator[PrometheusScene]:
    here, app = PrometheusScene(), web.Application()
    app.router.add_get("/prefix/api/v1/query", here.serve)
    server = TestServer(app)
    await server.start_server()
    here.url = f"http://127.0.0.1:{server.port}/prefix"
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        source = Prometheus(session)
        here.scraper = Scraper(
            session,
            ScraperDependencies(
                clock=lambda: here.now,
                interval=lambda: INTERVAL,
                pods=lambda _: here.pods,
                prime=here.prime,
                on_visit=lambda _: None,
                on_scrape=lambda _controller, _read_at: None,
                prometheus=lambda: partial(source.read, here.url),
            ),
        )
        here.scraper.watch(SHOP, frozenset({Interest(TRAEFIK.controller, (KEY,))}))
        yield here
    await server.close()


async def known(scene: PrometheusScene) -> datetime:
    """Run rounds until all is known. Returns when the clock of the shop started."""
    await scene.round()
    traffic = await scene.round()
    assert traffic == Traffic(scene.now)
    return scene.now


async def test_a_sample_from_before_waker_knew_the_pod_is_not_believed(scene: PrometheusScene) -> None:
    assert "has not been scraped by Prometheus since waker first saw it" in (await scene.round()).unknown
    assert await scene.round() == Traffic(scene.now)


async def test_visits_move_the_clock_and_idleness_does_not(scene: PrometheusScene) -> None:
    start = await known(scene)
    assert await scene.round() == Traffic(start)
    scene.has["t-1"].count += 1
    assert await scene.round() == Traffic(scene.now)
    last = scene.now
    assert await scene.round() == Traffic(last)
    assert (
        scene.asked[0]
        .query["query"]
        .startswith('{__name__=~"traefik_service_requests_total|traefik_service_open_connections"} or ')
    )
    assert scene.asked[0].headers["Accept-Encoding"] == "identity"
    assert len(scene.asked) == 5, "one query a round"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param({"counts": False}, "has no traefik_service_requests_total in Prometheus; let Prometheus scrape this pod",
                     id="no such series"),
        pytest.param({"age": 46}, "was last scraped by Prometheus more than 45s ago", id="old samples"),
        pytest.param({"started": None}, "has no process_start_time_seconds in Prometheus; let", id="no start"),
    ],
)  # fmt: skip
async def test_a_pod_that_prometheus_does_not_read_is_unknown(
    scene: PrometheusScene, change: dict[str, Any], why: str
) -> None:
    start = await known(scene)
    scene.has["t-1"] = Sampled(**change)
    for _ in range(4):
        traffic = await scene.round()
    assert traffic.visited_at == start
    assert traffic.unknown.startswith("Traefik pod ingress/t-1 ")
    assert why in traffic.unknown
    scene.has["t-1"] = Sampled()
    assert await scene.round() == Traffic(start)


async def test_a_pod_that_prometheus_does_not_know_is_unknown_and_primed(scene: PrometheusScene) -> None:
    scene.pods.append(pod("t-2"))
    await scene.round()
    assert "t-2 has no traefik_service_requests_total in Prometheus" in (await scene.round()).unknown
    assert [name for name in scene.primed if name == "t-2"] == ["t-2", "t-2"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param({"status": 503, "text": "busy"},
                     "answered with HTTP 503 and sent an answer that waker does not understand: 'busy'", id="down"),
        pytest.param({"status": 302, "headers": {"Location": "/login"}}, "HTTP 302", id="a login"),
        pytest.param({"status": 422, "text": '{"status":"error","error":"too many samples"}'},
                     "answered with HTTP 422 and refused the query: 'too many samples'", id="refused"),
        pytest.param({"text": "<html>"}, "sent an answer that waker does not understand: '<html>'", id="another server"),
    ],
)  # fmt: skip
async def test_no_answer_is_unknown(scene: PrometheusScene, answer: dict[str, Any], why: str) -> None:
    start = await known(scene)
    for _ in range(4):
        scene.answer = web.Response(**answer)
        traffic = await scene.round()
    assert traffic.visited_at == start
    assert traffic.unknown.startswith("Traefik pod ingress/t-1 cannot be read from Prometheus, which ")
    assert why in traffic.unknown


async def test_prometheus_is_not_there(scene: PrometheusScene) -> None:
    scene.url = "http://127.0.0.1:1"
    assert (await scene.round()).unknown.endswith(
        "cannot be read from Prometheus, which cannot be reached at 127.0.0.1:1; check prometheus-url"
    )


async def test_an_address_that_cannot_be_used_is_no_crash(scene: PrometheusScene) -> None:
    scene.url = "http://[v1.x]:99999999"
    assert "cannot be read from Prometheus, which gave no complete answer" in (await scene.round()).unknown


async def test_prometheus_is_late(scene: PrometheusScene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prometheus, "TIMEOUT", aiohttp.ClientTimeout(total=0.0001))
    assert (await scene.round()).unknown.endswith("cannot be read from Prometheus, which did not answer in time")


async def test_a_restart_in_place_may_have_lost_a_visit(scene: PrometheusScene) -> None:
    start = await known(scene)
    scene.has["t-1"].started, scene.has["t-1"].count = 2000, 0
    assert await scene.round() == Traffic(start)
    assert scene.scraper.certainty(SHOP).doubted_at == scene.now


async def test_a_sample_that_was_read_before_changes_nothing(scene: PrometheusScene) -> None:
    """Two servers behind one address: the other one's newest sample may be older. It is no restart, and no visit."""
    scene.has["t-1"].count = 6
    start = await known(scene)
    scene.has["t-1"] = Sampled(count=5, age=20)
    assert await scene.round() == Traffic(start)
    scene.has["t-1"] = Sampled(count=6)
    assert await scene.round() == Traffic(start)


async def test_a_new_pod_counts_from_zero(scene: PrometheusScene) -> None:
    await known(scene)
    scene.pods.append(pod("t-2"))
    scene.has["t-2"] = Sampled(count=1)
    await scene.round()
    assert await scene.round() == Traffic(scene.now)


async def test_the_token_is_read_for_each_query(scene: PrometheusScene, tmp_path: Path) -> None:
    file = tmp_path / "token"
    async with aiohttp.ClientSession() as session:
        source = Prometheus(session, str(file))
        for token in ("one\n", "two"):
            file.write_text(token)
            await source.read(scene.url, TRAEFIK, scene.pods, frozenset())
    assert [request.headers["Authorization"] for request in scene.asked] == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(None, r"waker cannot read .*token \(No such file or directory\)", id="missing"),
        pytest.param(b"one\ntwo", "holds no token", id="two lines"),
        pytest.param(b"\xff\xfe", "holds no token", id="bytes"),
    ],
)
async def test_a_token_file_that_cannot_be_used_is_reported(
    scene: PrometheusScene, tmp_path: Path, content: bytes | None, why: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(
            ScrapeError, match=rf"cannot be read from Prometheus: .*{why}; check --prometheus-token-file"
        ):
            await Prometheus(session, str(file)).read(scene.url, TRAEFIK, scene.pods, frozenset())
    assert scene.asked == []


async def test_a_ca_file_that_cannot_be_used_is_reported(scene: PrometheusScene, tmp_path: Path) -> None:
    file = tmp_path / "ca"
    file.write_text("no certificate")
    async with aiohttp.ClientSession() as session:
        with pytest.raises(
            ScrapeError,
            match=r"cannot be read from Prometheus: waker cannot use .*ca \(.*\); check --prometheus-ca-file",
        ):
            await Prometheus(session, ca_file=str(file)).read(scene.url, TRAEFIK, scene.pods, frozenset())


def vector_of(*values: str) -> dict[str, Any]:
    result = [{"metric": {"n": str(number)}, "value": [1.0, value]} for number, value in enumerate(values)]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


@pytest.mark.parametrize(
    ("values", "number"),
    [
        pytest.param([], None, id="no data"),
        pytest.param(["0"], 0.0, id="nobody"),
        pytest.param(["0", "0.25", "-3"], 0.25, id="the highest of several"),
        pytest.param(["+Inf"], float("inf"), id="infinity"),
    ],
)
async def test_a_query_for_one_app_is_a_number(scene: PrometheusScene, values: list[str], number: float | None) -> None:
    scene.answer = web.json_response(vector_of(*values))
    async with aiohttp.ClientSession() as session:
        assert await Prometheus(session).number(scene.url, "up") == number
    assert scene.asked[-1].query == {"query": "up", "timeout": "4s"}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        pytest.param(vector_of("NaN"), "is not a number", id="not a number"),
        pytest.param(
            vector_of(*["1"] * 1001), "more than 1000 series; let the query sum them up", id="too many series"
        ),
        pytest.param(
            {"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}}, "scalar", id="a scalar"
        ),
        pytest.param({"status": "error", "error": "parse error"}, "parse error", id="not PromQL"),
    ],
)
async def test_a_query_whose_answer_is_no_number(scene: PrometheusScene, answer: dict[str, Any], why: str) -> None:
    scene.answer = web.json_response(answer)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ScrapeError, match=why) as caught:
            await Prometheus(session).number(scene.url, "up")
    assert str(caught.value).startswith("cannot be read from Prometheus, which ")
