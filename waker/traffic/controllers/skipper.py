"""Skipper. Each route has a series of its own, whose name holds namespace, Ingress, host, path and Service.

It has no `spec.controller`, so a setting has to name the adapter. It counts requests when they end, and WebSockets never.
"""

import re
from collections.abc import Mapping
from datetime import timedelta

from waker.plan.hold_time import AnswerTimeout
from waker.plan.routes.route import CountedBackend
from waker.traffic.controllers.adapter import Adapter, Counted, Family, Port, Process, Selector, SeriesKey

OWN_ROUTES = "zalando.org/skipper-routes"
NO_WORD = re.compile(r"\W", re.ASCII)


def _spellings(backend: CountedBackend) -> tuple[SeriesKey, ...]:
    rest = ("", "", "") if backend.default_backend else (backend.host, backend.path, backend.service)
    name = "__".join(NO_WORD.sub("_", word) for word in (backend.namespace, backend.object_name, *rest))
    return ((f"kube_{name}",), (f"kubeew_{name}",))  # the second is for requests from inside the cluster, if enabled


def _uncounted(backend: CountedBackend, annotations: Mapping[str, str]) -> tuple[str, ...]:
    if annotations.get(OWN_ROUTES, "").strip():
        why = f"Skipper counts what takes the routes of {OWN_ROUTES} under names of their own"
        return (f"{backend.route}: {why}; write them as rules of the Ingress",)
    return ()


SKIPPER = Adapter(
    name="skipper",
    title="Skipper",
    controller="",  # it looks at the class's name only
    selectors=(Selector("application=skipper-ingress"),),
    metrics=Port(("metrics-port", "metrics"), 9911),
    path="/metrics",
    requests=Family("skipper_serve_route_count", ("route",)),
    counted=Counted.END,
    process=Process("process_start_time_seconds", +1),
    spellings=_spellings,
    proxy=Port(("ingress-port", "ingress"), 9999),
    lag=timedelta(seconds=5),  # it polls the API server every 3 s
    uncounted=_uncounted,
    status="code",
    answer_timeout=AnswerTimeout(timedelta(seconds=60)),  # -timeout-backend
    enable="run Skipper with -metrics-flavour=prometheus and -serve-route-counter",
    blind_to=("websockets, open or ended", "open streams", "open downloads"),
    class_name="skipper",
)
