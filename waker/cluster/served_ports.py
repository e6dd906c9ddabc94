"""Behind which Service ports of an awake app do its pods listen at this moment? Asked once, before it is put to sleep.

What nobody serves now (a named port that no pod has, a container that does not listen there) no wake has to wait for.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import Final

from waker.cluster.app_endpoints import Reply, ServicePortName, TryAddress, reply_of, slice_addresses, slices_of
from waker.cluster.client import Api
from waker.cluster.listing import listed
from waker.cluster.pod_addresses import pod_hosts
from waker.cluster.resources import ENDPOINT_SLICES, PODS
from waker.plan.model import Address, Service, Workload

ENOUGH: Final = 5  # addresses that are tried behind one port


class ServedPorts:
    """Asks for any app. `excluded`: whether an address is never an app's, whatever its pods say."""

    def __init__(self, api: Api, excluded: Callable[[Address], bool], try_address: TryAddress | None = None) -> None:
        self._api = api
        self._excluded = excluded
        self._try = try_address or reply_of

    async def unserved(
        self, workload: Workload, services: Collection[Service], ports: Iterable[ServicePortName]
    ) -> set[ServicePortName]:
        """Those of these ports behind which no pod of the workload listens. Raises ClusterError.

        One whose pods are silent counts as served: waker may not be let through to them.
        """
        namespace = workload.id.namespace
        found = listed(self._api, ENDPOINT_SLICES.collection(namespace), {"labelSelector": slices_of(services)})
        slices = [slice_addresses(each) async for each in found]
        hosts: set[str] = set()
        for selector in {each.label_selector for each in services}:
            async for pod in listed(self._api, PODS.collection(namespace), {"labelSelector": selector}):
                hosts |= pod_hosts(workload, pod) or frozenset()
        unserved = set()
        for service, name in ports:
            behind = {address for each in slices if each.service == service for address in each.ready.get(name, ())}
            own = sorted(address for address in behind if address.host in hosts and not self._excluded(address))
            replies = await asyncio.gather(*map(self._try, own[:ENOUGH]))
            if all(reply is Reply.REFUSED for reply in replies):
                unserved.add((service, name))
        return unserved
