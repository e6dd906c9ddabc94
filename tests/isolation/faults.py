"""Old faults, and near ones, that the law has to find: what stands there instead of the real code.

Each is as somebody could write it. Where one does not show, the clusters that are made up are too tame.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.isolation.attacks import token_without_secret
from tests.isolation.story import Chapter
from waker.cluster import app_endpoints
from waker.cluster.informer import Informer
from waker.cluster.resources import ENDPOINT_SLICES
from waker.observe import doors as observed_doors
from waker.observe import indexes
from waker.observe.controller_pods import ControllerPods
from waker.observe.indexes import Indexes, LabelPair
from waker.plan import doors
from waker.plan.doors import Claim, DoorBook, DoorKey, book_of, port_name
from waker.plan.model import Address, AppId, Pod, Service, Workload
from waker.plan.routes.pod_labels import index_labels, index_selector
from waker.plan.routes.route import ObjectId
from waker.reconcile import doors as reconciled_doors
from waker.traffic.controllers import Adapter
from waker.web import public_port, return_url
from waker.web.public_port import PublicPort
from waker.web.registry import AppRegistry

REVISED, ANSWER, HOSTS = doors.revised, public_port.answer, AppRegistry.hosts


def every_namespace(informer: Informer[Any], _namespace: str) -> Mapping[str, Any]:
    return {name: each for objects in informer._store.values() for name, each in objects.items()}


def found_by_everybody(workload: Workload) -> set[LabelPair]:
    return {LabelPair("", *each) for each in index_labels(workload)}


def looked_up_everywhere(service: Service) -> set[LabelPair]:
    return {LabelPair("", *each) for each in index_selector(service)}


def routes_everywhere(known: Indexes, _namespace: str, service: str) -> set[ObjectId]:
    """Also those that an Ingress has saved, or claims to."""
    return {id for at in known._leading for id in known._leading[at] if at[1] == service}


def anybodys_listing(book: DoorBook, wanted: Iterable[DoorKey], listed: Iterable[Claim], *rest: Any) -> Any:
    """A number that another namespace lists is taken from its door."""
    claims = list(listed)
    spaces = {number: {each.namespace for each in claims if each.number == number} for number in book.doors}
    kept = {str(n): str(key) for n, key in book.doors.items() if not spaces[n] - {key.app.namespace}}
    return REVISED(book_of(book.version, {doors.SECRET: book.secret} | kept), wanted, claims, *rest)


def services_claim(book: DoorBook, wanted: Iterable[DoorKey], listed: Iterable[Claim], *rest: Any) -> Any:
    """A door has the number that its Service lists, whatever the book says; the older Service wins."""
    keys = {(key.app.namespace, port_name(key)): key for key in set(wanted)}
    claims = sorted(listed, reverse=True)
    claimed = {each.number: keys[each[1:3]] for each in claims if each[1:3] in keys}
    change, without = REVISED(book, keys.values(), claims, *rest)
    return change | {str(n): str(key) for n, key in claimed.items() if book.doors.get(n) != key}, without


def older_claims(
    missing: Iterable[DoorKey], listings: Iterable[Claim], _former: object, taken: Iterable[int], _chosen: object
) -> dict[int, DoorKey]:
    by_name = {(key.app.namespace, port_name(key)): key for key in missing}
    found: dict[int, DoorKey] = {}
    for each in listings:
        if each.number not in {*taken, *found} and (each.namespace, each.name) in by_name:
            found[each.number] = by_name.pop((each.namespace, each.name))
    return found


def nobody_disputes(_listed: Iterable[Claim]) -> set[int]:
    return set()


def nothing_remembered(_old: DoorBook, new: DoorBook, _is_wanted: object) -> DoorBook:
    return new


def guessable(_book: DoorBook, *about: str) -> str:
    return token_without_secret(*about)


def named_by(header: str) -> Any:
    """The app is looked for by a host that the visitor says."""

    async def answer(
        port: PublicPort, request: web.Request, number: int, key: DoorKey
    ) -> tuple[str, web.StreamResponse]:
        assert isinstance(port.apps, AppRegistry)
        found = [each for each in port.apps.entries() if request.headers.get(header) in port.apps.hosts(each.app)]
        keys = sorted(DoorKey(each.app, each.routes[0].backend) for each in found)
        return await ANSWER(port, request, number, keys[0] if keys else key)

    return answer


def hosts_of_all(registry: AppRegistry, _app: AppId) -> frozenset[str]:
    return frozenset().union(*(HOSTS(registry, each.app) for each in registry.entries()))


def wildcards_of_all(registry: AppRegistry, app: AppId) -> frozenset[str]:
    return HOSTS(registry, app) | {each for each in hosts_of_all(registry, app) if each.startswith("*") or not each}


def wildcards_open(url: Any, hosts: Iterable[str], _domains: object) -> bool:
    return bool({url.host, "", "*" + url.host[url.host.find(".") :]} & set(hosts))


def labelled_pods(controllers: ControllerPods, adapter: Adapter) -> list[Pod]:
    return controllers._labelled(adapter.controller)


class SlicesEverywhere:
    """Instead of the API's resource: the slices of a Service of that name, in whatever namespace."""

    def collection(self, _namespace: str) -> str:
        """The path."""
        return ENDPOINT_SLICES.everywhere()


