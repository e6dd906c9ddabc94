"""The store of the embedded cluster: every object, a bounded history of changes, and subscriptions to new ones.

It does no IO and has no rules about objects: those are in `admission` and `verbs`, through which clients write. The
controllers, the node and the ingress subscribe to changes. An object is never modified in place: a write stores another
one. The subtle thing: a version that is older than the history has expired (410), as in a real API server.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from waker.demo.kinds import KINDS, Key, Obj, ServedResource
from waker.demo.refusals import expired, too_large


class StoredChange(NamedTuple):
    """A write. `old` is None for a new object, `new` for a removed one."""

    version: int
    resource: ServedResource
    key: Key
    old: Obj | None
    new: Obj | None


class StoreBackup(NamedTuple):
    """All objects as they were at a version."""

    version: int
    objects: dict[ServedResource, dict[Key, Obj]]


class Subscription:
    """The changes of some kinds since it was opened, in order, until it is closed."""

    def __init__(self, resources: tuple[ServedResource, ...]) -> None:
        self.resources = resources
        self._changes: deque[StoredChange] = deque()
        self._arrived = asyncio.Event()
        self.closed = False

    def push(self, change: StoredChange) -> None:
        """Add a change. The store calls this."""
        self._changes.append(change)
        self._arrived.set()

    def close(self) -> None:
        """End it. A pending `wait` returns."""
        self.closed = True
        self._arrived.set()

    async def wait(self, seconds: float | None = None) -> list[StoredChange]:
        """The changes since the last call, as soon as there are any; none after so many seconds, or when it is closed."""
        if not self._changes and not self.closed:
            with suppress(TimeoutError):  # a change may have arrived at the last moment
                async with asyncio.timeout(seconds):
                    await self._arrived.wait()
        self._arrived.clear()
        changes = list(self._changes)
        self._changes.clear()
        return changes


class Store:
    """All objects by kind and key. `window` is the number of changes that are kept for each kind."""

    def __init__(self, window: int = 1000) -> None:
        self.version = 1
        self._objects: dict[ServedResource, dict[Key, Obj]] = {resource: {} for resource in KINDS}
        self._history: dict[ServedResource, deque[StoredChange]] = {resource: deque() for resource in KINDS}
        self._forgotten: dict[ServedResource, int] = dict.fromkeys(KINDS, 0)
        self._window = window
        self._subscriptions: set[Subscription] = set()

    def get(self, resource: ServedResource, key: Key) -> Obj | None:
        """The object as it is now, or None. Do not modify it."""
        return self._objects[resource].get(key)

    def all(self, resource: ServedResource) -> list[Obj]:
        """All objects of a kind, in no particular order."""
        return list(self._objects[resource].values())

    def write(self, resource: ServedResource, key: Key, obj: Obj | None) -> Obj | None:
        """Store this state with the next version, or remove the object. All subscriptions get the change."""
        self.version += 1
        old = self._objects[resource].pop(key, None)
        if obj is not None:
            obj = obj | {"metadata": obj["metadata"] | {"resourceVersion": str(self.version)}}
            self._objects[resource][key] = obj
        change = StoredChange(self.version, resource, key, old, obj)
        self._remember(change)
        self._push(change)
        return obj

    def since(self, resource: ServedResource, version: int) -> list[StoredChange]:
        """The changes after a version. Raises ApiRefusal (410) if it has expired."""
        if version > self.version:
            raise too_large(version, self.version)
        if version < self._forgotten[resource]:
            raise expired(f"too old resource version: {version} ({self._forgotten[resource]})")
        return [change for change in self._history[resource] if change.version > version]

    def at(self, resource: ServedResource, version: int) -> dict[Key, Obj]:
        """The objects of a kind as they were at a version. Raises ApiRefusal (410) if it has expired."""
        objects = dict(self._objects[resource])
        for change in reversed(self.since(resource, version)):
            objects.pop(change.key, None)
            if change.old is not None:
                objects[change.key] = change.old
        return objects

    def forget(self) -> None:
        """Drop the whole history, so that every version read so far has expired."""
        for resource in KINDS:
            self._history[resource].clear()
            self._forgotten[resource] = self.version + 1
        self.version += 1

    def snapshot(self) -> "StoreBackup":
        """A backup, as of etcd."""
        return StoreBackup(self.version, {resource: dict(objects) for resource, objects in self._objects.items()})

    def restore(self, backup: "StoreBackup") -> None:
        """Go back to what was, versions included. Subscriptions get the differences; the history does not know of them."""
        self.version = backup.version
        for resource in reversed(KINDS):  # routes before workloads, as KubeSleeper would write it
            before, self._objects[resource] = self._objects[resource], dict(backup.objects[resource])
            self._history[resource].clear()
            self._forgotten[resource] = 0
            for key in before.keys() | self._objects[resource].keys():
                old, new = before.get(key), self._objects[resource].get(key)
                if old != new:
                    self._push(StoredChange(self.version, resource, key, old, new))

    @contextmanager
    def subscribe(self, *resources: ServedResource) -> Iterator[Subscription]:
        """A subscription to all changes of these kinds from now on."""
        subscription = Subscription(resources)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def close(self) -> None:
        """Close all subscriptions."""
        for subscription in self._subscriptions:
            subscription.close()

    def _push(self, change: StoredChange) -> None:
        for subscription in self._subscriptions:
            if change.resource in subscription.resources:
                subscription.push(change)

    def _remember(self, change: StoredChange) -> None:
        history = self._history[change.resource]
        history.append(change)
        if len(history) > self._window:
            self._forgotten[change.resource] = history.popleft().version
