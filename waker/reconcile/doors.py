"""Reserves a door for each app and backend that needs one, in the ConfigMap `kubesleeper-doors`.

Only the holder of the Lease does, and each write is guarded by the resourceVersion of what it has seen. Everything else follows
from the ConfigMap: all replicas listen, and the namespaces' Services list what it says. After a loss, what waker remembers
comes before what Services list: of these, anybody writes some.

There may be thousands of doors, and a pass follows every change anywhere. So it looks only at those that somebody has named
(`Doors.unsettled`), and at all of them if a number is to be given or taken back. That waits until every app has been reconciled
once: before that nobody knows which doors are wanted.
"""

import logging
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Final, NamedTuple

from waker import names
from waker.cluster.resources import CONFIG_MAPS
from waker.errors import ClusterError, Conflict, TooSoon
from waker.observe.door_listing import listed_doors
from waker.plan.doors import SECRET, DoorKey, disputed_numbers, revised
from waker.reconcile.context import Context
from waker.reconcile.report import report_no_door
from waker.settings.parsing import PortRange

log = logging.getLogger(__name__)

UNKNOWN_AGAIN = 0.2  # seconds
ERROR_AGAIN = 5.0
ALL_AGAIN: Final = timedelta(minutes=5)  # then a pass is for all doors once more, in case anything was missed


class SettledBook(NamedTuple):
    """With which settings, and when, the book was as it should be."""

    settings: tuple[bool, PortRange]
    at: datetime


class DoorReconciler:
    """Reconciles the book of doors."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._without: Mapping[DoorKey, str] = {}
        self._settled: SettledBook | None = None  # nothing is known

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
        named, context.doors.unsettled = context.doors.unsettled, set()
        if context.dry_run or not context.leading():
            self._settled = None  # another one gives numbers meanwhile
            return None
        settings = context.live().paused, context.live().door_ports
        if self._is_settled(named, settings):
            return None
        self._settled = None
        ready = context.doors.informer.synced.is_set()
        if not (ready and context.registry.has_tried_all(context.cluster.own_apps())):
            return UNKNOWN_AGAIN
        await self._revise()
        self._settled = SettledBook(settings, context.clock())
        return None

    def _is_settled(self, named: Iterable[DoorKey], settings: tuple[bool, PortRange]) -> bool:
        """Whether the book is as it should be, if it was so after the last pass and only these doors may be different."""
        context, last = self._context, self._settled
        if last is None or last.settings != settings or context.clock() - last.at > ALL_AGAIN:
            return False
        book = context.doors.book
        if context.doors.lost or book.unreadable or not book.secret:
            return False
        return all(self._is_wanted(key) is bool(book.number(*key)) for key in named if key not in self._without)

    def _is_wanted(self, key: DoorKey) -> bool:
        """Of an app at which waker itself has failed nothing is known: it keeps what it has."""
        context = self._context
        if key.app in context.registry.failed:
            return bool(context.doors.book.number(*key))
        return context.registry.wants(key, paused=context.live().paused)

    async def _revise(self) -> None:
        """Have each wanted door in the book, if it can have a number."""
        context = self._context
        listed = list(listed_doors(context.cluster))
        context.doors.dispute(disputed_numbers(listed))
        book = context.doors.book
        unknown = {key for key in book.doors.values() if key.app in context.registry.failed}
        change, without = revised(
            book,
            context.registry.wanted_doors(paused=context.live().paused) | unknown,
            listed,
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

    def _config_map(self, data: dict[str, str]) -> dict[str, object]:
        metadata = {"name": names.DOORS_MAP, "labels": {names.MANAGED_BY: names.MANAGER}}
        return {"metadata": metadata, "data": data}

    def _repeating(self) -> frozenset[DoorKey]:
        """The doors of apps behind a controller that repeats the ports of a Service in each backend."""
        adapters = cache(self._context.controller_pods.adapters)  # a few controllers, thousands of routes
        return frozenset(
            DoorKey(each.app, route.backend)
            for each in self._context.registry.entries()
            for route in each.routes
            if any(found.repeats_ports for found in adapters(route.controller))
        )

    def _report(self, without: Mapping[DoorKey, str]) -> None:
        for key, why in sorted(without.items() - self._without.items(), key=str):
            log.warning("%s has no door: %s", key, why)
            report_no_door(self._context, key, why)
        self._without = without
