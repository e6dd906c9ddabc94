"""What `aliases` and `indexes` answer at once, by a search through everything."""

from collections.abc import Iterator, Sequence

from waker.plan.model import Service
from waker.plan.routes.aliases import addresses, means
from waker.plan.routes.kinds import KINDS
from waker.plan.routes.route import ObjectId, RouteObject


def by_alias(
    services: Sequence[Service], holders: Sequence[RouteObject], service: Service
) -> Iterator[tuple[Service, ObjectId]]:
    """The ExternalName Services that lead to a Service, found step by step from each of them, and what names them."""
    everything = {(each.namespace, each.name): each for each in services}
    for start, alias in sorted(everything.items()):
        reached, todo = {start}, [alias]
        while todo:
            meant = means(todo.pop())
            further = {key: each for key, each in everything.items() if meant & set(addresses(each))}
            todo += [each for key, each in further.items() if key not in reached]
            reached |= further.keys()
        if start != (service.namespace, service.name) in reached:
            for holder in sorted(holders, key=lambda each: each.id):
                if holder.id.namespace == alias.namespace and alias.name in KINDS["Ingress"].services(holder):
                    yield alias, holder.id
