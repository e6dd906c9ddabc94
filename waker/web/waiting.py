"""Who waits for a change of which app: held requests, polls, and pages that are pushed to.

Knows apps by their ids only. `registry` says what has changed, and looks again when a wait ends. The subtle thing: a wait ends
at the first change, whatever it is; so whoever waits for something certain has to look and wait again.
"""

import asyncio
from collections import Counter

from waker.plan.model import AppId


class Waiting:
    """Those who wait, by app."""

    def __init__(self) -> None:
        self.given_up = False  # this process ends now
        self._changed: dict[AppId, asyncio.Event] = {}
        self._waiters: Counter[AppId] = Counter()

    def notify(self, app: AppId) -> None:
        """Something about the app has changed: whoever waits for that goes on."""
        changed = self._changed.pop(app, None)
        if changed:
            changed.set()

    def give_up(self) -> None:
        """Nobody waits any longer, so that everybody still gets an answer."""
        self.given_up = True
        for app in list(self._changed):
            self.notify(app)

    def waits(self, app: AppId) -> bool:
        """Whether somebody waits for the app at this moment."""
        return self._waiters[app] > 0

    async def wait(self, app: AppId, within: float) -> None:
        """Wait for a change, or that many seconds."""
        changed = self._changed.setdefault(app, asyncio.Event())
        self._waiters[app] += 1
        try:
            async with asyncio.timeout(within):
                await changed.wait()
        except TimeoutError:
            return
        finally:
            self._waiters[app] -= 1
            if not self._waiters[app]:
                del self._waiters[app]
                self._changed.pop(app, None)
