"""The indexes say what a search through everything says, whatever came in which order."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.observe.searching import by_address
from waker import names
from waker.cluster.informer import Informer
from waker.observe.cluster import ClusterCache
from waker.observe.door_listing import listed_doors
from waker.observe.keys import Key, NamespaceKey
from waker.observe.observed_app import ObservedApp
from waker.plan.doors import Claim
from waker.plan.model import AppId, Kind, Service, ServicePort, Workload
from waker.plan.notes import NONE, Notes, Unreadable
from waker.plan.policy import is_managed
from waker.plan.routes.discovery import Discovery, NamespaceObjects, discover, named_objects
from waker.plan.routes.ingress_object import Ingress, IngressPath, IngressRouteId
from waker.plan.routes.kinds import KINDS
from waker.plan.routes.pod_labels import POD_INDEX, POD_NAME, TEMPLATE_HASH, selects
from waker.plan.routes.route import Backend, ObjectId, Original, Originals, RouteObject, door_backend
from waker.settings.configmap import Live

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
LIVE = Live()
NAMESPACES = ("one", "two")
SERVICES = ("a", "b", names.WAKER_SERVICE)


class Change(NamedTuple):
    """An event of a watch, or a list that comes in its place: then `objects` are all that there are."""

    kind: str
    objects: tuple[Any, ...]
    gone: bool = False
    whole: bool = False


# --- what there can be ------------------------------------------------------------------------------------------------

# Few of each, so that they meet often.
namespaces = st.sampled_from([*NAMESPACES[:1] * 3, *NAMESPACES])
labels = st.sampled_from([{"app": "x"}, {"app": "x"}, {"app": "x", "tier": "y"}, {"tier": "y"}, {"tier": "x"}, {}])
selectors = st.one_of(
    labels,
    st.sampled_from(
        [{POD_NAME: "v-0"}, {POD_NAME: "v-0", "app": "x"}, {POD_INDEX: "0"}, {TEMPLATE_HASH: "6f7d9c58b4"}]
    ),
)
backends = st.builds(Backend, st.sampled_from(SERVICES), st.sampled_from(["http", 80, 20_000]))
annotations = st.sampled_from(
    [
        {},
        {names.ENABLED: "true"},
        {names.ENABLED: "true"},
        {names.ENABLED: "true"},
        {names.ENABLED: "true", names.SERVICE: "a,b"},
        {names.ENABLED: "true", names.INGRESS: "front"},
    ]
)
workloads = st.builds(
    lambda kind, namespace, name, version, *rest: Workload(AppId(kind, namespace, name), name, version, *rest),
    st.sampled_from(Kind), namespaces, st.sampled_from(["v", "w"]), st.sampled_from(["1", "2"]),
    st.integers(0, 1), labels, annotations, st.sampled_from([NONE, Notes(saved_replicas=2)]),
)  # fmt: skip
services = st.builds(
    Service, namespaces, st.sampled_from(SERVICES), st.sampled_from(["1", "2"]), selectors,
    st.just((ServicePort("http", 80),)), managed=st.booleans(),
    external=st.sampled_from(["", "", "", "a.one.svc.cluster.local", "b.two.svc", "b.one.svc", "10.96.0.7"]),
    cluster_ips=st.sampled_from([(), ("10.96.0.7",)]),
)  # fmt: skip


@st.composite
def ingresses(draw: st.DrawFn) -> Ingress:
    namespace, name = draw(namespaces), draw(st.sampled_from(["front", "www", names.KEEPER]))
    ids = [IngressRouteId(namespace, name, "", path, "Prefix") for path in ("/", "/api")]
    paths = tuple(IngressPath(id, f"/{place}", draw(backends)) for place, id in enumerate(ids))
    kept = draw(st.lists(st.tuples(st.sampled_from(ids), backends), max_size=2))
    originals: Originals = {id: Original(id, backend, NOW, 1) for id, backend in kept}
    saved = originals if draw(st.integers(0, 3)) else Unreadable("torn")
    managed, version = draw(st.sampled_from([False, False, True])), draw(st.sampled_from(["1", "2"]))
    said = draw(st.sampled_from([{}, {}, {"auth-url": "http://a.one.svc/x"}, {"auth-url": "http://10.96.0.7/x"}]))
    return Ingress(namespace, name, name, version, "", said, paths, saved, managed)


KINDS_OF_OBJECTS = {"workload": workloads, "service": services, "ingress": ingresses()}


@st.composite
def changes(draw: st.DrawFn) -> Change:
    kind = draw(st.sampled_from(sorted(KINDS_OF_OBJECTS)))
    if draw(st.integers(0, 9)):
        return Change(kind, (draw(KINDS_OF_OBJECTS[kind]),), gone=draw(st.integers(0, 3)) == 0)
    return Change(kind, tuple(draw(st.lists(KINDS_OF_OBJECTS[kind], max_size=6))), whole=True)


# --- a cluster in which they happen -----------------------------------------------------------------------------------


class ListingApi:
    """Answers each list with the objects of one change, which are parsed already."""

    restores = 0  # of etcd
    objects: Iterable[Any] = ()

    async def get(self, _path: str, _params: Any) -> Any:
        return {"items": [item_of(each) for each in self.objects], "metadata": {"resourceVersion": "1"}}


class ChangingCluster:
    """A ClusterCache to which changes happen, and the keys that it has called out."""

    def __init__(self) -> None:
        self.called: set[Key] = set()
        self.api = ListingApi()
        self.cache = ClusterCache(self.api, self.called.add, lambda: NOW, "kubesleeper")  # type: ignore[arg-type]
        for informer in self.cache.informers:
            informer._parse = lambda item: item["parsed"]
            informer.synced.set()
        self.cache.is_synced = True

    def informers(self, kind: str) -> Mapping[Any, Informer[Any]]:
        """By kind of workload; of other objects there is one."""
        match kind:
            case "workload":
                return self.cache.workloads
            case "service":
                return {"": self.cache.services}
            case _:
                return {"": self.cache._route_objects["Ingress"]}

    def happen(self, change: Change) -> None:
        self.called.clear()
        for of, informer in self.informers(change.kind).items():
            mine = [each for each in change.objects if not isinstance(each, Workload) or each.id.kind is of]
            if change.whole:
                self.api.objects = {key_of(each): each for each in mine}.values()
                asyncio.run(informer._list())
            else:
                for each in mine:
                    informer._update(key_of(each), None if change.gone else each)

    def all(self, kind: str) -> list[Any]:
        return [each for informer in self.informers(kind).values() for each in informer.values()]


def key_of(found: Any) -> tuple[str, str]:
    where = found.id if isinstance(found, Workload) else found
    return where.namespace, where.name


def item_of(found: Any) -> Any:
    namespace, name = key_of(found)
    return {"metadata": {"namespace": namespace, "name": name}, "parsed": found}


# --- the same by a search through everything --------------------------------------------------------------------------


def observed(it: ChangingCluster, workload: Workload) -> tuple[Discovery, dict[ObjectId, RouteObject]]:
    """The routes of one workload, and the objects that they may be in."""
    namespace = workload.id.namespace
    near = [each for each in it.all("service") if each.namespace == namespace]
    leading = {each.name for each in near if selects(each, workload)}
    inside = {each.id: each for each in it.all("ingress") if each.namespace == namespace}
    wanted = {id for id, each in inside.items() if KINDS["Ingress"].services(each) & leading} | named_objects(workload)
    objects = {id: inside[id] for id in sorted(wanted & inside.keys())}
    others = [each for each in it.all("workload") if each.id.namespace == namespace]
    ways = partial(by_address, it.all("service"), it.all("ingress"))
    around = NamespaceObjects(near, list(objects.values()), [], lambda _: others, by_address=ways)
    return discover(workload, around), objects


def check_answers(it: ChangingCluster) -> None:
    cache = it.cache
    managed = [each for each in it.all("workload") if is_managed(each)]
    ingresses = it.all("ingress")
    assert sorted(cache.apps()) == sorted(each.id for each in managed)
    for namespace in NAMESPACES:
        inside = [each for each in ingresses if each.namespace == namespace]
        assert sorted(cache.apps_in(namespace)) == sorted(each.id for each in managed if each.id.namespace == namespace)
        assert sorted(map(key_of, cache.holding(namespace))) == sorted(key_of(each) for each in inside if each.saved)
        assert cache.owned(namespace).keepers == {each.name: each for each in inside if each.managed}
    assert cache.namespaces() == {
        *(each.id.namespace for each in managed),
        *(each.namespace for each in ingresses if each.managed or each.saved),
        *(each.namespace for each in it.all("service") if each.managed),
    }
    assert sorted(listed_doors(cache)) == sorted(
        Claim(each.made_at, each.namespace, port.name, port.number)
        for each in it.all("service")
        if each.managed and each.name == names.WAKER_SERVICE
        for port in each.ports
    )
    for workload in it.all("workload"):
        seen = cache.observe(workload.id, LIVE)
        assert isinstance(seen, ObservedApp)
        assert (seen.discovery, seen.objects) == observed(it, workload)


def outlook(it: ChangingCluster) -> dict[AppId, object]:
    """How each app stands, but for what `conflicts` says: all that a plan can depend on."""
    found: dict[AppId, object] = {}
    for each in it.all("workload"):
        if is_managed(each):
            discovery, objects = observed(it, each)
            found[each.id] = (each, discovery, [(id, one.annotations) for id, one in objects.items()])
    return found


@settings(max_examples=300, deadline=None)
@given(st.lists(changes(), max_size=30))
def test_the_indexes_say_what_a_search_through_everything_says(sequence: list[Change]) -> None:
    it = ChangingCluster()
    for change in sequence:
        it.happen(change)
        check_answers(it)


def household() -> Iterator[Change]:
    """Two apps that share a Service, one with another of its own, and an Ingress that leads to both and to waker."""
    for name, own in (("v", {"app": "x"}), ("w", {"app": "x", "tier": "y"})):
        app = AppId(Kind.DEPLOYMENT, "one", name)
        yield Change("workload", (Workload(app, name, "1", 1, own, {names.ENABLED: "true"}),))
    for name, selector in (("a", {"app": "x"}), ("b", {"tier": "y"})):
        yield Change("service", (Service("one", name, "1", selector, (ServicePort("http", 80),)),))
    front, api = (IngressRouteId("one", "front", "", path, "Prefix") for path in ("/", "/api"))
    paths = IngressPath(front, "/0", Backend("b", 80)), IngressPath(api, "/1", door_backend(20_000))
    saved: Originals = {api: Original(api, Backend("a", 80), NOW, 1)}
    yield Change("ingress", (Ingress("one", "front", "front", "1", "", {}, paths, saved),))


@settings(max_examples=500, deadline=None)
@given(st.lists(changes(), min_size=3, max_size=12))
def test_whoever_a_change_concerns_is_called_out(sequence: list[Change]) -> None:
    it = ChangingCluster()
    for change in household():
        it.happen(change)
    for change in sequence:
        before, stood = outlook(it), {namespace: it.cache._conflicts(namespace) for namespace in NAMESPACES}
        it.happen(change)
        after = outlook(it)
        concerned = {app for app in before.keys() | after.keys() if before.get(app) != after.get(app)}
        concerned |= {app for app in after if it.cache._conflicts(app.namespace) != stood[app.namespace]}
        assert concerned <= it.called


@pytest.mark.parametrize(
    ("of", "named", "called"),
    [
        pytest.param("shop", {}, ["shop"], id="a route moves: its app"),
        pytest.param("", {"nginx.ingress.kubernetes.io/canary": "true"}, ["api", "shop"], id="an annotation: all apps"),
        pytest.param("", {names.SAVED_BACKENDS: ""}, [], id="waker's own annotation, for somebody else"),
    ],
)
def test_of_the_apps_behind_an_ingress_only_those_that_a_change_concerns_are_called_out(
    of: str, named: dict[str, str], called: list[str]
) -> None:
    it = ChangingCluster()
    for name in ("shop", "api"):
        app, labels = AppId(Kind.DEPLOYMENT, "one", name), {"app": name}
        it.happen(Change("workload", (Workload(app, name, "1", 1, labels, {names.ENABLED: "true"}),)))
        it.happen(Change("service", (Service("one", name, "1", labels, ()),)))
    ids = {name: IngressRouteId("one", "front", "", f"/{name}", "Prefix") for name in ("shop", "api")}
    own = [IngressPath(id, f"/{name}", Backend(name, 80)) for name, id in ids.items()]
    moved = [path._replace(backend=door_backend(20_000)) if path.id == ids.get(of) else path for path in own]
    saved: Originals = {ids[of]: Original(ids[of], Backend(of, 80), NOW, 1)} if of else {}
    it.happen(Change("ingress", (Ingress("one", "front", "1", "1", "", {}, tuple(own), {}),)))
    it.happen(Change("ingress", (Ingress("one", "front", "1", "2", "", named, tuple(moved), saved),)))
    assert sorted(each.name for each in it.called if isinstance(each, AppId)) == called
    assert NamespaceKey("one") in it.called


def test_no_group_stays_behind() -> None:
    it = ChangingCluster()
    workload = Workload(
        AppId(Kind.DEPLOYMENT, "one", "w"), "w", "1", 1, {"app": "x"}, {names.ENABLED: "true", names.SERVICE: "a"}
    )
    service = Service("one", "a", "1", {"app": "x"}, (), managed=True, external="b.one.svc")
    path = IngressPath(IngressRouteId("one", "front", "", "/", "Prefix"), "/0", Backend("a", 80))
    asking = {"nginx.ingress.kubernetes.io/auth-url": "https://login.example.org/verify"}
    ingress = Ingress("one", "front", "1", "1", "", asking, (path,), Unreadable("torn"))
    for gone in (False, True):
        for kind, each in (("workload", workload), ("service", service), ("ingress", ingress)):
            it.happen(Change(kind, (each,), gone=gone))
    indexes = it.cache._indexes
    assert [*it.cache._aliases._by_target, *it.cache._aliases._mentions] == []
    assert [*it.cache._logins._by_host, *it.cache._logins._at] == []
    assert [name for name in indexes.__dict__ if list(getattr(indexes, name))] == []
