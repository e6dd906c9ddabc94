"""The one place from which waker writes: guarded, one write at a time for each object, and never too many of them.

    plan ──> change of an object ──> its turn ──> a token ──> patch ──> fields given back

- **A write finds its target again.** Routes are looked for in the very version that is patched (`plan.routes`).
- **One turn an object.** Who has to wait for another's write of the same object joins those who wait, and all of their changes
  go into one patch: forty apps of one Ingress make a few writes, and no conflict with each other.
- **Bounded.** A token bucket for each object, and one of its own for wakes: somebody who undoes what waker writes costs a write
  every two seconds, not a hundred.
- **Nothing is kept.** waker owns no field of a user's object afterwards (`plan.managed_fields`).
- **Refused is not late.** Conflict: somebody was faster, look again. Refused: the API server does not take it, say so.

Used by `reconcile`, by commands and for waker's own objects. Only the Lease, Events and reviews are written elsewhere.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from waker import names
from waker.cluster.client import Api, Json
from waker.cluster.resources import ROUTES, Resource, workload_path
from waker.cluster.token_buckets import TokenBuckets
from waker.cluster.versions import is_newer
from waker.errors import ClusterError, Conflict, Refused, TooSoon
from waker.plan import workload_patches
from waker.plan.actions import Action, Redirect, Restore, ScaleToZero
from waker.plan.managed_fields import released
from waker.plan.model import AppId, Workload
from waker.plan.routes.kinds import KINDS
from waker.plan.routes.route import ObjectId, Patch, Route, RouteId, RouteObject

log = logging.getLogger(__name__)

FindObject = Callable[[ObjectId], RouteObject | None]  # the newest version of an object that holds routes

BURST: Final = 5  # writes of one object at once
EVERY: Final = timedelta(seconds=2)  # then one each
GIVE_BACK_TRIES: Final = 5
MOST_WRITTEN: Final = 100  # objects; an informer is late by less than that


class Lane(Enum):
    """What a write is for. Each lane of each object has a token bucket of its own: a wake never waits for a sleep."""

    SLEEP = "sleep"
    WAKE = "wake"
    OWN = "own"  # objects of waker itself


@dataclass(slots=True)
class RouteChange:
    """What one app wants of one object that holds its routes. `outcome`: None if it was written."""

    holder: ObjectId
    routes: tuple[Route, ...]
    forget: tuple[RouteId, ...] = ()
    to_app: bool = True  # False: to waker
    outcome: ClusterError | None = field(default_factory=lambda: Conflict("it was not written"))


@dataclass(slots=True)
class _Turn:
    """Who writes an object, and how many wait for it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class Writes:
    """Everything that waker writes. `find` gives the newest version of an object that holds routes.

    `installation`: which waker this is, its own namespace.
    """

    def __init__(self, api: Api, find: FindObject, clock: Callable[[], datetime], installation: str = "") -> None:
        self.api = api
        self._find = find
        self._installation = installation
        self._clock = clock
        self._turns: dict[str, _Turn] = {}
        self._waiting: dict[ObjectId, list[RouteChange]] = {}
        # As the API server returned them, until the informer has them, too.
        self._written: dict[ObjectId, RouteObject] = {}
        self._tokens: TokenBuckets[tuple[str, Lane]] = TokenBuckets(BURST, EVERY)

    # --- apps ---

    async def act(self, action: Action, workload: Workload) -> None:
        """Carry out one action, a patch an object. Raises Conflict, Refused, TooSoon, else ClusterError."""
        match action:
            case Redirect(routes):
                for holder in dict.fromkeys(route.id.object for route in routes):
                    mine = tuple(route for route in routes if route.id.object == holder)
                    await self._move(RouteChange(holder, mine, to_app=False))
            case Restore(routes, forget):
                for holder in dict.fromkeys(id.object for id in (*(route.id for route in routes), *forget)):
                    mine = tuple(route for route in routes if route.id.object == holder)
                    await self._move(RouteChange(holder, mine, tuple(id for id in forget if id.object == holder)))
            case _:
                lane = Lane.SLEEP if isinstance(action, ScaleToZero) else Lane.WAKE
                patch = workload_patches.patch(workload, action, self._clock())
                path = workload_path(workload.id)
                async with self._turn(path):
                    await self._send_to_user(path, lane, patch)

    async def restore(self, holder: ObjectId, routes: Iterable[Route], forget: Iterable[RouteId]) -> None:
        """Point routes of one object back, and drop saved entries. Raises as `act` does."""
        await self._move(RouteChange(holder, tuple(routes), tuple(forget)))

    async def annotate(self, workload: AppId, annotations: Mapping[str, str | None]) -> None:
        """Write annotations of a workload; None removes one. Raises as `act` does."""
        path = workload_path(workload)
        async with self._turn(path):
            await self._send_to_user(path, Lane.WAKE, {"metadata": {"annotations": dict(annotations)}})

    # --- objects of waker's own ---

    async def create(self, resource: Resource, namespace: str, body: Json) -> None:
        """Create an object; it says whose it is. Raises Conflict if it is there already, else as `act` does."""
        labels = body["metadata"].get("labels", {}) | {names.INSTALLATION: self._installation}
        meta = body["metadata"] | {"labels": labels}
        whole = {"apiVersion": resource.api_version, "kind": resource.kind, **body, "metadata": meta}
        await self.api.create(resource.collection(namespace), whole)

    async def patch(self, path: str, patch: Json) -> None:
        """Merge a patch into an object. With a resourceVersion in it, it is guarded. Raises as `act` does."""
        async with self._turn(path):
            await self._send(path, Lane.OWN, patch)

    async def patch_installed(self, path: str, patch: Json) -> None:
        """Merge a patch into what waker's installer wrote, and own no field of it afterwards. Raises as `act` does."""
        async with self._turn(path):
            await self._send_to_user(path, Lane.OWN, patch)

    async def delete(self, path: str) -> None:
        """Delete an object, if it is still there. Raises as `act` does."""
        async with self._turn(path):
            await self.api.delete(path)

    # --- one after the other ---

    @asynccontextmanager
    async def _turn(self, path: str) -> AsyncIterator[None]:
        turn = self._turns.setdefault(path, _Turn())
        turn.users += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.users -= 1
            if not turn.users:
                del self._turns[path]

    async def _send(self, path: str, lane: Lane, patch: Json | Patch) -> Json:
        wait = self._tokens.spend((path, lane), self._clock())
        if wait:
            raise TooSoon(path, wait)
        return await self.api.patch(path, patch)

    async def _send_to_user(self, path: str, lane: Lane, patch: Json | Patch) -> Json:
        """And give the fields back. If that fails, the next write of the object does it."""
        made = await self._send(path, lane, patch)
        for _ in range(GIVE_BACK_TRIES):
            release = released(made)
            if not release:
                break
            try:
                made = await self.api.patch(path, release)
            except Conflict:  # its controller has written its status meanwhile
                made = await self._newer(path, made)
            except ClusterError as error:
                log.debug("%s: its fields are given back with the next write: %s", path, error)
                break
        return made

    async def _newer(self, path: str, made: Json) -> Json:
        try:
            return await self.api.get(path)
        except ClusterError as error:
            log.debug("%s cannot be read again: %s", path, error)
            return made

    async def _move(self, change: RouteChange) -> None:
        """Join those who wait for this object. Whoever has the turn writes for all of them."""
        self._waiting.setdefault(change.holder, []).append(change)
        async with self._turn(_path(change.holder)):
            together = self._waiting.pop(change.holder, [])  # empty if somebody has written it for this one as well
            for to_app in (True, False):
                await self._move_together(change.holder, [each for each in together if each.to_app is to_app])
        if change.outcome:
            raise change.outcome

    async def _move_together(self, holder: ObjectId, changes: Sequence[RouteChange]) -> None:
        """In one patch. Whose routes are not as they were stays out of it; so does who is to blame if it is refused."""
        fitting = changes if len(changes) == 1 else [each for each in changes if self._fits(each)]
        outcome = await self._write(holder, fitting) if fitting else None
        for each in fitting:
            alone = isinstance(outcome, Refused) and len(fitting) > 1
            each.outcome = await self._write(holder, [each]) if alone else outcome

    def _fits(self, change: RouteChange) -> bool:
        try:
            self._patch_of([change])
        except Conflict as error:
            change.outcome = error
            return False
        return True

    async def _write(self, holder: ObjectId, changes: Sequence[RouteChange]) -> ClusterError | None:
        lane = Lane.WAKE if changes[0].to_app else Lane.SLEEP
        try:
            made = await self._send_to_user(_path(holder), lane, self._patch_of(changes))
        except Conflict as error:
            # What was written last is not what is there. If etcd was restored, it looks newer for ever.
            self._written.pop(holder, None)
            return error
        except ClusterError as error:
            return error
        self._written[holder] = KINDS[holder.kind].parse(made)
        while len(self._written) > MOST_WRITTEN:
            del self._written[next(iter(self._written))]
        return None

    def _patch_of(self, changes: Sequence[RouteChange]) -> Patch:
        """Raises Conflict if the object is gone, or if some of these routes are not as they were."""
        holder, kind = self._newest(changes[0].holder), KINDS[changes[0].holder.kind]
        routes = [route for each in changes for route in each.routes]
        if changes[0].to_app:
            return kind.restore(holder, routes, [id for each in changes for id in each.forget])
        return kind.redirect(holder, routes, self._clock())

    def _newest(self, id: ObjectId) -> RouteObject:
        """What was written last, if the informer does not have it yet."""
        found, written = self._find(id), self._written.get(id)
        if found is None:
            raise Conflict(f"{id} is gone")
        if written and is_newer(written.version, found.version):
            return written
        self._written.pop(id, None)
        return found


def _path(holder: ObjectId) -> str:
    return ROUTES[holder.kind].one(holder.namespace, holder.name)
