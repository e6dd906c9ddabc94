"""Settings: what a process needs (flags, environment) and what may change while it runs (ConfigMap).

Two tables, `FLAGS` and `LIVE`, are the only place where a setting is named; the README's tables are checked against
them. The ConfigMap is read key by key: a bad value is told and the last good one stays. Durations are written as in
Go and Kubernetes, limited to whole units: `90s`, `15m`, `1h30m`, `2d`.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from waker.class_settings import PREFIX, ClassSettings, read_classes
from waker.errors import SettingsError

UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
DURATION = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)
LONGEST = timedelta(days=365)
HOST_NAME = r"(?:[a-z0-9-]{1,63}\.)*[a-z][a-z0-9-]{0,62}"  # no address: browsers take a number at the end for one
WAIT_HOST = re.compile(rf"(?:https?://)?{HOST_NAME}(?::[1-9]\d{{0,4}})?", re.ASCII)
OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def parse_duration(text: str) -> timedelta:
    """`1h30m` -> timedelta. Units d, h, m, s, each at most once and in this order; from 1 s to 365 d. Raises SettingsError."""
    found = DURATION.fullmatch(text.strip())
    numbers = found.groups() if found else ()
    seconds = sum(int(n) * unit for n, unit in zip(numbers, UNITS.values(), strict=False) if n)
    if not seconds or seconds > LONGEST.total_seconds():
        raise SettingsError(f"{text[:40]!r} is not a duration such as 90s, 15m, 1h30m or 2d (1s to 365d)")
    return timedelta(seconds=seconds)


def format_duration(length: timedelta) -> str:
    """The inverse of `parse_duration`, cut to whole seconds: `1h30m`; `0s` for less than one."""
    rest, words = int(length.total_seconds()), ""
    for unit, seconds in UNITS.items():
        count, rest = divmod(rest, seconds)
        words += f"{count}{unit}" if count else ""
    return words or "0s"


def parse_floor(text: str) -> timedelta:
    """A duration, or `0s` for none. Raises SettingsError."""
    return timedelta() if text.strip() == "0s" else parse_duration(text)


def parse_statuses(text: str) -> frozenset[str]:
    """`301,4xx` -> 301, 4xx and 400 to 499: whatever a metric may say. Raises SettingsError."""
    found: set[str] = set()
    for word in filter(None, (word.strip().lower() for word in text.split(","))):
        if not re.fullmatch(r"[1-5](\d\d|xx)", word, re.ASCII):
            raise SettingsError(f"{word[:40]!r} is no HTTP status such as 404 or 3xx")
        found |= {word} | ({f"{word[0]}{rest:02}" for rest in range(100)} if word.endswith("xx") else set())
    return frozenset(found)


def parse_bool(text: str) -> bool:
    """`true` or `false`, as Kubernetes writes them. Raises SettingsError."""
    if text.strip().lower() not in ("true", "false"):
        raise SettingsError(f"{text[:40]!r} is neither true nor false")
    return text.strip().lower() == "true"


def whole(low: int, high: int) -> Callable[[str], int]:
    """A parser of whole numbers from `low` to `high`. It raises SettingsError."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text.strip(), re.ASCII) or not low <= int(text) <= high:
            raise SettingsError(f"{text[:40]!r} is not a whole number from {low} to {high}")
        return int(text)

    return parse


def one_of(*words: str) -> Callable[[str], str]:
    """A parser of one of these words. It raises SettingsError."""

    def parse(text: str) -> str:
        if text.strip().lower() not in words:
            raise SettingsError(f"{text[:40]!r} is not one of {', '.join(words)}")
        return text.strip().lower()

    return parse


def several(text: str) -> tuple[str, ...]:
    """`a, b` -> ("a", "b"): words parted by commas, blanks around them do not count."""
    return tuple(word for each in text.split(",") if (word := each.strip()))


