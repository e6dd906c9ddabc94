"""How many requests may wait at the same time, so that many visitors never cost more memory than was set aside.

Counted in slots: a request that needs more memory takes more of them. A request for which too few are free is not queued;
`public_port` answers it at once. Rules first:

| whose         | how many                | what it is for                                              |
| ------------- | ----------------------- | ----------------------------------------------------------- |
| an app's own  | SHARE                   | its first requests, whatever other apps hold                |
| common        | COMMON                  | everything beyond an app's own share                        |
| one namespace | half of the common ones | so that one tenant with dead apps leaves the others room    |
| one app       | PER_APP, both together  | so that one app leaves its neighbours in the namespace room |

Own shares come out of a reserve of RESERVE slots, enough for 50 apps at a time that hold something. An app that finds the
reserve used up takes common slots. So an app that holds less than its share is never refused because of other apps, as
long as the shares of all apps that hold something fit into the reserve.

A browser that could be shown the page at once comes last: it takes a slot only while its app holds less than SHARE.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

from waker.plan.model import AppId

SHARE: Final = 10  # slots; two requests with a body (`held_memory.slots_needed`)
RESERVE: Final = 50 * SHARE
COMMON: Final = 2000
PER_APP: Final = 1000

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class SlotCounts:
    """How many slots there are, see the table above."""

    share: int = SHARE
    reserve: int = RESERVE
    common: int = COMMON
    per_namespace: int = COMMON // 2  # of the common ones
    per_app: int = PER_APP


class ConcurrencyLimit:
    """The slots, and how many of them are taken. `taken`: by each app, its own and common ones."""

    def __init__(self, counts: SlotCounts | None = None) -> None:
        self.counts = counts or SlotCounts()
        self.taken: Counter[AppId] = Counter()
        self._own: Counter[AppId] = Counter()  # out of the reserve
        self._common: Counter[str] = Counter()  # by namespace

    @contextmanager
    def slots(self, app: AppId, count: int = 1, most: int | None = None) -> Iterator[bool]:
        """Take slots for as long as the context is open. Gives False, and takes none, if too few are free.

        `most`: for a request that can do without; it takes none if its app would then hold more than so many.
        """
        counts = self.counts
        limit = counts.per_app if most is None else min(most, counts.per_app)
        own = max(0, min(count, counts.share - self._own[app], counts.reserve - self._own.total()))
        common = count - own
        if self.taken[app] + count > limit or not self._has_common(app.namespace, common):
            yield False
            return
        self._take(app, own, common)
        try:
            yield True
        finally:
            self._take(app, -own, -common)

    def _has_common(self, namespace: str, count: int) -> bool:
        return not count or (
            self._common.total() + count <= self.counts.common
            and self._common[namespace] + count <= self.counts.per_namespace
        )

    def _take(self, app: AppId, own: int, common: int) -> None:
        """Count these slots as taken, or as given back if they are below 0."""
        _add(self.taken, app, own + common)
        _add(self._own, app, own)
        _add(self._common, app.namespace, common)


def _add(counts: "Counter[Key]", key: Key, count: int) -> None:
    """Add to one count. Whoever has none is forgotten."""
    counts[key] += count
    if not counts[key]:
        del counts[key]
