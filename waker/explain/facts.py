"""Gathers what is known of one app, from all who know a part of it. Reads only; what follows from it is in `reasons`.

Called by the running service for its private port, and by `waker explain` when the service cannot be asked: then `running`
is None, and nothing is known of visits.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from waker import names
from waker.explain import holding, origins
from waker.explain.counting import Counting
from waker.explain.fixes import respell
from waker.explain.reasons import Case, against, answer
from waker.explain.shape import Explained, ExplainedApp, RouteFacts, ServiceFacts, Setting, Sign, Unknown
from waker.explain.times import json_time, sleep_time
from waker.explain.unseen import unseen_since
from waker.observe.app import (
    NOT_RUNNING,
    RuntimeFacts,
    adapters_of,
    also_answering,
    interests,
    snapshot,
    uncounted_routes,
)
from waker.observe.class_names import with_class
from waker.observe.cluster import ClusterCache
from waker.observe.installations import left_to
from waker.observe.observed_app import ObservedApp
from waker.observe.runtime import Runtime
from waker.plan.decide import decide
from waker.plan.model import AppId, Service, Workload
from waker.plan.notes import readable
from waker.plan.policy import unknown_annotations
from waker.plan.routes.kinds import kind_of
from waker.plan.routes.pod_labels import missing_labels
from waker.plan.routes.route import Route, is_held
from waker.plan.sleep_due import visited_at
from waker.plan.snapshot import Snapshot
from waker.settings.configmap import Live
from waker.traffic.controllers import Adapter


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
    counting = _counting(observed, known)
    case = _case(observed, known, counting)
    reasons, seen = against(case, known.now), case.seen
    sleeps_at = sleep_time(seen.workload, seen.policy, seen.traffic, visited_at(seen), known.now)
    settings = origins.settings(
        _annotations(observed.workload),
        case.unreadable,
        known.live,
        known.written_keys,
        _classes(observed, known.cluster),
    )
    return Explained(
        app=ExplainedApp(kind=str(app.kind), namespace=app.namespace, name=app.name),
        at=json_time(known.now),
        answer=answer(case, reasons, known.now),
        fromService=case.from_service,
        enabled=case.enabled,
        phase=str(case.plan.phase),
        code=str(case.plan.code),
        reason=case.plan.reason,
        replicas=observed.workload.replicas,
        saved=readable(observed.workload.notes.saved_replicas),
        against=reasons,
        settings=settings,
        services=[_service(each) for each in observed.discovery.services],
        routes=[_route(each, observed, known.cluster) for each in observed.routes],
        pods=list(counting.pods()),
        series=list(counting.series()),
        activity=sorted(_signs(case.seen, known), key=lambda each: each["at"], reverse=True),
        sleepsAt=json_time(sleeps_at) if sleeps_at else None,
        notes=[*filter(None, [_overruled(settings, case.seen)]), *_notes(counting, case.seen, known)],
        unknownAnnotations=[
            Unknown(text=str(each), fix=respell(each, app)) for each in unknown_annotations(observed.workload)
        ],
    )


def _annotations(workload: Workload) -> Mapping[str, str]:
    """What its user has written, with the picture in a few words."""
    logo = workload.logo
    return {**workload.annotations, names.LOGO: logo} if logo and isinstance(logo, str) else workload.annotations


def _counting(observed: ObservedApp, known: ExplainInputs) -> Counting:
    scraper = known.running.runtime.visits.scraper if known.running else None
    counted = sorted(interests(observed))
    at = tuple((each, scraper.controller(each.controller) if scraper else None) for each in counted)
    return Counting(observed, at, known.cluster.served_by(), known.now)


def _case(observed: ObservedApp, known: ExplainInputs, counting: Counting) -> Case:
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
        uncounted=tuple(
            with_class(each, _only(_classes(observed, known.cluster)))
            for each in (*uncounted_routes(observed), *facts.uncounted)
        ),
        unread_pods=tuple(dict.fromkeys([*counting.unread(), *_unanswered(observed, known)])),
        dry_run=bool(running and running.dry_run),
        lost=running.runtime.visits.lost(app) if running else None,
        unseen_since=unseen_since(running.runtime, observed.workload, registered) if running and registered else None,
    )


def _unanswered(observed: ObservedApp, known: ExplainInputs) -> Iterator[str]:
    why = known.running.runtime.visits.unanswered(observed.workload.id) if known.running else ""
    if why:
        yield why


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
        since=json_time(route.swapped_at) if is_held(route) and route.swapped_at else None,
    )


def _classes(observed: ObservedApp, cluster: ClusterCache) -> dict[str, Adapter]:
    """The IngressClasses of its routes, with the adapters in effect."""
    found = {}
    for route in observed.routes:
        held_by, adapters = observed.objects.get(route.id.object), adapters_of(route, observed)
        name = cluster.class_name(held_by) if held_by else ""
        if name and adapters:
            found[name] = adapters[0]
    return found


def _only(names: Collection[str]) -> str:
    return next(iter(names)) if len(names) == 1 else ""


def _overruled(settings: Sequence[Setting], seen: Snapshot) -> str:
    return origins.overruled(settings, seen.policy.idle_after) if seen.policy else ""


def _signs(seen: Snapshot, known: ExplainInputs) -> Iterator[Sign]:
    notes = seen.workload.notes
    signs = (
        *(known.running.runtime.visits.signs(seen.workload.id) if known.running else ()),
        (seen.carried_at, "waker itself carried a request to it"),
        (seen.arrived_at, "a request arrived at waker"),
        (readable(notes.wake_requested_at), "a wake was asked for, or a visitor came"),
        (readable(notes.awake_since), "the end of its last wake"),
    )
    yield from (Sign(at=json_time(at), what=what) for at, what in signs if at)


def _notes(counting: Counting, seen: Snapshot, known: ExplainInputs) -> Iterator[str]:
    observed = counting.observed
    yield from holding.notes(observed)
    yield from (f"{problem}; its waiting page goes without" for problem in observed.page_problems)
    if not known.running:
        yield NOT_RUNNING.unknown
        return
    if not known.running.runtime.leading():
        yield "the waker that answered does not hold the Lease: another replica decides when this app sleeps"
    for controller in sorted({each.controller for route in observed.routes for each in adapters_of(route, observed)}):
        yield from known.running.ignored_pods(controller)
    yield from counting.ignored()
    other = known.cluster.other_installation(observed.workload.id.namespace)
    if other:
        yield left_to(other)
    others = also_answering(seen)
    if others:
        yield others
    turned_back = readable(observed.workload.notes.turned_back)
    if turned_back and observed.workload.replicas:
        yield f"it turned back on its way down though nobody came, at {json_time(turned_back.at)}: {turned_back.why}"
    yield from _missing_labels(observed, known.cluster)
    how = known.running.how_followed(observed.workload.id)
    if how:
        yield how
    if observed.policy is None:
        for title in counting.unused():
            yield f"no enabled app is behind {title} yet, so nobody has tried to read its metrics"


def _missing_labels(observed: ObservedApp, cluster: ClusterCache) -> Iterator[str]:
    """Services with a route that may select its pods, if somebody has labelled these."""
    for service in cluster.other_services(observed.workload):
        lacks = missing_labels(service, observed.workload)
        if lacks:
            labels = ", ".join(f"{key}={value}" for key, value in sorted(lacks.items()))
            hint = f"has a route, and leads to its pods if they have {labels}, which their template does not say"
            yield f"Service {service.name} {hint}"
