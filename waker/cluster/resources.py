"""Where the API keeps what waker uses: paths, as data."""

from typing import NamedTuple

from waker.plan.model import AppId, Kind
from waker.plan.routes.kinds import KINDS


class Resource(NamedTuple):
    """One resource of the API: `prefix` is /api/v1 or /apis/GROUP/VERSION, `plural` its name in paths."""

    prefix: str
    plural: str
    kind: str
    api_version: str

    def everywhere(self) -> str:
        """The path of the collection over all namespaces, or of a cluster-wide one."""
        return f"{self.prefix}/{self.plural}"

    def collection(self, namespace: str) -> str:
        """The path of a namespace's collection."""
        return f"{self.prefix}/namespaces/{namespace}/{self.plural}"

    def one(self, namespace: str, name: str) -> str:
        """The path of one object."""
        return f"{self.collection(namespace)}/{name}"


DEPLOYMENTS = Resource("/apis/apps/v1", "deployments", "Deployment", "apps/v1")
STATEFUL_SETS = Resource("/apis/apps/v1", "statefulsets", "StatefulSet", "apps/v1")
INGRESS_CLASSES = Resource("/apis/networking.k8s.io/v1", "ingressclasses", "IngressClass", "networking.k8s.io/v1")
SERVICES = Resource("/api/v1", "services", "Service", "v1")
PODS = Resource("/api/v1", "pods", "Pod", "v1")
CONFIG_MAPS = Resource("/api/v1", "configmaps", "ConfigMap", "v1")
EVENTS = Resource("/api/v1", "events", "Event", "v1")
ENDPOINT_SLICES = Resource("/apis/discovery.k8s.io/v1", "endpointslices", "EndpointSlice", "discovery.k8s.io/v1")
AUTOSCALERS = Resource("/apis/autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", "autoscaling/v2")
SERVICE_ACCOUNTS = Resource("/api/v1", "serviceaccounts", "ServiceAccount", "v1")
TOKEN_REVIEWS = Resource("/apis/authentication.k8s.io/v1", "tokenreviews", "TokenReview", "authentication.k8s.io/v1")
ACCESS_REVIEWS = Resource(
    "/apis/authorization.k8s.io/v1", "subjectaccessreviews", "SubjectAccessReview", "authorization.k8s.io/v1"
)
SELF_REVIEWS = Resource(
    "/apis/authorization.k8s.io/v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", "authorization.k8s.io/v1"
)
NAMESPACES = Resource("/api/v1", "namespaces", "Namespace", "v1")
NETWORK_POLICIES = Resource("/apis/networking.k8s.io/v1", "networkpolicies", "NetworkPolicy", "networking.k8s.io/v1")
LEASES = Resource("/apis/coordination.k8s.io/v1", "leases", "Lease", "coordination.k8s.io/v1")

ROUTES = {
    name: Resource(f"/apis/{kind.api_version}", kind.plural, kind.name, kind.api_version)
    for name, kind in KINDS.items()
}
INGRESSES = ROUTES["Ingress"]
WORKLOADS = {Kind.DEPLOYMENT: DEPLOYMENTS, Kind.STATEFUL_SET: STATEFUL_SETS}


def workload_path(app: AppId) -> str:
    """The path of an app's workload."""
    return WORKLOADS[app.kind].one(app.namespace, app.name)
