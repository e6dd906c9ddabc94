"""Everything that the API server has reported: the informers, and what follows from them for one app or one namespace.

The informers hold the objects, `indexes` knows who leads where. It reads and answers; it never writes and never decides.
`changed` is called with the keys of what may be different now: an AppId, or a NamespaceKey for what waker keeps there. Nothing
is called before everything is known once.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

from waker import names
from waker.cluster import manifests, owned_objects, resources
from waker.cluster.client import Api
from waker.cluster.informer import Informer, Source
from waker.observe.aliases import Aliases
from waker.observe.differences import footprint, is_in_the_way, same_holder, same_ports
from waker.observe.indexes import SERVICE, Indexes, services_of
from waker.observe.installations import other_installation
from waker.observe.keys import Key, NamespaceKey
from waker.observe.logins import Logins
from waker.observe.never_sleeps import never_sleeps
from waker.observe.observed_app import ObservedApp
from waker.plan.model import AppId, IngressClass, Kind, Service, Workload
from waker.plan.owned_objects import OwnedSlice
from waker.plan.policy import is_managed, read_policy, watched
from waker.plan.routes.aliases import ServiceAddress, WayByAddress, by_alias, by_mention
from waker.plan.routes.discovery import NamespaceObjects, discover, named_objects, named_services, other_services
from waker.plan.routes.kinds import KINDS
from waker.plan.routes.route import Backend, ObjectId, RouteObject
from waker.settings.configmap import Live
from waker.traffic.controllers import Selector
from waker.traffic.controllers.configured import Claims, configured_classes


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
        self.claims: Claims = lambda _class: ()
        self._classes_for: Live | None = None  # the settings that `_configured` was made from
        self._configured: tuple[IngressClass, ...] = ()
        self._own_namespace = own_namespace
        self.is_synced = False  # everything is known once
        self.observing = False  # every workload counts as enabled
        self.ports_version = 0  # grows with whatever keepers, and the protocols of doors, are made from
        self._indexes = Indexes()
        self.workloads: dict[Kind, Informer[Workload]] = {
            kind: inform(what, self._parser(kind), self._workload_changed) for kind, what in resources.WORKLOADS.items()
        }
        self.services: Informer[Service] = inform(resources.SERVICES, manifests.service, self._service_changed)
        self._aliases = Aliases(self._meant)
        self._logins = Logins(self.class_name)
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
        several = (*self.workloads.values(), *self._route_objects.values())
        self.informers: tuple[Informer[Any], ...] = (*several, self.services, self.classes, self.slices)

    async def wait_until_synced(self) -> None:
        """Wait until everything is known once. Only later changes are called out."""
        for each in self.informers:
            await each.synced.wait()
        self.is_synced = True

    # --- answers ---

    def apps(self) -> Iterator[AppId]:
        """Every app that is waker's business."""
        return self._indexes.managed()

    def apps_in(self, namespace: str) -> Collection[AppId]:
        """The apps of one namespace."""
        return self._indexes.managed_in(namespace)

    def namespaces(self) -> set[str]:
        """Every namespace in which waker has or wants something."""
        return self._indexes.namespaces() | {each.namespace for each in self.slices.values()}

    def workload(self, app: AppId) -> Workload | None:
        """The workload of an app, None if it is gone."""
        return self.workloads[app.kind].in_namespace(app.namespace).get(app.name)

    def observe(self, app: AppId, live: Live) -> ObservedApp | None:
        """One app, None if its workload is gone."""
        workload = self.workload(app)
        if workload is None:
            return None
        around = self._surroundings(workload, live)
        return ObservedApp(
            workload,
            read_policy(workload.annotations, live, app.namespace),
            discover(workload, around),
            {each.id: each for each in around.route_objects},
            live,
            self._conflicts(app.namespace),
            never_sleeps(workload, self._own_namespace, self._own_service(), live),
        )

    def other_services(self, workload: Workload) -> list[Service]:
        """Those with routes that its pods may turn out to be behind."""
        namespace, allowed = workload.id.namespace, named_objects(workload)
        found = other_services(workload, self.services.in_namespace(namespace).values())
        leading = [(each, self._indexes.leading(namespace, each.name)) for each in found]
        return [each for each, ids in leading if (allowed.intersection(ids) if allowed else ids)]

    def _own_service(self) -> Service | None:
        return self.services.in_namespace(self._own_namespace).get(names.OWN_SERVICE)

    def owned(self, namespace: str) -> owned_objects.OwnedObjects:
        """What waker has there."""
        slices = tuple(each for _, each in sorted(self.slices.in_namespace(namespace).items()))
        service = self.services.in_namespace(namespace).get(names.WAKER_SERVICE)
        keepers = {each.name: each for each in self._indexes.own_route_objects(namespace)}
        return owned_objects.OwnedObjects(service, slices, keepers)

    def own_services(self) -> Iterator[Service]:
        """Every Service that waker has made."""
        return self._indexes.own_services()

    def route_object(self, id: ObjectId) -> RouteObject | None:
        """The newest version of an object that holds routes, None if it is gone."""
        found: RouteObject | None = self._route_objects[id.kind].in_namespace(id.namespace).get(id.name)
        return found

    def holding(self, namespace: str) -> list[RouteObject]:
        """The objects of a namespace of which waker remembers something, or once did and it cannot be read any more."""
        return list(self._indexes.holding(namespace))

    def class_name(self, route_object: RouteObject) -> str:
        """The name of the class that an object is of; "" if there is none."""
        return KINDS[route_object.id.kind].class_name(route_object, self.classes.values())

    def served_by(self) -> dict[str, str]:
        """The controller of each IngressClass that there is, by its name."""
        return {each.name: each.controller for each in self.classes.values()}

    def configured_classes(self, live: Live) -> tuple[IngressClass, ...]:
        """With the names that their controllers go by."""
        if self._classes_for is not live:
            self._classes_for, self._configured = live, configured_classes(self.classes.values(), live, self.claims)
        return self._configured

    def claims_changed(self) -> None:
        """Other controllers serve a class now."""
        self._class_changed(None, None)

    def naming(self, namespace: str, service: str) -> list[RouteObject]:
        """The objects with routes to a Service, or with routes that led there before a swap, waker's own among them."""
        ids = self._indexes.leading(namespace, service)
        return [found for id in ids if (found := self.route_object(id))]

    def own_apps(self) -> Iterator[AppId]:
        """Every app that no other waker manages."""
        for namespace in self._indexes.namespaces():
            if not self.other_installation(namespace):
                yield from self._indexes.managed_in(namespace)

    def other_installation(self, namespace: str) -> str:
        """The namespace of another waker that manages the apps here; "" if there is none."""
        return self._foreign(self.services.in_namespace(namespace).get(names.WAKER_SERVICE))

    def _foreign(self, service: Service | None) -> str:
        return other_installation(service, self._own_namespace)

    def _conflicts(self, namespace: str) -> tuple[str, ...]:
        service = self.services.in_namespace(namespace).get(names.WAKER_SERVICE)
        text = f"there is a Service {names.WAKER_SERVICE} in this namespace that KubeSleeper did not make"
        return (text,) if is_in_the_way(service) else ()

    def workload_versions(self, selector: Selector) -> list[str]:
        """The workloads, and their versions, whose pods it selects. It changes when pods come or go."""
        found = (each for kind in self.workloads.values() for each in kind.values())
        ours = (each for each in found if selector.matches(each.pod_labels, each.id.namespace))
        return sorted(f"{each.id} {each.uid} {each.version}" for each in ours)

    def _surroundings(self, workload: Workload, live: Live) -> NamespaceObjects:
        """What there is around one workload: the Services that select it or that its user names, and what leads to them."""
        services = self._indexes.selecting(workload)
        ids = named_objects(workload)
        ids |= {id for each in services for id in self._indexes.leading(each.namespace, each.name)}
        there = self.services.in_namespace(workload.id.namespace)
        named = [there[name] for name in sorted(named_services(workload)) if name in there]
        return NamespaceObjects(
            services=[*services, *(each for each in named if each not in services)],
            route_objects=[each for id in sorted(ids) if (each := self.route_object(id))],
            classes=self.configured_classes(live),
            sharing=self._indexes.selected,
            door=self._door,
            by_address=self._ways_by_address,
        )

    def _ways_by_address(self, service: Service) -> Iterator[WayByAddress]:
        """What leads to a Service by its own address."""
        for alias in self._aliases.of(service):
            for id in sorted(self._indexes.leading(alias.namespace, alias.name)):
                yield by_alias(alias, service, id)
        yield from (by_mention(service, id) for id in self._aliases.mentioning(service))
        yield from self._logins.to(service, self.naming(service.namespace, service.name))

    def _meant(self, addresses: Collection[ServiceAddress]) -> Iterator[Service]:
        hosts = {each.name for each in addresses if not each.namespace}
        for address in sorted(addresses):
            found = self.services.in_namespace(address.namespace).get(address.name) if address.namespace else None
            yield from (found,) if found else ()
        if hosts:
            yield from (each for each in self.services.values() if not hosts.isdisjoint(each.cluster_ips))

    # --- changes ---

    def _parser(self, kind: Kind) -> Callable[[Any], Workload]:
        return lambda found: watched(manifests.workload(kind, found), everybody=self.observing)

    def _workload_changed(self, old: Workload | None, new: Workload | None) -> None:
        self._indexes.workload_changed(old, new)
        each = new or old
        if each and self.is_synced:
            was, now = (version is not None and is_managed(version) for version in (old, new))
            self._notify([each.id] if was or now else [])
            self._notify([NamespaceKey(each.id.namespace)] if was != now else [])
            if footprint(old) != footprint(new):
                beside = {one.name: one for each in (old, new) if each for one in self._indexes.selecting(each)}
                self._notify(
                    self._selected(one for one in beside.values() if self._indexes.leading(one.namespace, one.name))
                )

    def _service_changed(self, old: Service | None, new: Service | None) -> None:
        self._indexes.service_changed(old, new)
        self._aliases.service_changed(old, new)
        self.ports_version += not same_ports(old, new)
        each = new or old
        if each and self.is_synced:
            everybody = (is_in_the_way(old), self._foreign(old)) != (is_in_the_way(new), self._foreign(new))
            beside = self.apps_in(each.namespace) if everybody else ()
            self._notify({*beside, *self._selected(filter(None, (old, new))), NamespaceKey(each.namespace)})
            self._notify(self._indexes.naming(SERVICE, each.namespace, each.name))

    def _route_object_changed(self, old: RouteObject | None, new: RouteObject | None) -> None:
        self._indexes.route_object_changed(old, new)
        self._aliases.route_object_changed(old, new)
        asked = self._logins.led_to(self._logins.route_object_changed(old, new))
        self.ports_version += not same_holder(old, new)
        each = new or old
        if each and self.is_synced:
            known = self.services.in_namespace(each.id.namespace)
            service_names = KINDS[each.id.kind].affected(old, new) if old and new else services_of(each)
            near = [known[name] for name in service_names if name in known]
            near += [found for space, name in asked if (found := self.services.in_namespace(space).get(name))]
            behind = self._selected([*near, *self._aliases.mentioned_by(old, new)])
            self._notify([*behind, NamespaceKey(each.id.namespace)])
            self._notify(self._indexes.naming(*each.id))

    def _class_changed(self, old: IngressClass | None, new: IngressClass | None) -> None:
        self.ports_version += 1
        self._classes_for = None
        if self.is_synced:
            self._notify([*self.apps(), *map(NamespaceKey, self.namespaces())])

    def _slice_changed(self, old: OwnedSlice | None, new: OwnedSlice | None) -> None:
        self._notify([NamespaceKey(each.namespace) for each in (old, new) if each])

    def _selected(self, services: Iterable[Service]) -> set[AppId]:
        behind = (each for service in services for each in self._aliases.behind(service))
        found = (each for service in behind for each in self._indexes.selected(service))
        return {each.id for each in found if is_managed(each)}

    def _notify(self, keys: Iterable[Key]) -> None:
        if self.is_synced:
            for key in keys:
                self._changed(key)


async def start(cluster: ClusterCache, tasks: asyncio.TaskGroup) -> None:
    """Likewise, and wait until everything is known once."""
    for each in cluster.informers:
        tasks.create_task(each.run(), name=f"informer {each.source.path}")
    await cluster.wait_until_synced()
