"""Visits that waker learns of in unusual ways: a class without an object, an adapter from settings alone, a query."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e import load
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import ClusterApi, kubectl, until
from tests.e2e.load import Request, VisitorAddress, Who
from tests.e2e.scene import Scene
from tests.e2e.stream import Stream
from tests.e2e.test_prometheus import prometheus
from waker import names

__all__ = ["prometheus"]

IDLE = 5.0  # seconds
QUICK = {names.IDLE_AFTER: f"{IDLE:g}s"}
pytestmark = needs_bed("changes what the controllers of the test bed are told")


@contextmanager
def settings(api: ClusterApi, **texts: str) -> Iterator[None]:
    """These keys of the ConfigMap, with `_` for `.` and `__` for `-`."""
    keys = {key.replace("__", "-").replace("_", "."): text for key, text in texts.items()}
    api.patch("ConfigMap", "kubesleeper", names.CONFIG_MAP, {"data": keys})
    try:
        yield
    finally:
        api.patch("ConfigMap", "kubesleeper", names.CONFIG_MAP, {"data": dict.fromkeys(keys)})


def used_and_left(scene: Scene) -> None:
    """One app sleeps, wakes for a visitor and sleeps again; another one is visited all the time."""
    idle, busy = scene.app("idle", annotations=QUICK), scene.app("busy", annotations=QUICK)
    with Stream(scene.address, [load.curl(busy.host, busy.name)], every=1.0) as trickle:
        scene.asleep(idle)
        scene.visit(idle)
        scene.awake(idle)
        scene.asleep(idle)
        time.sleep(IDLE)
        assert scene.history.replicas(busy.kind, busy.name) == [1]
    assert not [answer for answer in trickle.answers if answer.who is not Who.APP], trickle.timeline()


@pytest.mark.parametrize("controller", ["contour"], indirect=True)
def test_contour_by_the_class_of_its_quickstart(scene: Scene) -> None:
    """It makes no IngressClass, and serves Ingresses of class `contour` all the same."""
    kubectl("delete", "ingressclass", "contour")
    try:
        used_and_left(scene)
    finally:
        scene.controller.install(scene.api)


@pytest.mark.parametrize("controller", ["contour"], indirect=True)
def test_a_controller_that_only_settings_describe(scene: Scene) -> None:
    with settings(
        scene.api,
        controller_contour_metric="envoy_cluster_upstream_rq_total",
        controller_contour_labels="envoy_cluster_name={namespace}_{service}_{port-number}",
        controller_contour_selector="app=envoy",
        controller_contour_namespace="projectcontour",
        controller_contour_port="metrics",
        controller_contour_path="/stats/prometheus",
        controller_contour_http__port="http",
    ):
        unvisited = scene.app("unvisited", annotations=QUICK)
        used_and_left(scene)
        scene.asleep(unvisited)  # though nobody has ever visited it: a request of waker's own has proved the names


@pytest.mark.usefixtures("prometheus")
def test_an_app_that_only_a_query_shows_to_be_in_use(scene: Scene, api: ClusterApi) -> None:
    """Nobody comes through the ingress controller; another program of the cluster is asked instead, and that one is watched."""
    query = 'sum(rate(prometheus_http_requests_total{handler="/api/v1/labels"}[10s]))'
    annotations = QUICK | {names.ACTIVITY_QUERY: query}
    refused = scene.app("refused", annotations=annotations)
    why = until("it is refused", lambda: reason(scene, refused.name, "activity-queries"))
    assert "set activity-queries: allow" in why
    with settings(api, activity__queries="allow", activity__delay="2s"):
        assert "no data" in until("it has no data", lambda: reason(scene, refused.name, "no data"), 30)
        kubectl("patch", "configmap", "prometheus", "-n", "monitoring", "--type=merge", "-p", own_metrics())
        kubectl("rollout", "restart", "-n", "monitoring", "deployment/prometheus")
        kubectl("rollout", "status", "-n", "monitoring", "deployment/prometheus", "--timeout=60s")
        address = VisitorAddress(api.get("Service", "monitoring", "prometheus")["spec"]["clusterIP"], 9090)
        labels = Request("GET", "prometheus", "prometheus", "/api/v1/labels")
        with Stream(address, [labels], every=0.5):
            app = scene.app("asked", annotations=annotations)
            time.sleep(4 * IDLE)  # the claim is about time that passes
            assert scene.history.replicas(app.kind, app.name) == [1], "in use, though no visitor came"
        scene.asleep(app)
        scene.visit(app)
        scene.awake(app)


def own_metrics() -> str:
    """Prometheus reads itself, too."""
    text = Path(__file__).with_name("prometheus.yaml").read_text()
    assert "scrape_configs:" in text
    config = (
        kubectl("get", "configmap", "prometheus", "-n", "monitoring", "-o", r"jsonpath={.data.prometheus\.yml}")
        + '\n- job_name: itself\n  static_configs: [{targets: ["127.0.0.1:9090"]}]\n'
    )
    return json.dumps({"data": {"prometheus.yml": config}})


def reason(scene: Scene, name: str, words: str) -> str:
    """Why an app is as it is, if the words are in it."""
    (app,) = scene.waker.status(scene.namespace, name)
    return str(app["reason"]) if words in app["reason"] else ""
