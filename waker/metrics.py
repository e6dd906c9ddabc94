"""Every metric that KubeSleeper exposes, in one place.

Ground floor: knows names and help texts, not who counts. One registry a process, made in `app` and handed down; the
private port writes it out. `DESCRIBED` is the table; docs are checked against it. Labels only ever take values from
small fixed sets or names of managed apps' controllers: nothing a visitor sent becomes a label.
"""

from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest


class Described(NamedTuple):
    """One metric. `field` is its attribute of `Metrics`."""

    field: str
    kind: type[Counter] | type[Gauge] | type[Histogram]
    name: str
    help: str
    labels: tuple[str, ...] = ()


WAKES = (0.5, 1, 2, 3, 5, 8, 13, 20, 30, 45, 60, 90, 120, 180, 300, 600)  # s; a pod rarely needs less or more
RECONCILES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)  # s; thinking is under 1 ms, the rest is the API server

DESCRIBED = (
    Described("build", Gauge, "kubesleeper_build_info", "Always 1; the version is the label.", ("version",)),
    Described("leader", Gauge, "kubesleeper_leader", "1 if this replica holds the Lease and may put apps to sleep."),
    Described("apps", Gauge, "kubesleeper_apps", "Managed apps by phase.", ("phase",)),
    Described("transitions", Counter, "kubesleeper_transitions_total", "Changes of phase.", ("from", "to")),
    Described("wakes", Histogram, "kubesleeper_wake_duration_seconds", "From the wish to the first ready pod."),
    Described("held", Gauge, "kubesleeper_requests_held", "Client requests that wait for their app at this moment."),
    Described("passing", Gauge, "kubesleeper_requests_passing", "Requests being passed on to an app at this moment."),
    Described("passed", Counter, "kubesleeper_requests_passed_total", "Requests passed on to an app."),
    Described("answers", Counter, "kubesleeper_answers_total", "Answers of the public port by kind.", ("kind",)),
    Described("scrapes", Counter, "kubesleeper_scrapes_total", "Scrapes of ingress controller pods.", ("controller",)),
    Described("scrape_failures", Counter, "kubesleeper_scrape_failures_total",
              "Scrapes of ingress controller pods that failed.", ("controller",)),
    Described("scraped_at", Gauge, "kubesleeper_last_successful_scrape_timestamp_seconds",
              "When an ingress controller was last scraped with success.", ("controller",)),
    Described("reconciles", Counter, "kubesleeper_reconciles_total", "Times an app was looked at."),
    Described("reconcile_errors", Counter, "kubesleeper_reconcile_errors_total", "Times looking at an app failed."),
    Described("reconcile_seconds", Histogram, "kubesleeper_reconcile_duration_seconds", "How long one look at an app took."),
    Described("api_requests", Counter, "kubesleeper_api_requests_total",
              "Requests to the Kubernetes API; code 0 is no answer.", ("verb", "code")),
)  # fmt: skip

BUCKETS = {"kubesleeper_wake_duration_seconds": WAKES, "kubesleeper_reconcile_duration_seconds": RECONCILES}


class Metrics:
    """The metrics of this process."""

    build: Gauge
    leader: Gauge
    apps: Gauge
    transitions: Counter
    wakes: Histogram
    held: Gauge
    passing: Gauge
    passed: Counter
    answers: Counter
    scrapes: Counter
    scrape_failures: Counter
    scraped_at: Gauge
    reconciles: Counter
    reconcile_errors: Counter
    reconcile_seconds: Histogram
    api_requests: Counter

    def __init__(self, version: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # one more line per series that nobody reads
        self.registry = CollectorRegistry()
        for each in DESCRIBED:
            more = {"buckets": BUCKETS[each.name]} if each.kind is Histogram else {}
            setattr(self, each.field, each.kind(each.name, each.help, each.labels, registry=self.registry, **more))  # type: ignore[arg-type]
        self.build.labels(version).set(1)

    def exposition(self) -> bytes:
        """All of it in the Prometheus text format."""
        return generate_latest(self.registry)

    @staticmethod
    def described() -> tuple[tuple[str, str, str, str], ...]:
        """Rows of name, type, labels and help, for the table in the docs."""
        return tuple((d.name, d.kind.__name__.lower(), ", ".join(d.labels), d.help) for d in DESCRIBED)
