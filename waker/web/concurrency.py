"""How many requests may wait at the same time, so that many visitors never cost more memory than was set aside.

Each app has a limit, and all apps together have one. Both are counted in slots: a request that needs more memory takes
more of them. A request for which too few are free is not queued; `public_port` answers it at once.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from waker.plan.model import AppId


class ConcurrencyLimit:
    """The slots, and how many of them are taken. `per_app` and `total` are the limits."""

    def __init__(self, per_app: int = 1000, total: int = 2000) -> None:
        self.per_app = per_app
        self.total = total
        self.taken: Counter[AppId] = Counter()

    @contextmanager
    def slots(self, app: AppId, count: int = 1) -> Iterator[bool]:
        """Take slots for as long as the context is open. Gives False, and takes none, if too few are free."""
        if self.taken[app] + count > self.per_app or self.taken.total() + count > self.total:
            yield False
            return
        self.taken[app] += count
        try:
            yield True
        finally:
            self.taken[app] -= count
            if not self.taken[app]:
                del self.taken[app]
