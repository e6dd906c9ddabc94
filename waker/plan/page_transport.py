"""What an ingress controller lets through between visitors and waker, and for how long it waits, as far as an Ingress says.

Pure. Some replace answers with an error status by pages of their own, and some refuse to upgrade a connection. What is
set elsewhere (the ConfigMap of ingress-nginx, a Middleware of Traefik) cannot be seen from here: for that there is the
setting `page-status`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from waker.plan.hold_time import ENDLESS, NOT_KNOWN, AnswerTimeout, timeout_of

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
    """`replaced`: statuses that never arrive. `push`: a WebSocket may be tried. `timeout`: how long it waits for an answer."""

    replaced: frozenset[int] = frozenset()
    push: bool = True
    timeout: timedelta = ENDLESS

    def status(self, wanted: int) -> int:
        """The status that the page is sent with."""
        return ACCEPTED if wanted in self.replaced else wanted


def page_transport(controller: str, annotations: Mapping[str, str], waits: AnswerTimeout = NOT_KNOWN) -> PageTransport:
    """Of one Ingress; `controller` is the `spec.controller` of its class, `waits` what is known of it. Never raises."""
    listed = [annotations[REPLACED]] if REPLACED in annotations else []
    listed += [found for key in SNIPPETS if key in annotations for found in ERROR_PAGE.findall(annotations[key])]
    codes = frozenset(int(code) for text in listed for code in re.findall(r"\b\d{3}\b", text, re.ASCII))
    return PageTransport(codes, controller != CONTOUR or UPGRADED in annotations, timeout_of(waits, annotations))


def common_transport(transports: Iterable[PageTransport]) -> PageTransport:
    """What is let through on all of several ways that lead to one door."""
    ways = list(transports)
    return PageTransport(
        frozenset().union(*(each.replaced for each in ways)),
        all(each.push for each in ways),
        min((each.timeout for each in ways), default=ENDLESS),
    )
