"""The HorizontalPodAutoscalers of an app, read when somebody asks: KubeSleeper leaves them alone, and follows none."""

from waker.cluster.client import Api, Json
from waker.cluster.listing import listed
from waker.cluster.resources import AUTOSCALERS
from waker.errors import NotFound, Refused
from waker.plan.model import AppId


async def autoscalers_of(api: Api, app: AppId) -> list[Json]:
    """Those that scale this workload, as autoscaling/v2. None if they may not be listed. Raises ClusterError."""
    try:
        found = listed(api, AUTOSCALERS.collection(app.namespace))
        return [each async for each in found if _target(each) == (app.kind, app.name)]
    except (Refused, NotFound):
        return []


async def least_replicas(api: Api, app: AppId) -> int:
    """How many pods its autoscaler wants at least; 1 without one. Raises ClusterError."""
    wanted = [int(each["spec"].get("minReplicas", 1)) for each in await autoscalers_of(api, app)]
    return max([1, *wanted])


def _target(found: Json) -> tuple[str, str]:
    target = found["spec"]["scaleTargetRef"]
    return target["kind"], target["name"]
