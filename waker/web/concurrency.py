"""How many requests may wait at once, so that a crowd at the door never costs more memory than was set aside.

One counter per app and one for all, of seats: a request that costs more takes more. Whoever finds none is answered at once.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from waker.plan.model import AppId


class ConcurrencyLimit:
    """Those who wait."""

    def __init__(self, per_app: int = 1000, in_all: int = 2000) -> None:
        self.per_app = per_app
        self.total = in_all
        self.waiting: Counter[AppId] = Counter()

    @contextmanager
    def slot(self, app: AppId, seats: int = 1) -> Iterator[bool]:
        """Take a place for as long as the context is open. False: there is none."""
        if self.waiting[app] + seats > self.per_app or self.waiting.total() + seats > self.total:
            yield False
            return
        self.waiting[app] += seats
        try:
            yield True
        finally:
            self.waiting[app] -= seats
            if not self.waiting[app]:
                del self.waiting[app]
