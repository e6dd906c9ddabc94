"""What of a change of an object makes a difference to others: `cluster` calls them out only then."""

from collections.abc import Mapping

from waker import names
from waker.plan.model import Service, Workload
from waker.plan.notes import Unreadable
from waker.plan.routes.discovery import has_pods
from waker.plan.routes.keeper import settings_of
from waker.plan.routes.kinds import KINDS
from waker.plan.routes.route import RouteObject


def is_in_the_way(service: Service | None) -> bool:
    """Whether somebody else's Service has the name of waker's own."""
    return service is not None and service.name == names.WAKER_SERVICE and not service.managed


def same_ports(old: Service | None, new: Service | None) -> bool:
    """Whether an app's Service has the ports that it had. waker's own have versions that are looked at."""
    return new is not None and (new.managed or (old is not None and old.ports == new.ports))


def same_holder(old: RouteObject | None, new: RouteObject | None) -> bool:
    """Whether an object with routes is of the class that it was of, sets upstreams up alike, and remembers no more."""
    if old is None or new is None:
        return False
    if isinstance(new.saved, Unreadable) or isinstance(old.saved, Unreadable):
        return False
    before, after = ((KINDS[each.id.kind].class_name(each, ()), settings_of(each)) for each in (old, new))
    return before == after and new.saved.keys() <= old.saved.keys()


def footprint(workload: Workload | None) -> Mapping[str, str] | None:
    """The labels by which Services select its pods; None if it has none."""
    return workload.pod_labels if workload and has_pods(workload) else None
