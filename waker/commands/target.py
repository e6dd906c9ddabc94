"""What a command is about: the workload that a person means, and the running service that can be asked."""

from waker import names
from waker.cluster.resources import SERVICES
from waker.errors import WakerError
from waker.observe.cluster import ClusterCache
from waker.plan.model import AppId, Kind
from waker.settings.flags import Settings


def service_path(settings: Settings) -> str:
    """The path of the running service's private port, without `/proxy/...`."""
    return SERVICES.one(settings.own_namespace, f"{names.OWN_SERVICE}:metrics")


def find_workload(cluster: ClusterCache, namespace: str, text: str) -> AppId:
    """The workload that a person means by `shop` or `deployment/shop`. Raises WakerError."""
    kind, _, name = text.rpartition("/")
    kinds = [each for each in Kind if not kind or each.lower() == kind.lower().rstrip("s")]
    found = [each for each in kinds if name in cluster.workloads[each].in_namespace(namespace)]
    if len(found) != 1:
        problem = "is no Deployment or StatefulSet" if not found else "is both a Deployment and a StatefulSet"
        raise WakerError(f"{text[:80]!r} {problem} in namespace {namespace}")
    return AppId(found[0], namespace, name)
