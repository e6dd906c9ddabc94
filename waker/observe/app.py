"""From what the cluster shows of one app to the Snapshot that is decided on: the facts of one app, and nothing else.

`snapshot` is the only place where a Snapshot is put together: for the running service, for commands that know less, and for
`explain`, which looks at an app as if it were enabled.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from waker import names
from waker.cluster.app_endpoints import AppEndpoints
from waker.observe.observed_app import ObservedApp
from waker.plan.doors import DoorKey
from waker.plan.hold_time import NOT_KNOWN, AnswerTimeout, timeout_of, unreadable
from waker.plan.model import Address, Background, Phase, Policy, Service
from waker.plan.notes import readable
from waker.plan.page_reference import reference_of
from waker.plan.page_transport import PageTransport, common_transport, page_transport
from waker.plan.progress import Start, progress_of
from waker.plan.routes.discovery import MOST_NAMED
from waker.plan.routes.kinds import kind_of
from waker.plan.routes.route import CountedBackend, Route, RouteId, port_of
from waker.plan.snapshot import Certainty, Refusal, Snapshot, Traffic
from waker.settings.ingress_class import NO_CLASS
from waker.traffic.controllers import Adapter, Interest, interest, refusals
from waker.traffic.controllers.configured import BY_NAME, configured_adapters, controller_name, parts
from waker.traffic.controllers.templates import filled_in
from waker.traffic.noise import ignored, without
from waker.traffic.queries import MOST_QUERIES
from waker.web.registered_app import PageFacts

NOT_ALLOWED = "an administrator may set activity-queries: allow"
NOT_RUNNING = Traffic(unknown="visits are known to the running service only, and it could not be asked")


@dataclass(frozen=True, slots=True)
class RuntimeFacts:
    """What only a running service knows of an app at this moment. The defaults are those of a command without one."""

    traffic: Traffic = NOT_RUNNING
    certainty: Certainty = field(default_factory=Certainty)
    arrived_at: datetime | None = None
    leader: bool = False
    forwarding: int = 0
    carried_at: datetime | None = None
    ready: bool = False
    ready_routes: frozenset[RouteId] = frozenset()
    probed_ready: bool = False
    start_failure: str = ""
    strangers: tuple[str, ...] = ()
    refusal: Refusal | None = None
    passes_on: bool = False
    uncounted: tuple[str, ...] = ()  # sentences: visits that a controller does not count, as its pods show


def snapshot(observed: ObservedApp, facts: RuntimeFacts) -> Snapshot:
    """One app at one moment. An app without pods has no traffic to know of."""
    replicas = observed.workload.replicas
    why = "; ".join((*uncounted_routes(observed), *facts.uncounted)) if replicas else ""
    traffic = facts.traffic if replicas else Traffic()
    return Snapshot(
        workload=observed.workload,
        policy=observed.policy,
        routes=observed.routes,
        traffic=replace(traffic, unknown=why, uncounted=True) if why else traffic,
        problems=observed.problems,
        orphans=observed.discovery.orphans,
        arrived_at=facts.arrived_at,
        leader=facts.leader,
        forwarding=facts.forwarding,
        carried_at=facts.carried_at,
        ready=facts.ready,
        ready_routes=facts.ready_routes,
        probed_ready=facts.probed_ready,
        certainty=facts.certainty,
        start_failure=facts.start_failure,
        strangers=facts.strangers,
        refusal=facts.refusal,
        passes_on=facts.passes_on,
    )


def counted_as(observed: ObservedApp) -> dict[RouteId, tuple[Interest, ...]]:
    """What the controllers count an app under, by route. A route to a port that its Service lacks is left out."""
    found = {}
    for route in observed.routes:
        backend = _counted_backend(route, observed)
        counting = [each for each in adapters_of(route, observed) if each.requests.metric]
        if counting and backend.port_number:
            found[route.id] = tuple(_interest(each, backend, observed.policy) for each in counting)
    return found


def _interest(adapter: Adapter, backend: CountedBackend, policy: Policy | None) -> Interest:
    found = interest(adapter, backend)
    statuses, labels = (policy.ignore_statuses, policy.ignore_labels) if policy else ((), ())
    return without(found, ignored(adapter, statuses, (*labels, *adapter.ignore_labels)))


def queries(observed: ObservedApp) -> frozenset[str]:
    """The queries that show whether an app is used: its user's own, and those of the classes of its routes."""
    found = {
        text
        for route in observed.routes
        for adapter in adapters_of(route, observed)
        if adapter.activity
        for text in filled_in(adapter.activity, _counted_backend(route, observed))
    }
    return frozenset(found | {own}) if (own := _own_query(observed)) else frozenset(found)


