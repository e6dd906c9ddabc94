"""When to try again for an app for which something has failed.

somebody was faster       10 to 50 ms, doubled up to 1 s; at random, so that replicas do not meet again
written too often         when the next write is allowed
anything else             1 s, doubled up to 60 s, up to 2 s for an app that somebody waits for; not before `Retry-After`
"""

import random
from collections import Counter
from typing import Final

from waker.errors import ClusterError, Conflict, TooSoon, Unavailable
from waker.plan.model import AppId

CONFLICT_AGAIN: tuple[tuple[float, float], float] = ((0.01, 0.05), 1.0)  # seconds: between, and at most
ERROR_AGAIN: tuple[float, float] = (1.0, 60.0)  # seconds: at first, and at most
WANTED_AGAIN: Final = 2.0  # seconds, at most


class Attempts:
    """How often in a row something has failed, for each app."""

    def __init__(self) -> None:
        self._conflicts: Counter[AppId] = Counter()
        self._errors: Counter[AppId] = Counter()
        self._unavailable: set[AppId] = set()

    def failed(self, app: AppId, error: ClusterError, *, wanted: bool) -> float:
        """Seconds until the next try."""
        if isinstance(error, TooSoon):
            return error.wait.total_seconds()
        if isinstance(error, Conflict):
            between, most = CONFLICT_AGAIN
            wait = random.uniform(*between) * float(2 ** min(self._conflicts[app], 10))  # noqa: S311 not a secret
            self._conflicts[app] += 1
            return min(wait, most)
        first, most = ERROR_AGAIN
        wait = min(first * float(2 ** min(self._errors[app], 10)), WANTED_AGAIN if wanted else most)
        self._errors[app] += 1
        if not isinstance(error, Unavailable):
            return wait
        self._unavailable.add(app)
        return max(wait, error.retry_after or 0.0)

    def unavailable(self) -> set[AppId]:
        """For which apps the API server did not answer. They are forgotten here, as they are tried now."""
        found, self._unavailable = self._unavailable, set()
        return found

    def succeeded(self, app: AppId) -> None:
        """A whole pass went well."""
        self._conflicts.pop(app, None)
        self._errors.pop(app, None)
        self._unavailable.discard(app)
