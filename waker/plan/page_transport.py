"""What an ingress controller lets through between the waiting page and waker, as far as an Ingress says.

Pure. Some replace answers with an error status by pages of their own, and some refuse to upgrade a connection. What is
set elsewhere (the ConfigMap of ingress-nginx, a Middleware of Traefik) cannot be seen from here: for that there is the
setting `page-status`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

NGINX: Final = "k8s.io/ingress-nginx"
CONTOUR: Final = "projectcontour.io/ingress-controller"

REPLACED: Final = "nginx.ingress.kubernetes.io/custom-http-errors"  # "404,503"
SNIPPETS: Final = (
    "nginx.ingress.kubernetes.io/configuration-snippet",
    "nginx.ingress.kubernetes.io/server-snippet",
    "nginx.org/location-snippets",
    "nginx.org/server-snippets",
)
ERROR_PAGE: Final = re.compile(r"\berror_page\s+([\d\s]+)", re.ASCII)
UPGRADED: Final = "projectcontour.io/websocket-routes"  # the paths on which Envoy may upgrade: "/ws, /chat"

ACCEPTED: Final = 202  # no controller has a page of its own for it, and no cache keeps it


@dataclass(frozen=True, slots=True)
class PageTransport:
    """`replaced`: statuses that never arrive. `push`: a WebSocket may be tried."""

    replaced: frozenset[int] = frozenset()
    push: bool = True

    def status(self, wanted: int) -> int:
        """The status that the page is sent with."""
        return ACCEPTED if wanted in self.replaced else wanted


def page_transport(controller: str, annotations: Mapping[str, str]) -> PageTransport:
    """Of one Ingress; `controller` is the `spec.controller` of its class. Never raises."""
    listed = [annotations.get(REPLACED, "")]
    listed += [found for key in SNIPPETS for found in ERROR_PAGE.findall(annotations.get(key, ""))]
    codes = frozenset(int(code) for text in listed for code in re.findall(r"\b\d{3}\b", text, re.ASCII))
    return PageTransport(codes, push=controller != CONTOUR or UPGRADED in annotations)


def common_transport(transports: Iterable[PageTransport]) -> PageTransport:
    """What is let through on all of several ways that lead to one door."""
    ways = list(transports)
    return PageTransport(frozenset().union(*(each.replaced for each in ways)), all(each.push for each in ways))
