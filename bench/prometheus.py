"""`python -m bench.prometheus`: the cost of reading one answer of Prometheus, beside a library that holds it all at once.

The answer has 10,000 series of ingress-nginx: 1,000 apps on two pods. Two figures matter: the longest slice, as the event
loop waits for it, and the memory above what is kept.
"""

import json
import time
import tracemalloc
from collections.abc import Callable

from bench.tables import table
from waker.plan.model import Pod
from waker.traffic.controllers import INGRESS_NGINX
from waker.traffic.prometheus import SLICE
from waker.traffic.targets import SAMPLED, ScrapesByTarget
from waker.traffic.vector import Vector

APPS, PODS, STATUSES = 1000, 2, ("200", "302", "304", "404", "500")
AT = 1_795_533_600.0
KEYS = frozenset((f"team-{app % 40}", f"shop-{app}", f"shop-{app}") for app in range(APPS))


def answer() -> bytes:
    """An answer like a real one, with the labels of a controller and those of its target."""
    series: list[tuple[dict[str, str], float]] = []
    for pod in range(PODS):
        target = {"instance": f"10.0.0.{pod}:10254", "job": "ingress-nginx", "pod": f"ingress-nginx-controller-{pod}"}
        kept = {"container": "controller", "endpoint": "metrics", "namespace": "ingress-nginx", "service": "metrics"}
        own = {"controller_class": "k8s.io/ingress-nginx", "controller_namespace": "ingress-nginx", "method": "GET"}
        for app in range(APPS):
            series_names = {
                "exported_namespace": f"team-{app % 40}",
                "exported_service": f"shop-{app}",
                "ingress": f"shop-{app}",
            }
            route = {"host": f"shop-{app}.example.org", "path": "/", "controller_pod": target["pod"]}
            labels = {"__name__": "nginx_ingress_controller_requests"} | own | kept | target | series_names | route
            series += [(labels | {"status": status}, app * 7.0) for status in STATUSES]
        series.append(({"__name__": "process_start_time_seconds"} | kept | target, 1_795_422_334.63))
        series.append((target | {SAMPLED: "yes"}, AT - 3))
    result = [{"metric": labels, "value": [AT, str(value)]} for labels, value in series]
    whole = {"status": "success", "data": {"resultType": "vector", "result": result}}
    return json.dumps(whole, separators=(",", ":")).encode()


def streamed(text: bytes) -> float:
    """Read the answer as waker does. Returns the longest slice, in seconds."""
    vector, by_target, longest = Vector(), ScrapesByTarget(INGRESS_NGINX, KEYS), 0.0
    for at in range(0, len(text), SLICE):
        began = time.perf_counter()
        by_target.add(vector.feed(text[at : at + SLICE]))
        longest = max(longest, time.perf_counter() - began)
    vector.finish()
    if len(by_target.samples([pod(n) for n in range(PODS)])) != PODS:
        raise ValueError("waker did not understand the answer")
    return longest


def pod(number: int) -> Pod:
    name = f"ingress-nginx-controller-{number}"
    return Pod("ingress-nginx", name, name, f"10.0.0.{number}", ready=True, ports={})


def at_once(text: bytes) -> float:
    """Only parse the answer with `json`. Returns how long that takes, in seconds."""
    began = time.perf_counter()
    json.loads(text)
    return time.perf_counter() - began


def row(name: str, read: Callable[[bytes], float], text: bytes) -> list[str]:
    began = time.perf_counter()
    longest = min(read(text) for _ in range(3))
    took = (time.perf_counter() - began) / 3
    tracemalloc.start()
    read(text)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return [name, f"{took * 1000:.0f}", f"{longest * 1000:.1f}", f"{peak / (1 << 20):.1f}"]


if __name__ == "__main__":
    text = answer()
    head = [f"an answer of {len(text) / 1e6:.1f} MB", "total ms", "longest slice ms", "peak MiB"]
    print(table(head, [row("read by waker", streamed, text), row("json.loads", at_once, text)]))
