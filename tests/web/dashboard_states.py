"""What the page for operators shows in tests: a small cluster, as plain data."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def at(**ago: float) -> str:
    """RFC 3339, so long before NOW."""
    return (NOW - timedelta(**ago)).isoformat().replace("+00:00", "Z")


def app(
    name: str, phase: str = "Awake", code: str = "InUse", reason: str = "last visited 3m ago", **more: Any
) -> dict[str, Any]:
    """A row."""
    asleep = phase == "Asleep"
    fixed = {"namespace": "shops", "name": name, "kind": "Deployment", "phase": phase, "code": code, "reason": reason}
    counted = {"replicas": 0 if asleep else 2, "saved": "2" if asleep else ""}
    awake = phase == "Awake"
    times = {
        "visitedAt": at(minutes=3) if awake else None,
        "unseenSince": None,
        "sleepsAt": at(minutes=-27) if awake else None,
        "lastWake": None,
        "paused": False,
    }
    return fixed | counted | times | more


def wake(name: str, by: str = "browser", outcome: str = "ready", **stages: float) -> dict[str, Any]:
    """A wake."""
    seconds = round(sum(stages.values()), 1)
    return {
        "app": f"shops/{name}",
        "by": by,
        "at": at(hours=2),
        "outcome": outcome,
        "seconds": seconds,
        "stages": stages,
    }


QUICK = wake("kiosk", asked=0.08, scheduled=0.12, started=0.9, ready=1.3, routed=0.4)
SLOW = wake("books", "client", asked=0.1, scheduled=4.2, started=2.5, ready=3.4, routed=0.5)
SILENT = "does not answer at 10.0.3.7:8002"
LOST = wake("toys", "command", "stuck", asked=0.1, scheduled=0.3, started=0.6)


def amount(replicas: float, cores: float, gib: float) -> dict[str, Any]:
    return {"replicaHours": replicas, "coreHours": cores, "gibHours": gib, "money": cores * 0.031 + gib * 0.0042}


STATE: dict[str, Any] = {
    "at": at(),
    "replica": "waker-6d5f9c7b8d-x2x9k",
    "leads": True,
    "paused": False,
    "tiles": {"awake": 3, "asleep": 4, "moving": 1, "stuck": 1, "unmanaged": 1},
    "apps": [
        app("blog", "Asleep", "Asleep", "asleep until visited"),
        app("books", "Asleep", "Asleep", "asleep until visited", lastWake=SLOW),
        app("forms", "NotManaged", "NotEnabled", "kubesleeper.io/enabled is not true"),
        app("games", reason="pinned awake", code="PinnedAwake", sleepsAt=None),
        app("kiosk", lastWake=QUICK),
        app("ledger", "Asleep", "Asleep", "asleep until visited", kind="StatefulSet"),
        app("maps", "Waking", "AwaitingPods", "waiting until its pods are ready"),
        app("search", code="TrafficUnknown", sleepsAt=None, visitedAt=None,
            reason=f"cannot tell whether it is visited: Contour pod projectcontour/envoy-7x2 {SILENT}"),
        app("toys", "Stuck", "NotReadyInTime", "not ready 6m after the wake: container toys: it ends with exit code 1",
            lastWake=LOST),
        app("wiki", "Asleep", "PinnedAsleep", "pinned asleep"),
    ],
    "more": 0,
    "causes": [
        {"code": "InUse", "cause": "last visited 3m ago", "fix": "", "apps": 1, "examples": ["shops/kiosk"]},
        {"code": "TrafficUnknown", "cause": "Contour pod projectcontour/envoy-7x2 does not answer at 10.0.3.7:8002",
         "fix": "let NetworkPolicies and firewalls admit waker's pods to that port", "apps": 1, "examples": ["shops/search"]},
    ],
    "controllers": [
        {"title": "Contour", "className": "contour", "more": 0, "problem": f"Contour pod projectcontour/envoy-7x2 {SILENT}",
         "pods": [{"name": "projectcontour/envoy-7x2", "state": "unread", "readAt": None, "problem": SILENT},
                  {"name": "projectcontour/envoy-k8b", "state": "read", "readAt": at(seconds=4), "problem": ""}]},
        {"title": "Traefik", "className": "traefik", "more": 0, "problem": "",
         "pods": [{"name": "traefik/traefik-0", "state": "read", "readAt": at(seconds=4), "problem": ""}]},
    ],
    "wakes": [QUICK, LOST, SLOW],
    "savings": {
        "since": at(days=3),
        "namespaces": [{"namespace": "shops", "asleep": 4, **amount(512.4, 140.2, 311.0)}],
        "total": amount(512.4, 140.2, 311.0),
        "own": amount(72.0, 0.72, 2.25),
        "wakes": {"count": 37, "seconds": 118.4, "median": 2.8},
        "currency": "EUR",
    },
    "hours": [
        {"at": at(hours=71 - hour), "replicaHours": 7 + hour % 5, "coreHours": 1.2 + (hour % 24) / 12} for hour in range(72)
    ],
}  # fmt: skip


def state() -> dict[str, Any]:
    """One of its own, to be changed."""
    return deepcopy(STATE)
