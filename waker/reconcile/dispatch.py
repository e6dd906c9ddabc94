"""Which reconciler a key is for, and what happens to a defect in one pass.

A defect that shows with one app or namespace is logged with its traceback, counted, reported and tried again ever later; it
must not stop the others. If nothing goes well any more, the process ends: Kubernetes starts another one.
"""

import logging
from collections import Counter
from collections.abc import Awaitable
from typing import Final

from waker.observe.keys import DoorsKey, Key, NamespaceKey
from waker.plan.model import AppId
from waker.reconcile.app import AppReconciler
from waker.reconcile.context import Context
from waker.reconcile.doors import DoorReconciler
from waker.reconcile.namespace import NamespaceReconciler
from waker.reconcile.report import report_defect

log = logging.getLogger(__name__)

FIRST_AGAIN: Final = 1.0  # seconds after a defect, doubled with each
LAST_AGAIN: Final = 300.0
MOST_IN_A_ROW: Final = 50  # passes that fail by a defect while none goes well


class Dispatcher:
    """Reconciles keys of every kind."""

    def __init__(self, context: Context) -> None:
        self.apps = AppReconciler(context)
        self.namespaces = NamespaceReconciler(context)
        self.doors = DoorReconciler(context)
        self._context = context
        self._defects: Counter[Key] = Counter()
        self._in_a_row = 0

    async def reconcile(self, key: Key) -> float | None:
        """One pass; seconds until the next, None to wait for changes. Raises only if nothing goes well any more."""
        try:
            again = await self._reconciled(key)
        except Exception as error:
            self._in_a_row += 1
            if self._in_a_row >= MOST_IN_A_ROW:
                raise
            return self._back_off(key, error)
        self._in_a_row = 0
        self._defects.pop(key, None)
        return again

    def _reconciled(self, key: Key) -> Awaitable[float | None]:
        match key:
            case DoorsKey():
                return self.doors.reconcile()
            case NamespaceKey():
                return self.namespaces.reconcile(key)
        return self.apps.reconcile(key)

    def _back_off(self, key: Key, error: Exception) -> float:
        log.exception("a defect of waker in a pass for %s", key)
        self._context.metrics.reconcile_errors.inc()
        if isinstance(key, AppId):
            self._context.registry.fail(key)
            report_defect(self._context, key, error)
        wait = min(FIRST_AGAIN * float(2 ** min(self._defects[key], 20)), LAST_AGAIN)
        self._defects[key] += 1
        return wait
