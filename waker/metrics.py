"""Every metric that waker exposes, in one place: its name, type, help text and labels.

It knows nothing of what is counted. `process.run` makes one `Metrics` and hands it to the service, the reconcilers and the
public port, which count; the private port serves it at /metrics. To add a metric, add a row to `DESCRIBED` and a field to
`Metrics`. The table in the docs is generated from the rows.
The subtle thing: a label only takes values from a small fixed set, or the names of ingress controllers. Nothing that a
visitor sent becomes a label.
"""

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

DESCRIBED = (
    Metric("build", Gauge, "kubesleeper_build_info", "Always 1. The label holds the version.", ("version",)),
    Metric("leader", Gauge, "kubesleeper_leader", "1 if this replica holds the Lease and may put apps to sleep, else 0."),
    Metric("apps", Gauge, "kubesleeper_apps", "Managed apps by phase, and by the code of what is done or stands in the way.",
           ("phase", "code")),
    Metric("doors", Gauge, "kubesleeper_doors", "Doors: ports of waker, one for each backend of an app that may sleep."),
    Metric("doors_failed", Gauge, "kubesleeper_doors_failed", "Doors that this replica could not open."),
    Metric("transitions", Counter, "kubesleeper_transitions_total", "Phase changes of apps.", ("from", "to")),
    Metric("wakes", Histogram, "kubesleeper_wake_duration_seconds", "Time from the wake request to the first ready pod."),
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
           "controller falls asleep; ignored, as controller.CLASS.unreadable says; drained, not ready for long.",
           ("controller", "state")),
    Metric("reconciles", Counter, "kubesleeper_reconciles_total", "Reconciles of apps."),
    Metric("reconcile_errors", Counter, "kubesleeper_reconcile_errors_total", "Reconciles of apps that failed."),
    Metric("reconcile_seconds", Histogram, "kubesleeper_reconcile_duration_seconds", "Duration of one reconcile of an app."),
    Metric("failed_writes", Counter, "kubesleeper_failed_writes_total",
           "Writes for apps that failed: conflict, too-soon (somebody undoes them), error, or why they were refused: quota, "
           "right, admission, invalid, other.", ("cause",)),
    Metric("api_requests", Counter, "kubesleeper_api_requests_total",
           "Requests to the Kubernetes API. Code 0: no response.", ("verb", "code")),
)  # fmt: skip

BUCKETS = {
    "kubesleeper_wake_duration_seconds": WAKE_BUCKETS,
    "kubesleeper_reconcile_duration_seconds": RECONCILE_BUCKETS,
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

    def __init__(self, version: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # one more line a series, which nobody reads
        self.registry = CollectorRegistry()
        for each in DESCRIBED:
            more = {"buckets": BUCKETS[each.name]} if each.kind is Histogram else {}
            setattr(self, each.field, each.kind(each.name, each.help, each.labels, registry=self.registry, **more))  # type: ignore[arg-type]
        self.build.labels(version).set(1)

    def exposition(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self.registry)

    @staticmethod
    def described() -> tuple[tuple[str, str, str, str], ...]:
        """Rows of name, type, labels and help, for the table in the docs."""
        return tuple((each.name, each.kind.__name__.lower(), ", ".join(each.labels), each.help) for each in DESCRIBED)
