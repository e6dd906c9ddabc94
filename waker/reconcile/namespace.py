"""What waker has in a namespace of apps: there while an app lives there, gone with the last one.

Also gives back routes that no app claims any more, because its workload was deleted or its annotation removed while waker
was away. Waits until every app of the namespace has been looked at: before that nobody knows what is unclaimed.
"""

import logging
from collections.abc import Iterable

from waker import names
from waker.cluster import owned_objects
from waker.cluster.apply import apply_restore
from waker.cluster.owned_objects import OwnedObjects
from waker.errors import ClusterError, Conflict, NotFound
from waker.observe.cluster import NamespaceKey
from waker.plan.model import Backend, Holder, Ingress, Phase, Route, RouteId
from waker.plan.owned_objects import DesiredObjects
from waker.plan.routes import originals
from waker.reconcile.context import Context
from waker.web.registry import RegisteredApp

log = logging.getLogger(__name__)

UNKNOWN_AGAIN = 0.2  # seconds
ERROR_AGAIN = 5.0


class NamespaceReconciler:
    """See above. `look` is the queue's work."""

    def __init__(self, house: Context) -> None:
        self._context = house

    async def reconcile(self, key: NamespaceKey) -> float | None:
        """One pass; seconds until the next, None to wait for news."""
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
        house = self._context
        shown = {each.app: each for each in house.registry.entries() if each.app.namespace == namespace}
        if any(app not in shown for app in house.cluster.apps() if app.namespace == namespace):
            return UNKNOWN_AGAIN
        if house.dry_run:
            return None
        if house.leading():
            await self._give_back(namespace, shown.values())
        seen = self._owned(namespace)
        if self._wanted(shown.values()):
            await owned_objects.ensure(house.api, namespace, self._desired(namespace, shown.values()), seen)
        elif not any(
            names.SAVED_BACKENDS in each.annotations
            for each in house.cluster.ingresses.in_namespace(namespace).values()
        ):
            await owned_objects.remove(house.api, namespace, seen)
        return None

    def _wanted(self, shown: Iterable[RegisteredApp]) -> bool:
        paused = self._context.live().paused
        return any(_holding(each) or (each.plan.phase is not Phase.NOT_MANAGED and not paused) for each in shown)

    def _owned(self, namespace: str) -> OwnedObjects:
        world = self._context.cluster
        keepers = {each.name: each for each in world.ingresses.in_namespace(namespace).values() if each.managed}
        slices = list(world.slices.in_namespace(namespace).values())
        return OwnedObjects(
            world.services.in_namespace(namespace).get(names.WAKER_SERVICE), slices[0] if slices else None, keepers
        )

    def _desired(self, namespace: str, shown: Iterable[RegisteredApp]) -> DesiredObjects:
        world = self._context.cluster
        ingresses = world.ingresses.in_namespace(namespace)
        keepers: dict[str, set[Backend]] = {}
        for each in shown:
            for route in each.routes if each.plan.phase is not Phase.NOT_MANAGED else ():
                ingress = ingresses.get(route.id.ingress)
                if ingress:
                    keepers.setdefault(world.ingress_class(ingress), set()).add(route.backend)
        frozen = {name: frozenset(backends) for name, backends in keepers.items()}
        return DesiredObjects(self._context.own_addresses(), frozen)

    async def _give_back(self, namespace: str, shown: Iterable[RegisteredApp]) -> None:
        claimed = {route.id for each in shown for route in each.routes}
        for ingress in list(self._context.cluster.ingresses.in_namespace(namespace).values()):
            if names.SAVED_BACKENDS in ingress.annotations:
                await self._give_back_of(ingress, claimed)

    async def _give_back_of(self, ingress: Ingress, claimed: set[RouteId]) -> None:
        try:
            saved = originals.read(ingress.namespace, ingress.name, ingress.annotations[names.SAVED_BACKENDS])
        except originals.OriginalsError as error:
            log.warning("%s", error)
            return
        unclaimed = {id: each for id, each in saved.items() if id not in claimed}
        routes = [
            Route(path.id, path.pointer, unclaimed[path.id].backend, Holder.WAKER, "")
            for path in ingress.paths
            if path.id in unclaimed and path.backend and path.backend.service == names.WAKER_SERVICE
        ]
        if unclaimed:
            log.info("%s/%s: giving back routes that no app claims", ingress.namespace, ingress.name)
            await apply_restore(self._context.api, ingress, routes, list(unclaimed))


def _holding(shown: RegisteredApp) -> bool:
    return any(route.holder is Holder.WAKER for route in shown.routes)
