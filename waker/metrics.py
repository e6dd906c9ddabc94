"""Every metric that waker exposes, in one place: its name, type, help text and labels.

It knows nothing of what is counted. `process.run` makes one `Metrics` and hands it to the service, the reconcilers and the
public port, which count; the private port serves it at /metrics. To add a metric, add a row to `DESCRIBED` and a field to
`Metrics`. The table in the docs is generated from the rows.
The subtle thing: a label only takes values from a small fixed set, or the names of ingress controllers and of namespaces that
have apps. Nothing that a visitor sent becomes a label.
"""

from collections.abc import Callable
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest


class Metric(NamedTuple):
    """One metric. `field` is its attribute in `Metrics`."""

    field: str
    kind: type[Counter] | type[Gauge] | type[Histogram]
    name: str
    help: str
    labels: tuple[str, ...] = ()


# In seconds. Few pods start faster or slower.
WAKE_BUCKETS = (0.5, 1, 2, 3, 5, 8, 13, 20, 30, 45, 60, 90, 120, 180, 300, 600)
# In seconds. Deciding takes less than 1 ms, the rest is the API server.
RECONCILE_BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)
# In seconds. A stage may be a tenth of a wake; nobody is held for longer than five minutes.
STAGE_BUCKETS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 120, 300)

DESCRIBED = (
    Metric("build", Gauge, "kubesleeper_build_info", "Always 1. The label holds the version.", ("version",)),
    Metric("leader", Gauge, "kubesleeper_leader", "1 if this replica holds the Lease and may put apps to sleep, else 0."),
    Metric("apps", Gauge, "kubesleeper_apps", "Managed apps by phase, and by the code of what is done or stands in the way.",
           ("phase", "code")),
    Metric("doors", Gauge, "kubesleeper_doors", "Doors: ports of waker, one for each backend of an app that may sleep."),
    Metric("doors_failed", Gauge, "kubesleeper_doors_failed", "Doors that this replica could not open."),
    Metric("transitions", Counter, "kubesleeper_transitions_total", "Phase changes of apps.", ("from", "to")),
    Metric("wakes", Histogram, "kubesleeper_wake_duration_seconds", "Time from the wake request to the first ready pod."),
    Metric("wake_stages", Histogram, "kubesleeper_wake_stage_duration_seconds",
           "How long each stage of a wake took: asked, from the request until replicas were set; scheduled, until a pod had a "
           "node; started, until its containers ran; ready, until the first pod was ready; routed, until the routes were the "
           "app's own. A stage that nobody saw is part of the next.", ("stage",)),
    Metric("wakes_ended", Counter, "kubesleeper_wakes_total",
           "Wakes by outcome: ready, stuck (not ready within wake-timeout), stopped (scaled to 0 by somebody); and by who "
           "asked: browser, client, command (or another replica's visitor), pin, hand (scaled up), released (not enabled any "
           "more), other. Counted by the replica that set the replicas.", ("outcome", "by")),
    Metric("sleeps", Counter, "kubesleeper_sleeps_total",
           "Sleeps by outcome: asleep; turned_back, as somebody came or wants it awake; in_vain, turned back though nobody "
           "came; refused by the API server; and by who asked: idle, command, pin. Counted by the replica that wrote it.",
           ("outcome", "by")),
    Metric("drift", Counter, "kubesleeper_drift_total",
           "Times that somebody else had changed what waker wrote and waker acted on it, by the code of what it did.",
           ("code",)),
    Metric("unknown", Gauge, "kubesleeper_apps_unknown",
           "Awake apps whose visits cannot be known, so that they stay awake, by cause: starting, no_adapter, no_pods, "
           "pod_unread, not_listed (the controller shows no counter of the app), query.", ("cause",)),
    Metric("door_requests", Counter, "kubesleeper_door_requests_total",
           "Requests for apps that arrived at waker, by visitor (browser, client, health-check, background) and answer.",
           ("visitor", "answer")),
    Metric("hold_seconds", Histogram, "kubesleeper_request_hold_duration_seconds",
           "How long requests were held until their app was ready or their time was up."),
    Metric("held", Gauge, "kubesleeper_requests_held", "Client requests that are held until their app is ready."),
    Metric("forwarding", Gauge, "kubesleeper_requests_forwarding", "Requests that are being forwarded to an app."),
    Metric("forwarded", Counter, "kubesleeper_requests_forwarded_total", "Requests that were forwarded to an app."),
    Metric("responses", Counter, "kubesleeper_responses_total", "Responses of the public port by kind.", ("kind",)),
    Metric("scrapes", Counter, "kubesleeper_scrapes_total", "Scrapes of ingress controller pods.", ("controller",)),
    Metric("scrape_failures", Counter, "kubesleeper_scrape_failures_total",
           "Failed scrapes of ingress controller pods.", ("controller",)),
    Metric("scraped_at", Gauge, "kubesleeper_last_successful_scrape_timestamp_seconds",
           "When a pod of the ingress controller was last scraped successfully.", ("controller",)),
    Metric("controller_pods", Gauge, "kubesleeper_controller_pods",
           "Pods of the ingress controllers that count for an awake app, by state: read; unread, so that nothing behind the "
           "controller falls asleep; ignored, as controller.CLASS.unreadable says; not_serving, as visitors do not reach it.",
           ("controller", "state")),
    Metric("reconciles", Counter, "kubesleeper_reconciles_total", "Reconciles of apps."),
    Metric("reconcile_errors", Counter, "kubesleeper_reconcile_errors_total", "Reconciles of apps that failed."),
    Metric("reconcile_seconds", Histogram, "kubesleeper_reconcile_duration_seconds", "Duration of one reconcile of an app."),
    Metric("failed_writes", Counter, "kubesleeper_failed_writes_total",
           "Writes for apps that failed: conflict, too-soon (somebody undoes them), error, or why they were refused: quota, "
           "right, admission, invalid, other.", ("cause",)),
    Metric("api_requests", Counter, "kubesleeper_api_requests_total",
           "Requests to the Kubernetes API. Code 0: no response.", ("verb", "code")),
    Metric("saved_replicas", Counter, "kubesleeper_saved_replica_seconds_total",
           "Seconds that replicas of sleeping apps did not run. Counted by the holder of the Lease, as the next four.",
           ("namespace",)),
    Metric("saved_cpu", Counter, "kubesleeper_saved_cpu_core_seconds_total",
           "CPU requests of these replicas, cores times seconds: what was not reserved, not what was not used.",
           ("namespace",)),
    Metric("saved_memory", Counter, "kubesleeper_saved_memory_byte_seconds_total",
           "Memory requests of these replicas, bytes times seconds.", ("namespace",)),
    Metric("own_cpu", Counter, "kubesleeper_own_cpu_core_seconds_total",
           "What waker's own pods reserved meanwhile: CPU requests, cores times seconds."),
    Metric("own_memory", Counter, "kubesleeper_own_memory_byte_seconds_total",
           "Likewise of memory, bytes times seconds."),
)  # fmt: skip

