"""ingress-nginx, of the Kubernetes project.

It counts requests when they end, and by default only those whose host an Ingress names literally. A reload loses up to a
second of counts.
"""

from collections.abc import Mapping
from datetime import timedelta

from waker.plan.go_booleans import is_false, is_true
from waker.plan.hold_time import AnswerTimeout
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

CONTROLLER = "k8s.io/ingress-nginx"
PASSTHROUGH = "nginx.ingress.kubernetes.io/ssl-passthrough"


def _spellings(backend: CountedBackend) -> tuple[SeriesKey, ...]:
    return ((backend.namespace, backend.object_name, backend.service),)


def _uncounted(backend: CountedBackend, annotations: Mapping[str, str]) -> tuple[str, ...]:
    why = []
    if backend.default_backend:
        why.append("does not count requests of a default backend; give it a rule with a host")
    if is_true(annotations.get(PASSTHROUGH, "")):
        why.append(f"does not count TLS that it passes through; remove the annotation {PASSTHROUGH}")
    return tuple(f"{backend.route}: ingress-nginx {sentence}" for sentence in why)


def serves_class(ingress_class: ClassName, controller: str, name: str, by_name: str) -> bool:
    """Its rule: an IngressClass by its controller, or by its name if asked to; the old annotation always by the name.

    Traefik's provider for Ingresses of ingress-nginx has it, too.
    """
    if ingress_class.controller == controller:
        return True
    return ingress_class.name == name and not (ingress_class.controller and is_false(by_name))


def _serves(arguments: Arguments, ingress_class: ClassName) -> bool:
    return serves_class(
        ingress_class,
        arguments.get("controller-class", CONTROLLER),
        arguments.get("ingress-class", "nginx"),
        arguments.get("ingress-class-by-name", "false"),
    )


INGRESS_NGINX = Adapter(
    name="ingress-nginx",
    title="ingress-nginx",
    controller=CONTROLLER,
    selectors=(
        Selector("app.kubernetes.io/name=ingress-nginx,app.kubernetes.io/component=controller"),
        Selector("app.kubernetes.io/name=rke2-ingress-nginx,app.kubernetes.io/component=controller"),  # RKE2's own
    ),
    metrics=Port(("metrics",), 10254),
    path="/metrics",
    requests=Family("nginx_ingress_controller_requests", ("namespace", "ingress", "service")),
    counted=Counted.END,
    reloads="nginx_ingress_controller_success",  # old workers lose what they have not sent yet: up to 1 s of requests
    process=Process("process_start_time_seconds", +1),  # of the Go process, which holds the counters; not of nginx
    spellings=_spellings,
    proxy=Port(("http",), 80),
    tls=Port(("https",), 443),
    lag=timedelta(seconds=5),  # 3.3 s between two syncs, and a reload
    repeats_ports=True,
    uncounted=_uncounted,
    any_host=False,  # with --metrics-per-host, the default, some Ingress has to name the host literally
    status="status",
    not_visits=(HEADS,),
    lasting=Values("status", frozenset({"101"})),
    answer_timeout=AnswerTimeout(
        timedelta(seconds=60),
        # For the answer, and for a body of which waker takes no more while the request is held.
        ("nginx.ingress.kubernetes.io/proxy-read-timeout", "nginx.ingress.kubernetes.io/proxy-send-timeout"),
    ),
    enable="run ingress-nginx with --enable-metrics=true (chart: controller.metrics.enabled)",
    blind_to=("wildcard hosts", "rules without host", "open websockets", "open streams", "open downloads"),
    serves=_serves,
    tells_all=True,
    class_name="nginx",
)

# Azure's application routing add-on runs it under labels and a controller of its own.
IN_AKS = (Selector("app=nginx", namespace="app-routing-system"),)
