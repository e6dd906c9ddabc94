"""How many doors a namespace, and a controller, can bear: each door is a port of the namespace's Service.

ingress-nginx repeats a Service with all of its ports in every backend that leads to it, 77 bytes a port (measured), and hands
the whole to its workers in one piece of at most 21 MB. At 1,000 doors in one namespace it is 77 MB, and then no change of any
Ingress of the cluster is followed any more. So there a namespace's doors times its ports is what counts. Pure.
"""

from collections import Counter
from typing import Final

# Ports of one Service, which is one object of the API server: with 5,000 it has 1.0 MB as JSON, and a keeper that leads to them
# 0.75 MB (measured). etcd takes 1.5 MiB, so twice as many would be too many.
MOST_IN_A_NAMESPACE: Final = 5000
# Ports in all backends of a controller that repeats them. Big namespaces leave something for small ones, of up to 31 doors.
MOST_REPEATED: Final = 250_000  # 19 MB
MOST_REPEATED_BY_BIG_ONES: Final = 160_000
MOST_REPEATED_IN_A_NAMESPACE: Final = 40_000  # 200 doors
SMALL: Final = 1_000


class PortBudget:
    """Counts doors by namespace. `repeats`: the door is of an app behind a controller that repeats ports."""

    def __init__(self) -> None:
        self._doors: Counter[str] = Counter()
        self._repeating: Counter[str] = Counter()
        self._repeated = 0

    def add(self, namespace: str, *, repeats: bool) -> None:
        """A door that has a number."""
        before = self._repeated_in(namespace)
        self._doors[namespace] += 1
        self._repeating[namespace] += repeats
        self._repeated += self._repeated_in(namespace) - before

    def refusal(self, namespace: str, *, repeats: bool) -> str:
        """Why there can be no more doors like this one, "" if there can."""
        if self._doors[namespace] >= MOST_IN_A_NAMESPACE:
            return f"its namespace has {MOST_IN_A_NAMESPACE} of them"
        here = (self._repeating[namespace] + repeats) * (self._doors[namespace] + 1)
        more = here - self._repeated_in(namespace)
        if more and here > MOST_REPEATED_IN_A_NAMESPACE:
            return "ingress-nginx can take no more of them in its namespace"
        if more and self._repeated + more > (MOST_REPEATED_BY_BIG_ONES if here > SMALL else MOST_REPEATED):
            return "ingress-nginx can take no more of them in this cluster"
        return ""

    def _repeated_in(self, namespace: str) -> int:
        return self._repeating[namespace] * self._doors[namespace]
