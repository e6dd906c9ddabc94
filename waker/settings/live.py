"""The settings that may change while waker runs: keys of the ConfigMap `kubesleeper`.

`LIVE` is the only place where they are named; the README's table is generated from it. Read key by key: a bad value is
reported and the last good one stays.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, NamedTuple

from waker.errors import SettingsError
from waker.settings.classes import PREFIX, ClassSettings, read_classes
from waker.settings.parsing import (
    one_of,
    parse_bool,
    parse_paths,
    parse_statuses,
    parse_url,
    parse_wait_host,
    several,
    whole,
)
from waker.settings.times import parse_duration, parse_floor


@dataclass(frozen=True, slots=True)
class Live:
    """The settings of the ConfigMap, with their defaults."""

    idle_after: timedelta = timedelta(minutes=30)
    min_idle: timedelta = timedelta()
    scrape_interval: timedelta = timedelta(seconds=15)
    ignore_statuses: frozenset[str] = frozenset()
    wake_timeout: timedelta = timedelta(minutes=5)
    early_readiness: bool = True
    hold_for: timedelta = timedelta(seconds=30)  # below the usual read timeout of 60 s; Envoy's default is 15 s
    page_status: int = 503
    theme: str = ""
    while_asleep: str = "auto"
    wait_host: str = ""
    ignore_paths: tuple[str, ...] = ()
    ignore_agents: tuple[str, ...] = ()
    health_check_response: int = 503
    paused: bool = False
    prometheus_url: str = ""
    classes: Mapping[str, ClassSettings] = field(default_factory=dict)  # by the name of the IngressClass


NO_WAIT_HOST = "the setting wait-host is not set, so browsers get the page"
WHILE_ASLEEP = ("auto", "page", "hold", "redirect")
parse_while_asleep = one_of(*WHILE_ASLEEP)


def parse_health_check_response(text: str) -> int:
    """200 or 503. Raises SettingsError."""
    return int(one_of("200", "503")(text))


class LiveKey(NamedTuple):
    """One key of the ConfigMap. `field` is its name in `Live`."""

    key: str
    field: str
    parse: Callable[[str], Any]
    help: str


LIVE = (
    LiveKey("idle-after", "idle_after", parse_duration, "Put an app to sleep after this long without a visit."),
    LiveKey("min-idle", "min_idle", parse_floor, "Put no app to sleep earlier than this after its last visit, whatever its own idle-after says."),
    LiveKey("scrape-interval", "scrape_interval", parse_duration, "How often the ingress controllers are asked for their metrics."),
    LiveKey("ignore-statuses", "ignore_statuses", parse_statuses, "HTTP statuses that are no visit, with commas: 301,404,4xx. Only where the ingress controller counts by status."),
    LiveKey("wake-timeout", "wake_timeout", parse_duration, "Call a wake stuck when the app is not ready after this long."),
    LiveKey("early-readiness", "early_readiness", parse_bool, "While somebody waits for an app that starts, ask its pods' own readiness probes more often than Kubernetes does."),
    LiveKey("hold-for", "hold_for", parse_duration, "How long a client that is no browser is held while its app wakes; keep it below the ingress controller's read timeout."),
    LiveKey("page-status", "page_status", whole(200, 599), "The HTTP status of the waiting page."),
    LiveKey("theme", "theme", str.strip, "How the waiting page looks: the name of a theme. Without one, as it comes."),
    LiveKey("while-asleep", "while_asleep", parse_while_asleep, "How a sleeping app receives its visitors: `auto` by who asks, `page` for everybody who can wait, `hold` without a page, `redirect` browsers to `wait-host`."),
    LiveKey("wait-host", "wait_host", parse_wait_host, "Where `redirect` sends browsers: a host whose Ingress leads to waker itself, such as `wait.example.com` or `https://wait.example.com`."),
    LiveKey("ignore-paths", "ignore_paths", parse_paths, "Paths that never wake an app, with commas; `/static/*` is all below."),
    LiveKey("ignore-agents", "ignore_agents", several, "Parts of a User-Agent that never wake an app, with commas; beside the built-in list."),
    LiveKey("health-check-response", "health_check_response", parse_health_check_response, "What monitors get from a sleeping app: `503`, or `200` if they should stay green."),
    LiveKey("paused", "paused", parse_bool, "Put nothing to sleep; what sleeps can still be woken."),
    LiveKey("prometheus-url", "prometheus_url", parse_url, "Learn who visits from this Prometheus instead of the ingress controllers' pods; empty means from the pods."),
)  # fmt: skip


def read_live(data: Mapping[str, str], last: Live) -> tuple[Live, tuple[str, ...]]:
    """The ConfigMap's data over the defaults. A bad value keeps that of `last` and adds a sentence to the problems."""
    values: dict[str, Any] = {}
    keys = {known.key for known in LIVE}
    values["classes"], problems_of_classes = read_classes(data, last.classes)
    problems = [f"unknown key {key[:60]!r}" for key in data if key not in keys and not key.startswith(PREFIX)]
    problems += problems_of_classes
    for known in LIVE:
        if known.key not in data:
            continue
        try:
            values[known.field] = known.parse(data[known.key])
        except SettingsError as error:
            values[known.field] = getattr(last, known.field)
            problems.append(f"{known.key}: {error}")
    live = replace(Live(), **values)
    if live.while_asleep == "redirect" and not live.wait_host:
        problems.append(f"while-asleep: redirect: {NO_WAIT_HOST}")
    return live, tuple(problems)
