"""The settings that may change while waker runs: keys of the ConfigMap `kubesleeper`, with their defaults.

`LIVE` is the only place that names them: a new setting is a row there, a field of `Live` and an entry in
k8s/settings.yaml. The table in docs/reference.md is generated from the rows. `observe.live_settings` reads the ConfigMap and passes its
data in. The subtle thing: keys are parsed one by one, and if a value cannot be parsed the last good one stays.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from waker.errors import SettingsError
from waker.settings.durations import format_duration, parse_duration, parse_floor
from waker.settings.ingress_class import CLASS_PREFIX, ClassSettings, read_classes
from waker.settings.parsing import (
    PortRange,
    one_of,
    parse_bool,
    parse_currency,
    parse_domains,
    parse_list,
    parse_paths,
    parse_port_range,
    parse_price,
    parse_statuses,
    parse_url,
    parse_wait_host,
    whole_number,
)
from waker.settings.pauses import parse_namespaces, parse_until

DOOR_PORTS = PortRange(20_000, 29_999)  # below NodePorts and the ports of outgoing connections


@dataclass(frozen=True, slots=True)
class Live:
    """The values of the settings. The defaults are those of a ConfigMap without any key."""

    idle_after: timedelta = timedelta(minutes=30)
    min_idle: timedelta = timedelta()
    scrape_interval: timedelta = timedelta(seconds=15)
    ignore_statuses: frozenset[str] = frozenset()
    wake_timeout: timedelta = timedelta(minutes=5)
    early_readiness: bool = True
    hold_for: timedelta = timedelta(seconds=30)  # below the common read timeout of 60 s; see `plan.hold_time`
    page_after: timedelta = timedelta(seconds=1)
    page_status: int = 503
    theme: str = ""
    while_asleep: str = "auto"
    wait_host: str = ""
    wait_domains: tuple[str, ...] = ()
    door_ports: PortRange = DOOR_PORTS
    ignore_paths: tuple[str, ...] = ()
    ignore_agents: tuple[str, ...] = ()
    health_check_response: int = 503
    paused: bool = False
    paused_until: datetime | None = None
    paused_namespaces: Mapping[str, datetime] = field(default_factory=dict)
    prometheus_url: str = ""
    activity_queries: str = "templates"
    activity_delay: timedelta = timedelta(minutes=1)
    price_core_hour: float = 0.0
    price_gib_hour: float = 0.0
    currency: str = "USD"
    classes: Mapping[str, ClassSettings] = field(default_factory=dict)  # by IngressClass


NO_WAIT_HOST = "the setting wait-host is not set, so browsers get the waiting page"
# A held request costs memory, and no ingress controller's read timeout is longer by default.
LONGEST_HOLD = timedelta(minutes=5)
# A browser shows nothing of its own meanwhile; after some seconds a person thinks that nothing happens.
LONGEST_WITHOUT_PAGE = timedelta(seconds=5)
WHILE_ASLEEP = ("auto", "page", "hold", "redirect")
parse_while_asleep = one_of(*WHILE_ASLEEP)


def parse_hold_for(text: str) -> timedelta:
    """A duration up to LONGEST_HOLD. Raises SettingsError."""
    length = parse_duration(text)
    if length > LONGEST_HOLD:
        raise SettingsError(f"{text[:40]!r} is longer than {format_duration(LONGEST_HOLD)}")
    return length


def parse_page_after(text: str) -> timedelta:
    """A duration up to LONGEST_WITHOUT_PAGE, or `0s`: always show the page. Raises SettingsError."""
    length = parse_floor(text)
    if length > LONGEST_WITHOUT_PAGE:
        raise SettingsError(f"{text[:40]!r} is longer than {format_duration(LONGEST_WITHOUT_PAGE)}")
    return length


def parse_health_check_response(text: str) -> int:
    """200 or 503. Raises SettingsError."""
    return int(one_of("200", "503")(text))


class LiveKey(NamedTuple):
    """A key of the ConfigMap. `field` is its name in `Live`."""

    key: str
    field: str
    parse: Callable[[str], Any]
    help: str


LIVE = (
    LiveKey("idle-after", "idle_after", parse_duration, "Put an app to sleep after this long without a visit."),
    LiveKey("min-idle", "min_idle", parse_floor, "Never put an app to sleep earlier than this after its last visit, whatever its own idle-after says."),
    LiveKey("scrape-interval", "scrape_interval", parse_duration, "How often the metrics of the ingress controllers are scraped."),
    LiveKey("ignore-statuses", "ignore_statuses", parse_statuses, "HTTP statuses that do not count as visits, comma-separated: 301,404,4xx. Only for ingress controllers that count by status."),
    LiveKey("wake-timeout", "wake_timeout", parse_duration, "Call a wake stuck if the app is not ready after this long."),
    LiveKey("early-readiness", "early_readiness", parse_bool, "While a visitor waits for an app to start, run its pods' own readiness probes more often than Kubernetes does."),
    LiveKey("hold-for", "hold_for", parse_hold_for, "How long a client that is not a browser is held while its app wakes, at most 5m. A request is held for less where its ingress controller waits for less."),
    LiveKey("page-after", "page_after", parse_page_after, "Show browsers no waiting page where wakes of the app typically take less than this: they are held, for at most twice as long, and get the app. `0s`: always show the page. At most 5s."),
    LiveKey("page-status", "page_status", whole_number(200, 599), "The HTTP status of the waiting page."),
    LiveKey("theme", "theme", str.strip, "The theme of the waiting page: `sunrise`, `card`, `terminal`, `paper`, `bedtime`, or one of your own. Default: `sunrise`."),
    LiveKey("while-asleep", "while_asleep", parse_while_asleep, "How visitors of a sleeping app are served. `auto`: browsers get the waiting page, other clients are held. `page`: clients that accept any content type get the page, too. `hold`: browsers are held, too. `redirect`: browsers are sent to `wait-host`."),
    LiveKey("wait-host", "wait_host", parse_wait_host, "The host that `redirect` sends browsers to, such as `wait.example.com` or `https://wait.example.com`. Its Ingress leads to waker itself."),
    LiveKey("wait-domains", "wait_domains", parse_domains, "Domains to which the wait host may send visitors back, comma-separated: `example.com` is that host and everything below. Default: the exact hosts of the rules of each app; a rule with a wildcard counts only within these domains."),
    LiveKey("door-ports", "door_ports", parse_port_range, "The ports of waker from which each sleeping app gets one of its own. Apps that have one keep it when this changes."),
    LiveKey("ignore-paths", "ignore_paths", parse_paths, "Paths that never wake an app, comma-separated. `/static/*` is everything below `/static/`. A list has at most 50 entries of 200 characters."),
    LiveKey("ignore-agents", "ignore_agents", parse_list, "Parts of a User-Agent that never wake an app, comma-separated. They add to the built-in list."),
    LiveKey("health-check-response", "health_check_response", parse_health_check_response, "What health checks of a sleeping app get: `503`, or `200` to keep monitors green."),
    LiveKey("paused", "paused", parse_bool, "Put no app to sleep. Sleeping apps can still be woken."),
    LiveKey("paused-until", "paused_until", parse_until, "Put no app to sleep until this time: `2027-01-31T18:00:00Z`. `waker pause --all --for 2h` writes it."),
    LiveKey("paused-namespaces", "paused_namespaces", parse_namespaces, "Put no app of these namespaces to sleep, comma-separated: `prod, dev=2027-01-31T18:00:00Z`, with or without a time until which. `waker pause -n prod` writes it."),
    LiveKey("prometheus-url", "prometheus_url", parse_url, "Read the visits from this Prometheus instead of the ingress controllers' pods. Default: the pods."),
    LiveKey("activity-queries", "activity_queries", one_of("templates", "allow"), "Whose queries are asked at `prometheus-url`: `templates` are those of `controller.CLASS.query`, `allow` also those that users write into the annotation `kubesleeper.io/activity-query`. Such a query can read whatever waker may read there."),
    LiveKey("activity-delay", "activity_delay", parse_floor, "How long it may take until a query shows a visit: Prometheus's own interval, and whatever its source adds. Pods go that much later."),
    LiveKey("price-core-hour", "price_core_hour", parse_price, "What an hour of one CPU core costs, for `waker savings` and the dashboard. With `0` they show no money."),
    LiveKey("price-gib-hour", "price_gib_hour", parse_price, "What an hour of one GiB of memory costs."),
    LiveKey("currency", "currency", parse_currency, "In which currency: three letters, such as `EUR`."),
)  # fmt: skip


def read_live(data: Mapping[str, str], last: Live) -> tuple[Live, tuple[str, ...]]:
    """The ConfigMap's data over the defaults. For a bad value that of `last` stays, and a sentence joins the problems."""
    values: dict[str, Any] = {}
    keys = {row.key for row in LIVE}
    values["classes"], class_problems = read_classes(data, last.classes)
    problems = [f"unknown key {key[:60]!r}" for key in data if key not in keys and not key.startswith(CLASS_PREFIX)]
    problems += class_problems
    for row in LIVE:
        if row.key not in data:
            continue
        try:
            values[row.field] = row.parse(data[row.key])
        except SettingsError as error:
            pauses = row.field == "paused"  # whoever writes it means it
            values[row.field] = pauses or getattr(last, row.field)
            problems.append(f"{row.key}: {error}{', so KubeSleeper is paused' if pauses else ''}")
    live = replace(Live(), **values)
    if live.while_asleep == "redirect" and not live.wait_host:
        problems.append(f"while-asleep: redirect: {NO_WAIT_HOST}")
    return live, tuple(problems)
