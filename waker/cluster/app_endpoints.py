"""Where the pods of an app listen: its EndpointSlices, watched only while the app wakes or falls asleep.

A big cluster has many slices and they change often, so waker does not watch all of them. An app that needs them gets
small informers of the slices of its own Services and of the pods that these select, from `watch` until `unwatch`;
`reconcile.app` and `restore --all` call both. Knows nothing of routes.
An address in a slice counts only if a pod of the workload has it (`pod_addresses`); until then nothing is sent there. The
kubelet writes a pod's address before the pod is ready, and the slice follows the pod, so this costs a wake no time.
The subtle thing: Kubernetes calls a pod without a readiness probe ready when its process starts, before it listens. So an
address counts only once it has accepted a connection. One that refuses connections can be reached, and nobody listens there
yet. If it is silent, for example because a NetworkPolicy admits only the ingress controllers, Kubernetes is believed after a
few seconds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from functools import partial
from typing import Any, NamedTuple

from waker import names
from waker.cluster.client import Api
from waker.cluster.informer import Informer, Source
from waker.cluster.manifests import endpoints
from waker.cluster.pod_addresses import pod_hosts
from waker.cluster.resources import ENDPOINT_SLICES, PODS
from waker.plan.model import LONG_AGO, Address, AppId, Service, Workload

ACCEPTS_WITHIN = 0.5  # seconds
# Of silence: from then on Kubernetes' word is enough, and the address is tried once in a while.
BELIEVED_AFTER = timedelta(seconds=5)
TRIES_AT_ONCE = 20  # addresses
STRANGE_AFTER = timedelta(seconds=2)  # a slice may be known before the pod whose address it lists


class Reply(Enum):
    """What comes of a connection."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # waker reaches the pod, and nobody listens there
    SILENT = "silent"


TryAddress = Callable[[Address], Awaitable[Reply]]
ServicePortName = tuple[str, str]  # the Service's name, its port's name or ""


@dataclass(frozen=True, slots=True)
class SliceAddresses:
    """The addresses in one EndpointSlice by port name: those that are ready, and those that are not ready yet."""

    service: str
    ready: Mapping[str, tuple[Address, ...]]
    starting: Mapping[str, tuple[Address, ...]]


def slice_addresses(found: Mapping[str, Any]) -> SliceAddresses:
    """An EndpointSlice as JSON -> its addresses."""
    labels = found["metadata"].get("labels") or {}
    return SliceAddresses(labels.get(names.SLICE_SERVICE, ""), endpoints(found), endpoints(found, ready=False))


def slice_selector(services: Iterable[Service]) -> str:
    """The label selector of the EndpointSlices of these Services."""
    return f"{names.SLICE_SERVICE} in ({','.join(sorted(each.name for each in services))})"


class _Watched(NamedTuple):
    uid: str  # of the workload: a new one of the same name has other pods
    services: frozenset[str]
    selectors: frozenset[str]  # of these Services, as label selectors


@dataclass(slots=True)
class _EndpointWatch:
    watched: _Watched
    slices: Informer[SliceAddresses]
    pods: list[Informer[frozenset[str]]]  # their hosts; one informer for each selector
    tasks: list[asyncio.Task[None]]
    excluded: Callable[[Address], bool]
    accepting: set[Address] = field(default_factory=set)
    silent_since: dict[Address, datetime] = field(default_factory=dict)
    tried_at: dict[Address, datetime] = field(default_factory=dict)
    strange_since: dict[Address, datetime] = field(default_factory=dict)  # ready, and no pod of the workload has it

    def addresses(self, port: ServicePortName, *, starting: bool = False) -> Iterator[Address]:
        hosts = self._hosts()
        found = (each for each in self._listed(port, starting=starting) if each.host in hosts)
        yield from (each for each in found if not self.excluded(each))

    def strangers(self, ports: Iterable[ServicePortName]) -> set[Address]:
        hosts = self._hosts()
        found = {address for port in ports for address in self._listed(port) if address.host not in hosts}
        return {address for address in found if not self.excluded(address)}

    def _hosts(self) -> set[str]:
        return {host for informer in self.pods for found in informer.values() for host in found}

    def _listed(self, port: ServicePortName, *, starting: bool = False) -> Iterator[Address]:
        service, name = port
        for each in self.slices.values():
            if each.service == service:
                yield from (each.starting if starting else each.ready).get(name, ())


