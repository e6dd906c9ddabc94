"""Prometheus scrapes two wakers with the rules of k8s/monitoring: an alert fires, and resolves when its cause is mended."""

import json
import os
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e import doors
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import kubectl, until
from tests.e2e.install import CHECKOUT
from tests.e2e.scene import Scene
from waker import names

NAMESPACE = "monitoring"
ALERT = "KubeSleeperControllerPodUnread"
QUICKLY = "2s"  # in place of the `for` of each alert
WOKEN = 'sum(kubesleeper_wakes_total{by="browser"})'
ASLEEP = 'sum(kubesleeper_sleeps_total{by="command", outcome="asleep"})'
ELSEWHERE = {"controller.traefik.path": "/nowhere"}


class Monitoring:
    """The Prometheus of the scenario."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, path: str, **parameters: str) -> Any:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self._url}/api/v1/{path}?{query}", timeout=5) as answer:  # noqa: S310 http
            return json.load(answer)["data"]

    def value(self, expression: str) -> float | None:
        """Of an expression with one result."""
        found = self.ask("query", query=expression)["result"]
        return float(found[0]["value"][1]) if found else None

    def firing(self) -> set[str]:
        return {each["labels"]["alertname"] for each in self.ask("alerts")["alerts"] if each["state"] == "firing"}


@pytest.fixture
def monitoring(scene: Scene, tmp_path: Path) -> Iterator[Monitoring]:
    """Installed with the alerts beside two wakers, and removed."""
    if not any((Path(each) / "prometheus").exists() for each in os.environ.get("GROUND_IMAGES", "").split(":")):
        pytest.skip("needs Prometheus: install Debian's package prometheus")
    with doors.replicas(scene, 2):
        manifests = tmp_path / "prometheus.yaml"
        manifests.write_text(yaml.safe_dump_all(objects(scene)))
        kubectl("apply", "-f", str(manifests))
        kubectl("rollout", "status", "-n", NAMESPACE, "deployment/prometheus", "--timeout=60s")
        address = scene.api.get("Service", NAMESPACE, "prometheus")["spec"]["clusterIP"]
        yield Monitoring(f"http://{address}:9090")
        kubectl("delete", "-f", str(manifests), "--wait=false")


def objects(scene: Scene) -> list[Any]:
    """The Prometheus of the other scenario, with waker's pods as targets and waker's alerts as rules."""
    found = list(yaml.safe_load_all(Path(__file__).with_name("prometheus.yaml").read_text()))
    (config,) = (each for each in found if each["kind"] == "ConfigMap")
    targets = [f"{pod['status']['podIP']}:9090" for pod in scene.waker.pods()]
    rules = yaml.safe_load((CHECKOUT / "k8s/monitoring/prometheus-rule.yaml").read_text())["spec"]
    for rule in (rule for group in rules["groups"] for rule in group["rules"]):
        rule["for"] = QUICKLY
    wanted = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["/etc/monitoring/rules.yml"],
        "scrape_configs": [{"job_name": "waker", "honor_labels": True, "static_configs": [{"targets": targets}]}],
    }
    config["data"] = {"prometheus.yml": yaml.safe_dump(wanted), "rules.yml": yaml.safe_dump(rules)}
    return found


@needs_bed("runs Debian's Prometheus as the image")
def test_an_alert_fires_and_resolves(scene: Scene, monitoring: Monitoring) -> None:
    shop, blog = scene.app("shop"), scene.app("blog")
    until("both are scraped", lambda: monitoring.value("count(kubesleeper_build_info)") == 2)
    assert monitoring.value("sum(kubesleeper_leader)") == 1
    until("both see the apps", lambda: monitoring.value("min(sum by (instance) (kubesleeper_apps))") == 2)
    until("nothing is unread", lambda: monitoring.value('max(kubesleeper_controller_pods{state="unread"})') == 0)
    until("no alert fires", lambda: not monitoring.firing())

    scene.api.patch("ConfigMap", "kubesleeper", names.CONFIG_MAP, {"data": ELSEWHERE})
    until("it fires", lambda: ALERT in monitoring.firing())
    scene.api.patch("ConfigMap", "kubesleeper", names.CONFIG_MAP, {"data": dict.fromkeys(ELSEWHERE)})
    until("it has resolved", lambda: ALERT not in monitoring.firing())

    woken, asleep = (monitoring.value(counted) or 0 for counted in (WOKEN, ASLEEP))  # in other scenarios
    scene.sleep(shop)
    until("savings are counted", lambda: monitoring.value("sum(kubesleeper_saved_replica_seconds_total)"))
    assert monitoring.value("count(kubesleeper_saved_replica_seconds_total)") == 1, "by the holder of the Lease alone"
    namespaces = monitoring.ask("query", query="kubesleeper_saved_replica_seconds_total")["result"]
    assert [each["metric"]["namespace"] for each in namespaces] == [scene.namespace]
    scene.visit(shop)
    scene.awake(shop)
    until("its wake was counted once", lambda: monitoring.value(WOKEN) == woken + 1)
    assert monitoring.value(ASLEEP) == asleep + 1
    assert scene.history.replicas(blog.kind, blog.name) == [1]
    assert "waker itself" in scene.waker.do("savings")
