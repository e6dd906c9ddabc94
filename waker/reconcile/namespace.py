"""What waker keeps in a namespace of apps: there while an app lives there, gone with the last one.

Also gives back routes that no app claims any more, because its workload was deleted or its annotation removed while waker
was away. Waits until every app of the namespace has been reconciled once: before that nobody knows what is unclaimed.
"""

import logging
from collections.abc import Iterable

from waker.cluster import owned_objects
from waker.cluster.apply import restore_routes
from waker.errors import ClusterError, Conflict, NotFound
from waker.observe.cluster import NamespaceKey
from waker.plan.model import Phase
from waker.plan.notes import Unreadable
from waker.plan.owned_objects import DesiredObjects
from waker.plan.routes.kinds import KINDS
from waker.plan.routes.route import Backend, RouteId, RouteObject, is_held
from waker.reconcile.context import Context
from waker.web.registry import RegisteredApp

log = logging.getLogger(__name__)

UNKNOWN_AGAIN = 0.2  # seconds
ERROR_AGAIN = 5.0


class NamespaceReconciler:
    """Reconciles namespaces of apps. One for all of them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def reconcile(self, key: NamespaceKey) -> float | None:
        """One pass; seconds until the next, None to wait for changes."""
        try:
            return await self._pass(key.name)
        except Conflict as error:
            log.debug("namespace %s: %s", key.name, error)
            return UNKNOWN_AGAIN
        except NotFound as error:
            log.debug("namespace %s: %s", key.name, error)
            return None
        except ClusterError as error:
            log.warning("namespace %s: %s", key.name, error)
            return ERROR_AGAIN

    async def _pass(self, namespace: str) -> float | None:
        context = self._context
        apps = {each.app: each for each in context.registry.entries() if each.app.namespace == namespace}
        if any(app not in apps for app in context.cluster.apps() if app.namespace == namespace):
            return UNKNOWN_AGAIN
        if context.dry_run:
            return None
        if context.leading():
            await self._release_unclaimed(namespace, apps.values())
        seen = context.cluster.owned(namespace)
        if self._wanted(apps.values()):
            await owned_objects.ensure(context.api, namespace, self._desired(apps.values()), seen)
        elif not context.cluster.holding(namespace):
            await owned_objects.remove(context.api, namespace, seen)
        return None

    def _wanted(self, apps: Iterable[RegisteredApp]) -> bool:
        paused = self._context.live().paused
        return any(_is_held(each) or (each.plan.phase is not Phase.NOT_MANAGED and not paused) for each in apps)

    def _desired(self, apps: Iterable[RegisteredApp]) -> DesiredObjects:
        cluster = self._context.cluster
        keepers: dict[str, set[Backend]] = {}
        for each in apps:
            for route in each.routes if each.plan.phase is not Phase.NOT_MANAGED else ():
                found = cluster.route_object(route.id.object)
                if found:
                    keepers.setdefault(cluster.class_name(found), set()).add(route.backend)
        frozen = {name: frozenset(backends) for name, backends in keepers.items()}
        return DesiredObjects(self._context.own_addresses(), frozen)

    async def _release_unclaimed(self, namespace: str, apps: Iterable[RegisteredApp]) -> None:
        claimed = {route.id for each in apps for route in each.routes}
        for found in self._context.cluster.holding(namespace):
            await self._release(found, claimed)

    async def _release(self, found: RouteObject, claimed: set[RouteId]) -> None:
        if isinstance(found.saved, Unreadable):
            log.warning("%s", found.saved.why)
            return
        unclaimed = {id: each for id, each in found.saved.items() if id not in claimed}
        if unclaimed:
            log.info("%s: giving back routes that no app claims", found.id)
            routes = [route for route in KINDS[found.id.kind].routes(found, unclaimed, "") if is_held(route)]
            await restore_routes(self._context.api, found, routes, list(unclaimed))


def _is_held(each: RegisteredApp) -> bool:
    return any(map(is_held, each.routes))
