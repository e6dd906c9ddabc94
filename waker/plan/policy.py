"""What the user wants for one app: the annotations of a workload over the settings of the ConfigMap.

The one place where annotations that users write on workloads are read. An unreadable value is a problem, a sentence for
its user, and an app with a problem is not put to sleep.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from waker import names
from waker.errors import SettingsError
from waker.plan.model import Background, PageLook, Pin, Policy, VisitorPolicy, Workload
from waker.plan.notes import ANNOTATIONS, NONE
from waker.settings.configmap import (
    Live,
    parse_health_check_response,
    parse_hold_for,
    parse_page_after,
    parse_while_asleep,
)
from waker.settings.durations import LONGEST, format_duration, parse_duration
from waker.settings.page_values import parse_accent, parse_contact
from waker.settings.parsing import (
    one_of,
    parse_background,
    parse_bool,
    parse_label_patterns,
    parse_list,
    parse_paths,
    parse_query,
    parse_status_words,
    split_list,
)
from waker.settings.pauses import longest, parse_pause

KNOWN: Final = names.OF_USERS | ANNOTATIONS | {names.SAVED_BACKENDS, names.INSTALLATION}
MOST_UNKNOWN: Final = 3  # annotations of a workload, in sentences
ALIKE: Final = 0.7  # of 1; `idleafter` and `idle-after` are 0.95 alike, `enable` and `enabled` 0.92


class PolicyReading(NamedTuple):
    """`policy` is None if the workload is not enabled. Problems are sentences for the user.

    `own_theme` and `own_while_asleep`: what the workload itself asks for, "" if it leaves that to the ConfigMap.
    `page_problems`: what its page goes without. They keep nothing awake.
    """

    policy: Policy | None
    problems: tuple[str, ...] = ()
    own_theme: str = ""
    own_while_asleep: str = ""
    page_problems: tuple[str, ...] = ()


class UnknownAnnotation(NamedTuple):
    """An annotation of kubesleeper.io that waker does not know: misspelt, or of a newer waker.

    `meant`: the one that it is like, "" if it is like none; `there`: that one is there, too.
    """

    key: str
    value: str
    meant: str
    there: bool

    def __str__(self) -> str:
        said = f"{self.key} is no annotation that waker knows"
        return f"{said}; is {self.meant} meant?" if self.meant else said


def unknown_annotations(workload: Workload) -> tuple[UnknownAnnotation, ...]:
    """The first ones. They keep nothing awake and change no policy."""
    given = workload.annotations
    unknown = given.keys() - KNOWN
    if not unknown:  # as nearly always
        return ()
    likely = ((key, _meant(key)) for key in sorted(unknown)[:MOST_UNKNOWN])
    return tuple(UnknownAnnotation(key, given[key], meant, meant in given) for key, meant in likely)


@lru_cache(maxsize=128)  # a pass for each app asks again
def _meant(key: str) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 most services never need it

    name = key.removeprefix(f"{names.DOMAIN}/").lower()
    known = [each.removeprefix(f"{names.DOMAIN}/") for each in sorted(names.OF_USERS)]
    found = get_close_matches(name, known, n=1, cutoff=ALIKE)
    return f"{names.DOMAIN}/{found[0]}" if found else ""


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


def read_policy(annotations: Mapping[str, str], live: Live, namespace: str = "") -> PolicyReading:
    """The annotations of a workload in this namespace as a policy. Never raises."""
    own_theme = annotations.get(names.THEME, "").strip()
    read = _Read(annotations)
    enabled = read(names.ENABLED, parse_bool, default=False)
    if read.problems:
        return PolicyReading(Policy(live.idle_after, live.wake_timeout), tuple(read.problems), own_theme)
    if not enabled:
        return PolicyReading(None, own_theme=own_theme)
    of_page = _Read(annotations)
    look = PageLook(of_page(names.ACCENT, parse_accent, ""), of_page(names.CONTACT, parse_contact, ""))
    min_idle = read(names.MIN_IDLE, parse_duration, None)
    policy = Policy(
        idle_after=max(read(names.IDLE_AFTER, parse_duration, live.idle_after), live.min_idle, min_idle or timedelta()),
        wake_timeout=live.wake_timeout,
        pin=Pin(read(names.STATE, one_of(*Pin), Pin.AUTO)),
        title=annotations.get(names.TITLE, ""),
        theme=annotations.get(names.THEME, live.theme).strip(),
        look=look,
        paused=live.paused,
        pause=longest(read(names.PAUSED, parse_pause, None), live.paused_namespaces.get(namespace), live.paused_until),
        visitors=_visitor_policy(read, live),
        min_idle=min_idle,
        background=read(names.BACKGROUND, _background, None),
        ignore_statuses=read(names.IGNORE_STATUSES, parse_status_words, ()),
        ignore_labels=read(names.IGNORE_LABELS, parse_label_patterns, ()),
        activity_query=read(names.ACTIVITY_QUERY, parse_query, ""),
    )
    own_while_asleep = policy.visitors.while_asleep if names.WHILE_ASLEEP in annotations else ""
    return PolicyReading(policy, tuple(read.problems), own_theme, own_while_asleep, tuple(of_page.problems))


def _background(text: str) -> Background:
    return Background(*parse_background(text))


def policy_if_enabled(annotations: Mapping[str, str], live: Live, namespace: str = "") -> PolicyReading:
    """The policy that a workload would have if it were enabled; its own if it is."""
    own = read_policy(annotations, live, namespace)
    return own if own.policy else read_policy({**annotations, names.ENABLED: "true"}, live, namespace)


def watched(workload: Workload, *, everybody: bool) -> Workload:
    """The same workload. With `everybody` as if it were enabled and never due, whatever it says: it is only watched."""
    if not everybody:
        return workload
    said = {names.ENABLED: "true", names.IDLE_AFTER: format_duration(LONGEST), names.STATE: str(Pin.AUTO)}
    return replace(workload, annotations={**workload.annotations, **said})


def _visitor_policy(read: _Read, live: Live) -> VisitorPolicy:
    """Lists add to the ConfigMap's; every other annotation replaces its value."""
    return VisitorPolicy(
        while_asleep=read(names.WHILE_ASLEEP, parse_while_asleep, live.while_asleep),
        hold_for=read(names.HOLD_FOR, parse_hold_for, live.hold_for),
        ignore_paths=live.ignore_paths + read(names.IGNORE_PATHS, parse_paths, ()),
        ignore_agents=live.ignore_agents + read(names.IGNORE_AGENTS, parse_list, ()),
        health_check_response=read(
            names.HEALTH_CHECK_RESPONSE, parse_health_check_response, live.health_check_response
        ),
        page_after=read(names.PAGE_AFTER, parse_page_after, live.page_after),
    )


class AllowedObjects(NamedTuple):
    """The names to which the user restricts an app's routes; None: no restriction."""

    services: frozenset[str] | None
    ingresses: frozenset[str] | None


ALL_OBJECTS = AllowedObjects(None, None)


def allowed_objects(workload: Workload) -> AllowedObjects:
    """What the annotations `service` and `ingress` say. Nearly always nothing, and each pass asks several times."""
    if workload.annotations.keys().isdisjoint((names.SERVICE, names.INGRESS)):
        return ALL_OBJECTS
    return AllowedObjects(*(_names(workload.annotations.get(key, "")) for key in (names.SERVICE, names.INGRESS)))


def _names(text: str) -> frozenset[str] | None:
    """`a,b`; None if there are none."""
    return (frozenset(split_list(text)) or None) if text else None


def is_managed(workload: Workload) -> bool:
    """Whether a workload is waker's business: it is enabled (or said to be not), or waker has left a note on it."""
    return names.ENABLED in workload.annotations or workload.notes != NONE
