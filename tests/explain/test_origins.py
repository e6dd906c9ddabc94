"""Where each value comes from, and what an HPA means."""

from datetime import timedelta
from typing import Any

import pytest

from tests.plan.neighbours import workload
from waker import names
from waker.explain import autoscalers, origins
from waker.plan.model import AppId, Kind
from waker.plan.policy import read_policy
from waker.settings.configmap import Live

SHOP = AppId(Kind.DEPLOYMENT, "prod", "shop")


def rows(annotations: dict[str, str], live: Live, *written: str) -> dict[str, tuple[str, str]]:
    found = origins.settings(annotations, read_policy(annotations, live).problems, live, frozenset(written))
    return {each["name"]: (each["value"], each["source"]) for each in found}


def test_defaults() -> None:
    assert rows({}, Live()) == {
        "enabled": ("false", "default"),
        "state": ("auto", "default"),
        "idle-after": ("30m", "default"),
        "scrape-interval": ("15s", "default"),
        "wake-timeout": ("5m", "default"),
        "paused": ("false", "default"),
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
