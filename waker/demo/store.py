"""Every object of the embedded cluster, its versions, and who wants to hear of changes.

No IO and no rules about objects: those are in `admission` and `verbs`. Objects in here are never changed in place:
a write stores another one. The history is bounded: whoever comes back with a version older than it is told that it
has expired, as by the real API server.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from waker.demo.kinds import KINDS, Key, Obj, ServedResource
from waker.demo.refusals import expired


class StoredChange(NamedTuple):
    """One write. `old` is None for a new object, `new` is None for a removed one."""

    version: int
    resource: ServedResource
    key: Key
    old: Obj | None
    new: Obj | None


class Subscription:
    """The changes of some kinds since it was opened, in order. Ends when it is closed."""

    def __init__(self, resources: tuple[ServedResource, ...]) -> None:
        self.resources = resources
        self._changes: deque[StoredChange] = deque()
        self._arrived = asyncio.Event()
        self.closed = False

    def push(self, change: StoredChange) -> None:
        """Called by the store."""
        self._changes.append(change)
        self._arrived.set()

    def close(self) -> None:
        """Whoever waits for changes waits no longer."""
        self.closed = True
        self._arrived.set()

    async def wait(self, seconds: float | None = None) -> list[StoredChange]:
        """The changes not yet taken, as soon as there are any; none if the time is over or it is closed."""
        if not self._changes and not self.closed:
            with suppress(TimeoutError):  # a change may have come all the same
                async with asyncio.timeout(seconds):
                    await self._arrived.wait()
        self._arrived.clear()
        taken = list(self._changes)
        self._changes.clear()
        return taken


class Store:
    """All objects by kind and key. `window`: how many changes of a kind are remembered."""

    def __init__(self, window: int = 1000) -> None:
        self.version = 1
        self._objects: dict[ServedResource, dict[Key, Obj]] = {resource: {} for resource in KINDS}
        self._history: dict[ServedResource, deque[StoredChange]] = {resource: deque() for resource in KINDS}
        self._forgotten: dict[ServedResource, int] = dict.fromkeys(KINDS, 0)
        self._window = window
        self._subscriptions: set[Subscription] = set()

    def get(self, resource: ServedResource, key: Key) -> Obj | None:
        """The object as it is now. Not to be changed."""
        return self._objects[resource].get(key)

    def all(self, resource: ServedResource) -> list[Obj]:
        """Every object of a kind, in no order."""
        return list(self._objects[resource].values())

    def write(self, resource: ServedResource, key: Key, obj: Obj | None) -> Obj | None:
        """Store this state, or remove the object; stamps the next version on it and tells everybody."""
        self.version += 1
        old = self._objects[resource].pop(key, None)
        if obj is not None:
            obj = obj | {"metadata": obj["metadata"] | {"resourceVersion": str(self.version)}}
            self._objects[resource][key] = obj
        change = StoredChange(self.version, resource, key, old, obj)
        self._remember(change)
        for subscription in self._subscriptions:
            if resource in subscription.resources:
                subscription.push(change)
        return obj

    def since(self, resource: ServedResource, version: int) -> list[StoredChange]:
        """What changed after a version. Raises Refused (410) if that is no longer known."""
        if version < self._forgotten[resource]:
            raise expired(f"too old resource version: {version} ({self._forgotten[resource]})")
        return [change for change in self._history[resource] if change.version > version]

    def at(self, resource: ServedResource, version: int) -> dict[Key, Obj]:
        """The objects of a kind as they were at a version. Raises Refused (410) if that is no longer known."""
        objects = dict(self._objects[resource])
        for change in reversed(self.since(resource, version)):
            objects.pop(change.key, None)
            if change.old is not None:
                objects[change.key] = change.old
        return objects

    def forget(self) -> None:
        """Forget the whole history: every version read so far has expired."""
        for resource in KINDS:
            self._history[resource].clear()
            self._forgotten[resource] = self.version + 1
        self.version += 1

    @contextmanager
    def subscribe(self, *resources: ServedResource) -> Iterator[Subscription]:
        """Hear of every change from now on."""
        subscription = Subscription(resources)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def close(self) -> None:
        """Nothing will change any more."""
        for subscription in self._subscriptions:
            subscription.close()

    def _remember(self, change: StoredChange) -> None:
        history = self._history[change.resource]
        history.append(change)
        if len(history) > self._window:
            self._forgotten[change.resource] = history.popleft().version
