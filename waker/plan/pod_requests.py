"""What Kubernetes reserves for one pod of a workload: the requests of its template, as the scheduler adds them up.

Pure: a pod template's spec goes in. Requests are what a sleeping app gives back, whatever it really used. Where there is no
request its limit counts, as the API server takes it, too; what a LimitRange would add to pods is not known here. Values are
interned: a thousand apps have a handful of them. A quantity that cannot be read counts as none: only savings depend on it.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

Json = Mapping[str, Any]

SUFFIXES: Final = {
    "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip
QUANTITY: Final = re.compile(
    r"(\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(?:[eE]([+-]?\d{1,2})|([numkMGTPE]|[KMGTPE]i)?)", re.ASCII
)


class PodRequests(NamedTuple):
    """Of one pod: cores, and bytes."""

    cpu: float = 0.0
    memory: float = 0.0


NO_REQUESTS: Final = PodRequests()


def quantity(value: object) -> float:
    """`250m`, `1.5`, `64Mi`, `1e3` -> a number; 0 if it is none."""
    found = QUANTITY.fullmatch(str(value))
    if not found:
        return 0.0
    exponent, suffix = found[2], found[3]
    return float(found[1]) * (10.0 ** int(exponent) if exponent else SUFFIXES[suffix or ""])


def pod_requests(spec: Json) -> PodRequests:
    """Of a pod with this spec."""
    return _shared(_reserved(spec, "cpu"), _reserved(spec, "memory"))


@lru_cache(maxsize=256)
def _shared(cpu: float, memory: float) -> PodRequests:
    return PodRequests(cpu, memory)


def _reserved(spec: Json, resource: str) -> float:
    """Containers run together, and so do sidecars; init containers run before them, one after the other."""
    overhead = quantity((spec.get("overhead") or {}).get(resource, 0))
    of_pod = _request(spec, resource)
    if of_pod is not None:
        return of_pod + overhead
    together, most = sum(_requests(spec.get("containers"), resource)), 0.0
    sidecars = 0.0
    for each in spec.get("initContainers") or []:
        wanted = _request(each, resource) or 0.0
        if each.get("restartPolicy") == "Always":
            sidecars += wanted
            wanted = 0.0
        most = max(most, sidecars + wanted)
    return max(together + sidecars, most) + overhead


def _requests(containers: list[Json] | None, resource: str) -> Iterator[float]:
    return (_request(each, resource) or 0.0 for each in containers or [])


def _request(of: Json, resource: str) -> float | None:
    resources = of.get("resources") or {}
    for kind in ("requests", "limits"):
        found = (resources.get(kind) or {}).get(resource)
        if found is not None:
            return quantity(found)
    return None
