"""What the user wants for one app: the annotations of a workload over the settings of the ConfigMap.

A value that cannot be read is a problem with a sentence, and an app with a problem is not put to sleep.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from waker import names
from waker.errors import SettingsError
from waker.plan.model import Pin, Policy, VisitorPolicy
from waker.settings.live import Live, parse_health_check_response, parse_while_asleep
from waker.settings.parsing import one_of, parse_bool, parse_list, parse_paths
from waker.settings.times import parse_duration


class PolicyReading(NamedTuple):
    """`policy` is None if the workload is not enabled. Problems are sentences for the user."""

    policy: Policy | None
    problems: tuple[str, ...] = ()


class _Read:
    """Annotations, one after the other: what cannot be read adds a problem, and the default counts."""

    def __init__(self, annotations: Mapping[str, str]) -> None:
        self._annotations = annotations
        self.problems: list[str] = []

    def __call__(self, key: str, parse: Callable[[str], Any], default: Any) -> Any:
        if key not in self._annotations:
            return default
        try:
            return parse(self._annotations[key])
        except SettingsError as error:
            self.problems.append(f"{key}: {error}")
            return default


def read_policy(annotations: Mapping[str, str], live: Live) -> PolicyReading:
    """A workload's annotations as a policy. Never raises."""
    read = _Read(annotations)
    enabled = read(names.ENABLED, parse_bool, default=False)
    if read.problems:
        return PolicyReading(Policy(live.idle_after, live.wake_timeout), tuple(read.problems))
    if not enabled:
        return PolicyReading(None)
    min_idle = read(names.MIN_IDLE, parse_duration, None)
    policy = Policy(
        idle_after=max(read(names.IDLE_AFTER, parse_duration, live.idle_after), live.min_idle, min_idle or timedelta()),
        wake_timeout=live.wake_timeout,
        pin=Pin(read(names.STATE, one_of(*Pin), Pin.AUTO)),
        title=annotations.get(names.TITLE, ""),
        theme=annotations.get(names.THEME, live.theme).strip(),
        paused=live.paused,
        visitors=_reception(read, live),
        min_idle=min_idle,
    )
    return PolicyReading(policy, tuple(read.problems))


def _reception(read: _Read, live: Live) -> VisitorPolicy:
    """Lists add to the ConfigMap's, all else goes before it."""
    return VisitorPolicy(
        while_asleep=read(names.WHILE_ASLEEP, parse_while_asleep, live.while_asleep),
        hold_for=read(names.HOLD_FOR, parse_duration, live.hold_for),
        ignore_paths=live.ignore_paths + read(names.IGNORE_PATHS, parse_paths, ()),
        ignore_agents=live.ignore_agents + read(names.IGNORE_AGENTS, parse_list, ()),
        health_check_response=read(
            names.HEALTH_CHECK_RESPONSE, parse_health_check_response, live.health_check_response
        ),
    )


def parse_names(annotations: Mapping[str, str], key: str) -> frozenset[str] | None:
    """The names that an override lists (`a,b`), None if it is not there or empty."""
    return frozenset(parse_list(annotations.get(key, ""))) or None
