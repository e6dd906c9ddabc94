"""Alerts and dashboard: every metric that they name exists, Prometheus itself takes them, and each alert has a runbook."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.tables import ROOT
from tests.install.programs import program
from tests.k8s.conftest import FOLDER
from waker import names
from waker.metrics import DESCRIBED

MONITORING = FOLDER / "monitoring"
STORIES = Path(__file__).with_name("alert_stories.yaml")
RULE = yaml.safe_load((MONITORING / "prometheus-rule.yaml").read_text())
DASHBOARD: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text())
ALERTS = [rule for group in RULE["spec"]["groups"] for rule in group["rules"]]
SUFFIXES = {"Histogram": ("_bucket", "_sum", "_count"), "Counter": ("",), "Gauge": ("",)}
EXPOSED = {row.name + suffix for row in DESCRIBED for suffix in SUFFIXES[row.kind.__name__]}
LABELS = {"job", "instance", "le", *(label for row in DESCRIBED for label in row.labels)}
COLUMNS = 24  # of a dashboard


def expressions() -> Iterator[str]:
    """Of all alerts and panels."""
    yield from (alert["expr"] for alert in ALERTS)
    yield from (target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", []))


@pytest.mark.parametrize("expression", list(expressions()))
def test_every_metric_and_label_exists(expression: str) -> None:
    named = set(re.findall(r"\bkubesleeper_\w+", expression))
    assert named
    assert named <= EXPOSED
    matched = re.findall(r"(\w+)(?:=~|!=|!~|=)\"", expression)
    grouped = [each for found in re.findall(r"\b(?:by|without) \(([^)]*)\)", expression) for each in found.split(", ")]
    assert {*matched, *grouped} <= LABELS


def test_every_new_metric_is_drawn_or_alerted_on() -> None:
    text = "\n".join(expressions())
    wanted = {
        "sleeps",
        "wakes_ended",
        "wake_stages",
        "drift",
        "unknown",
        "door_requests",
        "held",
        "hold_seconds",
        "saved_replicas",
    }
    assert {row.field for row in DESCRIBED if row.field in wanted and row.name not in text} == set()


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_every_alert_has_a_runbook(alert: dict[str, Any]) -> None:
    path, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    assert (path.rpartition("/blob/main/")[2], anchor) == ("docs/operations.md", alert["alert"].lower())
    (entry,) = re.findall(
        rf"^#### {alert['alert']}\n\n(.+)", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE
    )
    assert len(entry) > 80
    assert alert["labels"]["severity"] in ("warning", "critical")
    assert "for" in alert
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}


def test_every_runbook_is_of_an_alert() -> None:
    entries = re.findall(r"^#### (KubeSleeper\w+)$", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    assert entries == [alert["alert"] for alert in ALERTS]


def test_the_component_is_whole_and_the_base_does_without() -> None:
    component = yaml.safe_load((MONITORING / "kustomization.yaml").read_text())
    generated = [each.rpartition("=")[2] for each in component["configMapGenerator"][0]["files"]]
    assert sorted([*component["resources"], *generated, "kustomization.yaml"]) == sorted(
        each.name for each in MONITORING.iterdir()
    )
    monitor = yaml.safe_load((MONITORING / "service-monitor.yaml").read_text())
    service = yaml.safe_load((FOLDER / "service.yaml").read_text())
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert [each["port"] for each in monitor["spec"]["endpoints"]] == [names.OWN_PRIVATE_PORT]


class TestDashboard:
    def test_panels_have_ids_of_their_own_and_do_not_overlap(self) -> None:
        ids = [panel["id"] for panel in DASHBOARD["panels"]]
        assert len(ids) == len(set(ids))
        taken: set[tuple[int, int]] = set()
        for panel in DASHBOARD["panels"]:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert at["x"] + at["w"] <= COLUMNS
            assert not taken & cells, panel["title"]
            taken |= cells

    def test_every_panel_asks_the_chosen_prometheus_and_says_what_it_shows(self) -> None:
        for panel in (panel for panel in DASHBOARD["panels"] if panel["type"] != "row"):
            assert {each["datasource"]["uid"] for each in (panel, *panel["targets"])} == {"${datasource}"}
            assert panel["description"].endswith(".")
            refs = [each["refId"] for each in panel["targets"]]
            assert len(refs) == len(set(refs))

    def test_every_variable_is_there_and_used(self) -> None:
        known = {each["name"] for each in DASHBOARD["templating"]["list"]}
        built_in = {"__rate_interval", "__range"}
        used = set(re.findall(r"\$\{?(\w+)", json.dumps([panel.get("targets") for panel in DASHBOARD["panels"]])))
        assert used - built_in == known


def promtool(*args: str) -> str:
    """Run it. Skips the test where there is none."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("needs promtool, of Debian's package prometheus")
    done = subprocess.run([found, *args], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_takes_the_alerts(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump(RULE["spec"]))
    assert f"{len(ALERTS)} rules found" in promtool("check", "rules", "--lint-fatal", str(rules))


def test_alerts_fire_when_they_should_and_not_otherwise(tmp_path: Path) -> None:
    rules, stories = tmp_path / "rules.yaml", tmp_path / "stories.yaml"
    rules.write_text(yaml.safe_dump(RULE["spec"]))
    stories.write_text(STORIES.read_text().replace("RULES", str(rules)))
    assert {alert["alert"] for alert in ALERTS if alert["alert"] not in STORIES.read_text()} <= {
        "KubeSleeperWritesRefused", "KubeSleeperDriftFight", "KubeSleeperReconcileErrors",
    }  # fmt: skip
    promtool("test", "rules", str(stories))


def check_dashboard(path: Path) -> tuple[int, str]:
    """Against Grafana's own types. Skips the test where that is not built."""
    found = program("check-dashboard")
    if not found:
        pytest.skip("what checks it against Grafana's schema is missing: .ci/tools builds it where Go is")
    done = subprocess.run([found, str(path)], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_grafana_knows_every_field_of_the_dashboard() -> None:
    assert check_dashboard(MONITORING / "dashboard.json") == (0, "")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"panels": [{"type": "timeseries", "nonsense": 1}]}, "unexpected field 'nonsense'", id="unknown"),
        pytest.param({"title": 3}, "title: json: cannot unmarshal number", id="of another type"),
        pytest.param(
            {"panels": [{"type": "timeseries", "gridPos": {"w": 8}}]}, "required field is missing", id="left out"
        ),
    ],
)
def test_and_would_tell_what_it_does_not_know(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    wrong = tmp_path / "dashboard.json"
    wrong.write_text(json.dumps(DASHBOARD | change))
    status, text = check_dashboard(wrong)
    assert status == 1
    assert said in text


def test_prometheus_takes_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    known = {
        "$__rate_interval": "5m",
        "$__range": "1d",
        "$price_core_hour": "0.03",
        "$price_gib_hour": "0.004",
        "$job": ".*",
    }
    panels = (panel for panel in DASHBOARD["panels"] if panel["type"] != "row")
    recorded = []
    for number, expression in enumerate(target["expr"] for panel in panels for target in panel["targets"]):
        text = expression
        for variable, value in known.items():
            text = text.replace(variable, value)
        recorded.append({"record": f"panel:{number}", "expr": text})
    rules = tmp_path / "panels.yaml"
    rules.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}))
    promtool("check", "rules", str(rules))