BUCKETS = {
    "kubesleeper_wake_duration_seconds": WAKE_BUCKETS,
    "kubesleeper_reconcile_duration_seconds": RECONCILE_BUCKETS,
    "kubesleeper_wake_stage_duration_seconds": STAGE_BUCKETS,
    "kubesleeper_request_hold_duration_seconds": STAGE_BUCKETS,
}


class Metrics:
    """The metrics of one process, in a registry of their own."""

    build: Gauge
    leader: Gauge
    apps: Gauge
    doors: Gauge
    doors_failed: Gauge
    transitions: Counter
    wakes: Histogram
    wake_stages: Histogram
    wakes_ended: Counter
    sleeps: Counter
    drift: Counter
    unknown: Gauge
    door_requests: Counter
    hold_seconds: Histogram
    held: Gauge
    forwarding: Gauge
    forwarded: Counter
    responses: Counter
    scrapes: Counter
    scrape_failures: Counter
    scraped_at: Gauge
    controller_pods: Gauge
    reconciles: Counter
    reconcile_errors: Counter
    reconcile_seconds: Histogram
    failed_writes: Counter
    api_requests: Counter
    saved_replicas: Counter
    saved_cpu: Counter
    saved_memory: Counter
    own_cpu: Counter
    own_memory: Counter

    def __init__(self, version: str) -> None:
        self.before_exposition: list[Callable[[], None]] = []  # by whoever counts what time alone changes
        disable_created_metrics()  # type: ignore[no-untyped-call]  # one more line a series, which nobody reads
        self.registry = CollectorRegistry()
        for each in DESCRIBED:
            more = {"buckets": BUCKETS[each.name]} if each.kind is Histogram else {}
            setattr(self, each.field, each.kind(each.name, each.help, each.labels, registry=self.registry, **more))  # type: ignore[arg-type]
        self.build.labels(version).set(1)

    def exposition(self) -> bytes:
        """All metrics in the Prometheus text format."""
        self.settle()
        return generate_latest(self.registry)

    def settle(self) -> None:
        """Bring what time alone changes up to now."""
        for settle in self.before_exposition:
            settle()

    @staticmethod
    def described() -> tuple[tuple[str, str, str, str], ...]:
        """Rows of name, type, labels and help, for the table in the docs."""
        return tuple((each.name, each.kind.__name__.lower(), ", ".join(each.labels), each.help) for each in DESCRIBED)
