"""The events of a watch: every change since a version, as its selector sees it.

`server` sends them, one a line; this module knows no HTTP. The subtle thing: to a watch with a selector, an object that
begins to match is ADDED and one that ceases to match is DELETED, whatever the write was. Bookmarks only move the client's
version on.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from waker.demo.kinds import Obj, ServedResource
from waker.demo.refusals import ApiRefusal
from waker.demo.selectors import ObjectSelector
from waker.demo.store import Store, StoredChange, Subscription


@dataclass(frozen=True, slots=True)
class ServedWatch:
    """What to watch. `version` None: begin with all objects that exist. Times are in seconds."""

    resource: ServedResource
    namespace: str
    selector: ObjectSelector
    version: int | None
    timeout: float
    bookmark_every: float | None = None

    def selects(self, obj: Obj | None) -> bool:
        """Whether this state of an object is watched."""
        if obj is None or self.namespace not in ("", obj["metadata"].get("namespace", "")):
            return False
        return self.selector.matches(obj)


def event(kind: str, obj: Obj) -> Obj:
    """One line of the stream."""
    return {"type": kind, "object": obj}


def event_of(change: StoredChange, watch: ServedWatch) -> Obj | None:
    """The event of a change for this watch, if there is one. A DELETED object has its last state and the new version."""
    before, after = watch.selects(change.old), watch.selects(change.new)
    if after and change.new is not None:
        return event("MODIFIED" if before else "ADDED", change.new)
    if before and change.old is not None:
        metadata = change.old["metadata"] | {"resourceVersion": str(change.version)}
        return event("DELETED", change.old | {"metadata": metadata})
    return None


def bookmark(resource: ServedResource, version: int) -> Obj:
    """An event that says: you have seen everything up to this version."""
    metadata = {"resourceVersion": str(version)}
    return event("BOOKMARK", {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata})


def backlog(store: Store, watch: ServedWatch) -> Iterator[Obj]:
    """The events from before the watch began. Raises ApiRefusal (410)."""
    if watch.version is None:
        yield from (event("ADDED", obj) for obj in store.all(watch.resource) if watch.selects(obj))
        return
    for change in store.since(watch.resource, watch.version):
        missed = event_of(change, watch)
        if missed:
            yield missed


async def events(store: Store, watch: ServedWatch, changes: Subscription) -> AsyncIterator[Obj]:
    """All events of a watch, until its time is over or the subscription is closed."""
    try:
        missed = list(backlog(store, watch))
    except ApiRefusal as refusal:
        yield event("ERROR", refusal.status())
        return
    sent_up_to = store.version  # changes up to here are in the backlog
    for earlier in missed:
        yield earlier
    loop = asyncio.get_running_loop()
    deadline = loop.time() + watch.timeout
    bookmark_due = loop.time() + (watch.bookmark_every or watch.timeout)
    while not changes.closed and loop.time() < deadline:
        arrived = await changes.wait(max(0.0, min(deadline, bookmark_due) - loop.time()))
        before, sent_up_to = sent_up_to, store.version  # before any await: a bookmark must not run ahead of an event
        for change in arrived:
            selected = event_of(change, watch) if change.version > before else None
            if selected:
                yield selected
        if watch.bookmark_every and loop.time() >= min(bookmark_due, deadline) and not changes.closed:
            yield bookmark(watch.resource, sent_up_to)
            bookmark_due = loop.time() + watch.bookmark_every
