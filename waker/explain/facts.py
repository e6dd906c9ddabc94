"""Gathers what is known of one app, from all who know a part of it. Reads only; what follows from it is in `reasons`.

Called by the running service for its private port, and by the command line when the service cannot be asked: then
`running` is None, and nothing is known of visits.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from waker import names
from waker.explain import origins
from waker.explain.reasons import Case, against, answer
from waker.explain.shape import Explained, ExplainedApp, PodFacts, RouteFacts, SeriesFacts, ServiceFacts, Sign, Value
from waker.observe.app import counted_as, traffic_of, uncounted_routes
from waker.observe.cluster import ClusterCache, ObservedApp
from waker.plan.decide import decide
from waker.plan.model import AppId, Certainty, Holder, Route, Service, Snapshot, Traffic
from waker.plan.policy import read_policy
from waker.plan.sleep_due import idle_period, visited_at
from waker.plan.state import state_of
from waker.plan.times import parse_time
from waker.settings.live import Live
from waker.traffic.controller import ControllerPod, ScrapedController
from waker.traffic.controllers import Interest
from waker.traffic.controllers.configured import configured_adapter
from waker.traffic.scrape import Scraper
from waker.web.registry import AppRegistry

NOT_ASKED = "visits are known to the running service only, and it could not be asked"


@dataclass(frozen=True, slots=True)
class RunningService:
    """The parts of the running service that know of visits and of what was decided."""

    scraper: Scraper
    registry: AppRegistry
    leading: bool
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Sources:
    """Who knows. `written`: the keys that the ConfigMap has."""

    cluster: ClusterCache
    live: Live
    written_keys: frozenset[str]
    now: datetime
    running: RunningService | None = None


def explain(app: AppId, known: Sources) -> Explained | None:
    """All about one app; None if there is no such workload."""
    sight = known.cluster.observe(app, known.live)
    if sight is None:
        return None
    case = _case(sight, known)
    reasons = against(case, known.now)
    visited = visited_at(case.seen)
    policy = case.seen.policy
    return Explained(
        app=ExplainedApp(kind=str(app.kind), namespace=app.namespace, name=app.name),
        at=_time(known.now),
        answer=answer(case, reasons, known.now),
        fromService=case.from_service,
        enabled=case.enabled,
        phase=str(case.plan.phase),
        reason=case.plan.reason,
        replicas=sight.workload.replicas,
        saved=state_of(case.seen).saved,
        against=reasons,
        settings=origins.settings(sight.workload.annotations, case.unreadable, known.live, known.written_keys),
        services=[_service(each) for each in sight.discovery.services],
        routes=[_route(each, sight, known.cluster) for each in sight.discovery.routes],
        pods=[_pod(*each) for each in _pods(sight, known)],
        series=list(_series(sight, known)),
        activity=sorted(_signs(case.seen, known), key=lambda each: each["at"], reverse=True),
        sleepsAt=_time(visited + idle_period(policy, case.seen.traffic))
        if visited and policy and not case.seen.traffic.unknown
        else None,
        notes=list(_notes(sight, known)),
    )


def _case(sight: ObservedApp, known: Sources) -> Case:
    """The app as if it were enabled; its plan as it really is."""
    app, running = sight.workload.id, known.running
    reading = sight.reading
    if reading.policy is None:
        reading = read_policy({**sight.workload.annotations, names.ENABLED: "true"}, known.live)
    scraped = running.scraper.traffic(app) if running else Traffic(unknown=NOT_ASKED)
    seen = Snapshot(
        workload=sight.workload,
        policy=reading.policy,
        routes=sight.discovery.routes,
        traffic=traffic_of(sight, scraped),
        problems=sight.discovery.problems + known.cluster.name_conflicts(app.namespace),
        orphans=sight.discovery.orphans,
        knocked_at=running.registry.knocked_at(app) if running else None,
        leader=bool(running and running.leading),
        certainty=running.scraper.certainty(app) if running else Certainty(),
    )
    shown = running.registry.get(app) if running else None
    problems = sight.reading.problems + (seen.problems if sight.reading.policy else ())
    really = replace(seen, policy=sight.reading.policy, problems=problems)
    return Case(
        seen=seen,
        plan=shown.plan if shown else decide(really, known.now),
        enabled=sight.reading.policy is not None,
        from_service=running is not None,
        unreadable=reading.problems,
        uncounted=uncounted_routes(sight),
        unread_pods=tuple(dict.fromkeys(_unread(sight, known))),
        dry_run=bool(running and running.dry_run),
    )


def _unread(sight: ObservedApp, known: Sources) -> Iterator[str]:
    interval = known.live.scrape_interval
    followed = sight.reading.policy is not None
    for interest, controller in _controllers(sight, known):
        if controller:
            doubts = list(controller.unknowns(known.now, interval))
            yield from doubts
            unlisted = controller.why_not_listed(interest.keys, known.now)
            if followed and unlisted and not doubts:
                yield unlisted


def _controllers(sight: ObservedApp, known: Sources) -> Iterator[tuple[Interest, ScrapedController | None]]:
    for interest in sorted(set(counted_as(sight).values())):
        yield interest, known.running.scraper.controller(interest.controller) if known.running else None


def _service(service: Service) -> ServiceFacts:
    ports = [f"{port.name} {port.number} -> {port.target or port.number}".strip() for port in service.ports]
    return ServiceFacts(name=service.name, ports=ports)


def _route(route: Route, sight: ObservedApp, world: ClusterCache) -> RouteFacts:
    ingress = sight.ingresses.get(route.id.ingress)
    adapter = configured_adapter(route.controller, sight.live)
    ours = route.holder is Holder.WAKER
    return RouteFacts(
        ingress=route.id.ingress,
        host=route.id.host,
        path=route.id.path,
        pathType=route.id.path_type,
        ingressClass=world.ingress_class(ingress) if ingress else "",
        controller=route.controller,
        title=adapter.title if adapter else "",
        backend=f"{route.backend.service}:{route.backend.port}",
        leadsTo="waker" if ours else "app",
        since=_time(route.swapped_at) if ours and route.swapped_at else None,
    )


def _pods(sight: ObservedApp, known: Sources) -> Iterator[tuple[ScrapedController, ControllerPod]]:
    found = {each.adapter.controller: each for _, each in _controllers(sight, known) if each}
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


def _series(sight: ObservedApp, known: Sources) -> Iterator[SeriesFacts]:
    for interest, controller in _controllers(sight, known):
        adapter = configured_adapter(interest.controller, sight.live)
        if adapter:
            yield SeriesFacts(
                controller=interest.controller,
                metric=adapter.requests.metric,
                labels=dict(zip(adapter.requests.labels, interest.key, strict=True)),
                values=list(_values(interest, controller)) if controller else [],
            )


def _values(interest: Interest, controller: ScrapedController) -> Iterator[Value]:
    for uid, each in controller.pods.items():
        page = controller.ledger.last(uid)
        found = [page.tallies[key].total for key in interest.keys if key in page.tallies] if page else []
        used = page is not None and not page.open.isdisjoint(interest.keys)
        yield Value(pod=f"{each.pod.namespace}/{each.pod.name}", requests=sum(found) if found else None, open=used)


def _signs(seen: Snapshot, known: Sources) -> Iterator[Sign]:
    noted = seen.workload.annotations
    signs = (
        (seen.traffic.visited_at, known.running.scraper.because(seen.workload.id) if known.running else ""),
        (seen.knocked_at, "a request arrived at waker"),
        (parse_time(noted.get(names.WAKE_REQUESTED_AT, "")), "a wake was asked for, or a visitor knocked"),
        (parse_time(noted.get(names.AWAKE_SINCE, "")), "the end of its last wake"),
    )
    yield from (Sign(at=_time(at), what=what) for at, what in signs if at)


def _notes(sight: ObservedApp, known: Sources) -> Iterator[str]:
    if not known.running:
        yield NOT_ASKED
        return
    if not known.running.leading:
        yield "the waker that answered does not hold the Lease: another replica decides when this app sleeps"
    unused = {interest.controller for interest, controller in _controllers(sight, known) if not controller}
    if sight.reading.policy is None:
        for title in sorted(each.title for name in unused if (each := configured_adapter(name, sight.live))):
            yield f"no enabled app is behind {title} yet, so nobody has tried to read its metrics"


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
