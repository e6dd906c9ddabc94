"""Who leads where, and what is where: found at once, however much there is beside it. Kept up to date by each change.

    workload <--labels-- Service <--name-- object with routes

`cluster` reports each change that an informer sees, as old and new, in whatever order kinds and objects come. The indexes ask
nobody: an answer is right for the changes that they have seen. Labels and selectors are looked up by one pair, and whoever
stands there is matched in full. The subtle thing: a workload stands under each of its labels, for a selector may name any of
them; a Service stands under one pair of its selector only, the one with the fewest others. So labels that all apps of a
namespace share cost nothing.
"""

from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, Generic, NamedTuple, TypeVar

from waker.plan.model import AppId, Service, Workload
from waker.plan.policy import is_managed
from waker.plan.routes.discovery import named_objects, named_services
from waker.plan.routes.kinds import KINDS
from waker.plan.routes.pod_labels import index_labels, index_selector, selects
from waker.plan.routes.route import ObjectId, RouteObject

SERVICE: Final = "Service"  # the kind, as in the API
NOBODY: Final[Mapping[Any, Any]] = MappingProxyType({})

G = TypeVar("G")
K = TypeVar("K")
V = TypeVar("V")


class LabelPair(NamedTuple):
    """A label and its value, in one namespace."""

    namespace: str
    key: str
    value: str


class Groups(Generic[G, K, V]):
    """Values by group and key. A group without members is not kept."""

    def __init__(self) -> None:
        self._groups: dict[G, dict[K, V]] = {}

    def __getitem__(self, group: G) -> Mapping[K, V]:
        """The members of a group; it may be empty. A view: it is good until the next change."""
        return self._groups.get(group, NOBODY)

    def __iter__(self) -> Iterator[G]:
        """The groups that have members."""
        return iter(self._groups)

    def put(self, group: G, key: K, value: V) -> None:
        """Add a member, or replace the one of that key."""
        self._groups.setdefault(group, {})[key] = value

    def drop(self, group: G, key: K) -> None:
        """Remove a member, if it is there."""
        members = self._groups.get(group, {})
        members.pop(key, None)
        if not members:
            self._groups.pop(group, None)


class Indexes:
    """The indexes of one cluster. `old` and `new` of a change are versions of one object; None: it is not there."""

    def __init__(self) -> None:
        self._labelled: Groups[LabelPair, AppId, Workload] = Groups()
        self._selecting: Groups[LabelPair, str, Service] = Groups()
        self._leading: Groups[tuple[str, str], ObjectId, None] = Groups()  # by namespace and Service
        self._naming: Groups[ObjectId, AppId, None] = Groups()  # by what an app's user names
        self._managed: Groups[str, AppId, None] = Groups()
        self._own_services: Groups[str, str, Service] = Groups()
        self._own_route_objects: Groups[str, ObjectId, RouteObject] = Groups()
        self._holding: Groups[str, ObjectId, RouteObject] = Groups()

    # --- changes ---

    def workload_changed(self, old: Workload | None, new: Workload | None) -> None:
        """A workload was added, changed or deleted."""
        before, after = (_found_by(each) if each else set() for each in (old, new))
        if old:
            for pair in before - after:
                self._labelled.drop(pair, old.id)
            for named in _named(old):
                self._naming.drop(named, old.id)
            if not (new and is_managed(new)):
                self._managed.drop(old.id.namespace, old.id)
        if new:
            for pair in after:
                self._labelled.put(pair, new.id, new)
            for named in _named(new):
                self._naming.put(named, new.id, None)
            if is_managed(new):
                self._managed.put(new.id.namespace, new.id, None)

    def service_changed(self, old: Service | None, new: Service | None) -> None:
        """Likewise, a Service."""
        if old:
            for pair in _looked_up_by(old):  # it stands under one of them
                self._selecting.drop(pair, old.name)
            self._own_services.drop(old.namespace, old.name)
        if new and new.selector:
            pairs = _looked_up_by(new)
            self._selecting.put(min(pairs, key=lambda pair: len(self._selecting[pair])), new.name, new)
        if new and new.managed:
            self._own_services.put(new.namespace, new.name, new)

    def route_object_changed(self, old: RouteObject | None, new: RouteObject | None) -> None:
        """Likewise, an object that holds routes."""
        before, after = (services_of(each) if each else set() for each in (old, new))
        if old:
            for service in before - after:
                self._leading.drop((old.id.namespace, service), old.id)
            self._own_route_objects.drop(old.id.namespace, old.id)
            self._holding.drop(old.id.namespace, old.id)
        if new:
            for service in after - before:
                self._leading.put((new.id.namespace, service), new.id, None)
            if new.managed:
                self._own_route_objects.put(new.id.namespace, new.id, new)
            if new.saved:
                self._holding.put(new.id.namespace, new.id, new)

    # --- who leads where ---

    def selected(self, service: Service) -> Iterator[Workload]:
        """The workloads whose pods a Service selects. They may be many, and one or two may be enough."""
        groups = [self._labelled[pair] for pair in _looked_up_by(service)]
        yield from (each for each in min(groups, key=len, default={}).values() if selects(service, each))

    def selecting(self, workload: Workload) -> list[Service]:
        """The Services that select a workload's pods, in the order of their names."""
        groups = [self._selecting[pair] for pair in _found_by(workload)]
        found = [each for group in groups for each in group.values() if selects(each, workload)]
        return sorted(found, key=lambda each: each.name)

    def leading(self, namespace: str, service: str) -> Collection[ObjectId]:
        """The objects with routes to a Service, or with routes that led there before a swap."""
        return self._leading[namespace, service].keys()

    def naming(self, kind: str, namespace: str, name: str) -> Collection[AppId]:
        """The workloads whose users name an object in an annotation, whether it is there or not."""
        return self._naming[ObjectId(kind, namespace, name)].keys()

    # --- what is where ---

    def managed(self) -> Iterator[AppId]:
        """Every app that is waker's business."""
        for namespace in self._managed:
            yield from self._managed[namespace]

    def managed_in(self, namespace: str) -> Collection[AppId]:
        """Those of one namespace."""
        return self._managed[namespace].keys()

    def own_services(self) -> Iterator[Service]:
        """Every Service that waker has made."""
        for namespace in self._own_services:
            yield from self._own_services[namespace].values()

    def own_route_objects(self, namespace: str) -> Collection[Any]:
        """The objects with routes that waker has made in a namespace."""
        return self._own_route_objects[namespace].values()

    def holding(self, namespace: str) -> Collection[RouteObject]:
        """The objects of a namespace of which waker remembers something, or once did and it cannot be read any more."""
        return self._holding[namespace].values()

    def namespaces(self) -> set[str]:
        """Every namespace with anything of these."""
        return {*self._managed, *self._own_services, *self._own_route_objects, *self._holding}


def services_of(route_object: RouteObject) -> set[str]:
    """The Services that an object's routes lead to, or led to before a swap."""
    return KINDS[route_object.id.kind].services(route_object)


def _named(workload: Workload) -> set[ObjectId]:
    services = {ObjectId(SERVICE, workload.id.namespace, name) for name in named_services(workload)}
    return services | named_objects(workload)


def _found_by(workload: Workload) -> set[LabelPair]:
    return {LabelPair(workload.id.namespace, *pair) for pair in index_labels(workload)}


def _looked_up_by(service: Service) -> set[LabelPair]:
    return {LabelPair(service.namespace, *pair) for pair in index_selector(service)}
