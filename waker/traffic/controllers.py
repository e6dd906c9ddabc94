"""What is known about each ingress controller: one table of data, and the few pure functions that read it.

Chosen by `IngressClass.spec.controller`. The label values of an app's series are built FORWARD from its Ingress and
Service, never parsed back: `a-b`/`c` and `a`/`b-c` are the same words in Traefik's name. What a controller cannot see
is a sentence that the user reads. Nothing here touches a network; `fetch` and `scrape` do.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import NamedTuple

from waker.plan.model import Pod, RouteId

# Values of `Family.labels`, in that order: what one app's requests are counted under.
SeriesKey = tuple[str, ...]

# A controller that is in no table: longer than the slowest that is known (5 s between two updates of haproxytech's).
DEFAULT_LAG = timedelta(seconds=10)

PASSTHROUGH = "nginx.ingress.kubernetes.io/ssl-passthrough"
ALIASES = "nginx.ingress.kubernetes.io/server-alias"
UNOBSERVED = "traefik.ingress.kubernetes.io/router.observability.metrics"


class Counted(Enum):
    """When a request shows in the counter. At the end: an open WebSocket or download is not seen while it lasts."""

    START = "start"
    END = "end"


class Interest(NamedTuple):
    """What an app is counted under, at one controller."""

    controller: str
    key: SeriesKey


class Place(NamedTuple):
    """A route's backend as the controllers name it. `port_written` is what stands in the Ingress."""

    namespace: str
    ingress: str
    service: str
    port_written: str | int
    port_name: str
    port_number: int
    default_backend: bool = False


class Selector(NamedTuple):
    """Labels of a controller's data-plane pods. `namespace` "" looks everywhere."""

    labels: str
    namespace: str = ""

    def __str__(self) -> str:
        return f"{self.labels} in {self.namespace}" if self.namespace else self.labels


class Port(NamedTuple):
    """A container port: the first of `names` that the pod declares, else `number`."""

    names: tuple[str, ...]
    number: int

    def of(self, pod: Pod) -> int:
        return next((pod.ports[name] for name in self.names if name in pod.ports), self.number)


class Family(NamedTuple):
    """A metric and the labels that tell the app; other labels are summed over."""

    metric: str
    labels: tuple[str, ...]


class Process(NamedTuple):
    """A metric that betrays a restart in place. `sign` +1: a start time, which grows; -1: an uptime, which falls."""

    metric: str
    sign: int


@dataclass(frozen=True, slots=True)
class Adapter:
    """All that is special about one ingress controller."""

    controller: str  # IngressClass.spec.controller
    title: str  # as people call it
    selectors: tuple[Selector, ...]  # alternatives: a pod that matches any is one of its pods
    metrics: Port
    path: str
    requests: Family
    counted: Counted
    process: Process
    key: Callable[[Place], SeriesKey]
    proxy: Port  # where it takes HTTP requests
    lag: timedelta  # until a change of an Ingress is followed
    enable: str  # what a person does when the page counts nothing
    unseen: Callable[[RouteId, Mapping[str, str]], tuple[str, ...]] = lambda _route, _annotations: ()
    query: tuple[tuple[str, str], ...] = ()
    open_requests: Family | None = None
    method: str = ""  # the label of `requests` that tells the HTTP method
    reloads: str = ""  # a metric that grows when what was not shown yet is lost
    listed: bool = False  # a series stands on the page, at 0, from the moment the controller knows the backend
    blind_to: tuple[str, ...] = ()

    @property
    def proof(self) -> str:
        """Any sample of this metric proves that the pod counts requests at all."""
        return self.requests.metric

    @property
    def wanted(self) -> tuple[str, ...]:
        """Every metric that is read from the page."""
        gauge = (self.open_requests.metric,) if self.open_requests else ()
        reloads = (self.reloads,) if self.reloads else ()
        return (self.requests.metric, *gauge, *reloads, self.process.metric)


def normalized(*words: str | int) -> str:
    """Traefik's names: `team-a`, `my--app`, 80 -> `team-a-my-app-80`. Runs of anything but letters and digits are one `-`."""
    return "-".join(re.findall(r"[^\W_]+", "-".join(str(word) for word in words)))


def _traefik_key(place: Place) -> SeriesKey:
    # The only Ingress without rules that Traefik serves goes by this name, whatever its Service.
    if place.default_backend:
        return ("default-backend@kubernetes",)
    return (f"{normalized(place.namespace, place.service, place.port_written)}@kubernetes",)


def _nginx_key(place: Place) -> SeriesKey:
    return (place.namespace, place.ingress, place.service)


def _unseen_by_traefik(route: RouteId, annotations: Mapping[str, str]) -> tuple[str, ...]:
    if annotations.get(UNOBSERVED, "").lower() == "false":
        return (f"{route}: Traefik does not count its requests; remove the annotation {UNOBSERVED}",)
    return ()


