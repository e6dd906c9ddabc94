"""All that the page for operators shows, as plain data, at one moment. Imported when somebody first asks for that page.

The rows are those of `waker status`, the causes those of `waker explain --all`; wakes and savings are what this replica
remembers. Bounded whatever the number of apps: what is left out is counted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypedDict

from waker.explain import causes, savings, status
from waker.explain.times import json_time
from waker.explain.unseen import unseen_since
from waker.metrics import Metrics
from waker.observe.class_names import class_of
from waker.observe.cluster import ClusterCache
from waker.observe.observed_app import policy_of
from waker.observe.runtime import Runtime
from waker.plan.model import AppId, Kind, Phase, Policy
from waker.plan.savings import Reserved
from waker.plan.wakes import Wake
from waker.settings.configmap import Live
from waker.settings.pauses import PauseScope
from waker.traffic.pod_states import state_of
from waker.traffic.scraped_controller import ScrapedController

MOST_APPS: Final = 1_000
MOST_WAKES: Final = 20
MOST_CAUSES: Final = 6
MOST_PODS: Final = 50  # of a controller
TILES: Final = {
    "awake": (Phase.AWAKE,),
    "asleep": (Phase.ASLEEP,),
    "moving": (Phase.FALLING_ASLEEP, Phase.WAKING, Phase.RESTORING_ROUTES),
    "stuck": (Phase.STUCK,),
    "unmanaged": (Phase.NOT_MANAGED,),
}


class ShownWake(TypedDict):
    """One wake. `stages`: seconds, by stage, in their order; `outcome`: "" while it goes on."""

    app: str
    by: str
    at: str
    outcome: str
    seconds: float
    stages: dict[str, float]


class ShownPod(TypedDict):
    """A pod of an ingress controller."""

    name: str
    state: str
    readAt: str | None
    problem: str


class ShownController(TypedDict):
    """An ingress controller, with its worst pods first. `more`: how many pods are left out; `problem`: "" if all is known."""

    title: str
    className: str
    pods: list[ShownPod]
    more: int
    problem: str


class ShownHour(TypedDict):
    """What was saved in one hour."""

    at: str
    replicaHours: float
    coreHours: float


class DashboardState(TypedDict):
    """All of it. `apps`: rows of `waker status` with `visitedAt`, or `unseenSince` if nobody was seen since waker watches,
    `lastWake` and `paused`, by an annotation of their own; `more`: how many apps are left out.
    """

    at: str
    replica: str
    leads: bool
    paused: bool
    tiles: dict[str, int]
    apps: list[dict[str, Any]]
    more: int
    causes: list[causes.Cause]
    controllers: list[ShownController]
    wakes: list[ShownWake]
    savings: savings.SavingsReport
    hours: list[ShownHour]


@dataclass(frozen=True, slots=True)
class DashboardInputs:
    """Who knows."""

    cluster: ClusterCache
    runtime: Runtime
    live: Live
    metrics: Metrics
    replica: str
    now: datetime


def state(known: DashboardInputs, words: str = "", phase: str = "") -> DashboardState:
    """Everything now. Of the apps only those with all of these words in their row, and in a phase of this tile ("": any)."""
    runtime, rows = known.runtime, status.rows(known.cluster, known.runtime, known.live, known.now)
    tiles = {tile: sum(each["phase"] in phases for each in rows) for tile, phases in TILES.items()}
    wanted = [each for each in rows if _matches(each, words.lower().split(), phase)]
    wakes = list(runtime.wakes.last())
    last: dict[AppId, Wake] = {}
    for wake in wakes:
        last.setdefault(wake.app, wake)
    return DashboardState(
        at=json_time(known.now),
        replica=known.replica,
        leads=runtime.leading(),
        paused=known.live.paused or (known.live.paused_until or known.now) > known.now,
        tiles=tiles,
        apps=[_with_times(each, known, last) for each in wanted[:MOST_APPS]],
        more=max(len(wanted) - MOST_APPS, 0),
        causes=causes.overview(rows)["causes"][:MOST_CAUSES],
        controllers=list(_controllers(known)),
        wakes=[_wake(each) for each in wakes[:MOST_WAKES]],
        savings=savings.report(runtime, known.live, known.metrics.settle),
        hours=[_hour(each.began, each.saved) for each in runtime.savings.hours()],
    )


def _matches(row: Mapping[str, Any], words: list[str], tile: str) -> bool:
    text = f"{row['namespace']}/{row['name']} {row['kind']} {row['phase']} {row['code']} {row['reason']}".lower()
    return all(word in text for word in words) and (not tile or row["phase"] in TILES.get(tile, ()))


def _with_times(row: dict[str, Any], known: DashboardInputs, last: Mapping[AppId, Wake]) -> dict[str, Any]:
    """In place of durations, which change while nothing happens."""
    app = AppId(Kind(row["kind"]), row["namespace"], row["name"])
    workload, registered = known.cluster.workload(app), known.runtime.registry.get(app)
    visited = unseen = None
    if workload and registered:
        visited = known.runtime.last_visit(workload, registered)
        unseen = unseen_since(known.runtime, workload, registered)
    awake = row["phase"] == Phase.AWAKE
    found = {key: row[key] for key in ("namespace", "name", "kind", "phase", "code", "replicas", "saved", "reason")}
    return found | {
        "visitedAt": json_time(visited) if visited and awake and not unseen else None,
        "unseenSince": json_time(unseen) if unseen and awake else None,
        "sleepsAt": row["sleepsAt"] if awake else None,
        "lastWake": _wake(last[app]) if app in last else None,
        "paused": workload is not None and _is_paused(policy_of(workload, known.live), known.now),
    }


def _is_paused(policy: Policy | None, now: datetime) -> bool:
    """By an annotation of its own, and for longer than anything else pauses it."""
    pause = policy.pause_at(now) if policy else None
    return pause is not None and pause.scope is PauseScope.APP


def _wake(of: Wake) -> ShownWake:
    return ShownWake(
        app=str(of.app),
        by=of.by,
        at=json_time(of.began),
        outcome=str(of.outcome or ""),
        seconds=round(of.lasted.total_seconds(), 1),
        stages={str(stage): round(took.total_seconds(), 2) for stage, took in of.took.items()},
    )


def _controllers(known: DashboardInputs) -> Iterator[ShownController]:
    names = {route.controller for each in known.runtime.registry.entries() for route in each.routes}
    for name in sorted(names):
        found = known.runtime.visits.scraper.controller(name)
        if found:
            pods = sorted(_pods(found, known), key=lambda each: (each["state"] == "read", each["name"]))
            problem = found.why_unknown(known.now, known.live.scrape_interval)
            yield ShownController(
                title=found.adapter.title,
                className=class_of(name, known.cluster.served_by()),
                pods=pods[:MOST_PODS],
                more=max(len(pods) - MOST_PODS, 0),
                problem=problem,
            )


def _pods(controller: ScrapedController, known: DashboardInputs) -> Iterator[ShownPod]:
    for each in controller.pods.values():
        yield ShownPod(
            name=f"{each.pod.namespace}/{each.pod.name}",
            state=str(state_of(controller, each, known.now, known.live.scrape_interval)),
            readAt=json_time(each.read_at) if each.read_at else None,
            problem=each.problem,
        )


def _hour(began: datetime, saved: Reserved) -> ShownHour:
    hour = savings.HOUR
    return ShownHour(at=json_time(began), replicaHours=saved.replicas / hour, coreHours=saved.cpu / hour)
