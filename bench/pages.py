"""Metrics pages of any size in the true formats of ingress-nginx and Traefik, the same text each time.

Families, label names and their order, buckets and the order of lines are those of pages from the real controllers
(tests/traffic/pages). A page grows with the number of services. Each service has counted five combinations of method and
status, as a busy app has.
"""

from collections.abc import Iterator
from typing import NamedTuple

COMBINATIONS = (("GET", 200), ("GET", 304), ("GET", 404), ("POST", 200), ("POST", 201))
TIMES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LENGTHS = tuple(range(10, 110, 10))
SIZES = (10, 100, 1000, 10000, 100000, "1e+06", "1e+07")
NGINX = "nginx_ingress_controller"
# ingress-nginx's families in the order of the page: 93 lines for each combination.
FAMILIES: tuple[tuple[str, tuple[float | str, ...]], ...] = (
    ("bytes_sent", SIZES),
    ("connect_duration_seconds", TIMES),
    ("header_duration_seconds", TIMES),
    ("request_duration_seconds", TIMES),
    ("request_size", LENGTHS),
    ("requests", ()),
    ("response_duration_seconds", TIMES),
    ("response_size", LENGTHS),
)
TRAEFIK_TIMES = (0.1, 0.3, 1.2, 5)
STARTED = "# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 1.79547367225e+09\n"


class ServiceName(NamedTuple):
    """The namespace and name of one service."""

    namespace: str
    name: str


def service_name(number: int) -> ServiceName:
    """The names of a service by its number, as long as real ones."""
    return ServiceName(f"team-{number // 20:03d}", f"storefront-{number:05d}")


def ingress_nginx(services: int, round: int = 0) -> Iterator[str]:
    """Pieces of the page, about 155 kB for each service. `round`: how many more requests each series has counted."""
    for family, buckets in FAMILIES:
        name = f"{NGINX}_{family}"
        yield f"# HELP {name} as the controller says\n# TYPE {name} {'histogram' if buckets else 'counter'}\n"
        for number in range(services):
            for labels, count in _of_nginx(number, round):
                yield histogram(name, labels, buckets, count) if buckets else f"{name}{{{labels}}} {count}\n"
    yield STARTED


POD = 'controller_namespace="ingress-nginx",controller_pod="ingress-nginx-controller-7596dbd8-sbfxr"'


def _of_nginx(number: int, round: int) -> Iterator[tuple[str, int]]:
    where, app = service_name(number)
    head = f'canary="",controller_class="k8s.io/ingress-nginx",{POD},host="{app}.example.org",ingress="{app}"'
    for method, status in COMBINATIONS:
        labels = f'{head},method="{method}",namespace="{where}",path="/",service="{app}",status="{status}"'
        yield labels, 1000 + number + round


def traefik(services: int, round: int = 0) -> Iterator[str]:
    """Pieces of the page, about 7 kB for each service. `round`: how many more requests each series has counted."""
    yield STARTED
    name = "traefik_service_request_duration_seconds"
    yield f"# HELP {name} as the controller says\n# TYPE {name} histogram\n"
    for number in range(services):
        for labels, count in _of_traefik(number, round):
            yield histogram(name, labels, TRAEFIK_TIMES, count)
    for family in ("requests_bytes_total", "requests_total", "responses_bytes_total"):
        name = f"traefik_service_{family}"
        yield f"# HELP {name} as the controller says\n# TYPE {name} counter\n"
        for number in range(services):
            for labels, count in _of_traefik(number, round):
                yield f"{name}{{{labels}}} {count}\n"


def _of_traefik(number: int, round: int) -> Iterator[tuple[str, int]]:
    where, app = service_name(number)
    for method, status in COMBINATIONS:
        service = f"{where}-{app}-http@kubernetes"
        yield f'code="{status}",method="{method}",protocol="http",service="{service}"', 1000 + number + round


def histogram(name: str, labels: str, buckets: tuple[float | str, ...], count: int) -> str:
    """The lines of one histogram."""
    lines = [f'{name}_bucket{{{labels},le="{limit}"}} {count}\n' for limit in (*buckets, "+Inf")]
    return "".join(lines) + f"{name}_sum{{{labels}}} {count / 7:.6f}\n{name}_count{{{labels}}} {count}\n"
