"""Traefik, v2 and v3, with its own Ingress provider or the one that reads ingress-nginx's annotations.

It counts requests when they end. Only v2 has a gauge of open connections.
"""

import re
from collections.abc import Mapping
from datetime import timedelta

from waker.plan.go_booleans import is_false, is_true
from waker.plan.routes.route import CountedBackend
from waker.traffic.controllers.adapter import (
    HEADS,
    Adapter,
    Arguments,
    ClassName,
    Counted,
    Family,
    Port,
    Process,
    Selector,
    SeriesKey,
    Values,
)
from waker.traffic.controllers.ingress_nginx import CONTROLLER as OF_NGINX
from waker.traffic.controllers.ingress_nginx import serves_class

OWN = "traefik.io/ingress-controller"
UNOBSERVED = "traefik.ingress.kubernetes.io/router.observability.metrics"
ENTRY_POINTS = "traefik.ingress.kubernetes.io/router.entrypoints"
NGINX_PROVIDER = "providers.kubernetesingressnginx"
UNOBSERVED_POINT = re.compile(r"entrypoints\.([^.]+)\.observability\.metrics")
INTERNAL = frozenset({"traefik", "metrics"})  # entry points of its own; no route leads through them unless it says so


def normalized(*words: str | int) -> str:
    """Traefik's names: `team-a`, `my--app`, 80 -> `team-a-my-app-80`. Anything but letters and digits becomes one `-`."""
    return "-".join(re.findall(r"[^\W_]+", "-".join(str(word) for word in words)))


def _spellings(backend: CountedBackend) -> tuple[SeriesKey, ...]:
    # Nothing shows which provider serves a class, so this gives the names of both.
    ports = dict.fromkeys((backend.port_written, backend.port_number, backend.port_name or backend.port_number))
    by_nginx = [normalized(backend.namespace, backend.object_name, backend.service, port) for port in ports]
    own = normalized(backend.namespace, backend.service, backend.port_written)
    if backend.default_backend:
        # Its Ingress provider serves one Ingress without rules; the other provider one that stands for all, and each by itself.
        own = "default-backend"
        by_nginx += [own, normalized(backend.namespace, backend.object_name, own)]
    return ((f"{own}@kubernetes",), *((f"{name}@kubernetesingressnginx",) for name in by_nginx))


def _uncounted(backend: CountedBackend, annotations: Mapping[str, str]) -> tuple[str, ...]:
    if is_false(annotations.get(UNOBSERVED, "")):
        return (f"{backend.route}: Traefik does not count its requests; remove the annotation {UNOBSERVED}",)
    return ()


def _serves(arguments: Arguments, ingress_class: ClassName) -> bool:
    if any(each.startswith(NGINX_PROVIDER) for each in arguments) and not is_false(arguments.get(NGINX_PROVIDER, "")):
        by_nginx = serves_class(
            ingress_class,
            arguments.get(f"{NGINX_PROVIDER}.controllerclass", OF_NGINX),
            arguments.get(f"{NGINX_PROVIDER}.ingressclass", "nginx"),
            arguments.get(f"{NGINX_PROVIDER}.ingressclassbyname", "false"),
        )
        if by_nginx:
            return True
    named = arguments.get("providers.kubernetesingress.ingressclass", "")
    return bool(named) and named == ingress_class.name and ingress_class.controller in ("", OWN)


def _uncounted_ways(arguments: Arguments, annotations: Mapping[str, str]) -> tuple[str, ...]:
    if is_true(annotations.get(UNOBSERVED, "")):  # what the router says wins
        return ()
    off = [found[1] for key, text in arguments.items() if is_false(text) and (found := UNOBSERVED_POINT.fullmatch(key))]
    wanted = {each.strip().lower() for each in annotations.get(ENTRY_POINTS, "").split(",") if each.strip()}
    taken = sorted(each for each in off if (each in wanted if wanted else each not in INTERNAL))
    why = "Traefik does not count what comes through its entry point"
    return tuple(f"{why} {each}; start it without --entrypoints.{each}.observability.metrics=false" for each in taken)


TRAEFIK = Adapter(
    name="traefik",
    title="Traefik",
    controller=OWN,
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
    lasting=Values("protocol", frozenset({"websocket", "sse", "grpc"})),
    enable="run Traefik with --metrics.prometheus=true and leave its addServicesLabels on",
    blind_to=("on v3: open websockets", "open streams", "open downloads"),
    serves=_serves,
    uncounted_ways=_uncounted_ways,
    class_name="traefik",
)
