"""All that the API server has told: the reflectors, and what follows from them for one app or one namespace.

It reads and answers; it never writes and never decides. `changed` is called with the keys of what may look different now:
an AppId, or a Namespace for what waker keeps there. Nothing is called before everything is known once.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from waker import names
from waker.cluster import manifests, owned_objects, resources
from waker.cluster.client import Api
from waker.cluster.informer import Informer, Source
from waker.plan.model import AppId, Ingress, IngressClass, Kind, Service, Workload
from waker.plan.policy import PolicyReading, parse_names, read_policy
from waker.plan.routes import originals
from waker.plan.routes.discovery import Discovery, NamespaceObjects, discover, selects
from waker.plan.workload_patches import NOTES
from waker.settings.live import Live
from waker.traffic.controllers.configured import configured_classes


class NamespaceKey(NamedTuple):
    """The key of what waker keeps in a namespace."""

    name: str


Key = AppId | NamespaceKey


@dataclass(frozen=True, slots=True)
class ObservedApp:
    """One app as it stands in the cluster."""

    workload: Workload
    reading: PolicyReading
    discovery: Discovery
    ingresses: Mapping[str, Ingress]
    live: Live


def managed(workload: Workload) -> bool:
    """Whether a workload is any business of ours: enabled (or said to be not), or something of ours is left on it."""
    return names.ENABLED in workload.annotations or any(key in workload.annotations for key in NOTES)


class ClusterCache:
    """See above. `run` it in a task group, await `synced`."""

    def __init__(self, api: Api, changed: Callable[[Key], None], clock: Callable[[], datetime]) -> None:
        def start(what: resources.Resource, parse: Callable[[Any], Any], heard: Callable[[Any, Any], None]) -> Any:
            return Informer(api, Source(what.everywhere()), parse, heard, clock)

        self._changed = changed
        self._leads: defaultdict[tuple[str, str], set[str]] = defaultdict(set)  # namespace, Service -> Ingress names
        self.workloads: dict[Kind, Informer[Workload]] = {
            kind: start(what, _parser(kind), self._workload_changed) for kind, what in resources.WORKLOADS.items()
        }
        self.services: Informer[Service] = start(resources.SERVICES, manifests.service, self._service_changed)
        self.ingresses: Informer[Ingress] = start(resources.INGRESSES, manifests.ingress, self._ingress_changed)
        self.classes: Informer[IngressClass] = start(
            resources.INGRESS_CLASSES, manifests.ingress_class, self._class_changed
        )
        ours = Source(
            resources.ENDPOINT_SLICES.everywhere(), {"labelSelector": f"{names.SLICE_MANAGED_BY}={names.MANAGER}"}
        )
        self.slices: Informer[owned_objects.OwnedSlice] = Informer(
            api, ours, owned_objects.owned_slice, self._slice_changed, clock
        )
        self.informers: tuple[Informer[Any], ...] = (
            *self.workloads.values(),
            self.services,
            self.ingresses,
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
        """Every app that is any business of ours."""
        for each in self.workloads.values():
            yield from (workload.id for workload in each.values() if managed(workload))

    def namespaces(self) -> set[str]:
        """Every namespace in which waker has or wants something."""
        found = {app.namespace for app in self.apps()} | {each.namespace for each in self.slices.values()}
        found |= {each.namespace for each in self.ingresses.values() if _marked(each)}
        return found | {each.namespace for each in self.services.values() if each.managed}

    def observe(self, app: AppId, live: Live) -> ObservedApp | None:
        """One app, None if its workload is gone."""
        workload = self.workloads[app.kind].in_namespace(app.namespace).get(app.name)
        if workload is None:
            return None
        here = self.ingresses.in_namespace(app.namespace)
        around = self._namespace_objects(workload, here, live)
        return ObservedApp(workload, read_policy(workload.annotations, live), discover(workload, around), here, live)

    def is_set_up(self, namespace: str) -> bool:
        """Whether waker has its Service, its slice and a keeper there."""
        service = self.services.in_namespace(namespace).get(names.WAKER_SERVICE)
        keepers = any(each.managed for each in self.ingresses.in_namespace(namespace).values())
        return bool(service and service.managed and self.slices.in_namespace(namespace) and keepers)

    def name_conflicts(self, namespace: str) -> tuple[str, ...]:
        """A sentence if somebody else's Service has the name of waker's there."""
        service = self.services.in_namespace(namespace).get(names.WAKER_SERVICE)
        made = f"there is a Service {names.WAKER_SERVICE} in this namespace that KubeSleeper did not make"
        return (made,) if service and not service.managed else ()

    def ingress_class(self, ingress: Ingress) -> str:
        """The name of the class that an Ingress is of; of the default class if it says none; "" if there is none."""
        default = next((each.name for each in self.classes.values() if each.default), "")
        return ingress.class_name or default

    def workloads_in(self, namespace: str) -> Iterator[Workload]:
        """All workloads of a namespace."""
        for each in self.workloads.values():
            yield from each.in_namespace(namespace).values()

    def workload_versions(self, labels: str, namespace: str) -> list[str]:
        """The workloads, and their versions, whose pods have these labels (`a=b,c=d`). It changes when pods come or go."""
        wanted = {key: value for key, _, value in (each.partition("=") for each in labels.split(","))}
        found = (each for kind in self.workloads.values() for each in kind.values())
        return sorted(
            f"{each.id} {each.uid} {each.version}"
            for each in found
            if namespace in ("", each.id.namespace) and wanted.items() <= each.pod_labels.items()
        )

    def _namespace_objects(self, workload: Workload, here: Mapping[str, Ingress], live: Live) -> NamespaceObjects:
        namespace = workload.id.namespace
        services = self.services.in_namespace(namespace)
        overrides = parse_names(workload.annotations, names.INGRESS) or frozenset()
        wanted = {
            name for each in services.values() if selects(each, workload) for name in self._ingresses_of(each)
        } | overrides
        ingresses = [here[name] for name in sorted(wanted) if name in here]
        classes = configured_classes(self.classes.values(), live)
        return NamespaceObjects(tuple(services.values()), ingresses, classes, tuple(self.workloads_in(namespace)))

    def _ingresses_of(self, service: Service) -> set[str]:
        return self._leads.get((service.namespace, service.name), set())

    # --- news ---

    def _workload_changed(self, old: Workload | None, new: Workload | None) -> None:
        for each in (old, new):
            if each and managed(each):
                self._notify([each.id, NamespaceKey(each.id.namespace)])

    def _service_changed(self, old: Service | None, new: Service | None) -> None:
        for each in (old, new):
            if each:
                near = self._managed_in(each.namespace) if each.name == names.WAKER_SERVICE else self._selected(each)
                self._notify([*near, NamespaceKey(each.namespace)])

    def _ingress_changed(self, old: Ingress | None, new: Ingress | None) -> None:
        if old:
            for service in services_of(old):
                self._leads[old.namespace, service].discard(old.name)
        if new:
            for service in services_of(new):
                self._leads[new.namespace, service].add(new.name)
        if self.is_synced:
            for each in (old, new):
                self._notify(self._apps_behind(each) if each else ())

    def _apps_behind(self, ingress: Ingress) -> Iterator[Key]:
        services = self.services.in_namespace(ingress.namespace)
        for name in services_of(ingress):
            if name in services:
                yield from self._selected(services[name])
        yield NamespaceKey(ingress.namespace)

    def _class_changed(self, old: IngressClass | None, new: IngressClass | None) -> None:
        self._notify([*self.apps(), *map(NamespaceKey, self.namespaces())] if self.is_synced else ())

    def _slice_changed(self, old: owned_objects.OwnedSlice | None, new: owned_objects.OwnedSlice | None) -> None:
        self._notify([NamespaceKey(each.namespace) for each in (old, new) if each])

    def _managed_in(self, namespace: str) -> Iterator[AppId]:
        yield from (workload.id for workload in self.workloads_in(namespace) if managed(workload))

    def _selected(self, service: Service) -> Iterator[AppId]:
        if self.is_synced:
            found = self.workloads_in(service.namespace)
            yield from (workload.id for workload in found if managed(workload) and selects(service, workload))

    def _notify(self, keys: Iterable[Key]) -> None:
        if self.is_synced:
            for key in keys:
                self._changed(key)


def services_of(ingress: Ingress) -> set[str]:
    """The Services that an Ingress leads to, or led to before a swap."""
    found = {path.backend.service for path in ingress.paths if path.backend}
    try:
        saved = originals.read(ingress.namespace, ingress.name, ingress.annotations.get(names.SAVED_BACKENDS, ""))
    except originals.OriginalsError:
        return found
    return found | {each.backend.service for each in saved.values()}


def _marked(ingress: Ingress) -> bool:
    return ingress.managed or names.SAVED_BACKENDS in ingress.annotations


def _parser(kind: Kind) -> Callable[[Any], Workload]:
    return lambda found: manifests.workload(kind, found)


async def start(world: ClusterCache, tasks: asyncio.TaskGroup) -> None:
    """Start the reflectors and wait until everything is known once."""
    for each in world.informers:
        tasks.create_task(each.run(), name=f"reflector {each.source.path}")
    await world.wait_until_synced()
