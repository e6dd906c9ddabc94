"""Where each value comes from, and what an HPA means."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.plan.neighbours import workload
from waker import names
from waker.explain import autoscalers, origins
from waker.plan.model import AppId, Kind
from waker.plan.policy import read_policy
from waker.settings.configmap import LIVE, Live, read_live
from waker.settings.parsing import parse_statuses
from waker.settings.pauses import FOREVER
from waker.traffic.controllers import CONTOUR, TRAEFIK
from waker.traffic.controllers.configured import configured_adapter

SHOP = AppId(Kind.DEPLOYMENT, "prod", "shop")


def rows(annotations: dict[str, str], live: Live, *written: str) -> dict[str, tuple[str, str]]:
    found = origins.settings(annotations, read_policy(annotations, live).problems, live, frozenset(written))
    return {each["name"]: (each["value"], each["source"]) for each in found}


def test_defaults() -> None:
    found = rows({}, Live())
    assert {source for _, source in found.values()} == {"default"}
    assert {name: value for name, (value, _) in found.items()} == {
        "enabled": "false",
        "state": "auto",
        "idle-after": "30m",
        "scrape-interval": "15s",
        "page-after": "1s",
        "activity-delay": "1m",
        "activity-queries": "templates",
        "wake-timeout": "5m",
        "early-readiness": "true",
        "hold-for": "30s",
        "page-status": "503",
        "while-asleep": "auto",
        "door-ports": "20000-29999",
        "health-check-response": "503",
        "paused": "false",
    }


def test_every_key_of_the_configmap_is_shown_when_it_is_set() -> None:
    live = Live(
        min_idle=timedelta(hours=8),
        ignore_statuses=parse_statuses("4xx,301"),
        theme="dark",
        wait_host="wait.example.com",
        wait_domains=("example.com", "example.org"),
        ignore_paths=("/ping",),
        ignore_agents=("probe",),
        paused_until=datetime(2027, 1, 31, 18, tzinfo=UTC),
        paused_namespaces={"prod": FOREVER},
        prometheus_url="http://prometheus:9090",
    )
    found = rows({}, live, *(each.key for each in LIVE))
    assert {each.key for each in LIVE} <= found.keys()
    assert {source for name, (_, source) in found.items() if name not in ("enabled", "state")} == {"ConfigMap"}
    assert (found["ignore-statuses"][0], found["wait-domains"][0]) == ("301, 4xx", "example.com, example.org")


def test_what_adds_up_is_shown_twice() -> None:
    annotations = {names.ENABLED: "true", names.MIN_IDLE: "2h", names.IGNORE_PATHS: "/a", names.IDLE_AFTER: "1h"}
    live = Live(min_idle=timedelta(hours=8), ignore_paths=("/b",))
    found = origins.settings(annotations, (), live, frozenset({"min-idle", "ignore-paths", "idle-after"}))
    assert [each for each in found if each["name"] in ("min-idle", "ignore-paths", "idle-after")] == [
        {"name": "idle-after", "value": "1h", "source": "annotation"},
        {"name": "ignore-paths", "value": "/a", "source": "annotation"},
        {"name": "min-idle", "value": "2h", "source": "annotation"},
        {"name": "min-idle", "value": "8h", "source": "ConfigMap"},
        {"name": "ignore-paths", "value": "/b", "source": "ConfigMap"},
    ]
    assert origins.overruled(found, timedelta(hours=8)) == (
        "min-idle is longer than its idle-after (1h): it sleeps 8h after its last visit"
    )
    assert origins.overruled(found, timedelta(hours=1)) == ""


@pytest.mark.parametrize(
    ("annotations", "says"),
    [
        pytest.param({names.IDLE_AFTER: "24h"}, "", id="a day in hours"),
        pytest.param({names.IDLE_AFTER: "90s"}, "", id="seconds"),
        pytest.param({names.IDLE_AFTER: "60m", names.MIN_IDLE: "1h"}, "", id="the same twice"),
        pytest.param({names.IDLE_AFTER: "2h", names.MIN_IDLE: "60m"}, "", id="min-idle is shorter"),
        pytest.param(
            {names.IDLE_AFTER: "24h", names.MIN_IDLE: "48h"},
            "min-idle is longer than its idle-after (24h): it sleeps 2d after its last visit",
            id="min-idle is longer",
        ),
        pytest.param(
            {names.ENABLED: "maybe", names.IDLE_AFTER: "10m"}, "", id="nothing counts beside an unreadable enabled"
        ),
        pytest.param({names.ENABLED: "maybe", names.IDLE_AFTER: "soon"}, "", id="and nothing else is read"),
    ],
)
def test_an_idle_period_is_overruled_by_a_longer_one_only(annotations: dict[str, str], says: str) -> None:
    reading = read_policy({names.ENABLED: "true", **annotations}, Live())
    assert reading.policy
    found = origins.settings(annotations, reading.problems, Live(), frozenset())
    assert origins.overruled(found, reading.policy.idle_after) == says


def test_the_settings_of_its_classes() -> None:
    live, problems = read_live(
        {"controller.edge.port": "9200", "controller.edge.unreadable": "ignore-after=6h"}, Live()
    )
    assert problems == ()
    adapter = configured_adapter("traefik.io/ingress-controller@edge", live)
    assert adapter
    found = origins.settings({}, (), live, frozenset(), {"edge": adapter, "public": CONTOUR})
    of_classes = {each["name"]: (each["value"], each["source"]) for each in found if "controller." in each["name"]}
    assert of_classes == {
        "controller.edge.adapter": ("traefik", "default"),
        "controller.edge.selector": (" or ".join(map(str, TRAEFIK.selectors)), "default"),
        "controller.edge.port": ("9200", "ConfigMap"),
        "controller.edge.path": ("/metrics", "default"),
        "controller.edge.scheme": ("http", "default"),
        "controller.edge.any-host": ("true", "default"),
        "controller.edge.lag": ("2s", "default"),
        "controller.edge.unreadable": ("ignore-after=6h", "ConfigMap"),
        "controller.public.adapter": ("contour", "default"),
        "controller.public.selector": (
            "app=envoy in projectcontour or app.kubernetes.io/name=contour,app.kubernetes.io/component=envoy",
            "default",
        ),
        "controller.public.port": ("metrics or 8002", "default"),
        "controller.public.path": ("/stats/prometheus", "default"),
        "controller.public.scheme": ("http", "default"),
        "controller.public.any-host": ("true", "default"),
        "controller.public.lag": ("1s", "default"),
        "controller.public.unreadable": ("block", "default"),
    }


@pytest.mark.parametrize(
    ("annotations", "row"),
    [
        pytest.param({}, ("2h", "ConfigMap"), id="the ConfigMap's"),
        pytest.param(
            {names.ENABLED: "true", names.IDLE_AFTER: "90s"}, ("90s", "annotation"), id="the annotation's comes first"
        ),
        pytest.param(
            {names.ENABLED: "true", names.IDLE_AFTER: "soon"},
            ("2h", "ConfigMap"),
            id="one that cannot be read is not in effect",
        ),
    ],
)
def test_idle_after(annotations: dict[str, str], row: tuple[str, str]) -> None:
    assert rows(annotations, Live(idle_after=timedelta(hours=2)), "idle-after")["idle-after"] == row


def test_all_that_a_user_wrote_and_nothing_that_waker_wrote() -> None:
    written = workload(enabled="true", title=" My shop ", saved_replicas="3", state="tired")
    found = rows(dict(written.annotations), Live())
    assert {name: row for name, row in found.items() if row[1] == "annotation"} == {
        "enabled": ("true", "annotation"),
        "title": ("My shop", "annotation"),
    }
    assert found["state"] == ("auto", "default")


def hpa(low: int | None = None) -> dict[str, Any]:
    spec: dict[str, Any] = {"scaleTargetRef": {"kind": "Deployment", "name": "shop"}, "maxReplicas": 5}
    return {"metadata": {"name": "busy"}, "spec": spec if low is None else spec | {"minReplicas": low}}


@pytest.mark.parametrize(
    ("found", "says"),
    [
        pytest.param(hpa(), ["HPA busy (1 to 5) rests while the app sleeps"], id="its default is 1"),
        pytest.param(hpa(2), ["HPA busy (2 to 5) rests while the app sleeps"], id="2"),
        pytest.param(hpa(0), ["HPA busy (0 to 5) works at 0 replicas too"], id="0"),
    ],
)
def test_autoscalers(found: dict[str, Any], says: list[str]) -> None:
    notes = list(autoscalers.notes([found]))
    assert len(notes) == len(says)
    assert all(note.startswith(start) for note, start in zip(notes, says, strict=True))
