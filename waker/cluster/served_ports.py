"""What the pods of an awake app say before it is put to sleep: behind which ports they listen, and who else leads to them.

Asked once, for nobody watches the pods of a whole cluster. What nobody serves now (a named port that no pod has, a container
that does not listen there) no wake has to wait for. A Service that an app's own are not may lead to its pods all the same: by
labels that an admission webhook or a person has put on them, or by EndpointSlices that somebody writes.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from waker.cluster.app_endpoints import (
    Reply,
    ServicePortName,
    SliceAddresses,
    TryAddress,
    reply_of,
    slice_addresses,
    slice_selector,
)
from waker.cluster.client import Api
from waker.cluster.listing import listed
from waker.cluster.pod_addresses import hosts_of, is_pod_of
from waker.cluster.resources import ENDPOINT_SLICES, PODS
from waker.plan.model import Address, Service, Workload, label_selector
from waker.plan.routes.pod_labels import is_certain, selects

ENOUGH: Final = 5  # addresses that are tried behind one port


@dataclass(frozen=True, slots=True)
class ServedNow:
    """`unserved`: the ports behind which no pod of the workload listens. `others`: the other Services that lead to its pods.

    `strangers`: the hosts that answer behind these ports, too, and are none of its pods', in their order.
    """

    unserved: frozenset[ServicePortName]
    others: tuple[Service, ...]
    strangers: tuple[str, ...] = ()


@dataclass(slots=True)
class _Pods:
    """Those of one workload, and where pods of others are that its Services select, too."""

    hosts: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)  # of these, the node's own, where programs of others listen, too
    others: set[str] = field(default_factory=set)
    labels: list[Mapping[str, str]] = field(default_factory=list)  # one of each

    def add(self, workload: Workload, pod: Mapping[str, Any]) -> None:
        labels, hosts = pod["metadata"].get("labels") or {}, hosts_of(pod)
        if not is_pod_of(workload, pod):
            self.others |= hosts
            return
        self.hosts |= hosts
        if (pod.get("spec") or {}).get("hostNetwork"):
            self.shared |= hosts
        if labels not in self.labels:
            self.labels.append(labels)


class ServedPorts:
    """Asks for any app. `excluded`: whether an address is never an app's, whatever its pods say."""

    def __init__(self, api: Api, excluded: Callable[[Address], bool], try_address: TryAddress | None = None) -> None:
        self._api = api
        self._excluded = excluded
        self._try = try_address or reply_of

    async def ask(
        self,
        workload: Workload,
        services: Collection[Service],
        ports: Iterable[ServicePortName],
        others: Collection[Service] = (),
    ) -> ServedNow:
        """The ports of these Services that nobody serves, and which of the `others` lead to its pods. Raises ClusterError.

        A port whose pods are silent counts as served: waker may not be let through to them.
        """
        unselecting = [each for each in others if not each.selector]
        slices = await self._slices(workload, [*services, *unselecting])
        pods = await self._pods(workload, services)
        unserved, strangers = set(), set[str]()
        for service, name in ports:
            listed_there = {
                address for each in slices if each.service == service for address in each.ready.get(name, ())
            }
            behind = {address for address in listed_there if not self._excluded(address)}
            own = sorted(address for address in behind if address.host in pods.hosts)
            strangers |= {address.host for address in behind} & (pods.others - pods.hosts)
            replies = await asyncio.gather(*map(self._try, own[:ENOUGH]))
            if all(reply is Reply.REFUSED for reply in replies):
                unserved.add((service, name))
        own_hosts = (pods.hosts - pods.shared).union(*(each.cluster_ips for each in services))
        listing = {each.service for each in slices if not own_hosts.isdisjoint(_hosts(each))}
        found = [each for each in others if each.name in listing or _selects_any(each, pods.labels)]
        return ServedNow(frozenset(unserved), tuple(found), tuple(sorted(strangers)))

    async def _slices(self, workload: Workload, services: Collection[Service]) -> list[SliceAddresses]:
        path = ENDPOINT_SLICES.collection(workload.id.namespace)
        found = listed(self._api, path, {"labelSelector": slice_selector(services)})
        return [slice_addresses(each) async for each in found]

    async def _pods(self, workload: Workload, services: Collection[Service]) -> _Pods:
        """All of them: a Service of certain labels selects them all, and otherwise their template's labels do."""
        selectors = {each.label_selector for each in services}
        if not any(is_certain(each) and selects(each, workload) for each in services):
            selectors.add(label_selector(workload.pod_labels))
        pods = _Pods()
        for selector in sorted(selectors - {""}):
            async for pod in listed(self._api, PODS.collection(workload.id.namespace), {"labelSelector": selector}):
                pods.add(workload, pod)
        return pods


def _hosts(found: SliceAddresses) -> Iterator[str]:
    for ports in (found.ready, found.starting):
        yield from (address.host for addresses in ports.values() for address in addresses)


def _selects_any(service: Service, pods: Iterable[Mapping[str, str]]) -> bool:
    wanted = service.selector.items()
    return bool(wanted) and any(wanted <= labels.items() for labels in pods)
