"""Traefik, v2 and v3, with its own Ingress provider or the one that reads ingress-nginx's annotations.

It counts requests when they end. Only v2 has a gauge of open connections.
"""

import re
from collections.abc import Mapping
from datetime import timedelta

from waker.plan.routes.route import CountedBackend
from waker.traffic.controllers.adapter import (
    HEADS,
    Adapter,
    Counted,
    Family,
    Port,
    Process,
    Selector,
    SeriesKey,
    Values,
)

UNOBSERVED = "traefik.ingress.kubernetes.io/router.observability.metrics"


def normalized(*words: str | int) -> str:
    """Traefik's names: `team-a`, `my--app`, 80 -> `team-a-my-app-80`. Anything but letters and digits becomes one `-`."""
    return "-".join(re.findall(r"[^\W_]+", "-".join(str(word) for word in words)))


def _spellings(backend: CountedBackend) -> tuple[SeriesKey, ...]:
    # Nothing shows which provider serves a class, so this gives the names of both.
    ports = dict.fromkeys((backend.port_written, backend.port_number, backend.port_name or backend.port_number))
    by_nginx = [normalized(backend.namespace, backend.object_name, backend.service, port) for port in ports]
    # The only Ingress without rules that Traefik serves goes by this name, whatever its Service.
    own = normalized(backend.namespace, backend.service, backend.port_written)
    own = "default-backend" if backend.default_backend else own
    return ((f"{own}@kubernetes",), *((f"{name}@kubernetesingressnginx",) for name in by_nginx))


def _uncounted(backend: CountedBackend, annotations: Mapping[str, str]) -> tuple[str, ...]:
    if annotations.get(UNOBSERVED, "").lower() == "false":
        return (f"{backend.route}: Traefik does not count its requests; remove the annotation {UNOBSERVED}",)
    return ()


TRAEFIK = Adapter(
    name="traefik",
    title="Traefik",
    controller="traefik.io/ingress-controller",
    selectors=(Selector("app.kubernetes.io/name=traefik"),),
    metrics=Port(("metrics", "traefik"), 9100),  # the Helm chart's; without it, the entry point `traefik` serves them
    path="/metrics",
    requests=Family("traefik_service_requests_total", ("service",)),
    open_requests=Family("traefik_service_open_connections", ("service",)),  # v2 only
    counted=Counted.END,
    process=Process("process_start_time_seconds", +1),
    spellings=_spellings,
    proxy=Port(("web",), 8000),
    tls=Port(("websecure",), 8443),
    lag=timedelta(seconds=2),  # providersThrottleDuration
    uncounted=_uncounted,
    status="code",
    not_visits=(HEADS,),
    lasting=Values("protocol", frozenset({"websocket"})),
    enable="run Traefik with --metrics.prometheus=true and leave its addServicesLabels on",
    blind_to=("on v3: open websockets", "open streams", "open downloads"),
)
