"""Everything that the API server has reported: the informers, and what follows from them for one app or one namespace.

It reads and answers; it never writes and never decides. `changed` is called with the keys of what may be different now:
an AppId, or a NamespaceKey for what waker keeps there. Nothing is called before everything is known once.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from waker import names
from waker.cluster import manifests, owned_objects, resources
from waker.cluster.client import Api
from waker.cluster.informer import Informer, Source
from waker.observe.keys import Key, NamespaceKey
from waker.observe.never_sleeps import never_sleeps
from waker.observe.observed_app import ObservedApp
from waker.plan.model import AppId, IngressClass, Kind, Service, Workload
from waker.plan.owned_objects import OwnedSlice
from waker.plan.policy import is_managed, read_policy
from waker.plan.routes import keeper
from waker.plan.routes.discovery import NamespaceObjects, discover, named_objects, selects
from waker.plan.routes.ingress_object import Ingress
from waker.plan.routes.kinds import KINDS
from waker.plan.routes.route import Backend, ObjectId, RouteObject
from waker.settings.configmap import Live
from waker.traffic.controllers import Selector
from waker.traffic.controllers.configured import configured_classes


class ClusterCache:
    """The informers of a cluster. `start` runs them in a task group."""

    def __init__(
        self,
        api: Api,
        changed: Callable[[Key], None],
        clock: Callable[[], datetime],
        own_namespace: str,
        door: Callable[[AppId, Backend], int] = lambda app, backend: 0,
    ) -> None:
        def inform(what: resources.Resource, parse: Callable[[Any], Any], heard: Callable[[Any, Any], None]) -> Any:
            return Informer(api, Source(what.everywhere()), parse, heard, clock)

        self._changed = changed
        self._door = door
        self._own_namespace = own_namespace
        self._by_service: defaultdict[tuple[str, str], set[ObjectId]] = defaultdict(set)  # namespace, Service
        self.workloads: dict[Kind, Informer[Workload]] = {
            kind: inform(what, _parser(kind), self._workload_changed) for kind, what in resources.WORKLOADS.items()
        }
        self.services: Informer[Service] = inform(resources.SERVICES, manifests.service, self._service_changed)
        self._route_objects: dict[str, Informer[Any]] = {
            kind: inform(resources.ROUTES[kind], each.parse, self._route_object_changed) for kind, each in KINDS.items()
        }
        self.classes: Informer[IngressClass] = inform(
            resources.INGRESS_CLASSES, manifests.ingress_class, self._class_changed
        )
        own = Source(
            resources.ENDPOINT_SLICES.everywhere(), {"labelSelector": f"{names.SLICE_MANAGED_BY}={names.MANAGER}"}
        )
        self.slices: Informer[OwnedSlice] = Informer(api, own, owned_objects.owned_slice, self._slice_changed, clock)
        self.informers: tuple[Informer[Any], ...] = (
            *self.workloads.values(),
            self.services,
            *self._route_objects.values(),
            self.classes,
            self.slices,
        )

    async def wait_until_synced(self) -> None:
        """Wait until everything is known once."""
        for each in self.informers:
            await each.synced.wait()

    @property
    def is_synced(self) -> bool:
        """Whether everything is known once."""
        return all(each.synced.is_set() for each in self.informers)

    # --- answers ---

    def apps(self) -> Iterator[AppId]:
        """Every app that is waker's business."""
        for each in self.workloads.values():
            yield from (workload.id for workload in each.values() if is_managed(workload))

    def namespaces(self) -> set[str]:
        """Every namespace in which waker has or wants something."""
        found = {app.namespace for app in self.apps()} | {each.namespace for each in self.slices.values()}
        for informer in self._route_objects.values():
            found |= {each.id.namespace for each in informer.values() if each.managed or each.saved}
        return found | {each.namespace for each in self.services.values() if each.managed}

    def workload(self, app: AppId) -> Workload | None:
        """The workload of an app, None if it is gone."""
        return self.workloads[app.kind].in_namespace(app.namespace).get(app.name)

    def observe(self, app: AppId, live: Live) -> ObservedApp | None:
        """One app, None if its workload is gone."""
        workload = self.workload(app)
        if workload is None:
            return None
        around = self._namespace_objects(workload, live)
        return ObservedApp(
            workload,
            read_policy(workload.annotations, live),
            discover(workload, around),
            {each.id: each for each in around.route_objects},
            live,
            self._conflicts(app.namespace),
            never_sleeps(workload, self._own_namespace, self._own_service(), live),
        )

    def _own_service(self) -> Service | None:
        return self.services.in_namespace(self._own_namespace).get(names.OWN_SERVICE)

    def owned(self, namespace: str) -> owned_objects.OwnedObjects:
        """What waker has there."""
        slices = tuple(each for _, each in sorted(self.slices.in_namespace(namespace).items()))
        service = self.services.in_namespace(namespace).get(names.WAKER_SERVICE)
        return owned_objects.OwnedObjects(service, slices, self._keepers(namespace))

    def _keepers(self, namespace: str) -> dict[str, Ingress]:
        found = self._route_objects[keeper.KIND].in_namespace(namespace)
        return {name: each for name, each in found.items() if each.managed}

    def route_object(self, id: ObjectId) -> RouteObject | None:
        """The newest version of an object that holds routes, None if it is gone."""
        found: RouteObject | None = self._route_objects[id.kind].in_namespace(id.namespace).get(id.name)
        return found

    def holding(self, namespace: str) -> list[RouteObject]:
        """The objects of a namespace of which waker remembers something, or once did and it cannot be read any more."""
        return [
            each
            for informer in self._route_objects.values()
            for each in informer.in_namespace(namespace).values()
            if each.saved
        ]

    def class_name(self, route_object: RouteObject) -> str:
        """The name of the class that an object is of; "" if there is none."""
        return KINDS[route_object.id.kind].class_name(route_object, self.classes.values())

    def served_by(self) -> dict[str, str]:
        """The controller of each IngressClass that there is, by the name of the class."""
        return {each.name: each.controller for each in self.classes.values()}

    def _conflicts(self, namespace: str) -> tuple[str, ...]:
        service = self.services.in_namespace(namespace).get(names.WAKER_SERVICE)
        text = f"there is a Service {names.WAKER_SERVICE} in this namespace that KubeSleeper did not make"
        return (text,) if service and not service.managed else ()

    def _workloads_in(self, namespace: str) -> Iterator[Workload]:
        for each in self.workloads.values():
            yield from each.in_namespace(namespace).values()

    def workload_versions(self, selector: Selector) -> list[str]:
        """The workloads, and their versions, whose pods it selects. It changes when pods come or go."""
        found = (each for kind in self.workloads.values() for each in kind.values())
        return sorted(
            f"{each.id} {each.uid} {each.version}"
            for each in found
            if selector.matches(each.pod_labels, each.id.namespace)
        )

    def _namespace_objects(self, workload: Workload, live: Live) -> NamespaceObjects:
        namespace = workload.id.namespace
        services = self.services.in_namespace(namespace)
        wanted = {id for each in services.values() if selects(each, workload) for id in self._objects_of(each)}
        wanted |= named_objects(workload)
        objects = [each for id in sorted(wanted) if (each := self.route_object(id))]
        classes = configured_classes(self.classes.values(), live)
        workloads = tuple(self._workloads_in(namespace))
        return NamespaceObjects(tuple(services.values()), objects, classes, workloads, self._door)

    def _objects_of(self, service: Service) -> set[ObjectId]:
        return self._by_service.get((service.namespace, service.name), set())

    # --- changes ---

    def _workload_changed(self, old: Workload | None, new: Workload | None) -> None:
        for each in (old, new):
            if each and is_managed(each):
                self._notify([each.id, NamespaceKey(each.id.namespace)])

    def _service_changed(self, old: Service | None, new: Service | None) -> None:
        for each in (old, new):
            if each:
                near = self._managed_in(each.namespace) if each.name == names.WAKER_SERVICE else self._selected(each)
                self._notify([*near, NamespaceKey(each.namespace)])

    def _route_object_changed(self, old: RouteObject | None, new: RouteObject | None) -> None:
        if old:
            for service in _services(old):
                self._by_service[old.id.namespace, service].discard(old.id)
        if new:
            for service in _services(new):
                self._by_service[new.id.namespace, service].add(new.id)
        if self.is_synced:
            for each in filter(None, (old, new)):
                self._notify(self._apps_behind(each))

    def _apps_behind(self, route_object: RouteObject) -> Iterator[Key]:
        services = self.services.in_namespace(route_object.id.namespace)
        for name in _services(route_object):
            if name in services:
                yield from self._selected(services[name])
        yield NamespaceKey(route_object.id.namespace)

    def _class_changed(self, old: IngressClass | None, new: IngressClass | None) -> None:
        self._notify([*self.apps(), *map(NamespaceKey, self.namespaces())] if self.is_synced else ())

    def _slice_changed(self, old: OwnedSlice | None, new: OwnedSlice | None) -> None:
        self._notify([NamespaceKey(each.namespace) for each in (old, new) if each])

    def _managed_in(self, namespace: str) -> Iterator[AppId]:
        yield from (workload.id for workload in self._workloads_in(namespace) if is_managed(workload))

    def _selected(self, service: Service) -> Iterator[AppId]:
        if self.is_synced:
            found = self._workloads_in(service.namespace)
            yield from (workload.id for workload in found if is_managed(workload) and selects(service, workload))

    def _notify(self, keys: Iterable[Key]) -> None:
        if self.is_synced:
            for key in keys:
                self._changed(key)


def _services(route_object: RouteObject) -> set[str]:
    return KINDS[route_object.id.kind].services(route_object)


def _parser(kind: Kind) -> Callable[[Any], Workload]:
    return lambda found: manifests.workload(kind, found)


async def start(cluster: ClusterCache, tasks: asyncio.TaskGroup) -> None:
    """Start the informers and wait until everything is known once."""
    for each in cluster.informers:
        tasks.create_task(each.run(), name=f"informer {each.source.path}")
    await cluster.wait_until_synced()
