"""Reserves a door for each app and backend that needs one, in the ConfigMap `kubesleeper-doors`.

Only the holder of the Lease does, and each write is guarded by the resourceVersion of what it has seen. Everything else follows
from the ConfigMap: all replicas listen, and the namespaces' Services list what it says. Waits until every app has been
reconciled once: before that nobody knows which doors are wanted. After a loss, what waker remembers comes before what
Services list: of these, anybody writes some.
"""

import logging
import secrets
from collections.abc import Mapping

from waker import names
from waker.cluster.resources import CONFIG_MAPS
from waker.errors import ClusterError, Conflict, TooSoon
from waker.observe.door_listing import listed_doors
from waker.plan.doors import SECRET, DoorKey, revised
from waker.reconcile.context import Context
from waker.reconcile.report import report_no_door

log = logging.getLogger(__name__)

UNKNOWN_AGAIN = 0.2  # seconds
ERROR_AGAIN = 5.0


class DoorReconciler:
    """Reconciles the book of doors."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._without: Mapping[DoorKey, str] = {}

    async def reconcile(self) -> float | None:
        """One pass; seconds until the next, None to wait for changes."""
        try:
            return await self._pass()
        except Conflict as error:
            log.debug("doors: %s", error)
            return UNKNOWN_AGAIN
        except TooSoon as error:
            return error.wait.total_seconds()
        except ClusterError as error:
            log.warning("doors: %s", error)
            return ERROR_AGAIN

    async def _pass(self) -> float | None:
        context = self._context
        if context.dry_run or not context.leading():
            return None
        if not (context.doors.informer.synced.is_set() and context.registry.has_tried_all(context.cluster.own_apps())):
            return UNKNOWN_AGAIN
        book = context.doors.book
        unknown = {key for key in book.doors.values() if key.app in context.registry.failed}  # they keep what they have
        change, without = revised(
            book,
            context.registry.wanted_doors(paused=context.live().paused) | unknown,
            listed_doors(context.cluster),
            context.live().door_ports,
            self._repeating(),
        )
        if not book.secret:
            change[SECRET] = secrets.token_hex(16)
        if context.doors.lost:
            data = {key: text for key, text in (book.data() | change).items() if text is not None}
            await context.writes.create(CONFIG_MAPS, context.namespace, self._config_map(data))
        elif change:
            patch = {"metadata": {"resourceVersion": book.version}, "data": change}
            await context.writes.patch(CONFIG_MAPS.one(context.namespace, names.DOORS_MAP), patch)
        self._report(without)
        return None

    def _config_map(self, data: dict[str, str]) -> dict[str, object]:
        metadata = {"name": names.DOORS_MAP, "labels": {names.MANAGED_BY: names.MANAGER}}
        return {"metadata": metadata, "data": data}

    def _repeating(self) -> frozenset[DoorKey]:
        """The doors of apps behind a controller that repeats the ports of a Service in each backend."""
        adapter = self._context.controller_pods.adapter
        return frozenset(
            DoorKey(each.app, route.backend)
            for each in self._context.registry.entries()
            for route in each.routes
            if (found := adapter(route.controller)) and found.repeats_ports
        )

    def _report(self, without: Mapping[DoorKey, str]) -> None:
        for key, why in sorted(without.items() - self._without.items(), key=str):
            log.warning("%s has no door: %s", key, why)
            report_no_door(self._context, key, why)
        self._without = without
