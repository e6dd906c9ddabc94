"""Pauses: nothing is put to sleep, until a time or until somebody resumes it. For one app, a namespace, or everything.

    kubesleeper.io/paused: "true"                      an app
    kubesleeper.io/paused: "2027-01-31T18:00:00Z"      an app, until then
    paused-namespaces: prod, dev=2027-01-31T18:00:00Z  namespaces
    paused-until: "2027-01-31T18:00:00Z"               everything

The setting `paused: "true"` is older and means more: what waker keeps in namespaces goes as well. A pause that is over is
none; nobody has to remove it. Pure.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, NamedTuple

from waker.errors import SettingsError
from waker.settings.parsing import parse_bool, split_list

FOREVER: Final = datetime.max.replace(tzinfo=UTC)  # until somebody resumes it
CREDIBLE: Final = range(2000, 3000)  # years
NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)


class PauseScope(StrEnum):
    """What is paused. The value completes "... is paused"."""

    APP = "it"
    NAMESPACE = "its namespace"
    ALL = "KubeSleeper"


class Pause(NamedTuple):
    """Until when, and of what."""

    until: datetime
    scope: PauseScope

    def __str__(self) -> str:
        end = "" if self.until == FOREVER else f" until {self.until.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        return f"{self.scope} is paused{end}"


def parse_until(text: str) -> datetime | None:
    """RFC 3339 with a zone; None for an empty text. Raises SettingsError."""
    if not text.strip():
        return None
    try:
        found: datetime | None = datetime.fromisoformat(text.strip())
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or found.year not in CREDIBLE:
        raise SettingsError(f"{text[:40]!r} is not a time such as 2027-01-31T18:00:00Z")
    return found.astimezone(UTC)


def parse_pause(text: str) -> datetime | None:
    """`true`: for ever; `false`: not at all; or a time until which. Raises SettingsError."""
    try:
        return FOREVER if parse_bool(text) else None
    except SettingsError:
        pass
    try:
        return parse_until(text)
    except SettingsError:
        raise SettingsError(
            f"{text[:40]!r} is neither true nor false, nor a time such as 2027-01-31T18:00:00Z"
        ) from None


def parse_namespaces(text: str) -> Mapping[str, datetime]:
    """`prod, dev=2027-01-31T18:00:00Z`. Raises SettingsError."""
    found = {}
    for each in split_list(text):
        name, equals, until = each.partition("=")
        if not NAMESPACE.fullmatch(name.strip()):
            raise SettingsError(f"{name[:40]!r} is not the name of a namespace")
        found[name.strip()] = (parse_until(until) if equals else None) or FOREVER
    return found


def format_namespaces(paused: Mapping[str, datetime]) -> str:
    """The inverse of `parse_namespaces`."""
    return ", ".join(
        name if until == FOREVER else f"{name}={format_until(until)}" for name, until in sorted(paused.items())
    )


def format_until(until: datetime) -> str:
    """A time in whole seconds; `true` for one that never comes."""
    if until == FOREVER:
        return "true"
    return until.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def longest(app: datetime | None, namespace: datetime | None, everything: datetime | None) -> Pause | None:
    """The pause that ends last; of two that end together the wider one. None if nothing is paused."""
    scopes = zip(PauseScope, (app, namespace, everything), strict=True)
    found = [Pause(until, scope) for scope, until in scopes if until is not None]
    return max(found, key=lambda each: (each.until, list(PauseScope).index(each.scope)), default=None)
