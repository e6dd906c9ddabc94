"""Whose routes lead to what other Ingresses ask who may come in: `auth-url: https://login.example.org/verify`.

Such a question comes through the ingress controller, so it is counted. But while the app that answers it sleeps nobody is let
in anywhere, and the waiting page would be taken for a refusal. So the app is treated like one that is named by its own address
(`plan.routes.aliases`). Few Ingresses ask; of a host that none asks nothing is looked at. `cluster` keeps it up to date.
"""

from collections.abc import Collection, Iterable, Iterator

from waker.observe.indexes import Groups
from waker.plan.model import Service
from waker.plan.notes import Unreadable
from waker.plan.routes.aliases import WayByAddress, by_login
from waker.plan.routes.kinds import KINDS
from waker.plan.routes.route import HttpTarget, ObjectId, Route, RouteObject


class Logins:
    """All such questions, and the objects with routes by their hosts."""

    def __init__(self) -> None:
        self._by_host: Groups[str, tuple[ObjectId, str], HttpTarget] = Groups()
        self._at: Groups[str, ObjectId, RouteObject] = Groups()

    def route_object_changed(self, old: RouteObject | None, new: RouteObject | None) -> set[str]:
        """An object was added, changed or deleted. Gives the hosts that are asked otherwise now."""
        if old:
            for host in _hosts(old):
                self._at.drop(host, old.id)
        if new:
            for host in _hosts(new):
                self._at.put(host, new.id, new)
        before, after = (KINDS[each.id.kind].logins(each) if each else set() for each in (old, new))
        for each in before - after:
            if old:
                self._by_host.drop(each.host, (old.id, each.path))
        for each in after - before:
            if new:
                self._by_host.put(each.host, (new.id, each.path), each)
        return {each.host for each in before ^ after}

    def to(self, service: Service, leading: Iterable[RouteObject]) -> Iterator[WayByAddress]:
        """The questions that a Service answers. `leading`: the objects with routes to it."""
        if next(iter(self._by_host), None) is None:
            return
        for each in leading:
            for route in _routes(each):
                address = KINDS[each.id.kind].address(route.id)
                asked = self._by_host[address.host] if route.backend.service == service.name else {}
                for (holder, path), _ in sorted(asked.items()):
                    if _takes(address.path, address.match, path) and self._is_best(address.host, address.path, path):
                        yield by_login(service, holder, f"{address.host}{path}")

    def led_to(self, hosts: Collection[str]) -> Iterator[tuple[str, str]]:
        """The Services, by namespace and name, to which routes of these hosts lead."""
        found = {id: each for host in hosts for id, each in self._at[host].items()}
        for each in found.values():
            yield from ((each.id.namespace, route.backend.service) for route in _routes(each))

    def _is_best(self, host: str, path: str, asked: str) -> bool:
        """Whether no other route of the host takes the question, as its path is longer."""
        objects = self._at[host].values()
        others = (KINDS[each.id.kind].address(route.id) for each in objects for route in _routes(each))
        return not any(
            each.host == host and len(each.path) > len(path) and _takes(each.path, each.match, asked) for each in others
        )


def _hosts(found: RouteObject) -> set[str]:
    return set() if found.managed else KINDS[found.id.kind].hosts(found)


def _routes(found: RouteObject) -> Iterator[Route]:
    kind = KINDS[found.id.kind]
    saved = {} if isinstance(found.saved, Unreadable) else found.saved
    yield from () if found.managed else kind.routes(found, kind.services(found), saved, "")


def _takes(path: str, match: str, asked: str) -> bool:
    """Whether a route takes a request. What may be an expression is compared as it stands."""
    if match == "Exact":
        return path == asked
    return asked == path or asked.startswith(f"{path.rstrip('/')}/")
