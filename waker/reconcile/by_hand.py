"""What an operator asks for with a button: the same annotations that the commands of these names write.

Called for the page of operators, after the caller's rights were checked. The service then follows the annotation as it
follows anybody's.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from waker.cluster.writes import Writes
from waker.errors import NotFound, WakerError
from waker.observe.cluster import ClusterCache
from waker.plan.model import AppId, Kind, Pin
from waker.plan.operator_requests import Wanted, asks_once, not_managed, paused, pinned, sleep_once, wake_once
from waker.settings.configmap import Live

DONE: Final = {
    "sleep": "it is asked to sleep until its next visitor",
    "wake": "it is asked to wake",
    "pause": "it is left as it is until somebody resumes it",
    "resume": "it is no longer paused",
    "auto": "traffic decides",
}


def wanted(action: str, now: datetime) -> Wanted:
    """The annotations for one of the actions of DONE."""
    found = {
        "sleep": sleep_once(now),
        "wake": wake_once(now),
        "pause": paused("true"),
        "resume": paused(None),
        "auto": pinned(Pin.AUTO),
    }
    return found[action]


class ByHand:
    """Asks for all apps. `refuses`: why nothing can be written at all, "" if it can."""

    def __init__(
        self,
        cluster: ClusterCache,
        writes: Writes,
        live: Callable[[], Live],
        clock: Callable[[], datetime],
        refuses: str,
    ) -> None:
        self._cluster, self._writes = cluster, writes
        self._live, self._clock, self._refuses = live, clock, refuses

    async def act(self, namespace: str, kind: str, name: str, action: str) -> str:
        """Write it; a sentence of what was done. Raises WakerError."""
        if self._refuses:
            raise WakerError(self._refuses)
        app = AppId(Kind(kind), namespace, name)
        observed = self._cluster.observe(app, self._live())
        if observed is None:
            raise NotFound(f"there is no {kind} {app}")
        if observed.policy is None:
            raise WakerError(not_managed(app))
        asked = wanted(action, self._clock())
        if asks_once(asked) and observed.policy.pin is not Pin.AUTO:
            raise WakerError(f"{kind} {app} is pinned {observed.policy.pin}: let traffic decide first")
        pause = observed.policy.pause_at(self._clock()) if action == "sleep" and observed.workload.replicas else None
        if pause:
            raise WakerError(f"{kind} {app} is not put to sleep: {pause}")
        await self._writes.annotate(app, asked)
        return f"{kind} {app}: {DONE[action]}."
