"""Every state that a snapshot can be in, as far as `decide` can tell two of them apart: some 400,000.

What is left out, and why it shows nothing new:
- the order of routes, two that are alike, and a third one: they are only asked for all, any, the first and the last swap;
- an orphan beside most pairs of routes: it only adds to what is forgotten;
- without pods nobody counts traffic, asks controllers or passes requests on, and the Lease is asked for each route alone;
- controllers are asked whether they follow only if all routes are at waker, and whether they could only if some are not;
- facts that cost questions are known, both or none of them;
- the Lease matters only for an app that somebody is putting to sleep, requests being forwarded only at its very end;
- tries in vain matter for an app with pods that is managed, and not for how ready it is;
- with a problem or unmanaged, sleep is out of the question: all that speaks for sleep does so there.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations, product
from typing import Any, NamedTuple

from tests.plan.building import IDLE_AFTER, SHOP, WAKE_TIMEOUT, ago, astray, at_waker, pointed_back, removed, route
from waker import names
from waker.plan.model import Pin, Policy, Workload
from waker.plan.notes import Unreadable, read_notes
from waker.plan.routes.route import Holder, Route, RouteId, is_astray
from waker.plan.snapshot import Certainty, Fact, Snapshot, Traffic
from waker.plan.times import format_time
from waker.plan.turned_back import TurnedBack

LONG_AGO = ago(hours=2)
ASKED = ago(seconds=20)
SWAPPED = ago(seconds=10)
SINCE = ago(seconds=5)
FOLLOWED_JUST, FOLLOWED_LONG = ago(seconds=1), ago(seconds=4)

SAVED = (None, "3", "three")
WISHES = (None, LONG_AGO, SINCE)
ASKS = (None, ASKED)
KNOCKS = (None, LONG_AGO, SINCE)
NO, YES = False, True
ALL, NOTHING = frozenset(Fact), frozenset[Fact]()
READINESS = ((NO, NO), (NO, YES), (YES, NO))  # as Kubernetes says, as a pod's own probe says a little earlier
IDLE = Traffic(ago(hours=3))
TRAFFIC = (Traffic(ago(hours=3), "a controller does not answer"), IDLE, Traffic(ago(minutes=1)))


@dataclass(frozen=True)
class Shape:
    """Where an app's routes lead."""

    routes: tuple[Route, ...]
    orphans: tuple[RouteId, ...] = ()

    @property
    def all_at_waker(self) -> bool:
        """Controllers can be asked whether they follow."""
        return all(each.holder is Holder.WAKER for each in self.routes)


def _reverted_for_good(ingress: str) -> Route:
    return pointed_back(ingress, swaps=3, swapped=ago(minutes=2))


def shapes() -> Iterator[Shape]:
    """One route and two: at its app, pointed back once or for good, at waker, at a wrong door of it; and with an orphan."""
    kinds = (route, pointed_back, _reverted_for_good, at_waker)
    singles = [(kind("front"),) for kind in kinds]
    pairs = [(one("front"), other("www")) for one, other in combinations(kinds, 2)]
    other_doors = [(astray("front"),), (astray("front"), at_waker("www")), (astray("front"), route("www"))]
    yield from (Shape(routes) for routes in [*singles, *pairs, *other_doors])
    yield from (Shape(routes, (removed(),)) for routes in [*singles, pairs[2]])


class Wanted(NamedTuple):
    """Facts of a snapshot that somebody was asked for."""

    leader: bool
    unreachable: str
    followed_since: datetime | None
    forwarding: int
    forgetful: bool = False
    passes_on: bool = False
    gathered: frozenset[Fact] = ALL
    unforeseen: tuple[str, ...] = ()


def emptying() -> Iterator[Workload]:
    """Without pods, and Kubernetes has taken them all, or not yet: for a moment, or for too long."""
    for workload in workloads(0):
        yield workload
        for number, since in enumerate((SINCE, LONG_AGO)):
            notes = replace(workload.notes, asleep_since=since)
            yield replace(workload, version=f"{workload.version}.{number}", notes=notes, pods_gone=False)
        if workload.notes.saved_replicas == 3:
            yield from _stopped(workload)


def _stopped(workload: Workload) -> Iterator[Workload]:
    """Somebody has scaled it to 0 during a wake: it is not noted yet, it is, or that is long ago."""
    for number, (scaled_up, stopped) in enumerate(((SINCE, None), (None, SINCE), (None, LONG_AGO))):
        notes = replace(workload.notes, scaled_up_at=scaled_up, stopped_at=stopped)
        yield replace(workload, version=f"{workload.version}.s{number}", notes=notes)


def workloads(replicas: int) -> Iterator[Workload]:
    """A workload with all that can be noted on it."""
    for version, (saved, wish, asked) in enumerate(product(SAVED, WISHES, ASKS)):
        notes = {
            names.SAVED_REPLICAS: saved,
            names.WAKE_REQUESTED_AT: wish and format_time(wish),
            names.SLEEP_REQUESTED_AT: asked and format_time(asked),
        }
        annotations = {key: text for key, text in notes.items() if text}
        yield Workload(SHOP, "uid-1", str(version), replicas, {}, {}, read_notes(annotations))


MANAGED = [
    *(Policy(IDLE_AFTER, WAKE_TIMEOUT, pin) for pin in Pin),
    Policy(IDLE_AFTER, WAKE_TIMEOUT, paused=True),
]
LET_GO = [(None, ()), *((policy, ("a problem",)) for policy in MANAGED)]


