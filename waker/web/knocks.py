"""Who has knocked at an app's doors since it was last written down. In memory, whatever their number: the first and the last.

No IO; `registry` keeps one for each app that somebody wants.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from waker.web.registered_app import FirstKnock

TELL_AGAIN: Final = timedelta(seconds=1)


@dataclass(slots=True)
class Knocks:
    """Those of one app. `told_at`: when somebody was last told of them."""

    first: FirstKnock
    last: FirstKnock
    told_at: datetime

    def add(self, knock: FirstKnock) -> bool:
        """One more. Returns whether it is time to tell of it again."""
        self.last = knock
        if knock.at - self.told_at <= TELL_AGAIN:
            return False
        self.told_at = knock.at
        return True

    def clear(self, until: datetime) -> bool:
        """Those up to then are written down. Returns whether that is all of them."""
        if self.first.at <= until:
            self.first = self.last  # there may have been others between them
        return self.last.at <= until
