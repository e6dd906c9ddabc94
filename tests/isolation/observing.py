"""Everything that waker would say to B's visitors, and write in B's namespace, with the real code and no IO.

The informers' stores are filled by hand; from there on it is the way of a running waker: observe, decide, publish, and what is
kept in the namespace.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.isolation.tenants import CLASSES, DOORS, B, Json
from waker.cluster import manifests
from waker.cluster.owned_objects import owned_slice
from waker.observe.app import RuntimeFacts, snapshot
from waker.observe.cluster import ClusterCache
from waker.observe.door_listing import door_port, listed_doors, why_unlisted
from waker.plan import doors, owned_objects, workload_patches
from waker.plan.actions import Redirect, Restore
from waker.plan.decide import decide
from waker.plan.doors import DoorBook, DoorKey, book_of
from waker.plan.model import Address, Kind
from waker.plan.owned_objects import DesiredObjects
from waker.plan.routes import keeper
from waker.plan.routes.ingress_object import parse
from waker.plan.routes.kinds import KINDS
from waker.plan.snapshot import Traffic
from waker.settings.configmap import Live
from waker.web import return_url
from waker.web.registry import AppRegistry

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SECRET = "0123456789abcdef" * 2
LIVE = Live(idle_after=timedelta(minutes=30))
IDLE = Traffic(NOW - timedelta(hours=3))


def filled(objects: list[Json], book: DoorBook) -> ClusterCache:
    """A cache of these objects, as if its informers had listed them."""
    cluster = ClusterCache(None, lambda _key: None, lambda: NOW, "kubesleeper", book.number)  # type: ignore[arg-type]
    parsers: dict[str, tuple[Any, Any]] = {
        "Service": (cluster.services, manifests.service),
        "EndpointSlice": (cluster.slices, owned_slice),
        "Ingress": (cluster._route_objects["Ingress"], parse),
    }
    for kind in Kind:
        parsers[kind.value] = cluster.workloads[kind], lambda found, kind=kind: manifests.workload(kind, found)
    for each in CLASSES:
        cluster.classes._store.setdefault("", {})[each["metadata"]["name"]] = manifests.ingress_class(each)
    for each in objects:
        informer, parser = parsers[each["kind"]]
        parsed = parser(each)
        if parsed is not None:
            informer._update((each["metadata"]["namespace"], each["metadata"]["name"]), parsed)
    for informer in cluster.informers:
        informer.synced.set()
    return cluster


def seen_by_b(objects: list[Json], facts: RuntimeFacts) -> dict[str, Any]:
    """What waker says to B's visitors and would write in B, by what it is."""
    book = book_of("7", {"secret": SECRET, "next": "20010"} | {str(number): str(key) for key, number in DOORS.items()})
    cluster = filled(objects, book)
    registry = AppRegistry(
        lambda app, _: Address("10.1.0.1", 80) if app.namespace == B else None, lambda _: None, lambda: NOW
    )
    found: dict[str, Any] = {}
    for app in sorted(cluster.apps()):
        observed = cluster.observe(app, LIVE)
        assert observed
        plan = decide(snapshot(observed, facts), NOW)
        registry.publish(app, plan, observed.policy, observed.routes)
        if app.namespace == B:
            found[f"plan of {app}"] = plan
            found[f"patches of {app}"] = [_patch(cluster, observed.workload, each) for each in plan.actions]
            found[f"listed {app}"] = why_unlisted(cluster, observed, {"10.0.0.1"}, book)
    change, _ = doors.revised(book, registry.wanted_doors(), listed_doors(cluster), LIVE.door_ports, SECRET)
    data = {key: text for key, text in (book.data() | change).items() if text is not None}
    after = book_of("8", data)
    found["doors"] = dict(after.namespaces.get(B, {}))
    found["whose"] = {number: after.doors.get(number) for number in DOORS.values()}
    for key, number in DOORS.items():
        found[f"door {number}"] = (registry.is_open(*key), registry.view(*key))
        found[f"hosts {number}"] = registry.hosts(key.app)
    found["back"] = [
        _may_return(registry, key, host) for key in DOORS for host in ("shop.example.com", "evil.com", "a.example.com")
    ]
    ports = tuple(sorted(door_port(cluster, key, number) for key, number in after.namespaces.get(B, {}).items()))
    listening = {"10.0.0.1": frozenset(DOORS.values())}
    seen = cluster.owned(B)
    found["service"] = owned_objects.service(ports)
    found["slices"] = owned_objects.slices(DesiredObjects(ports, listening, ()), seen.slices)
    found["keepers"] = keeper.keepers(B, {"traefik": dict(after.namespaces.get(B, {}))}, after, cluster.served_by())
    found["owned"] = (seen, [each.id for each in cluster.holding(B)])
    return found


def _may_return(registry: AppRegistry, key: DoorKey, host: str) -> bool:
    url = return_url.parse(f"https://{host}/")
    return url is not None and return_url.may_return(url, registry.hosts(key.app), ())


def _patch(cluster: ClusterCache, workload: Any, action: Any) -> Any:
    match action:
        case Redirect(routes) if all(route.door for route in routes):
            holders = {route.id.object for route in routes}
            return [
                KINDS[id.kind].redirect(cluster.route_object(id), [r for r in routes if r.id.object == id], NOW)
                for id in sorted(holders)
            ]
        case Redirect() | Restore():
            return action
        case _:
            return workload_patches.patch(workload, action, NOW)
