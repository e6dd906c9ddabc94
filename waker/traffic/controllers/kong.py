"""Kong Ingress Controller, by Kong's Prometheus plugin.

The plugin counts requests only with a setting of its own (`status_code_metrics`), and only when they end.
"""

from datetime import timedelta

from waker.plan.hold_time import AnswerTimeout
from waker.plan.routes.route import CountedBackend
from waker.traffic.controllers.adapter import Adapter, Counted, Family, Port, Selector, SeriesKey, Values


def _spellings(backend: CountedBackend) -> tuple[SeriesKey, ...]:
    # The port as the Ingress writes it; v2 puts its kind in front.
    written = [backend.port_written, backend.port_number, backend.port_name or backend.port_number]
    ports = [*written, *(f"{'pnum' if isinstance(port, int) else 'pname'}-{port}" for port in written)]
    return tuple((f"{backend.namespace}.{backend.service}.{port}",) for port in dict.fromkeys(ports))


KONG = Adapter(
    name="kong",
    title="Kong",
    controller="ingress-controllers.konghq.com/kong",
    selectors=(
        Selector("app.kubernetes.io/name=kong,app.kubernetes.io/component=app"),
        Selector("app.kubernetes.io/name=gateway,app.kubernetes.io/component=app"),
        Selector("gateway-operator.konghq.com/selector"),  # the data planes of Kong Operator; its value is a random id
    ),
    metrics=Port(("status", "metrics"), 8100),
    path="/metrics",
    requests=Family("kong_http_requests_total", ("service",)),
    counted=Counted.END,
    names_proven=False,
    process=None,  # the counters are in memory that survives a reload of nginx; no metric shows their loss
    spellings=_spellings,
    proxy=Port(("proxy",), 8000),
    tls=Port(("proxy-tls", "proxy-ssl"), 8443),
    lag=timedelta(seconds=5),  # a sync every 3 s
    status="code",
    lasting=Values("code", frozenset({"101"})),
    not_visits=(Values("source", frozenset({"kong"})),),  # answered by Kong itself: not logged in, no such path, no pod
    # konghq.com/read-timeout stands on the app's Service, and requests come through waker's own, which has the default.
    answer_timeout=AnswerTimeout(timedelta(seconds=60)),
    enable="enable the plugin prometheus globally (a KongClusterPlugin) with status_code_metrics: true",
    blind_to=("open websockets", "open streams", "open downloads"),
    class_name="kong",
)
