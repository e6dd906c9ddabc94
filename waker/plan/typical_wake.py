"""How long an app typically takes to wake: a note, worked out here only.

Written in the patch that ends a wake anyway. Each wake counts half, all before it the other half, so a changed app is known
again after a few. To the millisecond, as an app that is awake within a second gets no waiting page (`page-after`). An
unreadable note is as if it were not there.
"""

from datetime import datetime, timedelta

from waker.plan.notes import Notes, readable
from waker.settings.durations import format_exact

LONGEST = timedelta(hours=1)  # whatever took longer was repaired, and is not typical


def updated(notes: Notes, now: datetime) -> str | None:
    """The note's new text at the end of a wake; None if nothing was learned: the app had never been scaled down."""
    begun = readable(notes.wake_requested_at)
    if begun is None or notes.saved_replicas is None or not timedelta() <= now - begun <= LONGEST:
        return None
    took = now - begun
    before = readable(notes.typical_wake)
    return format_exact(((before or took) + took) / 2)
