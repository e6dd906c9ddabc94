"""What a person reads: whole texts, and that nothing is wider than a terminal."""

from typing import Any

import pytest

from waker.explain.shape import Explained
from waker.explain.text import WIDTH, text

NGINX = "k8s.io/ingress-nginx"


def facts(**changes: Any) -> Explained:
    """A shop in use behind two pods of ingress-nginx."""
    found: Any = {
        "app": {"kind": "Deployment", "namespace": "prod", "name": "shop"},
        "at": "2026-01-31T03:04:05Z",
        "answer": "prod/shop is awake: last sign of life 4m ago; it sleeps in 26m if nobody comes (idle-after 30m).",
        "fromService": True,
        "enabled": True,
        "phase": "Awake",
        "code": "TrafficUnknown",
        "reason": "cannot tell",
        "replicas": 2,
        "saved": None,
        "against": [
            {"kind": "not-read", "text": "ingress-nginx pod ingress-nginx/b cannot be reached at 10.1.2.3:10254",
             "fix": "let NetworkPolicies admit waker's pods to that port"},
            {"kind": "in-use", "text": "last sign of life 4m ago; it sleeps in 26m", "fix": ""},
            {"kind": "pinned", "text": "it is pinned awake", "fix": "waker auto deployment/shop -n prod"},
        ],
        "settings": [
            {"name": "enabled", "value": "true", "source": "annotation"},
            {"name": "idle-after", "value": "30m", "source": "default"},
        ],
        "services": [{"name": "shop", "ports": ["http 80 -> 8080", "9000 -> 9000"]}],
        "routes": [
            {"ingress": "shop", "host": "shop.example.org", "path": "/", "pathType": "Prefix", "ingressClass": "nginx",
             "controller": NGINX, "title": "ingress-nginx", "backend": "shop:http", "leadsTo": "app", "since": None},
            {"ingress": "all", "host": "", "path": "", "pathType": "", "ingressClass": "", "controller": "", "title": "",
             "backend": "shop:80", "leadsTo": "waker", "since": "2026-01-30T23:04:05Z"},
        ],
        "pods": [
            {"controller": NGINX, "pod": "ingress-nginx/a", "ready": True, "readAt": "2026-01-31T03:04:01Z",
             "bytes": 312_400_000, "problem": "", "state": "read"},
            {"controller": NGINX, "pod": "ingress-nginx/b", "ready": False, "readAt": None, "bytes": 0,
             "problem": "cannot be reached at 10.1.2.3:10254", "state": "unread"},
        ],
        "series": [
            {"controller": NGINX, "metric": "nginx_ingress_controller_requests",
             "labels": {"namespace": "prod", "ingress": "shop", "service": "shop"},
             "values": [{"pod": "ingress-nginx/a", "requests": 1200.0, "open": True},
                        {"pod": "ingress-nginx/b", "requests": None, "open": False}],
             "spellings": [{"labels": {"namespace": "prod", "ingress": "shop", "service": "shop"}, "requests": 1180.0},
                           {"labels": {"namespace": "prod", "ingress": "shop", "service": ""}, "requests": 20.0}]},
        ],
        "activity": [{"at": "2026-01-31T03:00:05Z", "what": "counted by ingress-nginx pod ingress-nginx/a"}],
        "sleepsAt": "2026-01-31T03:30:05Z",
        "notes": ["HPA shop (2 to 10) rests while the app sleeps, and goes on after the wake"],
    }  # fmt: skip
    return found | changes  # type: ignore[no-any-return]


WHOLE = """\
prod/shop is awake: last sign of life 4m ago; it sleeps in 26m if nobody comes (idle-after 30m).
Code: TrafficUnknown

WHAT KEEPS IT AWAKE
  - ingress-nginx pod ingress-nginx/b cannot be reached at 10.1.2.3:10254
    fix: let NetworkPolicies admit waker's pods to that port
  - last sign of life 4m ago; it sleeps in 26m
  - it is pinned awake
    fix: waker auto deployment/shop -n prod

STATE
  phase     Awake
  replicas  2
  sleeps    03:30:05 UTC (in 26m), if nothing else stood against it
  answered  by the running service, at 03:04:05 UTC

LAST ACTIVITY
  03:00:05 UTC (4m ago)  counted by ingress-nginx pod ingress-nginx/a

COUNTED AS
  nginx_ingress_controller_requests{namespace="prod",ingress="shop",service="shop"}
    1200      ingress-nginx/a  open requests now
    none yet  ingress-nginx/b
    of these 20 as nginx_ingress_controller_requests{namespace="prod",ingress="shop",service=""}

CONTROLLER PODS
  ingress-nginx ingress-nginx/a: read 4s ago, 312 MB
  ingress-nginx ingress-nginx/b: never read, not ready
    ! cannot be reached at 10.1.2.3:10254

ROUTES
  shop.example.org/ -> shop:http
    Ingress shop, class nginx, ingress-nginx
  default backend -> waker since 2026-01-30 23:04:05 UTC (4h ago); shop:80 when it is awake
    Ingress all, class none, no controller

SERVICES
  shop  http 80 -> 8080, 9000 -> 9000

SETTINGS
  enabled     true (annotation)
  idle-after  30m (default)

NOTES
  HPA shop (2 to 10) rests while the app sleeps, and goes on after the wake"""


