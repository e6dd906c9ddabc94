"""When a waiting page should ask again: the more pages there are of one app, the more seldom each of them.

A few pages ask about once a second, so that they see the wake at once. Ten thousand tabs would send ten thousand requests a
second. So each app has a timetable: every answer to a poll gets the next free place in it, and there are RATE places a second.
Nobody counts tabs, and those that are closed leave a gap and no more. One app's crowd delays its own pages only. The answer
says the time in `Retry-After`. `public_port` and the wait host ask `again`.
"""

from typing import Final

from waker.plan.model import AppId

LEAST: Final = 1.0  # s; the page's own pause
RATE: Final = 300  # polls a second of one app: 3 % of a core
MOST: Final = 25.0  # s; below `registry.VIEWED_FOR`, for which a page counts as open
KEPT: Final = 1000  # apps; beyond, those whose timetable is empty are forgotten


class PollPace:
    """The timetables of all apps: when the last place that was given away is, by the event loop's clock."""

    def __init__(self) -> None:
        self._last: dict[AppId, float] = {}

    def again(self, app: AppId, now: float) -> int:
        """In how many seconds the page that is answered now should ask again."""
        if len(self._last) >= KEPT:
            self._last = {each: at for each, at in self._last.items() if at > now}
        place = max(now + LEAST, self._last.get(app, 0.0) + 1 / RATE)
        self._last[app] = min(place, now + MOST)
        return round(self._last[app] - now)  # whole seconds are all that Retry-After can say; on average it is right
