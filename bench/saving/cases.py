"""The cases: a controller, what happens to its pods, and who visits besides people."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

from bench.saving.fleet import Fleet
from bench.saving.visitors import DAY, HOUR, Foreign
from waker.plan.model import Background
from waker.traffic.controllers import HAPROXY_INGRESS, HAPROXYTECH, INGRESS_NGINX, ISTIO, TRAEFIK, Adapter, LostCounts

NOBODY = Foreign()
Event = tuple[float, Callable[[Fleet], None]]
Happens = Callable[[Random, float], Iterator[Event]]

SCANNED = Foreign(an_hour=2, known=0.98, refused=0.8)
MONITORED = Foreign(an_hour=12, regular=True)


@dataclass(frozen=True)
class SavingCase:
    """One row of the table. `background`: the annotation of all apps. `crashing`: one pod never gets ready."""

    name: str
    adapter: Adapter
    happens: tuple[Happens, ...] = ()
    pods: int = 3
    foreign: Foreign = NOBODY
    statuses_ignored: bool = False
    background: Background | None = None
    goal: float = 0.0
    crashing: bool = False


def randomly(a_day: float, act: Callable[[Fleet], None]) -> Happens:
    """So many times a day, at any moment."""

    def happens(rng: Random, days: float) -> Iterator[Event]:
        when = rng.expovariate(a_day / DAY)
        while when < days * DAY:
            yield when, act
            when += rng.expovariate(a_day / DAY)

    return happens


def every(seconds: float, act: Callable[[Fleet], None]) -> Happens:
    """Again and again."""

    def happens(_: Random, days: float) -> Iterator[Event]:
        return ((number * seconds, act) for number in range(1, int(days * DAY / seconds)))

    return happens


def _crash(fleet: Fleet) -> None:
    fleet.crash(next(each for each in fleet.pods if not each.ready))


def _reload_anew(fleet: Fleet) -> None:
    fleet.reload(anew=True)


def _reload(fleet: Fleet) -> None:
    fleet.reload(anew=False)


def _pods_change(a_day: float) -> tuple[Happens, ...]:
    return (randomly(a_day / 2, Fleet.add), randomly(a_day / 2, Fleet.take))


def _nodes_change(a_day: float) -> tuple[Happens, ...]:
    return (randomly(a_day / 2, Fleet.add), randomly(a_day / 4, Fleet.take), randomly(a_day / 4, Fleet.lose_node))


ONCE = replace(HAPROXYTECH, lost_counts=LostCounts.ONCE)
IGNORING = replace(INGRESS_NGINX, lost_counts=LostCounts.IGNORE)
CASES = (
    SavingCase("ingress-nginx, 12 reloads/h", INGRESS_NGINX, (randomly(12 * 24, _reload),), goal=99),
    SavingCase("ingress-nginx, 12 reloads/h, `ignore`", IGNORING, (randomly(12 * 24, _reload),), goal=99),
    SavingCase("Traefik, a restart a day", TRAEFIK, (randomly(1, Fleet.restart),), goal=99.8),
    SavingCase("HPA of ingress-nginx, 96 pod changes a day", INGRESS_NGINX, _pods_change(96), pods=5, goal=98),
    SavingCase("HPA of Traefik, 96 pod changes a day", TRAEFIK, _pods_change(96), pods=5),
    SavingCase("DaemonSet on autoscaled nodes, 144 a day", TRAEFIK, _nodes_change(144), pods=8, goal=97),
    SavingCase("the same, 480 a day", TRAEFIK, _nodes_change(480), pods=8, goal=95),
    SavingCase("haproxytech, 4 reloads/h", HAPROXYTECH, (randomly(4 * 24, _reload_anew),)),
    SavingCase("haproxytech, 4 reloads/h, `once`", ONCE, (randomly(4 * 24, _reload_anew),), goal=98),
    SavingCase("haproxytech, 12 reloads/h, `once`", ONCE, (randomly(12 * 24, _reload_anew),), goal=97),
    SavingCase("HAProxy Ingress, 1 foreign reload/h", HAPROXY_INGRESS, (randomly(24, _reload_anew),), goal=97),
    SavingCase("a crash loop each 5 min", TRAEFIK, (every(300, _crash),), goal=99, crashing=True),
    SavingCase("a sidecar each 5 min", TRAEFIK, (every(300, Fleet.crash_beside),), goal=99),
    SavingCase("a pod that serves and ends each 5 min", TRAEFIK, (every(300, Fleet.restart),)),
    SavingCase("Istio, a rollout a day", ISTIO, (every(DAY / 2 + HOUR, Fleet.replace_all),), goal=98),
    SavingCase("foreign requests 2/h", TRAEFIK, foreign=SCANNED),
    SavingCase("foreign requests 2/h, statuses ignored", TRAEFIK, foreign=SCANNED, statuses_ignored=True, goal=80),
    SavingCase(
        "foreign requests 2/h, `background: 4/1h`",
        TRAEFIK,
        foreign=SCANNED,
        statuses_ignored=True,
        background=Background(4, timedelta(hours=1)),
        goal=97,
    ),
    SavingCase("a monitor every 5 min", TRAEFIK, foreign=MONITORED),
    SavingCase(
        "a monitor every 5 min, `background: 12/1h`",
        TRAEFIK,
        foreign=MONITORED,
        background=Background(12, timedelta(hours=1)),
        goal=95,
    ),
)
