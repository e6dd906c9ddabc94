"""What a check is given: the cluster as it is known, the apps that it is about, and whom it may ask.

`commands.check` makes one. The subtle thing: an app is looked at as if it were enabled, so that it can be checked before it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from waker.cluster.client import Api
from waker.observe.cluster import ClusterCache
from waker.observe.observed_app import ObservedApp
from waker.plan.model import AppId
from waker.settings.configmap import Live

MOST_NAMED = 5  # of many that have the same problem


@dataclass(frozen=True, slots=True)
class Inquiry:
    """`api` acts for the caller, `as_waker` for waker's ServiceAccount. `apps`: those that are checked."""

    api: Api
    as_waker: Api
    cluster: ClusterCache
    live: Live
    namespace: str  # waker's own
    apps: tuple[AppId, ...]
    now: datetime

    def observed(self) -> Iterator[ObservedApp]:
        """The apps, as if they were enabled."""
        for app in self.apps:
            found = self.cluster.observe(app, self.live)
            if found:
                yield found.as_if_enabled()

    def namespaces(self) -> list[str]:
        """Those of the apps."""
        return sorted({app.namespace for app in self.apps})


def several(names: list[str]) -> str:
    """`a, b and 3 more`."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
