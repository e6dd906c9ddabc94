"""F5 NGINX Ingress Controller, with NGINX (open source) and with NGINX Plus: one class, two sets of metrics.

Series are one for each pod of an app and go with it; an app is the sum over its pods.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from waker.plan.routes.route import CountedBackend
from waker.traffic.controllers.shape import Adapter, Counted, Family, Port, Selector, SeriesKey

GRPC = "nginx.org/grpc-services"
SERVICE = ("resource_namespace", "service")


def _spellings(backend: CountedBackend) -> tuple[SeriesKey, ...]:
    # Without `resource_name`: which one a mergeable Ingress (master, minion) goes by is not certain.
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
    lag=timedelta(seconds=5),  # a reload; one at a time
    uncounted=_uncounted,
    status="code",
    enable="run it with -enable-prometheus-metrics and -enable-latency-metrics; on NGINX Plus set the adapter nginx-plus",
    blind_to=("open websockets", "open streams", "open downloads"),
)

NGINX_PLUS = replace(
    NGINX,
    name="nginx-plus",
    title="F5 NGINX Ingress with NGINX Plus",
    controller="",  # its class says the same as the other's
    requests=Family("nginx_ingress_nginxplus_upstream_server_requests", SERVICE),
    open_requests=Family("nginx_ingress_nginxplus_upstream_server_active", SERVICE),
    counted=Counted.START,
    status="",
    lists_all=True,
    enable="run it with -enable-prometheus-metrics",
    blind_to=(),
)
