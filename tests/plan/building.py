"""Snapshots in plain words: `app(replicas=2).redirected().wished()`.

Every word gives a new snapshot and changes one thing. `app()` is enabled, idle for three hours, looked at by the holder of
the Lease, and its pods are ready. All times are told as seen from `NOW`.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from waker import names
from waker.plan.actions import Action, Plan
from waker.plan.decide import decide
from waker.plan.model import AppId, Kind, Phase, Pin, Policy, Workload
from waker.plan.notes import NOTES, read_notes
from waker.plan.routes.ingress_object import IngressRouteId
from waker.plan.routes.route import Backend, Holder, Route, RouteId
from waker.plan.snapshot import Fact, Snapshot, Traffic
from waker.plan.times import format_time

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
IDLE_AFTER = timedelta(minutes=30)
WAKE_TIMEOUT = timedelta(minutes=5)
SHOP = AppId(Kind.DEPLOYMENT, "demo", "shop")


def ago(**how_long: float) -> datetime:
    """`ago(hours=3)`, seen from NOW."""
    return NOW - timedelta(**how_long)


def route(ingress: str = "front", path: str = "/", **facts: Any) -> Route:
    """A route of the shop that leads to it."""
    id = IngressRouteId("demo", ingress, "shop.example.org", path, "Prefix")
    known: dict[str, Any] = {"holder": Holder.APP, "controller": "traefik.io/ingress-controller"}
    return Route(id, Backend("shop", "http"), **known | facts)


def at_waker(ingress: str = "front", path: str = "/", *, swapped: datetime | None = None, swaps: int = 1) -> Route:
    """A route that leads to waker."""
    return route(ingress, path, holder=Holder.WAKER, swaps=swaps, swapped_at=swapped or ago(seconds=10))


def astray(ingress: str = "front", path: str = "/") -> Route:
    """A route that leads to another app's door."""
    return replace(at_waker(ingress, path), door=20_000, leads_to=20_001)


def pointed_back(ingress: str = "front", path: str = "/", *, swapped: datetime | None = None, swaps: int = 1) -> Route:
    """A route that was pointed at waker, and that somebody pointed back since."""
    return route(ingress, path, swaps=swaps, swapped_at=swapped or ago(seconds=10))


def removed(path: str = "/old") -> RouteId:
    """A route that was pointed at waker, and that its owner has removed since."""
    return route(path=path).id


