"""What people ask of one app, as annotations of its workload: by a command or by a button, it is the same.

A request for sleep takes the place of one for a wake, and the other way round: no clock decides which of the two is newer.
Pure; `commands.pin`, `commands.pause` and `reconcile.by_hand` write what this says.
"""

from collections.abc import Mapping
from datetime import datetime

from waker import names
from waker.plan.model import AppId, Pin
from waker.plan.times import format_time

Wanted = Mapping[str, str | None]  # annotations; None removes


def sleep_once(now: datetime) -> Wanted:
    """Sleep until the next visitor."""
    return {names.SLEEP_REQUESTED_AT: format_time(now), names.WAKE_REQUESTED_AT: None}


def wake_once(now: datetime) -> Wanted:
    """Wake, and let traffic decide afterwards."""
    return {names.WAKE_REQUESTED_AT: format_time(now), names.SLEEP_REQUESTED_AT: None}


def pinned(pin: Pin) -> Wanted:
    """Stay so until somebody says otherwise. AUTO: traffic decides."""
    return {names.STATE: None if pin is Pin.AUTO else str(pin)}


def paused(until: str | None) -> Wanted:
    """Nothing puts it to sleep: for good (`true`), until a time (RFC 3339), or no longer (None)."""
    return {names.PAUSED: until}


def asks_once(wanted: Wanted) -> bool:
    """Whether a pin stands against it."""
    return {names.SLEEP_REQUESTED_AT, names.WAKE_REQUESTED_AT} <= wanted.keys()


def not_managed(app: AppId) -> str:
    """Why nothing can be asked of an app that is not enabled: a sentence."""
    return f'{app.kind} {app} is not managed: it has no annotation {names.ENABLED}: "true"'
