"""Services of type ExternalName that stand for another Service: `shop.demo.svc.cluster.local`, or its cluster IP.

Requests through such a Service reach the other one's pods by its own address. So no controller counts them for it, and they
fail while it sleeps. The subtle thing: the name of the cluster's domain is unknown here, so all after `svc` is taken for it;
and `shop-0.shop.demo.svc` is a pod of that Service.
"""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import NamedTuple

from waker.plan.model import Service


class ServiceAddress(NamedTuple):
    """By what a Service is meant: a namespace and a name; or "" and its cluster IP."""

    namespace: str
    name: str


def means(alias: Service) -> set[ServiceAddress]:
    """For which Services an ExternalName may stand. Most names are of other clusters, and then there is no such Service."""
    if not alias.external:
        return set()
    try:
        return {ServiceAddress("", str(ip_address(alias.external)))}
    except ValueError:
        return set(_by_name(alias.external.split(".")))


def _by_name(labels: list[str]) -> Iterator[ServiceAddress]:
    if len(labels) == 2:  # completed by the search list of whoever resolves it
        yield ServiceAddress(labels[1], labels[0])
    for place in range(2, len(labels)):
        if labels[place] == "svc":
            yield ServiceAddress(labels[place - 1], labels[place - 2])


def addresses(service: Service) -> list[ServiceAddress]:
    """By what a Service can be meant."""
    return [
        ServiceAddress(service.namespace, service.name),
        *(ServiceAddress("", each) for each in service.cluster_ips),
    ]
