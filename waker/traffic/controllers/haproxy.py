"""The two controllers with HAProxy as their proxy. A session counts when it begins, and a gauge shows the open ones.

A reload starts a new process with all counters at 0. The old one keeps its open sessions but is on no page any more: hence
`Process.drain`. Both controllers make most changes without a reload, but not all.
"""

from datetime import timedelta

from waker.plan.hold_time import HAPROXY_TIME, AnswerTimeout
from waker.plan.routes.route import CountedBackend
from waker.traffic.controllers.adapter import Adapter, Counted, Family, LostCounts, Port, Process, Selector, SeriesKey

SESSIONS = Family("haproxy_backend_sessions_total", ("proxy",))
OPEN = Family("haproxy_backend_current_sessions", ("proxy",))
STARTED = "haproxy_process_start_time_seconds"  # of the process itself; whole seconds, and constant
TIMEOUT_SERVER = timedelta(seconds=50)  # the default of both
# `scope` works since HAProxy 2.0; versions that do not know `metrics` ignore it.
QUERY = (("scope", "global"), ("scope", "backend"), ("metrics", ",".join((SESSIONS.metric, OPEN.metric, STARTED))))


def _in_haproxy_ingress(backend: CountedBackend) -> tuple[SeriesKey, ...]:
    # The port of the pods, not of the Service: a name if the Service gives a name.
    ports = dict.fromkeys((backend.port_target or backend.port_number, backend.port_number))
    return tuple((f"{backend.namespace}_{backend.service}_{port}",) for port in ports)


HAPROXY_INGRESS = Adapter(
    name="haproxy-ingress",
    title="HAProxy Ingress",
    controller="haproxy-ingress.github.io/controller",
    selectors=(
        Selector("app.kubernetes.io/name=haproxy-ingress"),
        Selector("run=haproxy-ingress", namespace="ingress-controller"),
    ),
    metrics=Port(("metrics", "prometheus"), 9101),
    path="/metrics",
    query=QUERY,
    requests=SESSIONS,
    open_requests=OPEN,
    counted=Counted.START,
    reloads_on_move=True,
    lost_counts=LostCounts.STRICT,
    process=Process(STARTED, +1, slack=0.5, drain=timedelta(minutes=10)),  # timeout-stop
    spellings=_in_haproxy_ingress,
    proxy=Port(("http",), 80),
    tls=Port(("https",), 443),
    lag=timedelta(seconds=5),  # 2 s between two updates, and a reload
    answer_timeout=AnswerTimeout(
        TIMEOUT_SERVER,
        ("haproxy-ingress.github.io/timeout-server", "ingress.kubernetes.io/timeout-server"),
        notation=HAPROXY_TIME,
    ),
    enable='set prometheus-port: "9101" in its ConfigMap',
    lists_all=True,
    blind_to=("for 10 min after a reload: what was opened less than an interval before it",),
)


def _in_haproxytech(backend: CountedBackend) -> tuple[SeriesKey, ...]:
    # From v3.1 on; up to v3.0; then both as standalone backends. The port's name, if the Service's port has one.
    port = backend.port_name or backend.port_number
    namespace, ingress, service = backend.namespace, backend.object_name, backend.service
    return (
        (f"{namespace}_svc_{service}_{port}",),
        (f"{namespace}_{service}_{port}",),
        (f"{namespace}_{ingress}_svc_{service}_{port}",),
        (f"ing_{namespace}_{ingress}-{service}_{port}",),
    )


HAPROXYTECH = Adapter(
    name="haproxytech",
    title="HAProxy Kubernetes Ingress Controller",
    controller="haproxy.org/ingress-controller",
    selectors=(
        Selector("app.kubernetes.io/name=kubernetes-ingress"),
        Selector("run=haproxy-ingress", namespace="haproxy-controller"),
    ),
    metrics=Port(("stat", "stats"), 1024),
    path="/metrics",
    query=QUERY,
    requests=SESSIONS,
    open_requests=OPEN,
    counted=Counted.START,
    reloads_on_move=True,
    lost_counts=LostCounts.STRICT,
    process=Process(STARTED, +1, slack=0.5, drain=timedelta(minutes=30)),  # hard-stop-after
    spellings=_in_haproxytech,
    proxy=Port(("http",), 8080),
    tls=Port(("https",), 8443),
    lag=timedelta(seconds=8),  # 5 s between two updates, and a reload
    answer_timeout=AnswerTimeout(TIMEOUT_SERVER, ("haproxy.org/timeout-server",), notation=HAPROXY_TIME),
    enable="leave its stats frontend on (port 1024)",
    lists_all=True,
    blind_to=("for 30 min after a reload: what was opened less than an interval before it",),
)
