"""What waker has in a namespace of apps: there while an app lives there, gone with the last one.

Also gives back routes that no app claims any more, because its workload was deleted or its annotation removed while waker
was away. Waits until every app of the namespace has been looked at: before that nobody knows what is unclaimed.
"""

import logging
from collections.abc import Iterable

from waker import names
from waker.cluster import owned_objects
from waker.cluster.apply import apply_restore
from waker.cluster.owned_objects import Seen
from waker.errors import ClusterError, Conflict, NotFound
from waker.observe.cluster import Namespace
from waker.plan.model import Backend, Holder, Ingress, Phase, Route, RouteId
from waker.plan.owned_objects import Presence
from waker.plan.routes import originals
from waker.reconcile.context import House
from waker.web.registry import Shown

log = logging.getLogger(__name__)

UNKNOWN_AGAIN = 0.2  # seconds
ERROR_AGAIN = 5.0


class Keeper:
    """See above. `look` is the queue's work."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def look(self, key: Namespace) -> float | None:
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
        house = self._house
        shown = {each.app: each for each in house.doors.all() if each.app.namespace == namespace}
        if any(app not in shown for app in house.world.apps() if app.namespace == namespace):
            return UNKNOWN_AGAIN
        if house.dry_run:
            return None
        if house.leading():
            await self._give_back(namespace, shown.values())
        seen = self._seen(namespace)
        if self._wanted(shown.values()):
            await owned_objects.keep(house.api, namespace, self._presence(namespace, shown.values()), seen)
        elif not any(
            names.SAVED_BACKENDS in each.annotations for each in house.world.ingresses.within(namespace).values()
        ):
            await owned_objects.remove(house.api, namespace, seen)
        return None

    def _wanted(self, shown: Iterable[Shown]) -> bool:
        paused = self._house.live().paused
        return any(_holding(each) or (each.plan.phase is not Phase.UNMANAGED and not paused) for each in shown)

    def _seen(self, namespace: str) -> Seen:
        world = self._house.world
        keepers = {each.name: each for each in world.ingresses.within(namespace).values() if each.managed}
        slices = list(world.slices.within(namespace).values())
        return Seen(world.services.within(namespace).get(names.WAKER_SERVICE), slices[0] if slices else None, keepers)

    def _presence(self, namespace: str, shown: Iterable[Shown]) -> Presence:
        world = self._house.world
        ingresses = world.ingresses.within(namespace)
        keepers: dict[str, set[Backend]] = {}
        for each in shown:
            for route in each.routes if each.plan.phase is not Phase.UNMANAGED else ():
                ingress = ingresses.get(route.id.ingress)
                if ingress:
                    keepers.setdefault(world.ingress_class(ingress), set()).add(route.backend)
        frozen = {name: frozenset(backends) for name, backends in keepers.items()}
        return Presence(self._house.own_addresses(), frozen)

    async def _give_back(self, namespace: str, shown: Iterable[Shown]) -> None:
        claimed = {route.id for each in shown for route in each.routes}
        for ingress in list(self._house.world.ingresses.within(namespace).values()):
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
            Route(path.id, path.pointer, unclaimed[path.id].backend, Holder.OURS, "")
            for path in ingress.paths
            if path.id in unclaimed and path.backend and path.backend.service == names.WAKER_SERVICE
        ]
        if unclaimed:
            log.info("%s/%s: giving back routes that no app claims", ingress.namespace, ingress.name)
            await apply_restore(self._house.api, ingress, routes, list(unclaimed))


def _holding(shown: Shown) -> bool:
    return any(route.holder is Holder.OURS for route in shown.routes)
