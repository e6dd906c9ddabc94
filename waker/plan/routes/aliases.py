"""Ways to a Service by its own address: `shop.demo.svc.cluster.local`, or its cluster IP.

An ExternalName Service with routes is one, an annotation of an Ingress another: who may come in is asked at a Service, requests
are mirrored to one. What comes that way no controller counts, and it fails while the app sleeps. So the app is refused. If
another tenant has made that way, it only does not fall asleep by its traffic, which any visitor can bring about. The subtle
thing: the name of the cluster's domain is unknown here, so all after `svc` is taken for it; and `shop-0.shop.demo.svc` is a pod
of that Service.
"""

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import NamedTuple, Protocol

from waker.plan.model import Service

# Names have at most 63 letters: without that bound, a long run of letters would be looked through from each of them.
CLUSTER_NAME = re.compile(r"(?<![a-z0-9-])([a-z0-9-]{1,63})\.([a-z0-9-]{1,63})\.svc(?![a-z0-9-])")
CLUSTER_IP = re.compile(r"//(\d{1,3}(?:\.\d{1,3}){3})(?![\d.])")
MOST_MENTIONED = 100  # addresses in one object; a tenant may write thousands


class ServiceAddress(NamedTuple):
    """By what a Service is meant: a namespace and a name; or "" and its cluster IP."""

    namespace: str
    name: str


class Placed(Protocol):
    """An object with a namespace; `str()` is its text for people."""

    @property
    def namespace(self) -> str: ...


class WayByAddress(NamedTuple):
    """A way to an app that is not its own route: in which namespace somebody has made it, and a sentence."""

    namespace: str
    why: str


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


def mentioned(text: str) -> Iterator[ServiceAddress]:
    """The Services whose own addresses stand in a text, as in `http://login.auth.svc.cluster.local/verify`."""
    if ".svc" in text:
        yield from (ServiceAddress(namespace, name) for name, namespace in CLUSTER_NAME.findall(text.lower()))
    yield from (ServiceAddress("", each) for each in CLUSTER_IP.findall(text))


def by_alias(alias: Service, service: Service, holder: Placed) -> WayByAddress:
    """Why an app behind this Service should not sleep: requests reach it through an ExternalName."""
    where = f"Service {alias.namespace}/{alias.name} is an ExternalName for Service {service.name}"
    why = f"{where}, and {holder} leads to it: waker can neither see nor move what comes that way"
    return WayByAddress(holder.namespace, why)


def by_login(service: Service, holder: Placed, asked: str) -> WayByAddress:
    """Likewise, because an Ingress asks the app who may come in."""
    why = (
        f"{holder} asks {asked} who may come in, which Service {service.name} answers: while it sleeps nobody is let in"
    )
    return WayByAddress(holder.namespace, why)


def by_mention(service: Service, holder: Placed) -> WayByAddress:
    """Likewise, because of an annotation."""
    where = f"an annotation of {holder} names Service {service.name} by its own address"
    return WayByAddress(holder.namespace, f"{where}: waker can neither see nor move what comes that way")