def parse_paths(text: str) -> tuple[str, ...]:
    """`/ping, /static/*` -> paths; a `*` at the end stands for anything. Raises SettingsError."""
    for path in several(text):
        if not re.fullmatch(r"/[^*?#\s]*\*?", path):
            raise SettingsError(f"{path[:40]!r} is not a path such as /ping or /static/*")
    return several(text)


def parse_wait_host(text: str) -> str:
    """`wait.example.com`, with `:port` where it is not the usual one and `https://` where it is always that; or nothing.

    Raises SettingsError.
    """
    host = text.strip().lower().removesuffix("/")
    if host and not WAIT_HOST.fullmatch(host):
        raise SettingsError(f"{text[:60]!r} is not a host such as wait.example.com or https://wait.example.com")
    return host


def parse_url(text: str) -> str:
    """`http://prometheus.monitoring:9090`, perhaps with a path; "" for none. Raises SettingsError."""
    wanted = text.strip().rstrip("/")
    try:
        found = urlsplit(wanted)
        good = found.scheme in ("http", "https") and found.hostname and found.port != 0
    except ValueError:
        good = False
    if wanted and not (good and re.fullmatch(r"[!-~]+", wanted) and not re.search(r"[@?#]", wanted)):
        raise SettingsError(
            f"{text[:80]!r} is not a URL such as http://prometheus.monitoring:9090 (without user, query and fragment)"
        )
    return wanted


# --- while it runs: the ConfigMap ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Live:
    """The settings of the ConfigMap, with their defaults."""

    idle_after: timedelta = timedelta(minutes=30)
    min_idle: timedelta = timedelta()
    scrape_interval: timedelta = timedelta(seconds=15)
    ignore_statuses: frozenset[str] = frozenset()
    wake_timeout: timedelta = timedelta(minutes=5)
    ask_readiness: bool = True
    hold_for: timedelta = timedelta(seconds=30)  # below the usual read timeout of 60 s; Envoy's default is 15 s
    page_status: int = 503
    theme: str = ""
    audience: str = "auto"
    wait_host: str = ""
    ignore_paths: tuple[str, ...] = ()
    ignore_agents: tuple[str, ...] = ()
    probe_response: int = 503
    paused: bool = False
    prometheus_url: str = ""
    classes: Mapping[str, ClassSettings] = field(default_factory=dict)  # by the name of the IngressClass


NO_WAIT_HOST = "the setting wait-host is not set, so browsers get the page"
AUDIENCES = ("auto", "page", "hold", "redirect")
parse_audience = one_of(*AUDIENCES)


def parse_probe_response(text: str) -> int:
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
    LiveKey("ask-readiness", "ask_readiness", parse_bool, "While somebody waits for an app that starts, ask its pods' own readiness probes more often than Kubernetes does."),
    LiveKey("hold-for", "hold_for", parse_duration, "How long a client that is no browser is held while its app wakes; keep it below the ingress controller's read timeout."),
    LiveKey("page-status", "page_status", whole(200, 599), "The HTTP status of the waiting page."),
    LiveKey("theme", "theme", str.strip, "How the waiting page looks: the name of a theme. Without one, as it comes."),
    LiveKey("audience", "audience", parse_audience, "How a sleeping app receives its visitors: `auto` by who asks, `page` for everybody who can wait, `hold` without a page, `redirect` browsers to `wait-host`."),
    LiveKey("wait-host", "wait_host", parse_wait_host, "Where `redirect` sends browsers: a host whose Ingress leads to waker itself, such as `wait.example.com` or `https://wait.example.com`."),
    LiveKey("ignore-paths", "ignore_paths", parse_paths, "Paths that never wake an app, with commas; `/static/*` is all below."),
    LiveKey("ignore-agents", "ignore_agents", several, "Parts of a User-Agent that never wake an app, with commas; beside the built-in list."),
    LiveKey("probe-response", "probe_response", parse_probe_response, "What monitors get from a sleeping app: `503`, or `200` if they should stay green."),
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
    if live.audience == "redirect" and not live.wait_host:
        problems.append(f"audience: redirect: {NO_WAIT_HOST}")
    return live, tuple(problems)