def test_the_whole_text() -> None:
    assert text(facts()) == WHOLE


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        pytest.param({"phase": "Asleep", "replicas": 0, "saved": 3}, "  replicas  0, 3 when it is awake", id="asleep"),
        pytest.param({"phase": "Asleep"}, "WHAT STANDS AGAINST SLEEP BY TRAFFIC", id="asleep, with blind spots"),
        pytest.param({"enabled": False}, "WHAT STANDS AGAINST ITS SLEEP", id="not enabled"),
        pytest.param({"phase": "Waking", "reason": "not ready"}, "  phase     Waking (not ready)", id="waking"),
        pytest.param(
            {"pods": [facts()["pods"][1] | {"state": "ignored"}]},
            "  ingress-nginx ingress-nginx/b: never read, not ready, ignored",
            id="a pod that is ignored",
        ),
        pytest.param({"fromService": False}, "  answered  here, without the service, at 03:04:05 UTC", id="no service"),
        pytest.param({"against": []}, "  sleeps    03:30:05 UTC (in 26m), if nobody comes", id="only in use"),
    ],
)
def test_lines(changes: dict[str, Any], line: str) -> None:
    assert line in text(facts(**changes)).splitlines()


def test_an_app_on_its_way_has_nothing_against_it_and_no_time_in_the_past() -> None:
    why = "not visited for 36s: reading its controllers once more"
    falling = {"phase": "FallingAsleep", "code": "ReadingOnceMore", "reason": why, "sleepsAt": "2026-01-31T03:03:48Z"}
    blocked = {"kind": "blocked", "text": why, "fix": ""}
    told = text(facts(**falling, against=[blocked]))
    assert f"\nCode: ReadingOnceMore\n\nON ITS WAY\n  - {why}\n" in told
    assert "  sleeps " not in told
    blind = {"kind": "not-read", "text": "a pod cannot be read", "fix": ""}
    assert "WHAT STANDS AGAINST SLEEP BY TRAFFIC" in text(facts(**falling, against=[blind, blocked]))
    held = {"phase": "FallingAsleep", "code": "ControllersDoNotFollow", "against": [blocked]}
    assert "WHAT STANDS AGAINST SLEEP BY TRAFFIC" in text(facts(**held))


def test_series_of_an_app_that_nobody_follows() -> None:
    series = facts()["series"][0]
    series["values"] = []
    assert "    no pod has been read for it" in text(facts(series=[series])).splitlines()


def test_sections_without_anything_are_left_out() -> None:
    empty = text(facts(against=[], activity=[], series=[], pods=[], routes=[], services=[], notes=[]))
    assert [line for line in empty.splitlines() if line.isupper()] == ["STATE", "SETTINGS"]


def test_nothing_is_wider_than_a_terminal() -> None:
    long = " ".join(["a-rather-long-word"] * 20)
    assert "a-rather-long-word\n" in text(facts(answer=long)), "names are not cut at a hyphen"
    wide = facts(
        answer=long,
        against=[{"kind": "not-counted", "text": long, "fix": long}],
        phase="Stuck",
        reason=long,
        notes=[long],
        pods=[facts()["pods"][1] | {"problem": long}],
        activity=[{"at": facts()["at"], "what": long}],
        settings=[{"name": "title", "value": long, "source": "annotation"}],
    )
    assert max(map(len, text(wide).splitlines())) <= WIDTH


def test_no_fact_speaks_to_the_terminal_or_makes_a_line_of_its_own() -> None:
    def hostile(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: hostile(each) if key not in PARSED else each for key, each in value.items()}
        if isinstance(value, list):
            return [hostile(each) for each in value]
        return f"{value}\x1b[2J\u202e\nFORGED" if isinstance(value, str) else value

    told = text(hostile(facts()))
    assert not set("\x1b\u202e") & set(told)
    assert not any(line.startswith("FORGED") for line in told.splitlines())
    assert "ingress-nginx/a" in told


PARSED = {"at", "readAt", "since", "sleepsAt"}  # times