def any_address(watch: Any, port: tuple[str, str], *, starting: bool = False) -> Iterator[Address]:
    """Nobody asks whether a pod of the workload has the address."""
    for each in watch.slices.values():
        if each.service == port[0]:
            yield from (each.starting if starting else each.ready).get(port[1], ())


@dataclass(frozen=True)
class OldFault:
    """Where it is put back: object, attribute and what stands there; in how many clusters it shows, and in which chapters."""

    patches: tuple[tuple[Any, str, Any], ...]
    shown: int  # of CLUSTERS, as measured
    chapters: tuple[Chapter, ...] = ()


CLUSTERS = 5
FAULTS = {
    "objects are looked for in every namespace": OldFault(((Informer, "in_namespace", every_namespace),), 5),
    "a selector reaches over namespaces": OldFault(
        ((indexes, "_found_by", found_by_everybody), (indexes, "_looked_up_by", looked_up_everywhere)), 5
    ),
    "routes, and backends that an Ingress says it has saved, count for any Service of that name": OldFault(
        ((Indexes, "leading", routes_everywhere),), 5
    ),
    "an app is found by the header `Host`": OldFault(((public_port, "answer", named_by("Host")),), 3),
    "`X-Forwarded-Host` is believed": OldFault(((public_port, "answer", named_by("X-Forwarded-Host")),), 3),
    "any app's host is a way back from the wait host": OldFault(((AppRegistry, "hosts", hosts_of_all),), 3),
    "anybody's wildcard opens the way back": OldFault(
        ((AppRegistry, "hosts", wildcards_of_all), (return_url, "may_return", wildcards_open)), 2
    ),
    "pods with a controller's labels count in any namespace": OldFault(((ControllerPods, "pods", labelled_pods),), 3),
    "a keeper's paths are not secret": OldFault(((DoorBook, "token", guessable),), 3),
    "a Service that a tenant edits claims numbers": OldFault(
        ((reconciled_doors, "revised", services_claim),), 3, (Chapter.RESTORED,)
    ),
    "what another namespace lists takes a number from its door": OldFault(
        ((reconciled_doors, "revised", anybodys_listing),), 5, (Chapter.RESTORED,)
    ),
    "numbers that an old book lacks are not remembered": OldFault(
        ((observed_doors, "remembering", nothing_remembered),), 5, (Chapter.RESTORED,)
    ),
    "of two namespaces that list a number the older gets it": OldFault(
        (
            (doors, "_claimed", older_claims),
            (doors, "disputed_numbers", nobody_disputes),
            (reconciled_doors, "disputed_numbers", nobody_disputes),
        ),
        3,
        (Chapter.UNWATCHED,),
    ),
    "any address in any slice of a Service's name counts": OldFault(
        (
            (app_endpoints, "ENDPOINT_SLICES", SlicesEverywhere()),
            (app_endpoints._EndpointWatch, "addresses", any_address),
        ),
        5,
        (Chapter.VISITED,),
    ),
}
