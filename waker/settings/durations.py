"""Durations as users write them: `90s`, `15m`, `1h30m`, `2d`. The notation of Go and Kubernetes, in whole units, plus days.

Settings, annotations and messages all use it, so that a duration reads the same everywhere.
"""

import re
from datetime import timedelta
from math import ceil

from waker.errors import SettingsError

UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
DURATION = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)
LONGEST = timedelta(days=365)
MILLISECONDS = re.compile(r"([1-9]\d{0,3})ms", re.ASCII)
EXACT = timedelta(milliseconds=9999)


def parse_duration(text: str) -> timedelta:
    """`1h30m` -> timedelta. Units d, h, m, s, each at most once and in this order; from 1s to 365d. Raises SettingsError."""
    found = DURATION.fullmatch(text.strip())
    numbers = found.groups() if found else ()
    seconds = sum(int(number) * unit for number, unit in zip(numbers, UNITS.values(), strict=False) if number)
    if not seconds or seconds > LONGEST.total_seconds():
        raise SettingsError(f"{text[:40]!r} is not a duration such as 90s, 15m, 1h30m or 2d (1s to 365d)")
    return timedelta(seconds=seconds)


def format_duration(length: timedelta) -> str:
    """The inverse of `parse_duration`, cut to whole seconds: `1h30m`; `0s` for less than one second."""
    rest, words = int(length.total_seconds()), ""
    for unit, seconds in UNITS.items():
        count, rest = divmod(rest, seconds)
        words += f"{count}{unit}" if count else ""
    return words or "0s"


def parse_floor(text: str) -> timedelta:
    """A duration that may be zero: `0s` means no lower limit. Raises SettingsError."""
    return timedelta() if text.strip() == "0s" else parse_duration(text)


def parse_exact(text: str) -> timedelta:
    """A duration, or less than ten seconds in milliseconds: `640ms`. Raises SettingsError."""
    found = MILLISECONDS.fullmatch(text)
    return timedelta(milliseconds=int(found[1])) if found else parse_duration(text)


def format_exact(length: timedelta) -> str:
    """The inverse of `parse_exact`: rounded up to milliseconds below ten seconds, to seconds above. From 1ms."""
    if length <= EXACT:
        return f"{max(1, ceil(length / timedelta(milliseconds=1)))}ms"
    return format_duration(timedelta(seconds=ceil(length.total_seconds())))
