"""What the ingress counts, in the text format of Traefik v3.

Families, help texts, label order, buckets and the life of a series are those of the real one: a request is counted at
its end, on a service only if a server was asked, and the series of a service that is no longer routed to are told once
more and then forgotten.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

BUCKETS: Final = (0.1, 0.3, 1.2, 5.0)  # seconds
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
ENTRYPOINT: Final = "web"


class Labels(NamedTuple):
    """How requests are told apart. `where` is an entrypoint or a service."""

    code: int
    method: str
    protocol: str
    where: str

    def text(self, name: str, **more: str) -> str:
        """In braces, in alphabetical order, as the client library writes them; `le` comes last."""
        pairs = sorted(
            {"code": str(self.code), "method": self.method, "protocol": self.protocol, name: self.where}.items()
        )
        return "{" + ",".join(f'{label}="{value}"' for label, value in [*pairs, *more.items()]) + "}"


@dataclass(slots=True)
class RequestTally:
    """What is known of the requests with the same labels."""

    requests: int = 0
    seconds: float = 0.0
    received: int = 0
    sent: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * len(BUCKETS))


@dataclass(frozen=True, slots=True)
class Served:
    """One request that is over. `service` "": no server was asked."""

    code: int
    method: str
    service: str
    seconds: float
    received: int = 0
    sent: int = 0
    protocol: str = "http"


class DemoMetrics:
    """The counters of one ingress controller."""

    def __init__(self) -> None:
        self.started_at = time.time()  # seconds since 1970
        self.reloads = 0
        self.reloaded_at = 0.0  # seconds since 1970
        self.open = 0  # requests, where the real one counts connections
        self._entrypoints: dict[Labels, RequestTally] = {}
        self._services: dict[Labels, RequestTally] = {}
        self._leaving: frozenset[str] = frozenset()

    def count(self, served: Served) -> None:
        """A request is over."""
        self._add(self._entrypoints, served, ENTRYPOINT)
        if served.service:
            self._add(self._services, served, served.service)

    def requests(self, service: str) -> int:
        """How many requests of a service were counted."""
        return sum(tally.requests for labels, tally in self._services.items() if labels.where == service)

    def reloaded(self, services: frozenset[str], now: float) -> None:
        """A new table is in force, with these services."""
        self.reloads += 1
        self.reloaded_at = now
        counted = {labels.where for labels in self._services}
        self._leaving = frozenset(counted - services)

    def page(self) -> str:
        """The text that a scrape gets."""
        text = "\n".join(self._lines()) + "\n"
        for labels in [labels for labels in self._services if labels.where in self._leaving]:
            del self._services[labels]
        return text

    def _add(self, tallies: dict[Labels, RequestTally], served: Served, where: str) -> None:
        tally = tallies.setdefault(Labels(served.code, served.method, served.protocol, where), RequestTally())
        tally.requests += 1
        tally.seconds += served.seconds
        tally.received += served.received
        tally.sent += served.sent
        for place, limit in enumerate(BUCKETS):
            tally.buckets[place] += served.seconds <= limit

    def _lines(self) -> Iterator[str]:
        yield from family("config_last_reload_success", "gauge", "Last config reload success")
        yield f"traefik_config_last_reload_success {self.reloaded_at:.9e}"
        yield from family("config_reloads_total", "counter", "Config reloads")
        yield f"traefik_config_reloads_total {self.reloads}"
        yield from tallied("entrypoint", self._entrypoints, ("on", "handled by"))
        yield from family("open_connections", "gauge", "How many open connections exist, by entryPoint and protocol")
        yield f'traefik_open_connections{{entrypoint="{ENTRYPOINT}",protocol="TCP"}} {self.open}'
        yield from tallied("service", self._services, ("on", "received by"))
        yield "# HELP process_start_time_seconds Start time of the process since unix epoch in seconds."
        yield "# TYPE process_start_time_seconds gauge"
        yield f"process_start_time_seconds {self.started_at:.11g}"


def family(name: str, kind: str, text: str) -> Iterator[str]:
    """The two lines that introduce a family."""
    yield f"# HELP traefik_{name} {text}"
    yield f"# TYPE traefik_{name} {kind}"


PARTED: Final = "partitioned by status code, protocol, and method."


def tallied(what: str, tallies: dict[Labels, RequestTally], words: tuple[str, str]) -> Iterator[str]:
    """The four families of an entrypoint or of the services; a family without series is not told."""
    if not tallies:
        return
    ordered = sorted(tallies.items(), key=lambda item: (item[0].where, item[0].code, item[0].method))
    some = f"{'an' if what == 'entrypoint' else 'a'} {what}"
    text = f"How long it took to process the request {words[0]} {some}, {PARTED}"
    yield from family(f"{what}_request_duration_seconds", "histogram", text)
    for labels, tally in ordered:
        yield from histogram(what, labels, tally)
    text = f"The total size of requests in bytes {words[1]} {some}, {PARTED}"
    yield from counter(what, "requests_bytes_total", text, ((labels, tally.received) for labels, tally in ordered))
    text = f"How many HTTP requests processed {words[0]} {some}, {PARTED}"
    yield from counter(what, "requests_total", text, ((labels, tally.requests) for labels, tally in ordered))
    text = f"The total size of responses in bytes {RETURNED[what]} {some}, {PARTED}"
    yield from counter(what, "responses_bytes_total", text, ((labels, tally.sent) for labels, tally in ordered))


RETURNED: Final = {"entrypoint": "handled by", "service": "returned by"}


def counter(what: str, name: str, text: str, values: Iterable[tuple[Labels, int]]) -> Iterator[str]:
    """One family of counters."""
    yield from family(f"{what}_{name}", "counter", text)
    for labels, value in values:
        yield f"traefik_{what}_{name}{labels.text(what)} {value}"


def histogram(what: str, labels: Labels, tally: RequestTally) -> Iterator[str]:
    """One histogram."""
    name = f"traefik_{what}_request_duration_seconds"
    for limit, value in zip(BUCKETS, tally.buckets, strict=True):
        yield f"{name}_bucket{labels.text(what, le=f'{limit:g}')} {value}"
    yield f"{name}_bucket{labels.text(what, le='+Inf')} {tally.requests}"
    yield f"{name}_sum{labels.text(what)} {tally.seconds:.9g}"
    yield f"{name}_count{labels.text(what)} {tally.requests}"
