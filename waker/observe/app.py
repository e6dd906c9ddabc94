"""From what the cluster shows of one app to the Snapshot that is decided on: the gathering of facts, nothing else."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from waker import names
from waker.cluster.app_endpoints import AppEndpoints, ServicePortName
from waker.observe.cluster import ObservedApp
from waker.plan.model import Address, AppId, Backend, Holder, Ingress, Phase, Route, Service, Traffic
from waker.plan.page_transport import page_transport
from waker.plan.progress import Start, progress_of
from waker.plan.routes.discovery import port_of
from waker.plan.typical_wake import typical_wake
from waker.traffic.controllers import CountedBackend, Interest, interest, refusals
from waker.traffic.controllers.configured import configured_adapter, controller_name
from waker.web.registry import PageFacts


def counted_as(sight: ObservedApp) -> dict[str, Interest]:
    """What the controllers count an app under, by the text of its route."""
    services = {each.name: each for each in sight.discovery.services}
    found = {}
    for route in sight.discovery.routes:
        adapter = configured_adapter(route.controller, sight.live)
        place = _place(route, services[route.backend.service])
        if adapter and place:
            found[str(route.id)] = interest(adapter, place)
    return found


def _place(route: Route, service: Service) -> CountedBackend | None:
    port = port_of(service, route.backend)
    if not port:
        return None
    id, backend = route.id, route.backend
    return CountedBackend(
        id.namespace,
        id.ingress,
        backend.service,
        backend.port,
        port.name,
        port.number,
        default_backend=not id.path_type,
        port_target=port.target,
        host=id.host,
        path=id.path,
    )


def incarnation(sight: ObservedApp) -> str:
    """What an app's idle clock is good for: this workload, since its last wake, as long as its routes are its own."""
    workload = sight.workload
    ours = any(route.holder is Holder.WAKER for route in sight.discovery.routes)
    return f"{workload.uid} {workload.annotations.get(names.AWAKE_SINCE, '')} {ours}"


def uncounted_routes(sight: ObservedApp) -> tuple[str, ...]:
    """Why visits of its routes can never be seen, whatever is scraped: a sentence for each."""
    reasons: list[str] = []
    for route in sight.discovery.routes:
        adapter = configured_adapter(route.controller, sight.live)
        if adapter:
            reasons += refusals(adapter, route.id, _annotations(sight.ingresses, route))
        elif route.controller:
            what = f"{route.id}: waker cannot read the metrics of ingress controller {route.controller}"
            reasons.append(f"{what}; if it is a known one by another name, set controller.CLASS.adapter")
        else:
            reasons.append(f"{route.id}: its Ingress names no IngressClass that exists, and there is no default one")
    return tuple(dict.fromkeys(reasons))


def why_uncounted(sight: ObservedApp) -> str:
    """The same as one text; "" if all visits can be seen."""
    return "; ".join(uncounted_routes(sight))


def _annotations(ingresses: Mapping[str, Ingress], route: Route) -> Mapping[str, str]:
    ingress = ingresses.get(route.id.ingress)
    return ingress.annotations if ingress else {}


def traffic_of(sight: ObservedApp, scraped: Traffic) -> Traffic:
    """The scraped traffic, unless some route cannot be seen at all."""
    why = why_uncounted(sight)
    return replace(scraped, unknown=why) if why else scraped


def page_facts(sight: ObservedApp, phase: Phase, starts: Iterable[Start]) -> PageFacts:
    """What the page tells of an app in this phase, whose pods have come so far."""
    passages = {
        route.id.ingress: page_transport(controller_name(route.controller), _annotations(sight.ingresses, route))
        for route in sight.discovery.routes
    }
    return PageFacts(
        progress_of(phase, starts, sight.workload.pods_refused), typical_wake(sight.workload.annotations), passages
    )


def start_failure(sight: ObservedApp, starts: Iterable[Start]) -> str:
    """What keeps the app's pods from starting, for those who run it; "" if nothing does, or nobody looks."""
    return progress_of(Phase.WAKING, starts, sight.workload.pods_refused).detail if sight.workload.replicas else ""


def routed_ports(sight: ObservedApp) -> frozenset[ServicePortName]:
    """The Service ports that routes lead to. One that its Service does not have is left out: there is nothing to wait for."""
    services = {each.name: each for each in sight.discovery.services}
    found = (
        (route.backend.service, port_of(services[route.backend.service], route.backend))
        for route in sight.discovery.routes
    )
    return frozenset((service, port.name) for service, port in found if port)


def all_ready(sight: ObservedApp, endpoints: AppEndpoints) -> bool:
    """A ready endpoint behind every routed Service port."""
    return all(endpoints.ready(sight.workload.id, *port) for port in routed_ports(sight))


def pick_address(
    app: AppId, backend: Backend, services: Mapping[str, Service], endpoints: AppEndpoints, answering: frozenset[str]
) -> Address | None:
    """A pod behind one backend that is ready, or `answering` and so as good as ready, in turn."""
    service = services.get(backend.service)
    port = port_of(service, backend) if service else None
    return endpoints.pick(app, backend.service, port.name, answering) if port else None


def latest(times: Iterable[datetime | None]) -> datetime | None:
    """The latest of those that there are."""
    return max((each for each in times if each), default=None)
