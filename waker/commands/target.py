"""What a command is about: the workload that a person means, and the running service that can be asked."""

import logging
import time
from dataclasses import dataclass
from typing import Any

from waker import names
from waker.cluster.client import Api
from waker.cluster.resources import CONFIG_MAPS, SERVICE_ACCOUNTS, SERVICES
from waker.errors import ClusterError, WakerError
from waker.observe.cluster import ClusterCache
from waker.plan.model import AppId, Kind
from waker.plan.page_reference import reference_of
from waker.settings.configmap import Live, read_live
from waker.settings.flags import Settings

log = logging.getLogger(__name__)

TOKEN_SECONDS = 600  # the shortest that Kubernetes makes


@dataclass(slots=True)
class ServiceToken:
    """A token for the service, used again while it is good: for who asks every two seconds."""

    value: str = ""
    good_until: float = 0.0  # by the monotonic clock


async def ask_service(api: Api, settings: Settings, path: str, token: ServiceToken | None = None) -> Any | None:
    """What the running service answers to this path of its private port; None if it cannot be asked.

    The API server's proxy leads there, and removes all credentials of the caller. So the caller first has a token made that
    is of use at waker alone: to be allowed to do that is the proof. The error of a caller who may not names the missing right.
    """
    own, shown = settings.own_namespace, token or ServiceToken()
    spec = {"audiences": [names.AUDIENCE], "expirationSeconds": TOKEN_SECONDS}
    wanted = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    try:
        if not shown.value or time.monotonic() >= shown.good_until:
            made = await api.create(f"{SERVICE_ACCOUNTS.one(own, names.READER)}/token", wanted)
            shown.value = str((made.get("status") or {}).get("token", ""))
            shown.good_until = time.monotonic() + TOKEN_SECONDS / 2
        service = SERVICES.one(own, f"{names.OWN_SERVICE}:metrics")
        return await api.get(f"{service}/proxy{path}", headers={names.TOKEN_HEADER: shown.value})
    except ClusterError as error:
        if error.status in (401, 403):
            log.warning("the running service could not be asked: %s", error)
        return None


async def live_settings(api: Api, settings: Settings) -> tuple[Live, frozenset[str]]:
    """The settings for all apps, and the keys that are written; the defaults, if they are not there or this person may not
    read them.
    """
    try:
        found = await api.get(CONFIG_MAPS.one(settings.own_namespace, names.CONFIG_MAP))
    except ClusterError:
        return Live(), frozenset()
    data = found.get("data") or {}
    live, _ = read_live(data, Live())
    return live, frozenset(data)


def find_workload(cluster: ClusterCache, namespace: str, text: str) -> AppId:
    """The workload that a person means by `shop` or `deployment/shop`. Raises WakerError."""
    kind, _, name = text.rpartition("/")
    kinds = [each for each in Kind if not kind or each.lower() == kind.lower().rstrip("s")]
    found = [each for each in kinds if name in cluster.workloads[each].in_namespace(namespace)]
    if len(found) != 1:
        problem = "is no Deployment or StatefulSet" if not found else "is both a Deployment and a StatefulSet"
        raise WakerError(f"{text[:80]!r} {problem} in namespace {namespace}")
    return AppId(found[0], namespace, name)


def find_reference(cluster: ClusterCache, reference: str) -> AppId:
    """The workload whose waiting page shows this reference, in any namespace. Raises WakerError."""
    workloads = (each for kind in Kind for each in cluster.workloads[kind].values())
    found = next((each.id for each in workloads if reference_of(each.uid) == reference), None)
    if found is None:
        raise WakerError(f"no Deployment or StatefulSet has the reference {reference}: it may have been created anew")
    return found
