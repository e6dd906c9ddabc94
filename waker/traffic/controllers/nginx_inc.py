"""F5 NGINX Ingress Controller, with NGINX (open source) and with NGINX Plus: one IngressClass controller, two sets of metrics.

There is one series for each pod of an app, and it goes with the pod; an app is the sum over its pods.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from waker.plan.hold_time import NGINX_TIME, AnswerTimeout
from waker.plan.routes.route import CountedBackend
from waker.traffic.controllers.adapter import Adapter, Counted, Family, Port, Selector, SeriesKey, Values

GRPC = "nginx.org/grpc-services"
SERVICE = ("resource_namespace", "service")


def _spellings(backend: CountedBackend) -> tuple[SeriesKey, ...]:
    # Without `resource_name`: it is not certain which name a mergeable Ingress (master, minion) gets.
    return ((backend.namespace, backend.service),)


def _uncounted(backend: CountedBackend, annotations: Mapping[str, str]) -> tuple[str, ...]:
    if annotations.get(GRPC):
        return (f"{backend.route}: NGINX Ingress does not count gRPC requests; remove the annotation {GRPC}",)
    return ()


NGINX = Adapter(
    name="nginx",
    title="F5 NGINX Ingress",
    controller="nginx.org/ingress-controller",
    selectors=(
        Selector("app.kubernetes.io/name=nginx-ingress"),
        Selector("app=nginx-ingress", namespace="nginx-ingress"),
    ),
    metrics=Port(("prometheus",), 9113),
    path="/metrics",
    requests=Family("nginx_ingress_controller_upstream_server_response_latency_ms_count", SERVICE),
    counted=Counted.END,
    names_proven=False,
    spellings=_spellings,
    proxy=Port(("http",), 80),
    tls=Port(("https",), 443),
    lag=timedelta(seconds=5),  # a reload; one at a time
    uncounted=_uncounted,
    status="code",
    lasting=Values("code", frozenset({"101"})),
    answer_timeout=AnswerTimeout(
        timedelta(seconds=60), ("nginx.org/proxy-read-timeout", "nginx.org/proxy-send-timeout"), notation=NGINX_TIME
    ),
    enable="run it with -enable-prometheus-metrics and -enable-latency-metrics; on NGINX Plus set the adapter nginx-plus",
    blind_to=("open websockets", "open streams", "open downloads"),
)

NGINX_PLUS = replace(
    NGINX,
    name="nginx-plus",
    title="F5 NGINX Ingress with NGINX Plus",
    controller="",  # its class names the same controller as that of NGINX
    requests=Family("nginx_ingress_nginxplus_upstream_server_requests", SERVICE),
    open_requests=Family("nginx_ingress_nginxplus_upstream_server_active", SERVICE),
    counted=Counted.START,
    status="",
    lasting=None,
    lists_all=True,
    enable="run it with -enable-prometheus-metrics",
    blind_to=(),
)
