"""Which route a request is for, where several apps share one port: by its host and its path.

Pure. As the Ingress API says: an exact host goes before a wildcard, and a longer path before a shorter one. A controller
may have rewritten the path, so on a host of one app any path is that app's.
"""

from collections.abc import Iterable

from waker.plan.model import AppId
from waker.plan.routes.kinds import kind_of
from waker.plan.routes.route import Route, RouteAddress

Entry = tuple[RouteAddress, Route, AppId]


class RouteTable:
    """The routes of all apps, by host."""

    def __init__(self) -> None:
        self._by_host: dict[str, list[Entry]] = {}
        self._hosts: dict[AppId, frozenset[str]] = {}

    def put(self, app: AppId, routes: Iterable[Route]) -> None:
        """These are the app's routes now, and no others."""
        self.remove(app)
        listed = [(kind_of(route.id).address(route.id), route, app) for route in routes]
        for entry in listed:
            self._by_host.setdefault(entry[0].host.lower(), []).append(entry)
        self._hosts[app] = frozenset(address.host.lower() for address, _, _ in listed)

    def remove(self, app: AppId) -> None:
        """The app has no routes."""
        for host in self._hosts.pop(app, frozenset()):
            left = [each for each in self._by_host[host] if each[2] != app]
            if left:
                self._by_host[host] = left
            else:
                del self._by_host[host]

    def has_host(self, host: str) -> bool:
        """Whether a rule names this host, by itself or with a `*`. A rule for any host names none."""
        return any(name in self._by_host for name in _names(host))

    def find(self, host: str, path: str) -> tuple[Route, AppId] | None:
        """The route for a host (lower case, no port) and a decoded path."""
        for name in (*_names(host), ""):
            listed = self._by_host.get(name, [])
            matching = [entry for entry in listed if _matches(entry[0], path)]
            if not matching and len({app for _, _, app in listed}) == 1:
                matching = listed
            if matching:
                _, route, app = max(matching, key=_weight)
                return route, app
        return None


def _names(host: str) -> tuple[str, ...]:
    """How a rule may name it."""
    return tuple(filter(None, (host, "*" + host[host.find(".") :] if "." in host else "")))


def _matches(address: RouteAddress, path: str) -> bool:
    wanted = address.path or "/"
    if address.match == "Exact":
        return path == wanted
    prefix = wanted.rstrip("/")
    return path == prefix or path.startswith(prefix + "/") or not prefix


def _weight(entry: Entry) -> tuple[int, bool]:
    return len(entry[0].path), entry[0].match == "Exact"
