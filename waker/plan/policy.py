"""What the user wants for one app: the annotations of a workload over the settings of the ConfigMap.

A value that cannot be read is a problem with a sentence, and an app with a problem is not put to sleep.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from waker import names
from waker.errors import SettingsError
from waker.plan.model import Pin, Policy
from waker.settings import Live, one_of, parse_bool, parse_duration


class Reading(NamedTuple):
    """`policy` is None if the workload is not enabled. Problems are sentences for the user."""

    policy: Policy | None
    problems: tuple[str, ...] = ()


def read_policy(annotations: Mapping[str, str], live: Live) -> Reading:
    """A workload's annotations as a policy. Never raises."""
    problems: list[str] = []
    idle_after: timedelta = live.idle_after
    pin = Pin.AUTO
    try:
        if not parse_bool(annotations.get(names.ENABLED, "false")):
            return Reading(None)
    except SettingsError as error:
        return Reading(Policy(live.idle_after, live.wake_timeout), (f"{names.ENABLED}: {error}",))
    try:
        if names.IDLE_AFTER in annotations:
            idle_after = parse_duration(annotations[names.IDLE_AFTER])
    except SettingsError as error:
        problems.append(f"{names.IDLE_AFTER}: {error}")
    try:
        pin = Pin(one_of(*Pin)(annotations.get(names.STATE, Pin.AUTO)))
    except SettingsError as error:
        problems.append(f"{names.STATE}: {error}")
    policy = Policy(idle_after, live.wake_timeout, pin, annotations.get(names.TITLE, ""), live.paused)
    return Reading(policy, tuple(problems))


def named(annotations: Mapping[str, str], key: str) -> frozenset[str] | None:
    """The names that an override lists (`a,b`), None if it is not there or empty."""
    found = frozenset(name.strip() for name in annotations.get(key, "").split(",") if name.strip())
    return found or None
