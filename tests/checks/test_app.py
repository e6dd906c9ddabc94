"""Would this app sleep? What is a problem, what passes by itself, and what nobody knows yet."""

from typing import Any

import pytest

from waker.checks import app
from waker.checks.findings import CheckLine

ENABLE = "run Traefik with --metrics.prometheus=true and leave its addServicesLabels on"
POD = "Traefik pod traefik/traefik"


def reason(kind: str, text: str, fix: str = "") -> dict[str, str]:
    return {"kind": kind, "text": text, "fix": fix}


def lines(*against: dict[str, str], read_now: bool = False, **more: Any) -> list[CheckLine]:
    """Those of an enabled shop, after the first one if that is its answer."""
    which = {"kind": "Deployment", "namespace": "prod", "name": "shop"}
    facts: Any = {
        "app": which,
        "against": against,
        "enabled": True,
        "fromService": True,
        "phase": "Awake",
        "code": "InUse",
    }
    return list(app.lines(facts | more, read_now=read_now))


def verdicts(found: list[CheckLine]) -> list[str]:
    return [each["verdict"] for each in found]


@pytest.mark.parametrize(
    ("against", "more", "verdict"),
    [
        pytest.param(reason("in-use", "last sign of life 4m ago"), {}, "ok", id="in use"),
        pytest.param(reason("discovery", "no Service selects its pods"), {}, "problem", id="no route"),
        pytest.param(reason("not-read", f"{POD} cannot be reached", "look"), {}, "problem", id="cut off"),
        pytest.param(
            reason("not-read", f"{POD} cannot be reached", "look"), {"read_now": True}, "unknown", id="was cut off"
        ),
        pytest.param(
            reason("not-read", f"{POD} has not been read for demo-shop-80 yet"), {}, "unknown", id="just enabled"
        ),
        pytest.param(reason("not-observed", "no idle period has begun"), {}, "unknown", id="not observed"),
        pytest.param(
            reason("blocked", "ingress controller pod traefik/traefik does not reach waker yet"),
            {"code": "WakerUnreachable"},
            "unknown",
            id="the route is new",
        ),
        pytest.param(
            reason("blocked", "not visited for 36s: reading its controllers once more"),
            {"code": "ReadingOnceMore", "phase": "FallingAsleep"},
            "ok",
            id="on its way",
        ),
        pytest.param(reason("blocked", "refused"), {"code": "WriteRefused"}, "problem", id="refused"),
        pytest.param(reason("waking", "not ready"), {"phase": "Waking"}, "ok", id="waking"),
        pytest.param(reason("waking", "not ready within 5m"), {"phase": "Stuck"}, "problem", id="stuck"),
    ],
)
def test_what_passes_by_itself_is_no_problem(against: dict[str, str], more: dict[str, Any], verdict: str) -> None:
    assert verdicts(lines(against, **more))[-1] == verdict


def test_a_counter_without_any_visit_yet_wants_a_visit() -> None:
    (answer, line) = lines(reason("not-read", f"{POD} shows no traefik_service_requests_total yet", ENABLE))
    assert answer["text"] == "prod/shop is enabled, and sleeps when nobody comes"
    assert line["verdict"] == "unknown"
    assert line["fix"] == f"visit an app through it once, then check again; if that stays, {ENABLE}"


def test_beside_a_problem_nothing_is_said_of_what_is_not_known() -> None:
    found = lines(reason("discovery", "no Service selects its pods"), reason("not-read", f"{POD} shows no x yet"))
    assert [each["text"] for each in found] == ["no Service selects its pods"]


def test_without_the_service_both_ways_to_install_it_are_named() -> None:
    found = lines(enabled=False, fromService=False)
    assert [each["text"].partition(" (")[0] for each in found] == [
        "prod/shop would sleep once it is enabled",
        "whether it is visited is known to the running service only",
    ]
    assert "kubectl apply -k k8s/, or by Helm: helm install " in found[1]["fix"]


def test_a_misspelt_annotation_is_a_problem_and_one_of_a_newer_waker_is_not_known() -> None:
    said = [
        {"text": "kubesleeper.io/enable is no annotation that waker knows", "fix": "kubectl annotate deployment/shop"},
        {"text": "kubesleeper.io/quota is no annotation that waker knows", "fix": "remove it"},
    ]
    found = lines(enabled=False, unknownAnnotations=said)
    assert verdicts(found) == ["ok", "problem", "unknown"]
    assert found[0]["text"].startswith("prod/shop would sleep once it is enabled")
