"""What a watcher is told: every change since a version, through the eyes of its selector.

An object that starts to match was ADDED, one that stops was DELETED, whatever the write was. Bookmarks only move the
watcher's version on. Knows no HTTP: the server writes these events out, one a line.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from waker.demo.kinds import Obj, ServedResource
from waker.demo.refusals import ApiRefusal
from waker.demo.selectors import LabelSelector
from waker.demo.store import Store, StoredChange, Subscription


@dataclass(frozen=True, slots=True)
class ServedWatch:
    """What is to be watched. `version` None: begin with everything there is. Times in seconds."""

    resource: ServedResource
    namespace: str
    selector: LabelSelector
    version: int | None
    timeout: float
    bookmark_every: float | None = None

    def sees(self, obj: Obj | None) -> bool:
        """Is this state of an object meant?"""
        if obj is None or self.namespace not in ("", obj["metadata"].get("namespace", "")):
            return False
        return self.selector.matches(obj)


def event(kind: str, obj: Obj) -> Obj:
    """One line of the stream."""
    return {"type": kind, "object": obj}


def event_of(change: StoredChange, watch: ServedWatch) -> Obj | None:
    """What this watcher is told of a change. A DELETED object has its last state and the new version."""
    before, after = watch.sees(change.old), watch.sees(change.new)
    if after and change.new is not None:
        return event("MODIFIED" if before else "ADDED", change.new)
    if before and change.old is not None:
        metadata = change.old["metadata"] | {"resourceVersion": str(change.version)}
        return event("DELETED", change.old | {"metadata": metadata})
    return None


def bookmark(resource: ServedResource, version: int) -> Obj:
    """Nothing happened up to this version."""
    metadata = {"resourceVersion": str(version)}
    return event("BOOKMARK", {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata})


def backlog(store: Store, watch: ServedWatch) -> Iterator[Obj]:
    """What has happened before the watch began. Raises Refused (410)."""
    if watch.version is None:
        yield from (event("ADDED", obj) for obj in store.all(watch.resource) if watch.sees(obj))
        return
    for change in store.since(watch.resource, watch.version):
        told = event_of(change, watch)
        if told:
            yield told


async def events(store: Store, watch: ServedWatch, changes: Subscription) -> AsyncIterator[Obj]:
    """Everything a watcher is told until its time is over or the subscription is closed."""
    try:
        told = list(backlog(store, watch))
    except ApiRefusal as refusal:
        yield event("ERROR", refusal.status())
        return
    reached = store.version  # what `changes` holds up to here is in the backlog
    for earlier in told:
        yield earlier
    loop = asyncio.get_running_loop()
    deadline = loop.time() + watch.timeout
    due = loop.time() + (watch.bookmark_every or watch.timeout)
    while not changes.closed and loop.time() < deadline:
        arrived = await changes.wait(max(0.0, min(deadline, due) - loop.time()))
        before, reached = reached, store.version  # taken at once: a bookmark must not run ahead of an event
        for change in arrived:
            seen = event_of(change, watch) if change.version > before else None
            if seen:
                yield seen
        if watch.bookmark_every and loop.time() >= min(due, deadline) and not changes.closed:
            yield bookmark(watch.resource, reached)
            due = loop.time() + watch.bookmark_every
