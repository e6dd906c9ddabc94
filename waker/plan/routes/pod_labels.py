"""Which labels a workload's pods have, or may have: those of its template, and those that Kubernetes adds to each pod.

A Service may select pods by either. What Kubernetes adds is known only once a pod is there, but of most such labels it is known
how their values begin, so that a Service can be matched with a workload that has no pods at this moment:

    statefulset.kubernetes.io/pod-name   shop-0             of StatefulSet shop alone
    controller-revision-hash             shop-6f7d9c58b4    likewise
    apps.kubernetes.io/pod-index         0                  of any StatefulSet
    pod-template-hash                    6f7d9c58b4         of any Deployment
    topology.kubernetes.io/zone          eu-1               of the node, so of any workload

The subtle thing: of these labels a match is a *may*. Whoever wants to know for certain looks at the pods. Labels that an
admission webhook or a person puts on pods are not known here: see `cluster.served_ports`.
"""

from collections.abc import Mapping
from typing import Final

from waker.plan.model import Kind, Service, Workload

POD_NAME: Final = "statefulset.kubernetes.io/pod-name"
REVISION: Final = "controller-revision-hash"
POD_INDEX: Final = "apps.kubernetes.io/pod-index"
TEMPLATE_HASH: Final = "pod-template-hash"
OF_THE_NODE: Final = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")

NAMED: Final = frozenset({POD_NAME, REVISION})  # their values begin with the workload's name and a dash
ADDED: Final = frozenset({*NAMED, POD_INDEX, TEMPLATE_HASH, *OF_THE_NODE})
ANY: Final = ""  # what stands for every value of a label


def known_labels(workload: Workload) -> Mapping[str, str]:
    """The labels of its pods; of those that Kubernetes adds the `known_part` of their values."""
    return {**workload.pod_labels, **_added(workload), **dict.fromkeys(OF_THE_NODE, ANY)}


def _added(workload: Workload) -> dict[str, str]:
    if workload.id.kind is Kind.STATEFUL_SET:
        return {POD_NAME: workload.id.name, REVISION: workload.id.name, POD_INDEX: ANY}
    return {TEMPLATE_HASH: ANY}


def known_part(key: str, value: str) -> str:
    """What is known of this value before a pod is there: all of it, or how it begins, or nothing."""
    if key in NAMED:
        return value.rpartition("-")[0]
    return ANY if key in ADDED else value


def is_certain(service: Service) -> bool:
    """Whether its selector names no label that Kubernetes adds, so that a match is more than a *may*."""
    return ADDED.isdisjoint(service.selector)


def selects(service: Service, workload: Workload) -> bool:
    """Whether the Service's selector matches the pods of the workload, or may match some of them."""
    if is_certain(service):
        labels = workload.pod_labels
        return bool(service.selector) and all(labels.get(key) == value for key, value in service.selector.items())
    known = known_labels(workload)
    return all(known.get(key) == known_part(key, value) for key, value in service.selector.items())


def missing_labels(service: Service, workload: Workload) -> dict[str, str]:
    """What the pods would need beside their template's labels for the Service to select them; empty if it is for others."""
    known = known_labels(workload)
    parts = {key: known.get(key) == known_part(key, value) for key, value in service.selector.items()}
    if not any(parts.values()) or any(key in known and not same for key, same in parts.items()):
        return {}
    return {key: service.selector[key] for key, same in parts.items() if not same}


# --- for an index -------------------------------------------------------------------------------------------------

# Under which every workload stands, and a Service whose selector says of nobody whose pods it means.
EVERY: Final = ("", ANY)


def index_labels(workload: Workload) -> set[tuple[str, str]]:
    """The pairs under which a workload can be found."""
    named = {(key, value) for key, value in _added(workload).items() if key in NAMED}
    return {*workload.pod_labels.items(), *named, EVERY}


def index_selector(service: Service) -> set[tuple[str, str]]:
    """Pairs of which each is among the `index_labels` of every workload that the Service selects. Empty: it selects nobody."""
    telling = {
        (key, known_part(key, value)) for key, value in service.selector.items() if key in NAMED or key not in ADDED
    }
    return telling or ({EVERY} if service.selector else set())
