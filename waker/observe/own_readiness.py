"""Why this replica should get no visitors, which is what /readyz says; and whether it still gets them while it leaves.

A replica that is listed answers for apps, so before that it has to have listed all of them and listen at all doors. What it
has not decided on yet it decides on when somebody asks, before all others. It does not become unready again because of a new
door: that is not listed before it is there.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from waker import names
from waker.observe.cluster import ClusterCache
from waker.observe.doors import Doors
from waker.plan.routes.route import is_held
from waker.web.doors import DoorListeners
from waker.web.registry import AppRegistry

SILENT_FOR: Final = timedelta(minutes=3)  # three bookmarks missed: the stores may be stale


@dataclass(slots=True)
class OwnReadiness:
    """The parts that have to be there."""

    cluster: ClusterCache
    doors: Doors
    listeners: DoorListeners
    registry: AppRegistry
    clock: Callable[[], datetime]
    _knew_all_doors: bool = field(default=False, init=False)
    _knew_all_apps: bool = field(default=False, init=False)

    def reasons(self) -> list[str]:
        """Sentences; none if it is ready."""
        now = self.clock()
        informers = (*self.cluster.informers, self.doors.informer)
        reasons = [f"{each.source.path}: not listed yet" for each in informers if not each.synced.is_set()]
        if not self._knows_all_doors():
            reasons.append(f"{names.DOORS_MAP}: not listening at all doors yet")
        return reasons + [
            f"{each.source.path}: nothing heard since {each.last_received_at}"
            for each in informers
            if each.last_received_at and now - each.last_received_at > SILENT_FOR
        ]

    def knows_all_apps(self) -> bool:
        """Whether it has decided on all apps that there were when it began."""
        if not self._knew_all_apps:
            self._knew_all_apps = self.cluster.is_synced and self.registry.has_tried_all(self.cluster.own_apps())
        return self._knew_all_apps

    def is_needed(self, ready: Collection[str]) -> bool:
        """While it leaves: whether controllers still find it at doors. `ready`: the hosts of replicas that stay.

        If none is ready, whoever visits a sleeping app meets this one or nobody.
        """
        if not ready:
            return any(is_held(route) for each in self.registry.entries() for route in each.routes)
        return any(host not in ready for each in self.cluster.slices.values() for host in each.hosts)

    def _knows_all_doors(self) -> bool:
        """Whether it listens at those that there were when it began; they are known when they have been listed."""
        if not self._knew_all_doors and self.doors.informer.synced.is_set():
            self._knew_all_doors = not self.doors.book.version or bool(self.listeners.version)
        return self._knew_all_doors
