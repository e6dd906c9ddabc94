"""What is known about each ingress controller: a table of data, one file a family, and the few functions that read it.

Chosen by `IngressClass.spec.controller`, or by name in a setting (`configured`). docs/controllers.md says how to add one.
Nothing here touches a network; `fetch` and `scrape` do.
"""

from collections.abc import Mapping
from datetime import timedelta

from waker.plan.routes.route import CountedBackend
from waker.traffic.controllers.envoy import CILIUM, CONTOUR, ENVOY_GATEWAY
from waker.traffic.controllers.haproxy import HAPROXY_INGRESS, HAPROXYTECH
from waker.traffic.controllers.ingress_nginx import INGRESS_NGINX
from waker.traffic.controllers.istio import ISTIO
from waker.traffic.controllers.kong import KONG
from waker.traffic.controllers.nginx_inc import NGINX, NGINX_PLUS
from waker.traffic.controllers.shape import (
    Access,
    Adapter,
    Counted,
    Family,
    Interest,
    Port,
    Process,
    Selector,
    SeriesKey,
    Values,
)
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
    "NGINX",
    "NGINX_PLUS",
    "SKIPPER",
    "TRAEFIK",
    "Access",
    "Adapter",
    "Counted",
    "Family",
    "Interest",
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

# A controller that is in no table: longer than the slowest that is known (5 s between two updates of haproxytech's).
DEFAULT_LAG = timedelta(seconds=10)

ALL = (
    INGRESS_NGINX,
    TRAEFIK,
    HAPROXY_INGRESS,
    HAPROXYTECH,
    CONTOUR,
    ENVOY_GATEWAY,
    CILIUM,
    ISTIO,
    KONG,
    NGINX,
    NGINX_PLUS,
    SKIPPER,
)
ADAPTERS: Mapping[str, Adapter] = {each.controller: each for each in ALL if each.controller}


def adapter_for(controller: str) -> Adapter | None:
    """The adapter of an `IngressClass.spec.controller`, if there is one.

    HAProxy's controllers take a suffix that parts several of them: `haproxy.org/ingress-controller/internal`.
    """
    known = ADAPTERS.get(controller)
    return known or next((each for name, each in ADAPTERS.items() if controller.startswith(f"{name}/")), None)


def interest(adapter: Adapter, backend: CountedBackend) -> Interest:
    """All label values under which it may count them."""
    first, *others = dict.fromkeys(adapter.spellings(backend))
    return Interest(adapter.controller, first, tuple(others))


def refusals(adapter: Adapter, backend: CountedBackend, annotations: Mapping[str, str]) -> tuple[str, ...]:
    """Why visits of this route cannot be seen at this controller: sentences that name the fix. Annotations: its object's."""
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
