"""Controllers with Envoy as their proxy, and Envoy's own cluster statistics: Contour, Envoy Gateway, Cilium.

The counter rises when a request begins, and a gauge shows the open ones of every kind: all that waker needs.
"""

from datetime import timedelta

from waker.plan.hold_time import GO_DURATION, AnswerTimeout
from waker.plan.routes.route import CountedBackend
from waker.traffic.controllers.adapter import Adapter, Counted, Family, Port, Process, Selector, SeriesKey

TOTAL = "envoy_cluster_upstream_rq_total"
ACTIVE = "envoy_cluster_upstream_rq_active"
CLUSTER = ("envoy_cluster_name",)
SPREAD = timedelta(seconds=1)  # Envoy gets the routes of each port by themselves
ROUTE_TIMEOUT = timedelta(seconds=15)  # Envoy's default, from the end of a request to the end of its answer
UPTIME = Process("envoy_server_uptime", -1)
# Without `usedonly`, which hides clusters that nobody has used yet: waker needs to see those that Envoy knows, at 0.
# The filter leaves two short lines a cluster; unfiltered pages reach 160 MB and stall Envoy's main thread.
QUERY = (("filter", r"^(cluster\..*\.upstream_rq_(total|active)|server\.uptime)$"),)


def _in_contour(backend: CountedBackend) -> tuple[SeriesKey, ...]:
    # Always the Service's port number, even where the Ingress gives the port's name.
    return ((f"{backend.namespace}_{backend.service}_{backend.port_number}",),)


CONTOUR = Adapter(
    name="contour",
    title="Contour",
    controller="projectcontour.io/ingress-controller",
    selectors=(
        Selector("app=envoy", namespace="projectcontour"),
        Selector("app.kubernetes.io/name=contour,app.kubernetes.io/component=envoy"),
    ),
    metrics=Port(("metrics",), 8002),
    path="/stats/prometheus",
    query=QUERY,
    requests=Family(TOTAL, CLUSTER),
    open_requests=Family(ACTIVE, CLUSTER),
    counted=Counted.START,
    process=UPTIME,
    spellings=_in_contour,
    proxy=Port(("http",), 8080),
    tls=Port(("https",), 8443),
    lag=timedelta(seconds=1),  # Contour holds changes back for 0.1 to 0.5 s
    spread=SPREAD,
    answer_timeout=AnswerTimeout(
        ROUTE_TIMEOUT,
        # The older name counts where the other one is missing; it can only shorten.
        ("projectcontour.io/response-timeout", "projectcontour.io/request-timeout"),
        further=("projectcontour.io/per-try-timeout",),
        notation=GO_DURATION,
        endless=frozenset({"infinity", "infinite"}),
    ),
    enable="let Contour's Envoy serve /stats/prometheus (metrics.port, 8002)",
    lists_all=True,
    class_name="contour",  # its quickstart makes no IngressClass
)


def _in_envoy_gateway(backend: CountedBackend) -> tuple[SeriesKey, ...]:
    # The name of the route, not of the backend; the second spelling is for `mergeBackends`.
    route = f"httproute/{backend.namespace}/{backend.object_name}/rule/{backend.rule}"
    return ((route,), (f"service/{backend.namespace}/{backend.service}/{backend.port_number}",))


ENVOY_GATEWAY = Adapter(
    name="envoy-gateway",
    title="Envoy Gateway",
    controller="gateway.envoyproxy.io/gatewayclass-controller",  # of a GatewayClass; it serves no Ingress
    selectors=(Selector("app.kubernetes.io/managed-by=envoy-gateway,app.kubernetes.io/component=proxy"),),
    metrics=Port(("metrics",), 19001),
    path="/stats/prometheus",
    query=QUERY,
    requests=Family(TOTAL, CLUSTER),
    open_requests=Family(ACTIVE, CLUSTER),
    counted=Counted.START,
    process=UPTIME,
    spellings=_in_envoy_gateway,
    proxy=Port(("http-80",), 10080),
    tls=Port(("https-443",), 10443),
    lag=timedelta(seconds=1),
    spread=SPREAD,
    answer_timeout=AnswerTimeout(ROUTE_TIMEOUT),
    enable="let Envoy Gateway's proxies serve /stats/prometheus (EnvoyProxy: telemetry.metrics.prometheus, on by default)",
    blind_to=("Ingresses: it serves HTTPRoutes only, which waker does not move",),
)


def _in_cilium(backend: CountedBackend) -> tuple[SeriesKey, ...]:
    # The port's number, or its name where the Ingress gives that and the version does not look it up.
    ports = dict.fromkeys((backend.port_number, backend.port_written))
    return tuple((f"{backend.namespace}_{backend.service}_{port}",) for port in ports)


def _end_of_name(values: SeriesKey) -> SeriesKey:
    """`kube-system/cilium-ingress/team-a:shop:80`, or the same with `_`, counts for `team-a_shop_80`.

    The part up to the last slash is the CiliumEnvoyConfig: one for all Ingresses, or one for each. Two Ingresses of the
    same Service count as one.
    """
    return (values[0].rpartition("/")[2].replace(":", "_"),)


CILIUM = Adapter(
    name="cilium",
    title="Cilium",
    controller="cilium.io/ingress-controller",
    selectors=(Selector("k8s-app=cilium-envoy"),),
    metrics=Port(("envoy-metrics",), 9964),
    path="/metrics",
    query=QUERY,
    requests=Family(TOTAL, CLUSTER, _end_of_name),
    open_requests=Family(ACTIVE, CLUSTER, _end_of_name),
    counted=Counted.START,
    process=UPTIME,
    spellings=_in_cilium,
    # From operator to agent to Envoy. No ownership checks, as no pod's address takes requests.
    lag=timedelta(seconds=3),
    answer_timeout=AnswerTimeout(
        ROUTE_TIMEOUT, ("ingress.cilium.io/request-timeout",), notation=GO_DURATION, endless=frozenset({"0", "0s"})
    ),
    enable="run Cilium with envoy.prometheus.enabled=true; where Envoy runs inside the agents set the selector k8s-app=cilium",
    lists_all=True,
    class_name="cilium",
)
