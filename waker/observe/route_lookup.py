"""Asks the API server for an app's routes, before a closed door turns a visitor away.

An informer may be late, and then a route leads to this replica that it does not know of yet. Only the objects that
held the app's routes are read, for each door at most once a second, whoever knocks.
"""

import asyncio
import logging
from typing import Final

from waker.cluster.client import Api
from waker.cluster.resources import ROUTES
from waker.plan.doors import DoorKey
from waker.plan.routes.kinds import KINDS
from waker.plan.routes.route import ObjectId
from waker.web.registry import AppRegistry

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 1.0  # seconds


class RouteLookup:
    """Looks for routes that lead to a door, and opens the door if there is one."""

    def __init__(self, api: Api, registry: AppRegistry) -> None:
        self._api = api
        self._registry = registry
        self._looks: dict[int, asyncio.Task[bool]] = {}  # by door; each is kept for LOOK_EVERY

    async def leads_to(self, number: int, key: DoorKey) -> bool:
        """Whether a route of the app leads to this door. Never raises, whatever the API server says.

        Whoever knocks meanwhile waits for the same answer.
        """
        look = self._looks.get(number)
        if look is None:
            loop = asyncio.get_running_loop()
            look = self._looks[number] = loop.create_task(self._look(number, key))
            loop.call_later(LOOK_EVERY, self._looks.pop, number, None)
        return await asyncio.shield(look)  # a visitor who leaves does not end it for the others

    async def _look(self, number: int, key: DoorKey) -> bool:
        registered = self._registry.get(key.app)
        objects = {route.id.object for route in registered.routes} if registered else ()
        found = any(await asyncio.gather(*(self._names(id, number) for id in objects)))
        if found:
            self._registry.doors.reopen(*key)
        return found

    async def _names(self, id: ObjectId, number: int) -> bool:
        try:
            found = await self._api.get(ROUTES[id.kind].one(id.namespace, id.name))
            return number in KINDS[id.kind].doors(KINDS[id.kind].parse(found))
        except Exception as error:  # a refusal, or an answer that is no route
            log.debug("no route was read", extra={"route": str(id), "error": repr(error)})
            return False
