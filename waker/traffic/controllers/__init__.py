"""What is known about each ingress controller: a table of data, one file a family, and the few functions that read it.

An adapter is chosen by `IngressClass.spec.controller`, or by name in a setting (`configured`). Everything here is pure:
`fetch` and `scrape` use the network. docs/controllers.md shows how to add a controller.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from waker.plan.routes.route import CountedBackend
from waker.traffic.controllers.adapter import (
    Access,
    Adapter,
    Arguments,
    ClassName,
    Counted,
    Family,
    Interest,
    LostCounts,
    Port,
    Process,
    Selector,
    SeriesKey,
    Values,
)
from waker.traffic.controllers.envoy import CILIUM, CONTOUR, ENVOY_GATEWAY
from waker.traffic.controllers.haproxy import HAPROXY_INGRESS, HAPROXYTECH
from waker.traffic.controllers.ingress_nginx import IN_AKS, INGRESS_NGINX
from waker.traffic.controllers.istio import ISTIO
from waker.traffic.controllers.kong import KONG
from waker.traffic.controllers.nginx_inc import NGINX, NGINX_PLUS
from waker.traffic.controllers.skipper import SKIPPER
from waker.traffic.controllers.traefik import TRAEFIK, normalized

__all__ = [
    "ADAPTERS",
    "ALL",
    "CILIUM",
    "CONTOUR",
    "DEFAULT_LAG",
    "ENVOY_GATEWAY",
    "HAPROXYTECH",
    "HAPROXY_INGRESS",
    "INGRESS_NGINX",
    "ISTIO",
    "KONG",
    "NEVER_ASLEEP",
    "NGINX",
    "NGINX_PLUS",
    "SKIPPER",
    "TRAEFIK",
    "Access",
    "Adapter",
    "Arguments",
    "ClassName",
    "Counted",
    "Family",
    "Interest",
    "LostCounts",
    "Port",
    "Process",
    "Selector",
    "SeriesKey",
    "Values",
    "adapter_for",
    "interest",
    "normalized",
    "refusals",
]  # fmt: skip

ALIASES = "nginx.ingress.kubernetes.io/server-alias"

# For a controller that is not in the table: longer than the slowest known one (haproxytech's updates every 5 s).
DEFAULT_LAG = timedelta(seconds=10)

ALL = (
    INGRESS_NGINX,
    TRAEFIK,
    HAPROXY_INGRESS,
    HAPROXYTECH,
    CONTOUR,
    CILIUM,
    ISTIO,
    KONG,
    NGINX,
    NGINX_PLUS,
    SKIPPER,
)
ADAPTERS: Mapping[str, Adapter] = {each.controller: each for each in ALL if each.controller}

# What installations call their class's controller, where that is not in the table. The rest of the name parts several of them.
INSTALLED_AS = (
    (re.compile(r"projectcontour\.io/[^/]+/[^/]+"), CONTOUR),  # its charts: projectcontour.io/NAMESPACE/RELEASE-contour
    (re.compile(r"k8s\.io/[a-z0-9-]+-ingress-nginx"), INGRESS_NGINX),  # k8s.io/internal-ingress-nginx
    (re.compile(r"webapprouting\.kubernetes\.azure\.com/nginx(/.+)?"), replace(INGRESS_NGINX, selectors=IN_AKS)),
)

# With the title of its controller, each kind of pod that carries requests. Envoy Gateway serves no Ingress, and is a way in.
NEVER_ASLEEP = tuple((adapter.title, each) for adapter in (*ALL, ENVOY_GATEWAY) for each in adapter.selectors)


def adapter_for(controller: str) -> Adapter | None:
    """The adapter of an `IngressClass.spec.controller`, None if there is none.

    Several controllers of a kind in one cluster differ by a suffix (`haproxy.org/ingress-controller/internal`) or a part of the
    name. Each of them is a controller by itself, as its pods are its own.
    """
    known = ADAPTERS.get(controller)
    if known:
        return known
    like = next((each for name, each in ADAPTERS.items() if controller.startswith(f"{name}/")), None)
    like = like or next((each for pattern, each in INSTALLED_AS if pattern.fullmatch(controller)), None)
    return replace(like, controller=controller) if like else None


def interest(adapter: Adapter, backend: CountedBackend) -> Interest:
    """All label values under which the controller may count requests of this backend."""
    first, *others = dict.fromkeys(adapter.spellings(backend))
    return Interest(adapter.controller, first, tuple(others))


def refusals(adapter: Adapter, backend: CountedBackend, annotations: Mapping[str, str]) -> tuple[str, ...]:
    """Why this controller does not count visits of a route: sentences with the fix. `annotations`: of the route's object."""
    return (*_hosts(adapter, backend, annotations), *adapter.uncounted(backend, annotations))


def _hosts(adapter: Adapter, backend: CountedBackend, annotations: Mapping[str, str]) -> tuple[str, ...]:
    if adapter.any_host or backend.default_backend:
        return ()
    why = []
    if not backend.host:
        why.append("a rule without a host; name the host in the rule")
    elif backend.host.startswith("*"):
        why.append("a wildcard host; name each host in a rule of its own")
    if any(letter in annotations.get(ALIASES, "") for letter in "*~"):
        why.append(f"a wildcard alias; name each host in {ALIASES}")
    other = "or run it with --metrics-per-host=false and set controller.CLASS.any-host"
    return tuple(f"{backend.route}: {adapter.title} does not count requests of {sentence}, {other}" for sentence in why)
