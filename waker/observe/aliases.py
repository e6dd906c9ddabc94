"""Who leads to a Service by its own address: ExternalName Services, over as many steps as somebody has made, and annotations.

In whatever namespace. Kept up to date by each change of a Service or an object with routes, as `indexes` are; `cluster` asks.
"""

from collections.abc import Callable, Collection, Iterator

from waker.observe.indexes import Groups
from waker.plan.model import Service
from waker.plan.routes.aliases import ServiceAddress, addresses, means
from waker.plan.routes.kinds import KINDS
from waker.plan.routes.route import ObjectId, RouteObject


class Aliases:
    """All ExternalName Services of one cluster. `find`: the Services that these addresses mean; nearly always one or none."""

    def __init__(self, find: Callable[[Collection[ServiceAddress]], Iterator[Service]]) -> None:
        self._find = find
        self._by_target: Groups[ServiceAddress, tuple[str, str], Service] = Groups()
        self._mentions: Groups[ServiceAddress, ObjectId, None] = Groups()

    def service_changed(self, old: Service | None, new: Service | None) -> None:
        """A Service was added, changed or deleted."""
        if old:
            for each in means(old):
                self._by_target.drop(each, (old.namespace, old.name))
        if new:
            for each in means(new):
                self._by_target.put(each, (new.namespace, new.name), new)

    def route_object_changed(self, old: RouteObject | None, new: RouteObject | None) -> None:
        """Likewise, an object that holds routes."""
        before, after = (mentions(each) if each else set() for each in (old, new))
        for each in before - after:
            if old:
                self._mentions.drop(each, old.id)
        for each in after - before:
            if new:
                self._mentions.put(each, new.id, None)

    def mentioning(self, service: Service) -> list[ObjectId]:
        """The objects with an annotation that names the Service by its own address, or what leads to it."""
        named = [address for each in (service, *self.of(service)) for address in addresses(each)]
        return sorted({id for address in named for id in self._mentions[address]})

    def mentioned_by(self, *found: RouteObject | None) -> list[Service]:
        """The Services that annotations of these objects name so."""
        return list(self._find({address for each in found if each for address in mentions(each)}))

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
            fresh = {(each.namespace, each.name): each for each in self._find(means(todo.pop()))}
            todo += [each for key, each in fresh.items() if key not in found]
            found = fresh | found
        return list(found.values())


def mentions(found: RouteObject) -> set[ServiceAddress]:
    """What annotations of an object name by its own address."""
    return KINDS[found.id.kind].mentions(found)
