"""Where the pods of an app listen: EndpointSlices, followed only while an app wakes or falls asleep.

A big cluster has many slices and they change often, so there is no watch over all: each app that needs one has a small one
of its own Services, for as long as `follow` is repeated, and a little longer.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from waker import names
from waker.cluster.client import Api
from waker.cluster.manifests import endpoints
from waker.cluster.reflector import Reflector, Source
from waker.cluster.resources import ENDPOINT_SLICES
from waker.plan.model import Address, AppId


@dataclass(frozen=True, slots=True)
class Slice:
    """The ready addresses of one EndpointSlice, by port name."""

    service: str
    ports: Mapping[str, tuple[Address, ...]]


def slice_of(found: Mapping[str, Any]) -> Slice:
    """An EndpointSlice."""
    labels = found["metadata"].get("labels") or {}
    return Slice(labels.get(names.SLICE_SERVICE, ""), endpoints(found))


@dataclass(slots=True)
class _Watch:
    services: frozenset[str]
    reflector: Reflector[Slice]
    task: asyncio.Task[None]
    turn: "count[int]" = field(default_factory=count)


class Endpoints:
    """The watches. `changed(app)` is called when an app's ready addresses may have changed."""

    def __init__(self, api: Api, changed: Callable[[AppId], None], clock: Callable[[], datetime]) -> None:
        self._api = api
        self._changed = changed
        self._clock = clock
        self._watches: dict[AppId, _Watch] = {}

    def follow(self, app: AppId, services: Iterable[str], tasks: asyncio.TaskGroup) -> None:
        """Watch the slices of these Services; does nothing if that is so already."""
        wanted = frozenset(services)
        known = self._watches.get(app)
        if known and known.services == wanted:
            return
        self.leave(app)
        selector = f"{names.SLICE_SERVICE} in ({','.join(sorted(wanted))})"
        source = Source(ENDPOINT_SLICES.collection(app.namespace), {"labelSelector": selector})
        reflector = Reflector(self._api, source, slice_of, lambda old, new: self._changed(app), self._clock)
        task = tasks.create_task(reflector.run(), name=f"endpoints of {app}")
        self._watches[app] = _Watch(wanted, reflector, task)

    def leave(self, app: AppId) -> None:
        """Stop watching."""
        known = self._watches.pop(app, None)
        if known:
            known.task.cancel()

    def followed(self) -> list[AppId]:
        """The apps that are being watched."""
        return list(self._watches)

    def ready(self, app: AppId, service: str, port_name: str) -> tuple[Address, ...]:
        """The ready addresses behind one Service port; none if that is not known."""
        known = self._watches.get(app)
        slices = known.reflector.values() if known else ()
        return tuple(a for each in slices if each.service == service for a in each.ports.get(port_name, ()))

    def pick(self, app: AppId, service: str, port_name: str) -> Address | None:
        """One of the ready addresses, in turn."""
        addresses = self.ready(app, service, port_name)
        return addresses[next(self._watches[app].turn) % len(addresses)] if addresses else None
