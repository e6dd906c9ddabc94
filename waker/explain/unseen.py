"""Whether anybody has been seen at an app at all: its idle clock also runs from the moment when waker began to watch it.

Called by `status`, `facts` and `dashboard`. What a waker before this one has recorded counts as a visit.
"""

from datetime import datetime
from typing import Final

from waker.observe.runtime import Runtime
from waker.plan.model import Workload
from waker.web.registered_app import RegisteredApp

BEGAN: Final = "all its counters were known for the first time"  # as `traffic.scrape` says why a clock has started


def unseen_since(runtime: Runtime, workload: Workload, registered: RegisteredApp) -> datetime | None:
    """Since when waker has watched the app and seen nobody; None if somebody was seen, or may have been, or nobody watches."""
    watched = runtime.visits.scraper.watched(workload.id)
    if not watched or watched.seen_at or watched.because != BEGAN:
        return None
    began = watched.visited_at
    return began if runtime.last_visit(workload, registered) == began else None
