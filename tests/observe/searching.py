"""What `aliases` and `indexes` answer at once, by a search through everything."""

from collections.abc import Iterator, Sequence

from waker.plan.model import Service
from waker.plan.routes.aliases import WayByAddress, addresses, by_alias, by_mention, means
from waker.plan.routes.kinds import KINDS
from waker.plan.routes.route import RouteObject


def by_address(services: Sequence[Service], holders: Sequence[RouteObject], service: Service) -> Iterator[WayByAddress]:
    """What leads to a Service by its own address, found step by step from each ExternalName and annotation."""
    kind, sorted_holders = KINDS["Ingress"], sorted(holders, key=lambda each: each.id)
    aliases = [each for each in _leading_to(services, service) if each != service]
    for alias in aliases:
        for each in sorted_holders:
            if each.id.namespace == alias.namespace and alias.name in kind.services(each):
                yield by_alias(alias, service, each.id)
    named = {address for each in (service, *aliases) for address in addresses(each)}
    yield from (by_mention(service, each.id) for each in sorted_holders if named & kind.mentions(each))


def _leading_to(services: Sequence[Service], service: Service) -> Iterator[Service]:
    everything = {(each.namespace, each.name): each for each in services}
    for start, alias in sorted(everything.items()):
        reached, todo = {start}, [alias]
        while todo:
            meant = means(todo.pop())
            further = {key: each for key, each in everything.items() if meant & set(addresses(each))}
            todo += [each for key, each in further.items() if key not in reached]
            reached |= further.keys()
        if (service.namespace, service.name) in reached:
            yield alias
