"""The kinds that the embedded API server knows, as a table of data.

A kind behaves like any other but for what its row says. Another kind is another row. `generation` names what moves
metadata.generation: the real API server counts annotations in for Deployments, and labels for EndpointSlices.
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

Obj = dict[str, Any]  # a Kubernetes object, as JSON


class Key(NamedTuple):
    """Which object of a kind. The namespace of a cluster-wide object is ""."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class ServedResource:
    """One row: how a kind is named in paths and messages, and where it differs from the others."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    generation: tuple[str, ...] = ()  # dotted fields; none: the kind has no generation
    scalable: bool = False  # has the subresource /scale
    echoes: bool = False  # DELETE answers with the object instead of a Status
    fields: tuple[str, ...] = ()  # field selectors beyond name and namespace

    @property
    def api_version(self) -> str:
        """`v1`, `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """`pods`, `deployments.apps`: how messages name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_kind(self) -> str:
        """`Pod`, `Deployment.apps`: how messages about invalid objects name it."""
        return f"{self.kind}.{self.group}" if self.group else self.kind


SPEC: Final = ("spec",)
EVENT_FIELDS: Final = ("reason", "type", *(f"involvedObject.{field}" for field in ("kind", "namespace", "name", "uid")))

NAMESPACES: Final = ServedResource("", "v1", "namespaces", "Namespace", namespaced=False, echoes=True)
PODS: Final = ServedResource(
    "", "v1", "pods", "Pod", generation=SPEC, echoes=True, fields=("status.phase", "status.podIP", "spec.nodeName")
)
SERVICES: Final = ServedResource("", "v1", "services", "Service", echoes=True)
CONFIG_MAPS: Final = ServedResource("", "v1", "configmaps", "ConfigMap")
SERVICE_ACCOUNTS: Final = ServedResource("", "v1", "serviceaccounts", "ServiceAccount", echoes=True)
EVENTS: Final = ServedResource("", "v1", "events", "Event", fields=EVENT_FIELDS)
DEPLOYMENTS: Final = ServedResource(
    "apps", "v1", "deployments", "Deployment", generation=("spec", "metadata.annotations"), scalable=True
)
STATEFUL_SETS: Final = ServedResource("apps", "v1", "statefulsets", "StatefulSet", generation=SPEC, scalable=True)
INGRESSES: Final = ServedResource("networking.k8s.io", "v1", "ingresses", "Ingress", generation=SPEC)
INGRESS_CLASSES: Final = ServedResource(
    "networking.k8s.io", "v1", "ingressclasses", "IngressClass", namespaced=False, generation=SPEC
)
ENDPOINT_SLICES: Final = ServedResource(
    "discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", generation=("endpoints", "ports", "metadata.labels")
)
LEASES: Final = ServedResource("coordination.k8s.io", "v1", "leases", "Lease")
AUTOSCALERS: Final = ServedResource(
    "autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", generation=SPEC
)

KINDS: Final = (
    NAMESPACES,
    PODS,
    SERVICES,
    CONFIG_MAPS,
    SERVICE_ACCOUNTS,
    EVENTS,
    DEPLOYMENTS,
    STATEFUL_SETS,
    INGRESSES,
    INGRESS_CLASSES,
    ENDPOINT_SLICES,
    LEASES,
    AUTOSCALERS,
)

BY_PATH: Final = {(row.group, row.version, row.plural): row for row in KINDS}
BY_KIND: Final = {row.kind: row for row in KINDS}


def key_of(obj: Obj) -> Key:
    """Where the object is stored."""
    return Key(obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


def field_of(obj: Obj, dotted: str) -> Any:
    """A value by its dotted path; None if it is not there."""
    found: Any = obj
    for part in dotted.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