def _unseen_by_nginx(route: RouteId, annotations: Mapping[str, str]) -> tuple[str, ...]:
    # With default flags a request is dropped unless its host stands literally in some Ingress.
    why = []
    if not route.path_type:
        why.append("does not count requests of a default backend; give it a rule with a host")
    elif not route.host:
        why.append("does not count requests of a rule without a host; name the host in the rule")
    elif route.host.startswith("*"):
        why.append("does not count requests of a wildcard host; name each host in a rule of its own")
    if any(letter in annotations.get(ALIASES, "") for letter in "*~"):
        why.append(f"does not count requests of a wildcard alias; name each host in {ALIASES}")
    if annotations.get(PASSTHROUGH, "").lower() == "true":
        why.append(f"passes its TLS through uncounted; remove the annotation {PASSTHROUGH}")
    return tuple(f"{route}: ingress-nginx {sentence}" for sentence in why)


def _contour_key(place: Place) -> SeriesKey:
    # Always the Service's port number, also where the Ingress names the port.
    return (f"{place.namespace}_{place.service}_{place.port_number}",)


TRAEFIK = Adapter(
    controller="traefik.io/ingress-controller",
    title="Traefik",
    selectors=(Selector("app.kubernetes.io/name=traefik"),),
    metrics=Port(("metrics", "traefik"), 9100),  # the Helm chart's; without it the entry point `traefik` has them
    path="/metrics",
    requests=Family("traefik_service_requests_total", ("service",)),
    method="method",
    counted=Counted.END,
    process=Process("process_start_time_seconds", +1),
    key=_traefik_key,
    proxy=Port(("web",), 8000),
    lag=timedelta(seconds=2),  # providersThrottleDuration
    unseen=_unseen_by_traefik,
    enable="run Traefik with --metrics.prometheus=true and leave its addServicesLabels on",
    blind_to=("open websockets", "open streams", "open downloads"),
)

INGRESS_NGINX = Adapter(
    controller="k8s.io/ingress-nginx",
    title="ingress-nginx",
    selectors=(Selector("app.kubernetes.io/name=ingress-nginx,app.kubernetes.io/component=controller"),),
    metrics=Port(("metrics",), 10254),
    path="/metrics",
    requests=Family("nginx_ingress_controller_requests", ("namespace", "ingress", "service")),
    method="method",
    reloads="nginx_ingress_controller_success",  # old workers keep what they have not sent yet: up to 1 s of requests
    counted=Counted.END,
    process=Process("process_start_time_seconds", +1),  # of the Go process, which holds the counters; not of nginx
    key=_nginx_key,
    proxy=Port(("http",), 80),
    lag=timedelta(seconds=5),  # 3.3 s between two syncs, and a reload
    unseen=_unseen_by_nginx,
    enable="run ingress-nginx with --enable-metrics=true (chart: controller.metrics.enabled)",
    blind_to=("wildcard hosts", "rules without host", "open websockets", "open streams", "open downloads"),
)

CONTOUR = Adapter(
    controller="projectcontour.io/ingress-controller",
    title="Contour",
    selectors=(
        Selector("app=envoy", namespace="projectcontour"),
        Selector("app.kubernetes.io/name=contour,app.kubernetes.io/component=envoy"),
    ),
    metrics=Port(("metrics",), 8002),
    path="/stats/prometheus",
    # Without `usedonly`: that hides clusters nobody has used yet, and "known to Envoy, at 0" is what we want to read.
    # The filter alone leaves two short lines a cluster; unfiltered pages reach 160 MB and stall Envoy's main thread.
    query=(("filter", r"^(cluster\..*\.upstream_rq_(total|active)|server\.uptime)$"),),
    requests=Family("envoy_cluster_upstream_rq_total", ("envoy_cluster_name",)),
    open_requests=Family("envoy_cluster_upstream_rq_active", ("envoy_cluster_name",)),
    counted=Counted.START,
    process=Process("envoy_server_uptime", -1),
    key=_contour_key,
    proxy=Port(("http",), 8080),
    lag=timedelta(seconds=1),  # Contour holds changes back for 0.1 to 0.5 s
    enable="let Contour's Envoy serve /stats/prometheus (metrics.port, 8002)",
    listed=True,
)

ADAPTERS: Mapping[str, Adapter] = {each.controller: each for each in (TRAEFIK, INGRESS_NGINX, CONTOUR)}


def adapter_for(controller: str) -> Adapter | None:
    """The adapter of an `IngressClass.spec.controller`, if there is one."""
    return ADAPTERS.get(controller)


def series(adapter: Adapter, place: Place) -> SeriesKey:
    """The label values under which this controller counts requests for that backend."""
    return adapter.key(place)


def refusals(adapter: Adapter, route: RouteId, annotations: Mapping[str, str]) -> tuple[str, ...]:
    """Why visits of this route cannot be seen at this controller: sentences that name the fix. Annotations: its Ingress's."""
    return adapter.unseen(route, annotations)
