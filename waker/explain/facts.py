"""Gathers what is known of one app, from all who know a part of it. Reads only; what follows from it is in `reasons`.

Called by the running service for its private port, and by `waker explain` when the service cannot be asked: then `running`
is None, and nothing is known of visits.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from waker.explain import holding, origins
from waker.explain.reasons import Case, against, answer
from waker.explain.shape import Explained, ExplainedApp, PodFacts, RouteFacts, SeriesFacts, ServiceFacts, Sign, Value
from waker.observe.app import (
    NOT_RUNNING,
    RuntimeFacts,
    adapters_of,
    also_answering,
    interests,
    snapshot,
    uncounted_routes,
)
from waker.observe.cluster import ClusterCache
from waker.observe.installations import left_to
from waker.observe.observed_app import ObservedApp
from waker.observe.runtime import Runtime
from waker.plan.decide import decide
from waker.plan.model import AppId, Service
from waker.plan.notes import readable
from waker.plan.routes.kinds import kind_of
from waker.plan.routes.pod_labels import missing_labels
from waker.plan.routes.route import Route, is_held
from waker.plan.sleep_due import idle_period, visited_at
from waker.plan.snapshot import Snapshot
from waker.plan.turned_back import put_off_until
from waker.settings.configmap import Live
from waker.traffic.controllers import Interest
from waker.traffic.controllers.configured import configured_adapter
from waker.traffic.scraped_controller import ControllerPod, ScrapedController


@dataclass(frozen=True, slots=True)
class RunningService:
    """What the running service adds: what it knows of visits and has decided."""

    runtime: Runtime
    dry_run: bool
    ignored_pods: Callable[[str], Sequence[str]]  # sentences, by controller
    how_followed: Callable[[AppId], str]  # a sentence of its last move, "" if there is nothing to say


@dataclass(frozen=True, slots=True)
class ExplainInputs:
    """Who knows. `written`: the keys that the ConfigMap has."""

    cluster: ClusterCache
    live: Live
    written_keys: frozenset[str]
    now: datetime
    running: RunningService | None = None


def explain(app: AppId, known: ExplainInputs) -> Explained | None:
    """All about one app; None if there is no such workload."""
    observed = known.cluster.observe(app, known.live)
    if observed is None:
        return None
    case = _case(observed, known)
    reasons = against(case, known.now)
    return Explained(
        app=ExplainedApp(kind=str(app.kind), namespace=app.namespace, name=app.name),
        at=_time(known.now),
        answer=answer(case, reasons, known.now),
        fromService=case.from_service,
        enabled=case.enabled,
        phase=str(case.plan.phase),
        code=str(case.plan.code),
        reason=case.plan.reason,
        replicas=observed.workload.replicas,
        saved=readable(observed.workload.notes.saved_replicas),
        against=reasons,
        settings=origins.settings(observed.workload.annotations, case.unreadable, known.live, known.written_keys),
        services=[_service(each) for each in observed.discovery.services],
        routes=[_route(each, observed, known.cluster) for each in observed.routes],
        pods=[_pod(*each) for each in _pods(observed, known)],
        series=list(_series(observed, known)),
        activity=sorted(_signs(case.seen, known), key=lambda each: each["at"], reverse=True),
        sleepsAt=_sleeps_at(case.seen, known.now),
        notes=list(_notes(observed, case.seen, known)),
    )


def _case(observed: ObservedApp, known: ExplainInputs) -> Case:
    """The app as if it were enabled; its plan as it really is."""
    app, running = observed.workload.id, known.running
    facts = running.runtime.facts(observed) if running else RuntimeFacts()
    as_if_enabled = observed.as_if_enabled()
    registered = running.runtime.registry.get(app) if running else None
    return Case(
        seen=replace(snapshot(as_if_enabled, facts), problems=observed.obstacles),
        plan=registered.plan if registered else decide(snapshot(observed, facts), known.now),
        enabled=observed.policy is not None,
        from_service=running is not None,
        unreadable=as_if_enabled.reading.problems,
        uncounted=(*uncounted_routes(observed), *facts.uncounted),
        unread_pods=tuple(dict.fromkeys(_unread(observed, known))),
        dry_run=bool(running and running.dry_run),
    )


def _unread(observed: ObservedApp, known: ExplainInputs) -> Iterator[str]:
    interval = known.live.scrape_interval
    watched = observed.policy is not None
    for interest, controller in _controllers(observed, known):
        if controller:
            unknowns = list(controller.unknowns(known.now, interval))
            yield from unknowns
            unlisted = controller.why_not_listed(interest.keys, known.now)
            if watched and unlisted and not unknowns:
                yield unlisted
    unanswered = known.running.runtime.visits.unanswered(observed.workload.id) if known.running else ""
    if unanswered:
        yield unanswered


def _controllers(observed: ObservedApp, known: ExplainInputs) -> Iterator[tuple[Interest, ScrapedController | None]]:
    for interest in sorted(interests(observed)):
        yield interest, known.running.runtime.visits.scraper.controller(interest.controller) if known.running else None


def _service(service: Service) -> ServiceFacts:
    ports = [f"{port.name} {port.number} -> {port.target or port.number}".strip() for port in service.ports]
    return ServiceFacts(name=service.name, ports=ports)


def _route(route: Route, observed: ObservedApp, cluster: ClusterCache) -> RouteFacts:
    held_by = observed.objects.get(route.id.object)
    adapters = adapters_of(route, observed)
    address = kind_of(route.id).address(route.id)
    return RouteFacts(
        ingress=route.id.object.name,
        host=address.host,
        path=address.path,
        pathType=address.match,
        ingressClass=cluster.class_name(held_by) if held_by else "",
        controller=route.controller,
        title=" and ".join(each.title for each in adapters),
        backend=f"{route.backend.service}:{route.backend.port}",
        leadsTo="waker" if is_held(route) else "app",
        since=_time(route.swapped_at) if is_held(route) and route.swapped_at else None,
    )


def _pods(observed: ObservedApp, known: ExplainInputs) -> Iterator[tuple[ScrapedController, ControllerPod]]:
    found = {each.adapter.controller: each for _, each in _controllers(observed, known) if each}
    for controller in found.values():
        yield from ((controller, each) for each in controller.pods.values())


def _pod(controller: ScrapedController, each: ControllerPod) -> PodFacts:
    return PodFacts(
        controller=controller.adapter.controller,
        pod=f"{each.pod.namespace}/{each.pod.name}",
        ready=each.pod.ready,
        readAt=_time(each.read_at) if each.read_at else None,
        bytes=each.size,
        problem=each.problem,
    )


def _series(observed: ObservedApp, known: ExplainInputs) -> Iterator[SeriesFacts]:
    for interest, controller in _controllers(observed, known):
        adapter = configured_adapter(interest.controller, observed.live)
        if adapter:
            yield SeriesFacts(
                controller=interest.controller,
                metric=adapter.requests.metric,
                labels=dict(zip(adapter.requests.labels, interest.key, strict=False)),
                values=list(_values(interest, controller)) if controller else [],
            )


def _values(interest: Interest, controller: ScrapedController) -> Iterator[Value]:
    for uid, each in controller.pods.items():
        scrape = controller.ledger.last(uid)
        found = [scrape.tallies[key].total for key in interest.keys if key in scrape.tallies] if scrape else []
        used = scrape is not None and not scrape.open.isdisjoint(interest.keys)
        yield Value(pod=f"{each.pod.namespace}/{each.pod.name}", requests=sum(found) if found else None, open=used)


def _signs(seen: Snapshot, known: ExplainInputs) -> Iterator[Sign]:
    notes = seen.workload.notes
    because = known.running.runtime.visits.because(seen.workload.id) if known.running else ""
    signs = (
        (seen.traffic.visited_at, because),
        (seen.arrived_at, "a request arrived at waker"),
        (readable(notes.wake_requested_at), "a wake was asked for, or a visitor came"),
        (readable(notes.awake_since), "the end of its last wake"),
    )
    yield from (Sign(at=_time(at), what=what) for at, what in signs if at)


def _sleeps_at(seen: Snapshot, now: datetime) -> str | None:
    visited = visited_at(seen)
    if not visited or not seen.policy or seen.traffic.unknown:
        return None
    idle = visited + idle_period(seen.policy, seen.traffic)
    return _time(max(idle, put_off_until(readable(seen.workload.notes.turned_back), now) or idle))


def _notes(observed: ObservedApp, seen: Snapshot, known: ExplainInputs) -> Iterator[str]:
    yield from holding.notes(observed)
    if not known.running:
        yield NOT_RUNNING.unknown
        return
    if not known.running.runtime.leading():
        yield "the waker that answered does not hold the Lease: another replica decides when this app sleeps"
    for controller in sorted({each.controller for route in observed.routes for each in adapters_of(route, observed)}):
        yield from known.running.ignored_pods(controller)
    other = known.cluster.other_installation(observed.workload.id.namespace)
    if other:
        yield left_to(other)
    others = also_answering(seen)
    if others:
        yield others
    turned_back = readable(observed.workload.notes.turned_back)
    if turned_back and observed.workload.replicas:
        yield f"it turned back on its way down though nobody came, at {_time(turned_back.at)}: {turned_back.why}"
    yield from _missing_labels(observed, known.cluster)
    how = known.running.how_followed(observed.workload.id)
    if how:
        yield how
    unused = {interest.controller for interest, controller in _controllers(observed, known) if not controller}
    if observed.policy is None:
        for title in sorted(each.title for name in unused if (each := configured_adapter(name, observed.live))):
            yield f"no enabled app is behind {title} yet, so nobody has tried to read its metrics"


def _missing_labels(observed: ObservedApp, cluster: ClusterCache) -> Iterator[str]:
    """Services with a route that may select its pods, if somebody has labelled these."""
    for service in cluster.other_services(observed.workload):
        lacks = missing_labels(service, observed.workload)
        if lacks:
            labels = ", ".join(f"{key}={value}" for key, value in sorted(lacks.items()))
            hint = f"has a route, and leads to its pods if they have {labels}, which their template does not say"
            yield f"Service {service.name} {hint}"


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