def _asked(shape: Shape) -> list[Wanted]:
    """What controllers and the Lease say."""
    if shape.all_at_waker:
        found: list[tuple[Any, ...]] = [
            ("", None, 0),
            ("", FOLLOWED_JUST, 0),
            ("", FOLLOWED_LONG, 0),
            ("", FOLLOWED_LONG, 1),
            ("", FOLLOWED_LONG, 0, YES),
            ("", FOLLOWED_LONG, 0, NO, YES),
            ("", None, 0, NO, NO, NOTHING),
        ]
        return [Wanted(leader, *each) for leader in (YES, NO) for each in found]
    some_at_waker = any(each.holder is Holder.WAKER for each in shape.routes)
    return [
        Wanted(leader, why, None, 0, gathered=gathered, unforeseen=unforeseen)
        for leader in ((YES, NO) if some_at_waker else (YES,))
        for why, gathered, unforeseen in (
            ("", ALL, ()),
            ("not yet", ALL, ()),
            ("", NOTHING, ()),
            ("", ALL, ("a way that nobody knew",)),
        )
    ]


def states() -> Iterator[Snapshot]:
    """All of them."""
    yield from _without_pods()
    yield from _with_pods()
    yield from _turned_back()
    yield from _let_go()


def _without_pods() -> Iterator[Snapshot]:
    wants = [*LET_GO, *((policy, ()) for policy in MANAGED)]
    around = product(emptying(), wants, list(shapes()), KNOCKS, (NO, YES))
    for workload, (policy, problems), shape, knock, ready in around:
        for leader in (YES, NO) if len(shape.routes) == 1 else (YES,):
            yield Snapshot(
                workload, policy, shape.routes, Traffic(), problems, shape.orphans, knock, leader, ready=ready
            )


def _with_pods() -> Iterator[Snapshot]:
    around = product(workloads(2), MANAGED, list(shapes()), KNOCKS, TRAFFIC, READINESS)
    for workload, policy, shape, knock, traffic, ready in around:
        for each in _asked(shape):
            told = (each.leader, each.unreachable, each.followed_since, each.forwarding, *ready)
            seen = Snapshot(workload, policy, shape.routes, traffic, (), shape.orphans, knock, *told)
            certainty = Certainty(loses_counts=each.forgetful)
            seen = replace(seen, certainty=certainty, passes_on=each.passes_on, gathered=each.gathered)
            yield replace(seen, unforeseen=each.unforeseen)


TRIES: tuple[TurnedBack | Unreadable, ...] = (
    *(
        TurnedBack(times, ago(hours=hours), "a pod lags")
        for times, hours in ((1, 1), (2, 1), (2, 7), (3, 7), (9, 23), (9, 25))
    ),
    Unreadable("often"),
)
LOST = Traffic(ago(minutes=1), lost=True)


def _turned_back() -> Iterator[Snapshot]:
    """It has turned back before, though nobody came."""
    asked = [each for each in workloads(2) if not (each.notes.saved_replicas or each.notes.wake_requested_at)]
    around = product(asked, TRIES, MANAGED[:3], list(shapes()), (None, SINCE), (*TRAFFIC, LOST))
    for workload, tries, policy, shape, knock, traffic in around:
        noted = replace(workload, notes=replace(workload.notes, turned_back=tries))
        for each in _asked(shape):
            told = (each.leader, each.unreachable, each.followed_since, each.forwarding, YES)
            seen = Snapshot(noted, policy, shape.routes, traffic, (), shape.orphans, knock, *told)
            yield replace(seen, gathered=each.gathered)


def _let_go() -> Iterator[Snapshot]:
    around = product(workloads(2), LET_GO, list(shapes()), KNOCKS, READINESS)
    for workload, (policy, problems), shape, knock, ready in around:
        followed = FOLLOWED_LONG if shape.all_at_waker else None
        yield Snapshot(
            workload, policy, shape.routes, IDLE, problems, shape.orphans, knock, YES, "", followed, 0, *ready
        )


def described(seen: Snapshot) -> str:
    """A state, for a person who wants to know why a law fails."""
    routes = [
        f"{each.id.object.name} {each.holder.value}{' astray' if is_astray(each) else ''} ({each.swaps} swaps)"
        for each in seen.routes
    ]
    facts = {
        "replicas": seen.workload.replicas,
        "emptied": seen.workload.pods_gone,
        "notes": seen.workload.notes,
        "routes": routes,
        "orphans": len(seen.orphans),
        "policy": seen.policy and ("paused" if seen.policy.paused else seen.policy.pin.value),
        "problems": seen.problems,
        "lost": seen.traffic.lost,
        "traffic": seen.traffic.unknown or f"visited {seen.traffic.visited_at}",
        "knocked": seen.arrived_at,
        "leader": seen.leader,
        "unreachable": seen.unreachable or "no",
        "followed": seen.followed_since,
        "forwarding": seen.forwarding,
        "ready": "soon" if seen.probed_ready else seen.ready,
        "forgetful": seen.certainty.loses_counts,
        "passes on": seen.passes_on,
        "unforeseen": seen.unforeseen,
        "gathered": [each.name for each in seen.gathered],
    }
    return "\n".join(f"    {key:9} {fact}" for key, fact in facts.items())