class AppEndpoints:
    """The watches by app. `on_change(app)` is called when an app's ready addresses may have changed.

    `excluded`: whether an address is never an app's, whatever its pods say.
    """

    def __init__(
        self,
        api: Api,
        on_change: Callable[[AppId], None],
        clock: Callable[[], datetime],
        excluded: Callable[[Address], bool],
        try_address: TryAddress | None = None,
    ) -> None:
        self._api = api
        self._on_change = on_change
        self._clock = clock
        self._excluded = excluded
        self._try = try_address or reply_of
        self._watches: dict[AppId, _EndpointWatch] = {}

    def watch(self, workload: Workload, services: Iterable[Service], tasks: asyncio.TaskGroup) -> None:
        """Watch the slices of these Services and the pods that they select. Does nothing if they are watched already.

        Without replicas there is nothing to see. So in a wake the first request to the API server is the one that sets them,
        and many apps that wake at the same moment do not keep each other waiting with their lists.
        """
        if not workload.replicas:
            self.unwatch(workload.id)
            return
        app, found = workload.id, list(services)
        wanted = _Watched(
            workload.uid, frozenset(each.name for each in found), frozenset(each.label_selector for each in found)
        )
        current = self._watches.get(app)
        if current and current.watched == wanted:
            return
        self.unwatch(app)
        if not found:
            return

        def changed(_old: object, _new: object) -> None:
            self._on_change(app)

        source = Source(ENDPOINT_SLICES.collection(app.namespace), {"labelSelector": slice_selector(found)})
        slices = Informer(self._api, source, slice_addresses, changed, self._clock)
        pods = [
            Informer(
                self._api,
                Source(PODS.collection(app.namespace), {"labelSelector": selector}),
                partial(pod_hosts, workload),
                changed,
                self._clock,
            )
            for selector in sorted(wanted.selectors)
        ]
        running = [tasks.create_task(slices.run(), name=f"endpoints of {app}")]
        running += [tasks.create_task(each.run(), name=f"pod addresses of {app}") for each in pods]
        self._watches[app] = _EndpointWatch(wanted, slices, pods, running, self._excluded)

    def unwatch(self, app: AppId) -> None:
        """Stop watching an app's slices and pods, if they are watched."""
        watch = self._watches.pop(app, None)
        for task in watch.tasks if watch else ():
            task.cancel()

    def watched(self) -> list[AppId]:
        """The apps whose slices and pods are watched."""
        return list(self._watches)

    async def try_addresses(self, app: AppId, ports: Iterable[ServicePortName]) -> set[ServicePortName]:
        """Try to connect to the ready addresses behind these ports. Those where some do not count as ready afterwards.

        Addresses that have accepted a connection are not tried again, those that are silent for long once in a while.
        """
        watch = self._watches.get(app)
        if not watch:
            return set()
        behind = {port: set(watch.addresses(port)) for port in ports}
        strangers = watch.strangers(behind)
        watch.strange_since = {each: watch.strange_since.get(each, self._clock()) for each in strangers}
        ready = set[Address]().union(*behind.values())
        watch.accepting &= ready
        for times in (watch.silent_since, watch.tried_at):
            for gone in times.keys() - ready:
                del times[gone]
        untried = [address for address in ready - watch.accepting if self._worth_a_try(watch, address)]
        untried = sorted(untried, key=lambda each: (watch.tried_at.get(each, LONG_AGO), each))[:TRIES_AT_ONCE]
        for address, reply in zip(untried, await asyncio.gather(*map(self._try, untried)), strict=True):
            watch.tried_at[address] = self._clock()
            if reply is Reply.SILENT:
                watch.silent_since.setdefault(address, self._clock())
            else:
                watch.silent_since.pop(address, None)
            if reply is Reply.ACCEPTED:
                watch.accepting.add(address)
        counted = {address for address in ready if address in watch.accepting or self._believed(watch, address)}
        return {port for port, addresses in behind.items() if not addresses <= counted}

    def _worth_a_try(self, watch: _EndpointWatch, address: Address) -> bool:
        tried = watch.tried_at.get(address)
        return not self._believed(watch, address) or tried is None or self._clock() - tried >= BELIEVED_AFTER

    def _believed(self, watch: _EndpointWatch, address: Address) -> bool:
        since = watch.silent_since.get(address)
        return since is not None and self._clock() - since >= BELIEVED_AFTER

    def strangers(self, app: AppId) -> tuple[str, ...]:
        """The hosts that answer for the app's Services though no pod of it has them, for a moment already, in their order."""
        watch, before = self._watches.get(app), self._clock() - STRANGE_AFTER
        return tuple(
            sorted({each.host for each, since in watch.strange_since.items() if since <= before} if watch else ())
        )

    def ready(self, app: AppId, service: str, port_name: str) -> tuple[Address, ...]:
        """The addresses behind one Service port that count as ready; empty if the app is not watched."""
        watch = self._watches.get(app)
        if not watch:
            return ()
        addresses = watch.addresses((service, port_name))
        return tuple(each for each in addresses if each in watch.accepting or self._believed(watch, each))

    def pick(
        self, app: AppId, service: str, port_name: str, probed_ready: frozenset[str] = frozenset(), turn: int = 0
    ) -> Address | None:
        """An address that waker itself can reach: from one `turn` to the next, the next one.

        `probed_ready`: hosts whose probes waker saw pass.
        Ready addresses that have accepted a connection come first. If there are none, those on a host in `probed_ready`,
        whether Kubernetes calls them ready yet or not.
        """
        watch = self._watches.get(app)
        if not watch:
            return None
        reachable = [each for each in self.ready(app, service, port_name) if each in watch.accepting]
        if not reachable and probed_ready:
            port = (service, port_name)
            known = (*watch.addresses(port), *watch.addresses(port, starting=True))
            reachable = [each for each in known if each.host in probed_ready]
        return reachable[turn % len(reachable)] if reachable else None


async def accepts(address: Address, within: float = ACCEPTS_WITHIN) -> bool:
    """Whether something accepts a connection there within so many seconds."""
    return await reply_of(address, within) is Reply.ACCEPTED


async def reply_of(address: Address, within: float = ACCEPTS_WITHIN) -> Reply:
    """What comes of a connection to this address within so many seconds."""
    try:
        async with asyncio.timeout(within):
            _, writer = await asyncio.open_connection(address.host, address.port)
    except ConnectionRefusedError:
        return Reply.REFUSED
    except (OSError, TimeoutError, ValueError):
        return Reply.SILENT
    writer.close()
    return Reply.ACCEPTED
