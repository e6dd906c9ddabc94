"""From what the cluster shows of one app to the Snapshot that is decided on: the facts of one app, and nothing else.

`snapshot` is the only place where a Snapshot is put together: for the running service, for commands that know less, and for
`explain`, which looks at an app as if it were enabled.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from waker.cluster.app_endpoints import AppEndpoints
from waker.observe.observed_app import ObservedApp
from waker.plan.doors import DoorKey
from waker.plan.hold_time import NOT_KNOWN, AnswerTimeout, unreadable
from waker.plan.model import Address, Phase, Service
from waker.plan.notes import readable
from waker.plan.page_reference import reference_of
from waker.plan.page_transport import PageTransport, page_transport
from waker.plan.progress import Start, progress_of
from waker.plan.routes.discovery import MOST_NAMED
from waker.plan.routes.kinds import kind_of
from waker.plan.routes.route import CountedBackend, Route, RouteId, port_of
from waker.plan.snapshot import Certainty, Refusal, Snapshot, Traffic
from waker.traffic.controllers import Interest, interest, refusals
from waker.traffic.controllers.configured import configured_adapter, controller_name
from waker.web.registered_app import PageFacts

NOT_RUNNING = Traffic(unknown="visits are known to the running service only, and it could not be asked")


@dataclass(frozen=True, slots=True)
class RuntimeFacts:
    """What only a running service knows of an app at this moment. The defaults are those of a command without one."""

    traffic: Traffic = NOT_RUNNING
    certainty: Certainty = field(default_factory=Certainty)
    arrived_at: datetime | None = None
    leader: bool = False
    forwarding: int = 0
    ready: bool = False
    ready_routes: frozenset[RouteId] = frozenset()
    probed_ready: bool = False
    start_failure: str = ""
    strangers: tuple[str, ...] = ()
    refusal: Refusal | None = None
    passes_on: bool = False


def snapshot(observed: ObservedApp, facts: RuntimeFacts) -> Snapshot:
    """One app at one moment. An app without pods has no traffic to know of."""
    replicas = observed.workload.replicas
    why = "; ".join(uncounted_routes(observed)) if replicas else ""
    traffic = facts.traffic if replicas else Traffic()
    return Snapshot(
        workload=observed.workload,
        policy=observed.policy,
        routes=observed.routes,
        traffic=replace(traffic, unknown=why) if why else traffic,
        problems=observed.problems,
        orphans=observed.discovery.orphans,
        arrived_at=facts.arrived_at,
        leader=facts.leader,
        forwarding=facts.forwarding,
        ready=facts.ready,
        ready_routes=facts.ready_routes,
        probed_ready=facts.probed_ready,
        certainty=facts.certainty,
        start_failure=facts.start_failure,
        strangers=facts.strangers,
        refusal=facts.refusal,
        passes_on=facts.passes_on,
    )


def counted_as(observed: ObservedApp) -> dict[RouteId, Interest]:
    """What the controllers count an app under, by route. A route to a port that its Service lacks is left out."""
    found = {}
    for route in observed.routes:
        adapter = configured_adapter(route.controller, observed.live)
        backend = _counted_backend(route, observed)
        if adapter and backend.port_number:
            found[route.id] = interest(adapter, backend)
    return found


def _counted_backend(route: Route, observed: ObservedApp) -> CountedBackend:
    service = next(each for each in observed.discovery.services if each.name == route.backend.service)
    return kind_of(route.id).counted_backend(route, port_of(service, route.backend))


def incarnation(observed: ObservedApp) -> str:
    """What an app's idle clock is good for: this workload, since its last wake, as long as its routes are its own."""
    workload = observed.workload
    return f"{workload.uid} {readable(workload.notes.awake_since) or ''} {observed.is_held}"


def uncounted_routes(observed: ObservedApp) -> tuple[str, ...]:
    """Why some of its visits can never be seen, whatever is scraped: a sentence for each."""
    reasons = list(observed.discovery.uncounted)
    for route in observed.routes:
        adapter = configured_adapter(route.controller, observed.live)
        if adapter:
            reasons += refusals(adapter, _counted_backend(route, observed), _annotations(observed, route))
        elif route.controller:
            what = f"{route.id}: waker cannot read the metrics of ingress controller {route.controller}"
            reasons.append(f"{what}; if it is a known one by another name, set controller.CLASS.adapter")
        else:
            reasons.append(f"{route.id}: its Ingress names no IngressClass that exists, and there is no default one")
    return tuple(dict.fromkeys(reasons))


def _annotations(observed: ObservedApp, route: Route) -> Mapping[str, str]:
    found = observed.objects.get(route.id.object)
    return found.annotations if found else {}


def answer_timeout(observed: ObservedApp, route: Route) -> AnswerTimeout:
    """What is known of how long the controller of a route waits for an answer."""
    adapter = configured_adapter(route.controller, observed.live)
    return adapter.answer_timeout if adapter else NOT_KNOWN


def _transport(observed: ObservedApp, route: Route) -> PageTransport:
    waits = answer_timeout(observed, route)
    return page_transport(controller_name(route.controller), _annotations(observed, route), waits)


def timeout_of_route(observed: ObservedApp, route: Route) -> timedelta:
    """How long the controller of a route waits for an answer."""
    return _transport(observed, route).timeout


def unreadable_timeouts(observed: ObservedApp) -> tuple[str, ...]:
    """A sentence for each timeout on an object with routes that its controller cannot read."""
    return tuple(
        dict.fromkeys(
            f"{route.id.object}: {each}"
            for route in observed.routes
            for each in unreadable(answer_timeout(observed, route), _annotations(observed, route))
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
