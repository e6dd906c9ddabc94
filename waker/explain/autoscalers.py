"""What a HorizontalPodAutoscaler of the app means for its sleep. Pure: objects of autoscaling/v2 in, sentences out.

KubeSleeper leaves them alone; the command line reads them with the caller's own rights.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def notes(found: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A sentence for each of those that scale the app."""
    for each in found:
        spec, name = each["spec"], each["metadata"]["name"]
        low, high = spec.get("minReplicas", 1), spec["maxReplicas"]
        if low == 0:
            yield (
                f"HPA {name} (0 to {high}) works at 0 replicas too: it may start pods while the app sleeps, and what "
                "it scales to 0 itself no visitor wakes; with minReplicas 1 KubeSleeper alone decides"
            )
        else:
            yield f"HPA {name} ({low} to {high}) rests while the app sleeps, and goes on after the wake"
