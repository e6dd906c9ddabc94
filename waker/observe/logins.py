"""Whose routes lead to what other Ingresses ask who may come in: `auth-url: https://login.example.org/verify`.

Such a question comes through the ingress controller, so it is counted. But while the app that answers it sleeps nobody is let
in anywhere, and the waiting page would be taken for a refusal. So the app is treated like one that is named by its own address
(`plan.routes.aliases`). Few Ingresses ask; of a host that none asks nothing is looked at. `cluster` keeps it up to date.
The subtle thing: controllers differ in which route takes a request. So every route that may take the question answers it, but
for those that surely lose it to another one. And a tenant's Ingress takes nothing from others: it may be nobody's.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final, NamedTuple

from waker.observe.indexes import Groups
from waker.plan.model import Service
from waker.plan.notes import Unreadable
from waker.plan.routes.aliases import WayByAddress, by_login
from waker.plan.routes.kinds import KINDS
from waker.plan.routes.route import HttpTarget, ObjectId, Route, RouteAddress, RouteObject

MOST_PARENTS: Final = 10  # domains above a host, of which there may be 120


class Question(NamedTuple):
    """Whom an Ingress asks who may come in."""

    holder: ObjectId
    target: HttpTarget


class Logins:
    """All such questions, and the objects with routes by their hosts. `class_name`: of which class an object is."""

    def __init__(self, class_name: Callable[[RouteObject], str]) -> None:
        self._class_name = class_name
        self._by_host: Groups[str, Question, None] = Groups()  # by each host whose routes may take it
        self._at: Groups[str, ObjectId, RouteObject] = Groups()

    def route_object_changed(self, old: RouteObject | None, new: RouteObject | None) -> set[str]:
        """An object was added, changed or deleted. Gives the hosts that are asked otherwise now."""
        if old:
            for host in _hosts(old):
                self._at.drop(host, old.id)
        if new:
            for host in _hosts(new):
                self._at.put(host, new.id, new)
        changed = new or old
        if changed is None:
            return set()
        holder = changed.id
        before, after = (KINDS[each.id.kind].logins(each) if each else set() for each in (old, new))
        for each in before - after:
            for host in _taken_by(each.host):
                self._by_host.drop(host, Question(holder, each))
        for each in after - before:
            for host in _taken_by(each.host):
                self._by_host.put(host, Question(holder, each), None)
        return {each.host for each in before ^ after}

    def to(self, service: Service, leading: Iterable[RouteObject]) -> Iterator[WayByAddress]:
        """The questions that a Service answers. `leading`: the objects with routes to it."""
        if next(iter(self._by_host), None) is None:
            return
        for each in leading:
            for route in _routes(each):
                address = KINDS[each.id.kind].address(route.id)
                asked = self._by_host[address.host] if route.backend.service == service.name else {}
                lost: dict[tuple[str, HttpTarget], bool] = {}
                for question in sorted(asked):
                    if not _may_take(route, address, question.target.path):
                        continue
                    whose = question.holder.namespace, question.target
                    if whose not in lost:
                        lost[whose] = self._loses(each, address, question)
                    if not lost[whose]:
                        yield by_login(service, question.holder, f"{question.target.host}{question.target.path}")

    def led_to(self, hosts: Collection[str]) -> Iterator[tuple[str, str]]:
        """The Services, by namespace and name, to which routes lead that may take a question to these hosts."""
        at = {above for host in hosts for above in _taken_by(host)}
        found = {id: each for host in at for id, each in self._at[host].items()}
        for each in found.values():
            yield from ((each.id.namespace, route.backend.service) for route in _routes(each))

    def _loses(self, own: RouteObject, address: RouteAddress, question: Question) -> bool:
        """Whether another route surely takes the question: of that very host, with a longer path.

        Only routes of the same class, of whoever has this one or of whoever asks.
        """
        host, path = question.target
        wanted = self._class_name(own)
        for each in self._at[host].values():
            if each.id.namespace in (own.id.namespace, question.holder.namespace) and self._class_name(each) == wanted:
                for route in _routes(each):
                    other = KINDS[each.id.kind].address(route.id)
                    if other.host == host and _wins(other, address) and _takes(route, other, path):
                        return True
        return False


def _wins(other: RouteAddress, address: RouteAddress) -> bool:
    """Whether every controller prefers the other one, if both take a request. A wildcard is written longer than a host."""
    if other.host != address.host:
        return not address.host and len(other.path) >= len(address.path)
    return len(other.path) > len(address.path)


def _taken_by(host: str) -> list[str]:
    """The hosts of which routes may take a request for this one: itself, wildcards above it, and any."""
    labels = host.split(".")
    above = [".".join(["*", *labels[place:]]) for place in range(1, len(labels))][:MOST_PARENTS]
    return list(dict.fromkeys((host, *above, "")))


def _hosts(found: RouteObject) -> set[str]:
    return set() if found.managed else KINDS[found.id.kind].hosts(found)


def _routes(found: RouteObject) -> Iterator[Route]:
    kind = KINDS[found.id.kind]
    saved = {} if isinstance(found.saved, Unreadable) else found.saved
    yield from () if found.managed else kind.routes(found, kind.services(found), saved, "")


def _may_take(route: Route, address: RouteAddress, asked: str) -> bool:
    """Whether some controller may have a route take a request. An expression may take anything."""
    if KINDS[route.id.object.kind].request(route.id) is None:
        return True
    if address.match in ("Exact", "Prefix"):
        return _takes(route, address, asked)
    return asked.startswith(address.path)


def _takes(route: Route, address: RouteAddress, asked: str) -> bool:
    """Whether every controller has it take a request."""
    if KINDS[route.id.object.kind].request(route.id) is None:
        return False
    if address.match == "Exact":
        return address.path == asked
    return asked == address.path or asked.startswith(f"{address.path.rstrip('/')}/")
