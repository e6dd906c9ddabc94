"""What must not sleep whatever its annotations say: waker itself, the ingress controllers, and who would lose its data.

An admission policy may enable everything at once. Asleep, waker could wake nobody; behind a sleeping ingress controller
there is no way in, not even to the page that would wake it; a StatefulSet may have told Kubernetes to delete its volumes
whenever it is scaled down. Pure; called by `cluster` for each app that it observes.
The subtle thing: whose pods have a controller's labels is not asked here. To refuse one app too many only keeps it awake.
"""

from collections.abc import Iterator, Mapping

from waker.plan.model import Service, Workload
from waker.plan.routes.pod_labels import selects
from waker.settings.configmap import Live
from waker.traffic.controllers import NEVER_ASLEEP, Selector

OWN_LABEL = ("app.kubernetes.io/name", "waker")  # of waker's pods, in k8s/deployment.yaml
LOSES_CLAIMS = (
    "Kubernetes would delete its volumes, and what is on them, as its persistentVolumeClaimRetentionPolicy has whenScaled: "
    "Delete; with Retain it can sleep"
)


def never_sleeps(workload: Workload, own_namespace: str, own_service: Service | None, live: Live) -> tuple[str, ...]:
    """Why this workload never sleeps, a sentence; empty if it may. `own_service`: the Service of waker's own pods."""
    if workload.id.namespace == own_namespace and _is_waker(workload, own_service):
        return ("it is waker itself, and asleep it could wake nobody; its pods have to run all the time",)
    if workload.loses_claims:
        return (LOSES_CLAIMS,)
    labels, namespace = workload.pod_labels, workload.id.namespace
    title = next((title for title, each in _selectors(labels, live) if each.matches(labels, namespace)), "")
    sentence = (
        f"its pods have the labels of an ingress controller ({title}), and behind a sleeping one nothing is reached"
    )
    return (sentence,) if title else ()


def _is_waker(workload: Workload, own_service: Service | None) -> bool:
    label, name = OWN_LABEL
    return workload.pod_labels.get(label) == name or (own_service is not None and selects(own_service, workload))


def _by_first_pair() -> dict[tuple[str, str | None], list[tuple[str, Selector]]]:
    found: dict[tuple[str, str | None], list[tuple[str, Selector]]] = {}
    for title, each in NEVER_ASLEEP:
        found.setdefault(each.pairs[0], []).append((title, each))
    return found


BY_FIRST_PAIR = _by_first_pair()  # each app is compared in each pass, and most have nothing in common with any


def _selectors(labels: Mapping[str, str], live: Live) -> Iterator[tuple[str, Selector]]:
    """Those worth a comparison, with the title of their controller."""
    for key, value in labels.items():
        yield from BY_FIRST_PAIR.get((key, value), ())
        yield from BY_FIRST_PAIR.get((key, None), ())
    for name, each in live.classes.items():
        if each.selector:
            yield f"of class {name}", Selector(each.selector, each.namespace)
