"""Where the pods of an app listen: EndpointSlices, followed only while an app wakes or falls asleep.

A big cluster has many slices and they change often, so there is no watch over all: each app that needs one has a small one
of its own Services, for as long as `follow` is repeated. Kubernetes calls a pod without a readiness probe ready when its
process starts, which is before it listens: so an address counts once it has accepted a connection. Where waker cannot
reach it at all, for a NetworkPolicy lets the ingress controllers in only, Kubernetes is believed after a while.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from waker import names
from waker.cluster.client import Api
from waker.cluster.informer import Informer, Source
from waker.cluster.manifests import endpoints
from waker.cluster.resources import ENDPOINT_SLICES
from waker.plan.model import Address, AppId

ACCEPTS_WITHIN = 0.5  # seconds
BELIEVED_AFTER = timedelta(seconds=5)
AT_ONCE = 20  # addresses tried in one go

Reach = Callable[[Address], Awaitable[bool]]
ServicePortName = tuple[str, str]  # the Service's name, its port's name or ""


@dataclass(frozen=True, slots=True)
class EndpointPorts:
    """The addresses of one EndpointSlice by port name: those that are ready, and those that start."""

    service: str
    ports: Mapping[str, tuple[Address, ...]]
    starting: Mapping[str, tuple[Address, ...]]


def endpoint_ports(found: Mapping[str, Any]) -> EndpointPorts:
    """An EndpointSlice."""
    labels = found["metadata"].get("labels") or {}
    return EndpointPorts(labels.get(names.SLICE_SERVICE, ""), endpoints(found), endpoints(found, ready=False))


@dataclass(slots=True)
class _SliceWatch:
    services: frozenset[str]
    informer: Informer[EndpointPorts]
    task: asyncio.Task[None]
    turn: "count[int]" = field(default_factory=count)
    listening: set[Address] = field(default_factory=set)
    silent_since: dict[Address, datetime] = field(default_factory=dict)


class AppEndpoints:
    """The watches. `changed(app)` is called when an app's ready addresses may have changed."""

    def __init__(
        self, api: Api, changed: Callable[[AppId], None], clock: Callable[[], datetime], reach: Reach | None = None
    ) -> None:
        self._api = api
        self._changed = changed
        self._clock = clock
        self._reach = reach or accepts
        self._watches: dict[AppId, _SliceWatch] = {}

    def watch(self, app: AppId, services: Iterable[str], tasks: asyncio.TaskGroup) -> None:
        """Watch the slices of these Services; does nothing if that is so already."""
        wanted = frozenset(services)
        known = self._watches.get(app)
        if known and known.services == wanted:
            return
        self.unwatch(app)
        selector = f"{names.SLICE_SERVICE} in ({','.join(sorted(wanted))})"
        source = Source(ENDPOINT_SLICES.collection(app.namespace), {"labelSelector": selector})
        reflector = Informer(self._api, source, endpoint_ports, lambda old, new: self._changed(app), self._clock)
        task = tasks.create_task(reflector.run(), name=f"endpoints of {app}")
        self._watches[app] = _SliceWatch(wanted, reflector, task)

    def unwatch(self, app: AppId) -> None:
        """Stop watching."""
        known = self._watches.pop(app, None)
        if known:
            known.task.cancel()

    def watched(self) -> list[AppId]:
        """The apps that are being watched."""
        return list(self._watches)

    async def try_addresses(self, app: AppId, ports: Iterable[ServicePortName]) -> bool:
        """Try the addresses behind these ports that have not accepted a connection. True if there is none left to try."""
        known = self._watches.get(app)
        if not known:
            return True
        ready = {address for port in ports for address in _addresses(known, port)}
        known.listening &= ready
        for gone in known.silent_since.keys() - ready:
            del known.silent_since[gone]
        new = sorted(address for address in ready - known.listening if not self._trusted(known, address))[:AT_ONCE]
        accepted = await asyncio.gather(*(self._reach(address) for address in new))
        for address, accepts in zip(new, accepted, strict=True):
            if accepts:
                known.listening.add(address)
            else:
                known.silent_since.setdefault(address, self._clock())
        return all(address in known.listening or self._trusted(known, address) for address in ready)

    def _trusted(self, known: _SliceWatch, address: Address) -> bool:
        since = known.silent_since.get(address)
        return since is not None and self._clock() - since >= BELIEVED_AFTER

    def ready(self, app: AppId, service: str, port_name: str) -> tuple[Address, ...]:
        """The ready addresses behind one Service port; none if that is not known."""
        known = self._watches.get(app)
        found = _addresses(known, (service, port_name)) if known else ()
        return tuple(each for each in found if known and (each in known.listening or self._trusted(known, each)))

    def pick(self, app: AppId, service: str, port_name: str, answering: frozenset[str] = frozenset()) -> Address | None:
        """One of the addresses that waker itself can reach, in turn: of the ready ones, else of those that start.

        `answering`: hosts that are as good as ready, or ready and not yet tried.
        """
        known = self._watches.get(app)
        if not known:
            return None
        reached = [each for each in self.ready(app, service, port_name) if each in known.listening]
        if not reached and answering:
            port = (service, port_name)
            found = (*_addresses(known, port), *_addresses(known, port, starting=True))
            reached = [each for each in found if each.host in answering]
        return reached[next(known.turn) % len(reached)] if reached else None


def _addresses(known: _SliceWatch, port: ServicePortName, *, starting: bool = False) -> Iterator[Address]:
    service, name = port
    for each in known.informer.values():
        if each.service == service:
            yield from (each.starting if starting else each.ports).get(name, ())


async def accepts(address: Address, within: float = ACCEPTS_WITHIN) -> bool:
    """Whether something listens there, as far as it can be told within so many seconds."""
    try:
        async with asyncio.timeout(within):
            _, writer = await asyncio.open_connection(address.host, address.port)
    except (OSError, TimeoutError, ValueError):
        return False
    writer.close()
    return True