def _own_query(observed: ObservedApp) -> str:
    return observed.policy.activity_query if observed.policy and observed.live.activity_queries == "allow" else ""


def interests(observed: ObservedApp) -> frozenset[Interest]:
    """Likewise, of all its routes."""
    return frozenset(each for found in counted_as(observed).values() for each in found)


def adapters_of(route: Route, observed: ObservedApp) -> tuple[Adapter, ...]:
    """The controllers that serve a route."""
    return configured_adapters(route.controller, observed.live)


def _counted_backend(route: Route, observed: ObservedApp) -> CountedBackend:
    service = next(each for each in observed.discovery.services if each.name == route.backend.service)
    return kind_of(route.id).counted_backend(route, port_of(service, route.backend))


def incarnation(observed: ObservedApp) -> str:
    """What an app's idle clock is good for: this workload, since its last wake, as long as its routes are its own."""
    workload = observed.workload
    return f"{workload.uid} {readable(workload.notes.awake_since) or ''} {observed.is_held}"


def background(observed: ObservedApp) -> Background | None:
    """How many of its requests are nobody: as its annotation says, else as the settings of a class of its routes."""
    of_class = (
        each.background for route in observed.routes for each in adapters_of(route, observed) if each.background
    )
    return (observed.policy and observed.policy.background) or next(of_class, None)


def uncounted_routes(observed: ObservedApp) -> tuple[str, ...]:
    """Why some of its visits can never be seen, whatever is scraped: a sentence for each."""
    reasons = list(observed.discovery.uncounted)
    for route in observed.routes:
        adapters = adapters_of(route, observed)
        for each in adapters:
            if each.requests.metric:
                reasons += refusals(each, _counted_backend(route, observed), annotations_of(observed, route))
        if not adapters and not _own_query(observed):
            reasons.append(f"{route.id}: {_unknown_controller(route, observed)}")
    if observed.policy and observed.policy.activity_query and not _own_query(observed):
        reasons.append(f"{names.ACTIVITY_QUERY}: queries of users are not asked here; {NOT_ALLOWED}")
    if len(queries(observed)) > MOST_QUERIES:
        reasons.append(f"more than {MOST_QUERIES} queries would have to be asked for it: one for each of its routes")
    return tuple(dict.fromkeys(reasons))


def _unknown_controller(route: Route, observed: ObservedApp) -> str:
    ways = "metric or query (docs/controllers.md)"
    if route.controller:
        name = parts(route.controller).name or "CLASS"
        what = f"waker cannot read the metrics of ingress controller {controller_name(route.controller)}"
        return f"{what}; if it is a known one by another name, set controller.{name}.adapter, else controller.{name}.{ways}"
    named = kind_of(route.id).class_name(observed.objects[route.id.object], ())
    if named:
        return f"there is no IngressClass {named[:63]}; name what serves it in controller.{named[:63]}.adapter"
    return (
        "its Ingress names no class, and there is no default IngressClass; if a controller serves it all the same, "
        f"name that one in controller.{NO_CLASS}.adapter"
    )


def annotations_of(observed: ObservedApp, route: Route) -> Mapping[str, str]:
    """Those of the object that a route is in."""
    found = observed.objects.get(route.id.object)
    return found.annotations if found else {}


