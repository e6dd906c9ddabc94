"""What waker keeps in a namespace of apps: there while an app lives there, gone with the last one.

Also gives back routes that no app claims any more, because its workload was deleted or its annotation removed while waker
was away. Waits until every app of the namespace has been reconciled once: before that nobody knows what is unclaimed.

A namespace may have thousands of apps, and any change of one of them asks for a pass. So a pass that has left nothing to be
done is not repeated while all that it depends on is the same (`_inputs`), and a whole one lets others have their turn.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Set
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from waker.cluster import owned_objects
from waker.cluster.owned_objects import OwnedObjects
from waker.cluster.token_buckets import TokenBuckets
from waker.errors import ClusterError, Conflict, NotFound, Terminating, TooSoon
from waker.observe.door_listing import door_port
from waker.observe.keys import DoorsKey, NamespaceKey
from waker.observe.replicas import ListeningReport
from waker.observe.upstreams import classes_seen
from waker.plan.doors import DoorBook, DoorKey, port_name
from waker.plan.notes import Unreadable
from waker.plan.owned_objects import DesiredObjects
from waker.plan.routes import keeper
from waker.plan.routes.kinds import unclaimed
from waker.plan.routes.route import HttpTarget, RouteId, RouteObject
from waker.reconcile.context import Context
from waker.reconcile.report import report_no_door
from waker.web.registered_app import RegisteredApp

log = logging.getLogger(__name__)

Reports = Mapping[str, ListeningReport | None]  # by host

UNKNOWN_AGAIN = 0.2  # seconds
LISTENING_AGAIN = 5.0  # seconds, if no replica says anything new meanwhile
ERROR_AGAIN = 5.0
# ingress-nginx reloads after each change of an Ingress. So each keeper has a few changes to spend at once, for apps that are
# created one by one, and gets one back a minute. Whatever changes meanwhile goes into the next write.
KEEPER_CHANGES = 5
KEEPER_CHANGE_EVERY = timedelta(minutes=1)
ALL_AGAIN: Final = timedelta(minutes=5)  # then it is looked at as a whole once more, in case anything was missed
AT_ONCE: Final = 200  # objects between two turns of the event loop


class NamespaceInputs(NamedTuple):
    """All that a pass for a namespace depends on, but for the time. Cheap to get and to compare."""

    needs: int
    ports: int
    reserved: Mapping[DoorKey, int]
    secret: str
    seen: tuple[object, ...]
    replicas: Mapping[str, object]
    newer: Mapping[HttpTarget, int]
    served_by: Mapping[str, str]
    others: tuple[bool, ...]


class SeenNamespace(NamedTuple):
    """What one pass works with from its beginning to its end, whatever changes while others have their turn."""

    name: str
    book: DoorBook
    apps: list[RegisteredApp]
    objects: OwnedObjects


class SettledNamespace(NamedTuple):
    """After which inputs nothing was left to be done, and when."""

    inputs: NamespaceInputs
    at: datetime


class NamespaceReconciler:
    """Reconciles namespaces of apps. One for all of them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._keeper_changes: TokenBuckets[tuple[str, str]] = TokenBuckets(KEEPER_CHANGES, KEEPER_CHANGE_EVERY)
        self._waiting: set[str] = set()  # until replicas listen at their doors
        self._settled: dict[str, SettledNamespace] = {}
        self._unreadable: dict[str, set[str]] = {}  # what has been logged, by namespace, for as long as it is so

    def replicas_reported(self) -> None:
        """Some replica listens at more doors than before, or at fewer."""
        for namespace in self._waiting:
            self._context.queue.add(NamespaceKey(namespace))

    async def reconcile(self, key: NamespaceKey) -> float | None:
        """One pass; seconds until the next, None to wait for changes."""
        try:
            again = await self._pass(key.name)
        except Conflict as error:
            log.debug("namespace %s: %s", key.name, error)
            return UNKNOWN_AGAIN
        except Terminating:
            self._refused(key.name, "the namespace is being deleted")
            return None
        except NotFound as error:
            log.debug("namespace %s: %s", key.name, error)
            # It is gone, or something in it. Where apps are left, the informers may have nothing more to tell.
            return ERROR_AGAIN if self._context.cluster.apps_in(key.name) else None
        except TooSoon as error:
            log.debug("namespace %s: %s", key.name, error)
            return error.wait.total_seconds()
        except ClusterError as error:
            log.warning("namespace %s: %s", key.name, error)
            self._refused(key.name, str(error))
            return ERROR_AGAIN
        self._context.runtime.refusals.set_namespace(key.name, "")
        return again

    def _refused(self, namespace: str, why: str) -> None:
        """Have it reported with each app of the namespace."""
        if self._context.runtime.refusals.set_namespace(namespace, why):
            for each in self._context.registry.in_namespace(namespace):
                self._context.queue.add(each.app)

    async def _pass(self, namespace: str) -> float | None:
        inputs, settled = self._inputs(namespace), self._settled.pop(namespace, None)
        if settled and settled.inputs == inputs and self._context.clock() - settled.at < ALL_AGAIN:
            self._settled[namespace] = settled
            return None
        return await self._whole_pass(namespace, inputs)

    async def _whole_pass(self, namespace: str, inputs: NamespaceInputs) -> float | None:
        context = self._context
        self._waiting.discard(namespace)
        if context.cluster.other_installation(namespace):
            return None
        apps = context.registry.in_namespace(namespace)
        if not context.registry.has_tried_all(context.cluster.apps_in(namespace)):
            return UNKNOWN_AGAIN
        if context.dry_run:
            return None
        failed = {app for app in context.registry.failed if app.namespace == namespace}
        if context.leading() and not failed:
            await self._release_unclaimed(namespace, apps)
        paused = context.live().paused
        seen = SeenNamespace(namespace, context.doors.book, apps, context.cluster.owned(namespace))
        reserved = seen.book.namespaces.get(namespace, {})
        wanted = {key for each in apps for key in context.registry.doors_of(each, paused=paused)}
        wanted |= {key for key in reserved if key.app in failed}
        await asyncio.sleep(0)
        if wanted != reserved.keys():
            context.doors.unsettled |= wanted ^ reserved.keys()
            context.queue.add(DoorsKey())
        if _is_outdated(seen.book, wanted, seen.objects):
            return UNKNOWN_AGAIN
        doors = {key: number for key, number in reserved.items() if key in wanted}
        if doors:
            again = await self._ensure(seen, doors)
            if again is None and wanted == {key for each in apps for key in _lasting(each)}:
                self._settled[namespace] = SettledNamespace(inputs, context.clock())
            return again
        if not wanted and not context.cluster.holding(namespace):
            await owned_objects.remove(context.writes, namespace, seen.objects)
        return None

    def _inputs(self, namespace: str) -> NamespaceInputs:
        """All that a pass depends on, but for the time."""
        context, cluster, book = self._context, self._context.cluster, self._context.doors.book
        seen = cluster.owned(namespace)
        return NamespaceInputs(
            context.registry.needs_version(namespace),
            cluster.ports_version,
            book.namespaces.get(namespace, {}),
            book.secret,
            (seen.service, *seen.slices, *(each.version for _, each in sorted(seen.keepers.items()))),
            {
                host: (report.covers(book), report.failed) if report else None
                for host, report in context.replicas.reports().items()
            },
            context.following.newer_paths(namespace),
            cluster.served_by(),
            (context.leading(), context.live().paused, bool(context.registry.failed)),
        )

    async def _ensure(self, seen: SeenNamespace, doors: Mapping[DoorKey, int]) -> float | None:
        """Have the doors listed, and the keepers lead to them. When to come again, None to wait for changes."""
        context, namespace = self._context, seen.name
        self._waiting.add(namespace)
        reports = context.replicas.reports()
        self._report_failed(doors, reports)
        listening, final = self._listening(frozenset(doors.values()), reports, seen)
        newer = context.following.newer_paths(namespace)
        classes = self._by_class(doors, seen.apps)
        await asyncio.sleep(0)
        keepers = keeper.keepers(namespace, classes, seen.book, classes_seen(context.cluster, namespace), newer)
        await asyncio.sleep(0)
        ports = tuple(sorted(door_port(context.cluster, key, number) for key, number in doors.items()))
        now, waits = context.clock(), [] if final else [LISTENING_AGAIN]

        def may_change(name: str) -> bool:
            wait = self._keeper_changes.spend((namespace, name), now).total_seconds()
            waits.extend([wait] if wait else [])
            return not wait

        await owned_objects.ensure(
            context.writes, namespace, DesiredObjects(ports, listening, keepers), seen.objects, may_change
        )
        if final:
            self._waiting.discard(namespace)
        return min(waits, default=None)

    def _listening(
        self, doors: frozenset[int], reports: Reports, seen: SeenNamespace
    ) -> tuple[dict[str, frozenset[int]], bool]:
        """By ready replica, at which doors it is listed; and whether that is final.

        The holder of the Lease lists whoever says that it listens. All others only unlist who is gone. At a door at which
        nobody else is listed yet, whoever was stays: one that leaves alone serves until the next one is there.
        """
        found, final, leading, slices = {}, True, self._context.leading(), seen.objects.slices
        for host, report in reports.items():
            if leading and report and report.covers(seen.book):
                found[host] = doors - report.failed
                final = final and not doors & report.failed
            else:
                found[host] = doors & {number for each in slices if host in each.hosts for _, number in each.ports}
                final = final and not leading
        failed = [report.failed for report in reports.values() if report]
        left = doors.difference(*found.values(), *failed)
        for each in slices if found else ():
            for host in set(each.hosts) - reports.keys():
                stays = left & {number for _, number in each.ports}
                found[host] = found.get(host, frozenset()) | stays
        return found, final

    def _report_failed(self, doors: Mapping[DoorKey, int], reports: Reports) -> None:
        """The doors that a replica has tried to open, and could not."""
        for key, number in doors.items():
            hosts = sorted(host for host, report in reports.items() if report and number in report.failed)
            if hosts:
                report_no_door(self._context, key, f"port {number} cannot be opened by the pod at {', '.join(hosts)}")

    def _by_class(self, doors: Mapping[DoorKey, int], apps: Iterable[RegisteredApp]) -> dict[str, dict[DoorKey, int]]:
        """The doors by the ingress class of the routes that need them."""
        cluster = self._context.cluster
        found: dict[str, dict[DoorKey, int]] = {}
        for each in apps:
            for route in each.routes:
                key = DoorKey(each.app, route.backend)
                holder = cluster.route_object(route.id.object)
                if key in doors and holder:
                    found.setdefault(cluster.class_name(holder), {})[key] = doors[key]
        return found

    async def _release_unclaimed(self, namespace: str, apps: Iterable[RegisteredApp]) -> None:
        holding = self._context.cluster.holding(namespace)
        claimed = {route.id for each in apps for route in each.routes} if holding else set()
        self._log_unreadable(namespace, holding)
        for count, found in enumerate(holding, 1):
            await self._release(found, claimed)
            if count % AT_ONCE == 0:
                await asyncio.sleep(0)

    def _log_unreadable(self, namespace: str, holding: Iterable[RouteObject]) -> None:
        """Once for each: there are many passes, and who writes nonsense must not fill the log."""
        found = {each.saved.why for each in holding if isinstance(each.saved, Unreadable)}
        for why in sorted(found - self._unreadable.pop(namespace, set())):
            log.warning("%s", why)
        if found:
            self._unreadable[namespace] = found

    async def _release(self, found: RouteObject, claimed: set[RouteId]) -> None:
        if isinstance(found.saved, Unreadable):
            return
        routes, forget = unclaimed(found, claimed)
        if forget:
            log.info("%s: giving back routes that no app claims", found.id)
            await self._context.writes.restore(found.id, routes, forget)


def _lasting(each: RegisteredApp) -> Iterable[DoorKey]:
    """The doors that an app needs for as long as its routes are what they are; all others are closed in time."""
    return (DoorKey(each.app, route.backend) for route in each.routes if each.may_sleep)


def _is_outdated(book: DoorBook, wanted: Set[DoorKey], seen: OwnedObjects) -> bool:
    """Whether the book lacks a door that the Service lists: somebody has restored an old one, and it will be completed.

    Until then nothing is unlisted: the Service is all that is left of the newer book.
    """
    listed = seen.service.ports if seen.service and seen.service.managed else ()
    strays = {port.name for port in listed if book.doors.get(port.number) not in wanted}
    return bool(strays) and any(port_name(key) in strays for key in wanted if not book.number(*key))
