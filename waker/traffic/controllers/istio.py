"""Istio's ingress gateway, as far as it serves Ingresses.

Its default statistics leave out Envoy's clusters. Istio's own counter is always there; it counts at the end of a request.
"""

from datetime import timedelta

from waker.plan.routes.route import CountedBackend
from waker.traffic.controllers.adapter import Adapter, Counted, Family, Port, Process, Selector, SeriesKey, Values


def _spellings(backend: CountedBackend) -> tuple[SeriesKey, ...]:
    return ((backend.namespace, backend.service),)


ISTIO = Adapter(
    name="istio",
    title="Istio",
    controller="istio.io/ingress-controller",
    selectors=(Selector("istio=ingressgateway"),),
    metrics=Port(("http-envoy-prom",), 15020),
    path="/stats/prometheus",
    requests=Family("istio_requests_total", ("destination_service_namespace", "destination_service_name")),
    counted=Counted.END,
    names_proven=False,
    process=Process("envoy_server_uptime", -1),
    spellings=_spellings,
    proxy=Port(("http2", "http"), 8080),
    tls=Port(("https",), 8443),
    lag=timedelta(seconds=3),  # istiod collects changes for 0.1 to 10 s, typically less than 1 s
    spread=timedelta(seconds=1),  # as with all Envoys
    status="response_code",
    lasting=Values("response_code", frozenset({"101"})),
    enable="leave Istio's standard metrics on (no Telemetry resource that disables REQUEST_COUNT)",
    blind_to=("open websockets", "open streams", "open downloads"),
    class_name="istio",
)