def answer_timeout(observed: ObservedApp, route: Route) -> AnswerTimeout:
    """What is known of how long the controller of a route waits for an answer."""
    annotations = annotations_of(observed, route)
    known = [each.answer_timeout for each in adapters_of(route, observed)]
    return min(known, key=lambda each: timeout_of(each, annotations), default=NOT_KNOWN)


def _transport(observed: ObservedApp, route: Route) -> PageTransport:
    """What all controllers of the route let through. Whatever their class is called, they are the programs that they are."""
    annotations, adapters = annotations_of(observed, route), adapters_of(route, observed)
    programs = [
        (BY_NAME[each.name].controller if each.name in BY_NAME else "", each.answer_timeout) for each in adapters
    ]
    known = programs or [(controller_name(route.controller), NOT_KNOWN)]
    return common_transport(page_transport(program, annotations, waits) for program, waits in known)


def timeout_of_route(observed: ObservedApp, route: Route) -> timedelta:
    """How long the controller of a route waits for an answer."""
    return _transport(observed, route).timeout


def unreadable_timeouts(observed: ObservedApp) -> tuple[str, ...]:
    """A sentence for each timeout on an object with routes that its controller cannot read."""
    return tuple(
        dict.fromkeys(
            f"{route.id.object}: {each}"
            for route in observed.routes
            for each in unreadable(answer_timeout(observed, route), annotations_of(observed, route))
        )
    )


def page_facts(observed: ObservedApp, phase: Phase, starts: Iterable[Start]) -> PageFacts:
    """What the waiting page says of an app in this phase, whose pods have come so far."""
    ways = {(route.id.object, route.controller): route for route in observed.routes}  # the annotations are the object's
    found = {way: _transport(observed, route) for way, route in ways.items()}
    transports = {route.id: found[route.id.object, route.controller] for route in observed.routes}
    workload = observed.workload
    progress = progress_of(phase, starts, workload.pods_refused)
    has_logo = isinstance(workload.logo, str) and workload.logo != ""
    return PageFacts(progress, readable(workload.notes.typical_wake), transports, reference_of(workload.uid), has_logo)


def start_failure(observed: ObservedApp, starts: Iterable[Start]) -> str:
    """What keeps the app's pods from starting, for those who run it; "" if nothing does, or nobody looks."""
    if not observed.workload.replicas:
        return ""
    return progress_of(Phase.WAKING, starts, observed.workload.pods_refused).detail


def also_answering(seen: Snapshot) -> str:
    """A sentence about pods that are none of the app's, and answer for its Services; "" if there are none."""
    if not seen.strangers:
        return ""
    more = f" and {len(seen.strangers) - MOST_NAMED} more" if len(seen.strangers) > MOST_NAMED else ""
    hosts = ", ".join(seen.strangers[:MOST_NAMED]) + more
    return (
        f"pods that are not of this workload ({hosts}) answer for its Services, too: while it sleeps they get no request "
        "through its routes, and waker sends nobody there"
    )


def ready_routes(observed: ObservedApp, endpoints: AppEndpoints) -> frozenset[RouteId]:
    """The routes with a ready endpoint behind them."""
    app, ports = observed.workload.id, observed.routed_ports
    ready = {port for port in set(ports.values()) if endpoints.ready(app, *port)}
    return frozenset(id for id, port in ports.items() if port in ready)


def all_ready(observed: ObservedApp, endpoints: AppEndpoints) -> bool:
    """A ready endpoint behind every Service port that is waited for."""
    return all(endpoints.ready(observed.workload.id, *port) for port in observed.awaited_ports)


def pick_address(
    door: DoorKey, services: Mapping[str, Service], endpoints: AppEndpoints, probed_ready: frozenset[str], turn: int
) -> Address | None:
    """The pod whose turn it is, of those behind a door that are ready or pass their own probes."""
    service = services.get(door.backend.service)
    port = port_of(service, door.backend) if service else None
    return endpoints.pick(door.app, door.backend.service, port.name, probed_ready, turn) if port else None
