"""Every way out, from every state: whoever does not want an app to sleep any more gets back what they wrote.

The states are those in which waker, a crash of it or a person's hand can leave an app with two Ingresses, as objects of a small
cluster; nothing of it is reachable only by the real `decide`. Then somebody takes a way out, time passes, and what is there is
compared with what users wrote. Where the saved number is lost nobody can give it back: then the routes are the user's again,
and if the app is wanted, it has the least that it may have.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from itertools import product
from typing import NamedTuple

import pytest

from tests.plan.building import NOW
from tests.plan.small_cluster import (
    AT_REST,
    SmallCluster,
    SmallWaker,
    Visits,
    deployment,
    ingress,
    paths_of,
    service,
    waker_backend,
)
from waker import names
from waker.plan.actions import Plan
from waker.plan.model import Phase
from waker.plan.notes import ANNOTATIONS
from waker.plan.times import format_time

REPLICAS = 3
LEAST = 1  # of its autoscaler, which it does not have
MANY = 2000  # passes; ten minutes of one a second, and more
OWN = {"service": {"name": "shop", "port": {"name": "http"}}}
ELSEWHERE = {"service": {"name": names.WAKER_SERVICE, "port": {"number": 29_999}}}
SWAPPED = format_time(NOW + timedelta(minutes=9))
LATER = format_time(NOW + timedelta(minutes=9, seconds=30))
ASKED = {names.WAKE_REQUESTED_AT: LATER}


class Out(NamedTuple):
    """A way out: what its user writes on the workload, and who looks after it."""

    annotations: dict[str, str | None]
    restores: bool = False
    ends: bool = True  # it is the end of all management


OUT = {
    "enabled: false": Out({names.ENABLED: "false"}),
    "no annotation": Out({names.ENABLED: None}),
    "state: awake": Out({names.STATE: "awake"}, ends=False),
    "waker wake": Out({names.WAKE_REQUESTED_AT: format_time(NOW + timedelta(minutes=11))}, ends=False),
    "waker restore": Out({names.STATE: "awake"}, restores=True),
}

# What may stand on a workload beside the saved number, by whatever has happened to it.
NOTED: tuple[dict[str, str], ...] = (
    {},
    {names.WAKE_REQUESTED_AT: SWAPPED},
    ASKED,
    {names.SLEEP_REQUESTED_AT: LATER},
    ASKED | {names.SLEEP_REQUESTED_AT: SWAPPED},
    ASKED | {names.SCALED_UP_AT: LATER},
    {names.STOPPED_AT: LATER},
    {names.WAKE_REQUESTED_AT: "yesterday", names.ASLEEP_SINCE: LATER},
    {names.TURNED_BACK: f"2 {SWAPPED} a pod lags"},
)
# Where an Ingress leads, and whether waker remembers something of it.
LED = {
    "at the app": (OWN, False),
    "at waker": (waker_backend("shop"), True),
    "at another door": (ELSEWHERE, True),
    "pointed back": (OWN, True),
}
SAVED = (None, str(REPLICAS), "three")


class Left(NamedTuple):
    """A state in which an app is left."""

    replicas: int
    saved: str | None
    notes: dict[str, str]
    leads: tuple[str, str]  # of the two Ingresses, keys of LED
    orphan: bool  # waker remembers a route that its user has removed

    @property
    def is_lost(self) -> bool:
        """Nobody knows any more how many replicas it had."""
        return self.replicas == 0 and self.saved != str(REPLICAS)

    @property
    def is_down_by_hand(self) -> bool:
        """Its owner has scaled it to 0: of an app that was not asleep, or while it woke."""
        stopped = {names.SCALED_UP_AT, names.STOPPED_AT} & self.notes.keys()
        return self.replicas == 0 and bool(stopped or self.saved is None)

    @property
    def is_held(self) -> bool:
        """Some Ingress leads to waker."""
        return any(LED[each][0] != OWN for each in self.leads)


def states() -> Iterator[Left]:
    leads = [("at the app", "at the app"), *product(("at waker",), LED), ("at another door", "pointed back")]
    for replicas, saved, notes, led, orphan in product((0, REPLICAS), SAVED, NOTED, leads, (False, True)):
        yield Left(replicas, saved, notes, led, orphan)


def cluster_of(left: Left) -> SmallCluster:
    """A cluster in which an app is left like this."""
    cluster = SmallCluster(
        deployments=[deployment("shop", REPLICAS)],
        services=[service("shop")],
        ingresses=[ingress("front", shop="/"), ingress("www", shop="/")],
    )
    saved = {} if left.saved is None else {names.SAVED_REPLICAS: left.saved}
    there = {"metadata": {"annotations": saved | left.notes}, "spec": {"replicas": left.replicas}}
    cluster.patch("Deployment", "shop", there)
    for name, led in zip(("front", "www"), left.leads, strict=True):
        _lead(cluster, name, led, orphan=left.orphan and name == "front")
    return cluster


def _lead(cluster: SmallCluster, name: str, led: str, *, orphan: bool) -> None:
    backend, remembered = LED[led]
    found = deepcopy(cluster.objects["Ingress", name])
    paths_of(found)[0]["backend"] = backend
    host = f"{name}.example.org"
    there = ["/"] * remembered + ["/old"] * orphan
    entries = [
        {"host": host, "path": path, "pathType": "Prefix", "backend": OWN, "at": SWAPPED, "swaps": 1} for path in there
    ]
    if entries:
        found["metadata"]["annotations"] = {names.SAVED_BACKENDS: json.dumps({"routes": entries})}
    cluster.patch(
        "Ingress", name, {"spec": found["spec"], "metadata": {"annotations": found["metadata"].get("annotations")}}
    )


def go(cluster: SmallCluster, out: Out) -> list[Plan]:
    """Somebody takes this way out, and time passes until nothing is left to be done: the plans."""
    cluster.now += timedelta(minutes=1)
    cluster.patch("Deployment", "shop", {"metadata": {"annotations": out.annotations}})
    waker = SmallWaker(cluster, Visits(known=False), lambda: None, restores=out.restores)
    plans: list[Plan] = []
    for _ in range(MANY):
        plans.append(waker.look("shop"))
        if not plans[-1].actions and plans[-1].phase in AT_REST:
            return plans
        if (
            not plans[-1].actions
            and plans[-1].phase is Phase.STUCK
            and plans[-1].requeue_after == timedelta(seconds=10)
        ):
            return plans
        cluster.now += max(timedelta(seconds=1), plans[-1].requeue_after or timedelta())
    return plans


def replicas_after(left: Left, name: str) -> int:
    """How many replicas an app that was left like this has to have after this way out."""
    if left.replicas:
        return REPLICAS
    wanted = not OUT[name].ends and not OUT[name].restores
    if left.is_lost:
        asked = wanted or names.WAKE_REQUESTED_AT in left.notes
        return LEAST if asked and (left.is_held or left.saved) else 0
    return REPLICAS if wanted or not left.is_down_by_hand else 0


def offence(cluster: SmallCluster, left: Left, name: str) -> str:
    """What is not as its user wrote it; "" if all is."""
    for each in ("front", "www"):
        if cluster.objects["Ingress", each]["spec"] != cluster.written["Ingress", each]["spec"]:
            return f"Ingress {each} leads elsewhere"
        if names.SAVED_BACKENDS in cluster.annotations("Ingress", each):
            return f"waker remembers something of Ingress {each}"
    wanted = replicas_after(left, name)
    if cluster.replicas("shop") != wanted:
        return f"{cluster.replicas('shop')} replicas instead of {wanted}"
    notes = cluster.annotations("Deployment", "shop").keys() & ANNOTATIONS
    lasting = set() if OUT[name].ends else {names.AWAKE_SINCE, names.TYPICAL_WAKE, names.TURNED_BACK}
    if not wanted:
        return ""  # what its owner has to scale by hand may still have notes
    return f"notes are left: {sorted(notes - lasting)}" if notes - lasting else ""


@pytest.mark.parametrize("dead", [frozenset(), frozenset({"www"})], ids=["ready", "one route never is"])
@pytest.mark.parametrize("name", OUT)
def test_every_way_out_leads_back(name: str, dead: frozenset[str]) -> None:
    if name == "waker wake" and dead:
        pytest.skip("who wakes it wants it to sleep again: the other route waits for its pods")
    every = list(states())
    for left in every:
        cluster = cluster_of(left)
        cluster.dead = dead
        plans = go(cluster, OUT[name])
        found = offence(cluster, left, name)
        if not found and not cluster.replicas("shop"):
            cluster.patch("Deployment", "shop", {"spec": {"replicas": REPLICAS}})
            plans += go(cluster, OUT[name])
            found = offence(cluster, left._replace(replicas=REPLICAS), name)
        if found:
            pytest.fail(f"{found}\n{left}\n{[(each.code, each.reason) for each in plans]}", pytrace=False)
    assert len(every) > 500
