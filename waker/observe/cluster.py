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
from waker.cluster.informer import Reflector, Source
from waker.plan.model import AppId, Ingress, IngressClass, Kind, Service, Workload
from waker.plan.policy import Reading, named, read_policy
from waker.plan.routes import originals
from waker.plan.routes.discovery import Found, Neighbourhood, discover, selects
from waker.plan.workload_patches import OURS
from waker.settings.live import Live
from waker.traffic.controllers.configured import classes_as_known


class Namespace(NamedTuple):
    """The key of what waker keeps in a namespace."""

    name: str


Key = AppId | Namespace


@dataclass(frozen=True, slots=True)
class Sight:
    """One app as it stands in the cluster."""

    workload: Workload
    reading: Reading
    found: Found
    ingresses: Mapping[str, Ingress]
    live: Live


def managed(workload: Workload) -> bool:
    """Whether a workload is any business of ours: enabled (or said to be not), or something of ours is left on it."""
    return names.ENABLED in workload.annotations or any(key in workload.annotations for key in OURS)


class World:
    """See above. `run` it in a task group, await `synced`."""

    def __init__(self, api: Api, changed: Callable[[Key], None], clock: Callable[[], datetime]) -> None:
        def follow(what: resources.Resource, parse: Callable[[Any], Any], heard: Callable[[Any, Any], None]) -> Any:
            return Reflector(api, Source(what.everywhere()), parse, heard, clock)

        self._changed = changed
        self._leads: defaultdict[tuple[str, str], set[str]] = defaultdict(set)  # namespace, Service -> Ingress names
        self.workloads: dict[Kind, Reflector[Workload]] = {
            kind: follow(what, _parser(kind), self._workload_changed) for kind, what in resources.WORKLOADS.items()
        }
        self.services: Reflector[Service] = follow(resources.SERVICES, manifests.service, self._service_changed)
        self.ingresses: Reflector[Ingress] = follow(resources.INGRESSES, manifests.ingress, self._ingress_changed)
        self.classes: Reflector[IngressClass] = follow(
            resources.INGRESS_CLASSES, manifests.ingress_class, self._class_changed
        )
        ours = Source(
            resources.ENDPOINT_SLICES.everywhere(), {"labelSelector": f"{names.SLICE_MANAGED_BY}={names.MANAGER}"}
        )
        self.slices: Reflector[owned_objects.Slice] = Reflector(
            api, ours, owned_objects.slice_of, self._slice_changed, clock
        )
        self.reflectors: tuple[Reflector[Any], ...] = (
            *self.workloads.values(),
            self.services,
            self.ingresses,
            self.classes,
            self.slices,
        )

    async def synced(self) -> None:
        """Wait until everything is known once."""
        for each in self.reflectors:
            await each.synced.wait()

    @property
    def known(self) -> bool:
        """Whether everything is known once."""
        return all(each.synced.is_set() for each in self.reflectors)

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

    def sight(self, app: AppId, live: Live) -> Sight | None:
        """One app, None if its workload is gone."""
        workload = self.workloads[app.kind].within(app.namespace).get(app.name)
        if workload is None:
            return None
        here = self.ingresses.within(app.namespace)
        around = self._around(workload, here, live)
        return Sight(workload, read_policy(workload.annotations, live), discover(workload, around), here, live)

    def present(self, namespace: str) -> bool:
        """Whether waker has its Service, its slice and a keeper there."""
        service = self.services.within(namespace).get(names.WAKER_SERVICE)
        keepers = any(each.managed for each in self.ingresses.within(namespace).values())
        return bool(service and service.managed and self.slices.within(namespace) and keepers)

    def foreign(self, namespace: str) -> tuple[str, ...]:
        """A sentence if somebody else's Service has the name of waker's there."""
        service = self.services.within(namespace).get(names.WAKER_SERVICE)
        made = f"there is a Service {names.WAKER_SERVICE} in this namespace that KubeSleeper did not make"
        return (made,) if service and not service.managed else ()

    def ingress_class(self, ingress: Ingress) -> str:
        """The name of the class that an Ingress is of; of the default class if it says none; "" if there is none."""
        default = next((each.name for each in self.classes.values() if each.default), "")
        return ingress.class_name or default

    def workloads_in(self, namespace: str) -> Iterator[Workload]:
        """All workloads of a namespace."""
        for each in self.workloads.values():
            yield from each.within(namespace).values()

    def staff(self, labels: str, namespace: str) -> list[str]:
        """The workloads, and their versions, whose pods have these labels (`a=b,c=d`). It changes when pods come or go."""
        wanted = {key: value for key, _, value in (each.partition("=") for each in labels.split(","))}
        found = (each for kind in self.workloads.values() for each in kind.values())
        return sorted(
            f"{each.id} {each.uid} {each.version}"
            for each in found
            if namespace in ("", each.id.namespace) and wanted.items() <= each.pod_labels.items()
        )

    def _around(self, workload: Workload, here: Mapping[str, Ingress], live: Live) -> Neighbourhood:
        namespace = workload.id.namespace
        services = self.services.within(namespace)
        overrides = named(workload.annotations, names.INGRESS) or frozenset()
        wanted = {name for each in services.values() if selects(each, workload) for name in self._of(each)} | overrides
        ingresses = [here[name] for name in sorted(wanted) if name in here]
        classes = classes_as_known(self.classes.values(), live)
        return Neighbourhood(tuple(services.values()), ingresses, classes, tuple(self.workloads_in(namespace)))

    def _of(self, service: Service) -> set[str]:
        return self._leads.get((service.namespace, service.name), set())

    # --- news ---

    def _workload_changed(self, old: Workload | None, new: Workload | None) -> None:
        for each in (old, new):
            if each and managed(each):
                self._tell([each.id, Namespace(each.id.namespace)])

    def _service_changed(self, old: Service | None, new: Service | None) -> None:
        for each in (old, new):
            if each:
                near = self._managed_in(each.namespace) if each.name == names.WAKER_SERVICE else self._selected(each)
                self._tell([*near, Namespace(each.namespace)])

    def _ingress_changed(self, old: Ingress | None, new: Ingress | None) -> None:
        if old:
            for service in services_of(old):
                self._leads[old.namespace, service].discard(old.name)
        if new:
            for service in services_of(new):
                self._leads[new.namespace, service].add(new.name)
        if self.known:
            for each in (old, new):
                self._tell(self._near(each) if each else ())

    def _near(self, ingress: Ingress) -> Iterator[Key]:
        services = self.services.within(ingress.namespace)
        for name in services_of(ingress):
            if name in services:
                yield from self._selected(services[name])
        yield Namespace(ingress.namespace)

    def _class_changed(self, old: IngressClass | None, new: IngressClass | None) -> None:
        self._tell([*self.apps(), *map(Namespace, self.namespaces())] if self.known else ())

    def _slice_changed(self, old: owned_objects.Slice | None, new: owned_objects.Slice | None) -> None:
        self._tell([Namespace(each.namespace) for each in (old, new) if each])

    def _managed_in(self, namespace: str) -> Iterator[AppId]:
        yield from (workload.id for workload in self.workloads_in(namespace) if managed(workload))

    def _selected(self, service: Service) -> Iterator[AppId]:
        if self.known:
            found = self.workloads_in(service.namespace)
            yield from (workload.id for workload in found if managed(workload) and selects(service, workload))

    def _tell(self, keys: Iterable[Key]) -> None:
        if self.known:
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


async def follow(world: World, tasks: asyncio.TaskGroup) -> None:
    """Start the reflectors and wait until everything is known once."""
    for each in world.reflectors:
        tasks.create_task(each.run(), name=f"reflector {each.source.path}")
    await world.synced()
