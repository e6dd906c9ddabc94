"""Which ExternalName Services lead to which others, in whatever namespace, over as many steps as somebody has made.

Kept up to date by each change of a Service, as `indexes` are. Called by `cluster`.
"""

from collections.abc import Callable, Iterator

from waker.observe.indexes import Groups
from waker.plan.model import Service
from waker.plan.routes.aliases import ServiceAddress, addresses, means


class Aliases:
    """All ExternalName Services of one cluster. `find`: the Services that an address means; nearly always one or none."""

    def __init__(self, find: Callable[[ServiceAddress], Iterator[Service]]) -> None:
        self._find = find
        self._by_target: Groups[ServiceAddress, tuple[str, str], Service] = Groups()

    def service_changed(self, old: Service | None, new: Service | None) -> None:
        """A Service was added, changed or deleted."""
        if old:
            for each in means(old):
                self._by_target.drop(each, (old.namespace, old.name))
        if new:
            for each in means(new):
                self._by_target.put(each, (new.namespace, new.name), new)

    def of(self, service: Service) -> list[Service]:
        """The ExternalName Services through which requests come to this one."""
        found: dict[tuple[str, str], Service] = {}
        todo = [service]
        while todo:
            here = todo.pop()
            for address in addresses(here):
                fresh = {key: each for key, each in self._by_target[address].items() if key not in found}
                found |= fresh
                todo += fresh.values()
        found.pop((service.namespace, service.name), None)  # somebody has made a circle
        return [each for _, each in sorted(found.items())]

    def behind(self, service: Service) -> list[Service]:
        """Where requests through this one may end: itself, and whatever an ExternalName leads to."""
        found = {(service.namespace, service.name): service}
        todo = [service]
        while todo:
            for address in means(todo.pop()):
                fresh = {(each.namespace, each.name): each for each in self._find(address)}
                todo += [each for key, each in fresh.items() if key not in found]
                found = fresh | found
        return list(found.values())
