"""The kinds that the embedded API server serves, as a table. A further kind is a further row.

Every module of the room uses it; it knows none of them. Kinds differ only in what their rows say. The subtle column is
`generation_fields`, whose changes increase metadata.generation: a real API server includes the annotations of
Deployments and the labels of EndpointSlices.
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

Obj = dict[str, Any]  # a Kubernetes object, as JSON


class Key(NamedTuple):
    """The namespace and name of an object. The namespace of a cluster-wide object is ""."""

    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class ServedResource:
    """A row: how a kind is named in paths and messages, and how it differs from the others."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    generation_fields: tuple[str, ...] = ()  # dotted; empty: the kind has no generation
    scalable: bool = False  # has the subresource /scale
    delete_returns_object: bool = False  # instead of a Status
    selectable_fields: tuple[str, ...] = ()  # by field selectors, in addition to name and namespace

    @property
    def api_version(self) -> str:
        """`v1`, `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """`pods`, `deployments.apps`: its name in messages."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified_kind(self) -> str:
        """`Pod`, `Deployment.apps`: its name in messages about invalid objects."""
        return f"{self.kind}.{self.group}" if self.group else self.kind


SPEC: Final = ("spec",)
EVENT_FIELDS: Final = ("reason", "type", *(f"involvedObject.{field}" for field in ("kind", "namespace", "name", "uid")))

NAMESPACES: Final = ServedResource("", "v1", "namespaces", "Namespace", namespaced=False, delete_returns_object=True)
PODS: Final = ServedResource(
    "",
    "v1",
    "pods",
    "Pod",
    generation_fields=SPEC,
    delete_returns_object=True,
    selectable_fields=("status.phase", "status.podIP", "spec.nodeName"),
)
SERVICES: Final = ServedResource("", "v1", "services", "Service", delete_returns_object=True)
CONFIG_MAPS: Final = ServedResource("", "v1", "configmaps", "ConfigMap")
SERVICE_ACCOUNTS: Final = ServedResource("", "v1", "serviceaccounts", "ServiceAccount", delete_returns_object=True)
EVENTS: Final = ServedResource("", "v1", "events", "Event", selectable_fields=EVENT_FIELDS)
DEPLOYMENTS: Final = ServedResource(
    "apps", "v1", "deployments", "Deployment", generation_fields=("spec", "metadata.annotations"), scalable=True
)
STATEFUL_SETS: Final = ServedResource(
    "apps", "v1", "statefulsets", "StatefulSet", generation_fields=SPEC, scalable=True
)
INGRESSES: Final = ServedResource("networking.k8s.io", "v1", "ingresses", "Ingress", generation_fields=SPEC)
INGRESS_CLASSES: Final = ServedResource(
    "networking.k8s.io", "v1", "ingressclasses", "IngressClass", namespaced=False, generation_fields=SPEC
)
ENDPOINT_SLICES: Final = ServedResource(
    "discovery.k8s.io",
    "v1",
    "endpointslices",
    "EndpointSlice",
    generation_fields=("endpoints", "ports", "metadata.labels"),
)
LEASES: Final = ServedResource("coordination.k8s.io", "v1", "leases", "Lease")
AUTOSCALERS: Final = ServedResource(
    "autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", generation_fields=SPEC
)
NETWORK_POLICIES: Final = ServedResource(
    "networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", generation_fields=SPEC
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
    NETWORK_POLICIES,
)

BY_PATH: Final = {(row.group, row.version, row.plural): row for row in KINDS}
BY_KIND: Final = {row.kind: row for row in KINDS}


def key_of(obj: Obj) -> Key:
    """The namespace and name of this object."""
    return Key(obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


def field_of(obj: Obj, dotted: str) -> Any:
    """A value by its dotted path, or None."""
    found: Any = obj
    for part in dotted.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