# --- for a process: flags and environment -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Settings:
    """What a process needs to start. An empty text means: found out by itself."""

    namespace: str = ""
    kubeconfig: str = ""
    public_port: int = 8080
    private_port: int = 9090
    advertise: str = ""
    themes: str = ""
    identity: str = field(default_factory=lambda: os.uname().nodename)
    log_level: str = "info"
    log_format: str = "text"
    dry_run: bool = False
    prometheus_token_file: str = ""
    prometheus_ca_file: str = ""

    @property
    def own_namespace(self) -> str:
        """The namespace waker lives in: as said, else its service account's, else `kubesleeper`."""
        if self.namespace:
            return self.namespace
        return OWN_NAMESPACE.read_text().strip() if OWN_NAMESPACE.exists() else "kubesleeper"


class Flag(NamedTuple):
    """One flag and its environment variable. `field` is its name in `Settings`."""

    flag: str
    env: str
    field: str
    parse: Callable[[str], Any]
    help: str


# No variable is called WAKER_PORT or WAKER_SERVICE_*: Kubernetes makes those up itself for a Service named `waker`.
FLAGS = (
    Flag("--waker-namespace", "WAKER_NAMESPACE", "namespace", str, "The namespace waker lives in (default: its service account's, else kubesleeper)."),
    Flag("--kubeconfig", "WAKER_KUBECONFIG", "kubeconfig", str, "A kubeconfig file (default: the service account, else $KUBECONFIG, else ~/.kube/config)."),
    Flag("--public-port", "WAKER_PUBLIC_PORT", "public_port", whole(0, 65535), "Where visitors of sleeping apps arrive."),
    Flag("--private-port", "WAKER_PRIVATE_PORT", "private_port", whole(0, 65535), "Where /metrics, /healthz and /readyz are."),
    Flag("--advertise", "WAKER_ADVERTISE", "advertise", str, "HOST:PORT at which ingress controllers reach the public port (default: the ready pods of the Service waker)."),
    Flag("--themes", "WAKER_THEMES", "themes", str, "A folder of themes for the waiting page, each a file NAME.html; those of the ConfigMap kubesleeper-themes go before them."),
    Flag("--identity", "WAKER_POD_NAME", "identity", str, "Who holds the Lease (default: the host name)."),
    Flag("--log-level", "WAKER_LOG_LEVEL", "log_level", one_of("debug", "info", "warning", "error"), "How much is logged."),
    Flag("--log-format", "WAKER_LOG_FORMAT", "log_format", one_of("text", "json"), "How it is logged."),
    Flag("--dry-run", "WAKER_DRY_RUN", "dry_run", parse_bool, "Say what would be done, do nothing."),
    Flag("--prometheus-token-file", "WAKER_PROMETHEUS_TOKEN_FILE", "prometheus_token_file", str, "A file with the bearer token that prometheus-url asks for."),
    Flag("--prometheus-ca-file", "WAKER_PROMETHEUS_CA_FILE", "prometheus_ca_file", str, "A file with the certificates that prometheus-url is verified by (default: the system's)."),
)  # fmt: skip


def read_settings(given: Mapping[str, str | None], environment: Mapping[str, str]) -> Settings:
    """Flags over environment over defaults. `given` maps field names to texts. Raises SettingsError that names the source."""
    values: dict[str, Any] = {}
    for known in FLAGS:
        text, source = given.get(known.field), known.flag
        if text is None:
            text, source = environment.get(known.env), known.env
        if text is None:
            continue
        try:
            values[known.field] = known.parse(text)
        except SettingsError as error:
            raise SettingsError(f"{source}: {error}") from None
    return Settings(**values)


def defaults(of: type) -> dict[str, Any]:
    """Field name -> default, for help texts and tables."""
    return {each.name: each.default for each in fields(of) if isinstance(each.default, (str, int, bool, timedelta))}
