"""How long an app usually takes to wake: one annotation, read and written here only.

Kept in the patch that ends a wake anyway. Each wake counts half, all before it the other half, so a changed app is
known again after a few. In whole seconds, in the form of all durations; what cannot be read is as if it were not there.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import ceil

from waker import names
from waker.errors import SettingsError
from waker.plan.times import parse_time
from waker.settings.times import format_duration, parse_duration

LONGEST = timedelta(hours=1)  # whatever took longer was repaired, and is not usual


def typical_wake(annotations: Mapping[str, str]) -> timedelta | None:
    """What is known of a workload; None if nothing is."""
    try:
        return parse_duration(annotations.get(names.TYPICAL_WAKE, ""))
    except SettingsError:
        return None


def updated(annotations: Mapping[str, str], now: datetime) -> str | None:
    """The annotation's new text at the end of a wake; None if nothing was learnt: it never had been scaled down."""
    begun = parse_time(annotations.get(names.WAKE_REQUESTED_AT, ""))
    if begun is None or names.SAVED_REPLICAS not in annotations or not timedelta() <= now - begun <= LONGEST:
        return None
    took = max(now - begun, timedelta(seconds=1))
    before = typical_wake(annotations)
    return format_duration(timedelta(seconds=ceil(((before or took) + took).total_seconds() / 2)))
