"""waker's own requests through controller pods, and which readings of these pods may show one as open.

No IO. `observe.following` sends them and says so beforehand, `rounds` reads pages. What a request has counted is taken off
the ledger when it is answered, so a page is compared only after those that it may show are answered. What it shows as open may
be such a request, too: a gauge does not say whose. Then the page is read again.
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from waker.traffic.controllers import SeriesKey

LINGERS: Final = 0.1  # seconds that a proxy may show a request as open after its client has the answer


@dataclass(eq=False, slots=True)
class OwnRequest:
    """One request. `ended_at`: on the loop's clock; None before it is answered."""

    keys: frozenset[SeriesKey]
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    ended_at: float | None = None


class OwnTraffic:
    """Those that are under way or have only just ended, by the pod's uid."""

    def __init__(self) -> None:
        self._requests: dict[str, list[OwnRequest]] = {}
        self._readings: dict[str, list[set[SeriesKey]]] = {}

    @contextmanager
    def asking(self, pod: str, keys: Iterable[SeriesKey]) -> Iterator[None]:
        """Meanwhile a request of waker's own is under way, which the pod may count under these keys."""
        request = OwnRequest(frozenset(keys))
        self._recent(pod).append(request)
        for each in self._readings.get(pod, ()):
            each.update(request.keys)
        try:
            yield
        finally:
            request.ended_at = asyncio.get_running_loop().time()
            request.answered.set()

    @contextmanager
    def reading(self, pod: str) -> Iterator[set[SeriesKey]]:
        """Meanwhile the pod is read. The set gets all keys under which it may show a request of waker's own."""
        found = {key for each in self._recent(pod) for key in each.keys}
        readings = self._readings.setdefault(pod, [])
        readings.append(found)
        try:
            yield found
        finally:
            readings[:] = [each for each in readings if each is not found]
            if not readings:
                del self._readings[pod]

    async def answered(self, pod: str) -> None:
        """Wait until all that are under way now have been answered: a few seconds at most, see `ownership`."""
        for each in list(self._requests.get(pod, ())):
            await each.answered.wait()

    def _recent(self, pod: str) -> list[OwnRequest]:
        """Those of a pod that are not over, and none of any pod that are."""
        since = asyncio.get_running_loop().time() - LINGERS
        for uid, requests in list(self._requests.items()):
            requests[:] = [each for each in requests if each.ended_at is None or each.ended_at > since]
            if not requests:
                del self._requests[uid]
        return self._requests.setdefault(pod, [])
