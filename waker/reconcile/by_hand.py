"""What an operator asks for with a button: the same annotations that `waker sleep`, `wake` and `auto` write.

Called for the page of operators, after the caller's rights were checked. The service then follows the annotation as it
follows anybody's.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from waker import names
from waker.cluster.writes import Writes
from waker.errors import NotFound, WakerError
from waker.observe.cluster import ClusterCache
from waker.plan.model import AppId, Kind, Pin
from waker.plan.times import format_time
from waker.settings.configmap import Live

Wanted = Mapping[str, str | None]  # annotations; None removes

DONE: Final = {
    "sleep": "it is asked to sleep until its next visitor",
    "wake": "it is asked to wake",
    "pause": "it stays awake until somebody lets traffic decide again",
    "resume": "traffic decides",
}


def wanted(action: str, now: datetime) -> Wanted:
    """The annotations for one of the actions of DONE."""
    at = format_time(now)
    found: dict[str, Wanted] = {
        "sleep": {names.SLEEP_REQUESTED_AT: at, names.WAKE_REQUESTED_AT: None},
        "wake": {names.WAKE_REQUESTED_AT: at, names.SLEEP_REQUESTED_AT: None},
        "pause": {names.STATE: str(Pin.AWAKE)},
        "resume": {names.STATE: None},
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
            raise WakerError(f'{kind} {app} is not managed: it has no annotation {names.ENABLED}: "true"')
        if action in ("sleep", "wake") and observed.policy.pin is not Pin.AUTO:
            raise WakerError(f"{kind} {app} is pinned {observed.policy.pin}: let traffic decide first")
        await self._writes.annotate(app, wanted(action, self._clock()))
        return f"{kind} {app}: {DONE[action]}."
