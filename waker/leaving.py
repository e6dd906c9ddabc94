"""Until when a waker that was told to leave goes on serving.

Knows neither signals nor the cluster: `process` asks `is_over` again and again, and passes in who knows. A pod that goes is
unready at once, but ingress controllers learn of it later: its address has to leave the slices of all namespaces of apps, and
then each controller has to follow. Rules first. It is over

- when nobody is held or forwarded, and
- when no slice has listed this replica for FOLLOWED seconds (one that leaves alone stays listed until the next one is
  there), and
- when nobody has arrived for QUIET seconds: whoever arrives was sent by a controller that does not follow yet;
- or after LONGEST seconds in any case.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FOLLOWED: Final = 4.0  # seconds; ingress-nginx, the slowest known, follows within 3.4 s
QUIET: Final = 2.0  # seconds
LONGEST: Final = 25.0  # seconds; a pod has 30 s in all


@dataclass(slots=True)
class Leaving:
    """One departure. `listed_at`: when it was last seen listed. All times are the event loop's."""

    began: float
    is_busy: Callable[[], bool]
    is_listed: Callable[[], bool]
    arrived_at: Callable[[], float]  # when the last request arrived
    listed_at: float

    def is_over(self, now: float) -> bool:
        """Whether the process may end."""
        if self.is_listed():
            self.listed_at = now
        followed = now >= self.listed_at + FOLLOWED and now >= self.arrived_at() + QUIET
        return now >= self.began + LONGEST or (followed and not self.is_busy())
