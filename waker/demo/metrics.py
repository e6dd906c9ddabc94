"""The ingress's metrics, in the text format of Traefik v3.

`ingress` counts and serves them. Families, help texts, label order, buckets and the life of a series are those of Traefik:
a request is counted when it ends, and for a service only if it reached a server. The subtle thing: the series of a service
that no route leads to any more are exposed once more, and then dropped.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

BUCKETS: Final = (0.1, 0.3, 1.2, 5.0)  # seconds
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
ENTRYPOINT: Final = "web"


class Labels(NamedTuple):
    """The labels of a series. `where` is an entrypoint or a service."""

    code: int
    method: str
    protocol: str
    where: str

    def text(self, name: str, **more: str) -> str:
        """The labels in braces, as the client library writes them: in alphabetical order, with `le` at the end."""
        pairs = sorted(
            {"code": str(self.code), "method": self.method, "protocol": self.protocol, name: self.where}.items()
        )
        return "{" + ",".join(f'{label}="{value}"' for label, value in [*pairs, *more.items()]) + "}"


@dataclass(slots=True)
class RequestTally:
    """The counts of all requests with the same labels."""

    requests: int = 0
    seconds: float = 0.0
    received: int = 0
    sent: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * len(BUCKETS))


@dataclass(frozen=True, slots=True)
class ServedRequest:
    """A request that has ended. `service` is "" if it reached no server."""

    code: int
    method: str
    service: str
    seconds: float
    received: int = 0
    sent: int = 0
    protocol: str = "http"


class DemoMetrics:
    """The metrics of one ingress controller."""

    def __init__(self) -> None:
        self.started_at = time.time()  # seconds since 1970
        self.reloads = 0
        self.reloaded_at = 0.0  # seconds since 1970
        self.open = 0  # requests; Traefik counts connections
        self._entrypoints: dict[Labels, RequestTally] = {}
        self._services: dict[Labels, RequestTally] = {}
        self._unrouted: frozenset[str] = frozenset()

    def count(self, served: ServedRequest) -> None:
        """Count a request that has ended."""
        self._add(self._entrypoints, served, ENTRYPOINT)
        if served.service:
            self._add(self._services, served, served.service)

    def requests(self, service: str) -> int:
        """How many requests of a service have been counted."""
        return sum(tally.requests for labels, tally in self._services.items() if labels.where == service)

    def reloaded(self, services: frozenset[str], now: float) -> None:
        """Count a reload. From now on only these services are routed to."""
        self.reloads += 1
        self.reloaded_at = now
        counted = {labels.where for labels in self._services}
        self._unrouted = frozenset(counted - services)

    def exposition(self) -> str:
        """The text for a scrape."""
        text = "\n".join(self._lines()) + "\n"
        for labels in [labels for labels in self._services if labels.where in self._unrouted]:
            del self._services[labels]
        return text

    def _add(self, tallies: dict[Labels, RequestTally], served: ServedRequest, where: str) -> None:
        tally = tallies.setdefault(Labels(served.code, served.method, served.protocol, where), RequestTally())
        tally.requests += 1
        tally.seconds += served.seconds
        tally.received += served.received
        tally.sent += served.sent
        for index, limit in enumerate(BUCKETS):
            tally.buckets[index] += served.seconds <= limit

    def _lines(self) -> Iterator[str]:
        yield from family("config_last_reload_success", "gauge", "Last config reload success")
        yield f"traefik_config_last_reload_success {self.reloaded_at:.9e}"
        yield from family("config_reloads_total", "counter", "Config reloads")
        yield f"traefik_config_reloads_total {self.reloads}"
        yield from request_families("entrypoint", self._entrypoints, ("on", "handled by"))
        yield from family("open_connections", "gauge", "How many open connections exist, by entryPoint and protocol")
        yield f'traefik_open_connections{{entrypoint="{ENTRYPOINT}",protocol="TCP"}} {self.open}'
        yield from request_families("service", self._services, ("on", "received by"))
        yield "# HELP process_start_time_seconds Start time of the process since unix epoch in seconds."
        yield "# TYPE process_start_time_seconds gauge"
        yield f"process_start_time_seconds {self.started_at:.11g}"


def family(name: str, kind: str, text: str) -> Iterator[str]:
    """The HELP and TYPE lines of a family."""
    yield f"# HELP traefik_{name} {text}"
    yield f"# TYPE traefik_{name} {kind}"


PARTITIONED: Final = "partitioned by status code, protocol, and method."


def request_families(what: str, tallies: dict[Labels, RequestTally], words: tuple[str, str]) -> Iterator[str]:
    """The four families of the entrypoint or of the services. Without series there is no family."""
    if not tallies:
        return
    ordered = sorted(tallies.items(), key=lambda item: (item[0].where, item[0].code, item[0].method))
    some = f"{'an' if what == 'entrypoint' else 'a'} {what}"
    text = f"How long it took to process the request {words[0]} {some}, {PARTITIONED}"
    yield from family(f"{what}_request_duration_seconds", "histogram", text)
    for labels, tally in ordered:
        yield from histogram(what, labels, tally)
    text = f"The total size of requests in bytes {words[1]} {some}, {PARTITIONED}"
    yield from counter(what, "requests_bytes_total", text, ((labels, tally.received) for labels, tally in ordered))
    text = f"How many HTTP requests processed {words[0]} {some}, {PARTITIONED}"
    yield from counter(what, "requests_total", text, ((labels, tally.requests) for labels, tally in ordered))
    text = f"The total size of responses in bytes {RETURNED[what]} {some}, {PARTITIONED}"
    yield from counter(what, "responses_bytes_total", text, ((labels, tally.sent) for labels, tally in ordered))


RETURNED: Final = {"entrypoint": "handled by", "service": "returned by"}


def counter(what: str, name: str, text: str, values: Iterable[tuple[Labels, int]]) -> Iterator[str]:
    """A family of counters."""
    yield from family(f"{what}_{name}", "counter", text)
    for labels, value in values:
        yield f"traefik_{what}_{name}{labels.text(what)} {value}"


def histogram(what: str, labels: Labels, tally: RequestTally) -> Iterator[str]:
    """The lines of one histogram."""
    name = f"traefik_{what}_request_duration_seconds"
    for limit, value in zip(BUCKETS, tally.buckets, strict=True):
        yield f"{name}_bucket{labels.text(what, le=f'{limit:g}')} {value}"
    yield f"{name}_bucket{labels.text(what, le='+Inf')} {tally.requests}"
    yield f"{name}_sum{labels.text(what)} {tally.seconds:.9g}"
    yield f"{name}_count{labels.text(what)} {tally.requests}"
