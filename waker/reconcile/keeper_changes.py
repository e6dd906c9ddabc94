"""How often a keeper may be changed: ingress-nginx reloads after each change of an Ingress.

Each keeper has a few changes to spend at once, for apps that are created one after the other, and gets one back a minute.
Whatever changes meanwhile goes into the next write. So an app that is new in a namespace may have to wait for that before it
falls asleep for the first time; nothing else waits, and creating a keeper costs nothing. Pure memory: a new holder of the
Lease starts with everything unspent. `reconcile.namespace` asks.
"""

from datetime import datetime, timedelta
from typing import Final

BURST: Final = 5  # a namespace whose apps are created one by one, by hand or by a script
EVERY: Final = timedelta(minutes=1)


class KeeperChanges:
    """The changes that each keeper, known by its namespace and name, has spent."""

    def __init__(self) -> None:
        # By when all will be unspent again: each change moves it EVERY further away.
        self._unspent_at: dict[tuple[str, str], datetime] = {}

    def spend(self, namespace: str, name: str, now: datetime) -> timedelta:
        """Zero, and one change is spent; or how long until there is one to spend."""
        unspent_at = max(now, self._unspent_at.get((namespace, name), now)) + EVERY
        wait = unspent_at - EVERY * BURST - now
        if wait > timedelta():
            return wait
        self._unspent_at[namespace, name] = unspent_at
        return timedelta()

    def forget(self, namespace: str) -> None:
        """waker has left the namespace."""
        for key in [key for key in self._unspent_at if key[0] == namespace]:
            del self._unspent_at[key]
