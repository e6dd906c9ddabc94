"""What a check is given: the cluster as it is known, the apps that it is about, and whom it may ask.

`commands.check` makes one. The subtle thing: an app is looked at as if it were enabled, so that it can be checked before it is.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from waker.cluster.client import Api
from waker.observe.cluster import ClusterCache
from waker.observe.observed_app import ObservedApp
from waker.plan.model import AppId
from waker.settings.configmap import Live


@dataclass(frozen=True)
class Inquiry:
    """`api` acts for the caller, `as_waker` for waker's ServiceAccount. `apps`: those that are checked."""

    api: Api
    as_waker: Api
    cluster: ClusterCache
    live: Live
    namespace: str  # waker's own
    apps: tuple[AppId, ...]
    now: datetime

    @cached_property
    def observed(self) -> tuple[ObservedApp, ...]:
        """The apps, as if they were enabled."""
        found = (self.cluster.observe(app, self.live) for app in self.apps)
        return tuple(each.as_if_enabled() for each in found if each)

    def namespaces(self) -> list[str]:
        """Those of the apps."""
        return sorted({app.namespace for app in self.apps})