@dataclass(frozen=True)
class AppBuilder:
    """A snapshot in the making."""

    seen: Snapshot = field(repr=False)

    def plan(self, now: datetime = NOW) -> Plan:
        """What `decide` makes of it."""
        return decide(self.seen, now)

    # --- on the workload ---

    def _noted(self, key: str, text: str) -> "AppBuilder":
        note = read_notes({key: text})
        (field,) = (each.field for each in NOTES if each.annotation == key)
        notes = replace(self.seen.workload.notes, **{field: getattr(note, field)})
        return AppBuilder(replace(self.seen, workload=replace(self.seen.workload, notes=notes)))

    def saved(self, replicas: int | str) -> "AppBuilder":
        """The user's replicas, as remembered."""
        return self._noted(names.SAVED_REPLICAS, str(replicas))

    def leaving(self, **how_long: float) -> "AppBuilder":
        """Its replicas became 0 some time ago, and Kubernetes has not taken all its pods yet."""
        seen = self._noted(names.ASLEEP_SINCE, format_time(ago(**how_long))).seen
        return AppBuilder(replace(seen, workload=replace(seen.workload, pods_gone=False)))

    def wake_requested(self, **how_long: float) -> "AppBuilder":
        """A wish is written down; just now, if not said otherwise."""
        return self._noted(names.WAKE_REQUESTED_AT, format_time(ago(**how_long)))

    def scaled_up(self, **how_long: float) -> "AppBuilder":
        """waker has set its replicas back."""
        return self._noted(names.SCALED_UP_AT, format_time(ago(**how_long)))

    def stopped(self, **how_long: float) -> "AppBuilder":
        """Somebody has scaled it to 0 during a wake."""
        return self._noted(names.STOPPED_AT, format_time(ago(**how_long)))

    def sleep_requested(self, **how_long: float) -> "AppBuilder":
        """An operator asked for sleep."""
        return self._noted(names.SLEEP_REQUESTED_AT, format_time(ago(**how_long)))

    def woken(self, **how_long: float) -> "AppBuilder":
        """The end of its last wake."""
        return self._noted(names.AWAKE_SINCE, format_time(ago(**how_long)))

    def turned_back(self, times: int, why: str = "a pod lags", **how_long: float) -> "AppBuilder":
        """On its way down though nobody came, so often in a row."""
        return self._noted(names.TURNED_BACK, f"{times} {format_time(ago(**how_long))} {why}")

    # --- on its Ingresses ---

    def routed(self, *routes: Route, orphans: tuple[RouteId, ...] = ()) -> "AppBuilder":
        """These routes and no others."""
        return AppBuilder(replace(self.seen, routes=routes, orphans=orphans))

    def redirected(self, swaps: int = 1, **how_long: float) -> "AppBuilder":
        """All routes lead to waker, since ten seconds if not said otherwise."""
        at = ago(**how_long) if how_long else ago(seconds=10)
        routes = (replace(each, holder=Holder.WAKER, swaps=swaps, swapped_at=at) for each in self.seen.routes)
        return AppBuilder(replace(self.seen, routes=tuple(routes)))

    def pointed_back(self, swaps: int = 1, **how_long: float) -> "AppBuilder":
        """All routes led to waker, and somebody has pointed them back."""
        back = self.redirected(swaps, **how_long).seen.routes
        return AppBuilder(replace(self.seen, routes=tuple(replace(each, holder=Holder.APP) for each in back)))

    # --- what its user wants ---

    def _wanting(self, **facts: Any) -> "AppBuilder":
        policy = replace(self.seen.policy or Policy(IDLE_AFTER, WAKE_TIMEOUT), **facts)
        return AppBuilder(replace(self.seen, policy=policy))

    def pinned(self, state: str) -> "AppBuilder":
        """By the annotation `state`."""
        return self._wanting(pin=Pin(state))

    def paused(self) -> "AppBuilder":
        """By the ConfigMap."""
        return self._wanting(paused=True)

    def not_managed(self) -> "AppBuilder":
        """Its annotation `enabled` is gone, or false."""
        return AppBuilder(replace(self.seen, policy=None))

    def problem(self, why: str = "Service shop speaks grpc") -> "AppBuilder":
        """Something stands against its sleep."""
        return AppBuilder(replace(self.seen, problems=(why,)))

    # --- what waker knows ---

    def visited(self, **how_long: float) -> "AppBuilder":
        """The ingress controllers counted a request."""
        return AppBuilder(replace(self.seen, traffic=Traffic(ago(**how_long))))

    def blind(self, why: str = "Traefik pod does not answer") -> "AppBuilder":
        """The ingress controllers' numbers cannot be read now."""
        return AppBuilder(replace(self.seen, traffic=replace(self.seen.traffic, unknown=why)))

    def read(self, **how_long: float) -> "AppBuilder":
        """The controllers' pages tell of visits up to then, and not of later ones."""
        return AppBuilder(replace(self.seen, certainty=replace(self.seen.certainty, until=ago(**how_long))))

    def doubted(self, **how_long: float) -> "AppBuilder":
        """A controller lost what it had counted just before."""
        return AppBuilder(replace(self.seen, certainty=replace(self.seen.certainty, doubted_at=ago(**how_long))))

    def ignoring(self, **how_long: float) -> "AppBuilder":
        """Likewise, and the user ignores that."""
        return AppBuilder(replace(self.seen, certainty=replace(self.seen.certainty, ignored_at=ago(**how_long))))

    def unobserved(self) -> "AppBuilder":
        """Nothing has been read since the start."""
        return AppBuilder(replace(self.seen, traffic=Traffic()))

    def request_arrived(self, **how_long: float) -> "AppBuilder":
        """A request arrived at waker."""
        return AppBuilder(replace(self.seen, arrived_at=ago(**how_long)))

    def without(self, fact: Fact) -> "AppBuilder":
        """Nobody has asked for this fact yet."""
        return AppBuilder(replace(self.seen, gathered=self.seen.gathered - {fact}))

    def unfollowed(self, why: str) -> "AppBuilder":
        """What showed that some controller pod does not follow."""
        return AppBuilder(replace(self.seen, unfollowed=why))

    def lost(self, **how_long: float) -> "AppBuilder":
        """Nobody was seen, but visits may have been lost."""
        return AppBuilder(replace(self.seen, traffic=Traffic(ago(**how_long), lost=True)))

    def followed(self, **how_long: float) -> "AppBuilder":
        """Every ingress controller pod is known to send the routes to waker."""
        return AppBuilder(replace(self.seen, followed_since=ago(**how_long)))

    def forwarding(self, requests: int) -> "AppBuilder":
        """waker passes on so many requests at this moment."""
        return AppBuilder(replace(self.seen, forwarding=requests))

    def carried(self, **how_long: float) -> "AppBuilder":
        """Some replica of waker last carried a request to it then."""
        return AppBuilder(replace(self.seen, carried_at=ago(**how_long)))

    def silent(self, replica: str = "10.0.0.9:8081") -> "AppBuilder":
        """A replica of waker does not say what it carries."""
        return AppBuilder(replace(self.seen, silent_replica=replica))

    def passes_on(self) -> "AppBuilder":
        """By its last plan waker may pass requests on to its pods."""
        return AppBuilder(replace(self.seen, passes_on=True))

    def wants_at_least(self, replicas: int) -> "AppBuilder":
        """By its autoscaler."""
        return AppBuilder(replace(self.seen, least_replicas=replicas))

    def unserved(self, *routes: Route) -> "AppBuilder":
        """No pod listens behind these routes."""
        return AppBuilder(replace(self.seen, unserved=frozenset(each.id for each in routes)))

    def only_ready(self, *routes: Route) -> "AppBuilder":
        """Ready endpoints are behind these routes, and not behind all that are waited for."""
        return AppBuilder(replace(self.seen, ready=False, ready_routes=frozenset(each.id for each in routes)))

    def cannot_start(self, why: str = "container web: ErrImagePull") -> "AppBuilder":
        """Something keeps its pods from starting."""
        return AppBuilder(replace(self.seen, ready=False, start_failure=why))

    def unready(self) -> "AppBuilder":
        """No ready endpoint yet."""
        return AppBuilder(replace(self.seen, ready=False))

    def probed_ready(self) -> "AppBuilder":
        """Not ready by Kubernetes' word, but by its own probe's."""
        return AppBuilder(replace(self.seen, ready=False, probed_ready=True))

    def loses_counts(self) -> "AppBuilder":
        """Its controller loses what it counted just before a reload, and the swap is one."""
        return AppBuilder(replace(self.seen, certainty=replace(self.seen.certainty, loses_counts=True)))

    def unreachable(self, why: str = "a controller pod does not reach waker yet") -> "AppBuilder":
        """waker could not be reached if routes led to it."""
        return AppBuilder(replace(self.seen, unreachable=why))

    def standby(self) -> "AppBuilder":
        """Another waker holds the Lease."""
        return AppBuilder(replace(self.seen, leader=False))


def app(replicas: int = 1) -> AppBuilder:
    """An enabled app that nobody has visited for three hours."""
    return AppBuilder(
        Snapshot(
            workload=Workload(SHOP, "uid-1", "7", replicas, {"app": "shop"}, {}),
            policy=Policy(IDLE_AFTER, WAKE_TIMEOUT),
            routes=(route(),),
            traffic=Traffic(ago(hours=3)),
            leader=True,
            ready=replicas > 0,
            gathered=frozenset(Fact),
        )
    )


def asleep(replicas: int = 2) -> AppBuilder:
    """An app that sleeps for an hour and has so many replicas when awake."""
    return app(replicas=0).saved(replicas).redirected(hours=1)


def check(seen: AppBuilder, phase: Phase, *does: Action) -> None:
    """The phase and the actions that are planned now, and no others. If they differ, the message has the reason."""
    plan = seen.plan()
    assert (plan.phase, plan.actions) == (phase, does), plan.reason
