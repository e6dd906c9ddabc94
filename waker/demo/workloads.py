"""The controller of Deployments and StatefulSets: it creates and deletes their pods, and writes their status.

`cluster` runs it. Level-triggered: a change only says which workload to reconcile. Left out on purpose: ReplicaSets (a
Deployment owns its pods directly) and rolling updates (pods keep the template that they were created from).
"""

import json
import secrets
from collections.abc import Iterable
from hashlib import sha256
from typing import Final, NamedTuple

from waker.demo.admission import SUFFIX_LETTERS, without_zeros
from waker.demo.kinds import BY_KIND, DEPLOYMENTS, PODS, STATEFUL_SETS, Key, Obj, ServedResource, key_of
from waker.demo.store import StoredChange
from waker.demo.verbs import Verbs

NODE: Final = "demo-node"


class WorkloadKey(NamedTuple):
    """A workload to reconcile."""

    resource: ServedResource
    key: Key


async def run(verbs: Verbs) -> None:
    """Reconcile whatever changes, until the store is closed."""
    with verbs.store.subscribe(DEPLOYMENTS, STATEFUL_SETS, PODS) as changes:
        kinds = (DEPLOYMENTS, STATEFUL_SETS)
        dirty = {WorkloadKey(resource, key_of(obj)) for resource in kinds for obj in verbs.store.all(resource)}
        while not changes.closed:
            for each in dirty:
                reconcile(verbs, each)
            dirty = set(affected_workloads(await changes.wait()))


def affected_workloads(changes: Iterable[StoredChange]) -> Iterable[WorkloadKey]:
    """The workloads that these changes affect."""
    for change in changes:
        if change.resource is not PODS:
            yield WorkloadKey(change.resource, change.key)
            continue
        owner = owner_of(change.new or change.old or {"metadata": {}})
        if owner:
            yield WorkloadKey(BY_KIND[owner["kind"]], Key(change.key.namespace, owner["name"]))


def owner_of(pod: Obj) -> Obj | None:
    """The reference to the workload that owns the pod, or None."""
    owners: list[Obj] = pod["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner["kind"] in (DEPLOYMENTS.kind, STATEFUL_SETS.kind)), None)


def reconcile(verbs: Verbs, target: WorkloadKey) -> None:
    """Create or delete the pods of one workload, and write its status."""
    workload = verbs.store.get(*target)
    pods = [pod for pod in verbs.store.all(PODS) if is_owned(pod, target, workload)]
    live = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    wanted = workload["spec"]["replicas"] if workload else 0
    for pod in surplus(target, live, wanted):
        verbs.delete(PODS, key_of(pod))
    if workload is None:
        return
    for name in names_to_create(workload, pods, live):
        verbs.create(PODS, target.key.namespace, new_pod(target, workload, name))
    verbs.set_status(*target, status_of(workload, live))


def is_owned(pod: Obj, target: WorkloadKey, workload: Obj | None) -> bool:
    """Whether this workload owns the pod, or one of the same name that no longer exists."""
    owner = owner_of(pod)
    if owner is None or pod["metadata"]["namespace"] != target.key.namespace:
        return False
    if workload is not None:
        return bool(owner["uid"] == workload["metadata"]["uid"])
    return bool((owner["kind"], owner["name"]) == (target.resource.kind, target.key.name))


def surplus(target: WorkloadKey, live: list[Obj], wanted: int) -> list[Obj]:
    """The pods to delete: of a StatefulSet the last ones, of a Deployment unready ones first."""
    if target.resource is STATEFUL_SETS:
        return [pod for pod in live if ordinal(pod) >= wanted]
    return sorted(live, key=ready)[: max(0, len(live) - wanted)]


def names_to_create(workload: Obj, pods: list[Obj], live: list[Obj]) -> list[str]:
    """The names of the pods to create now. Those of a StatefulSet start one by one, each when all before it are ready."""
    name, wanted = workload["metadata"]["name"], workload["spec"]["replicas"]
    if workload["kind"] == DEPLOYMENTS.kind:
        return [f"{name}-{template_hash(workload)}-{suffix()}" for _ in range(wanted - len(live))]
    if not all(map(ready, live)):
        return []
    taken = {ordinal(pod) for pod in pods}
    return [f"{name}-{number}" for number in range(wanted) if number not in taken][:1]


def new_pod(target: WorkloadKey, workload: Obj, name: str) -> Obj:
    """A pod from the workload's template."""
    template = workload["spec"]["template"]
    if target.resource is DEPLOYMENTS:
        label = {"pod-template-hash": template_hash(workload)}
    else:
        label = {"statefulset.kubernetes.io/pod-name": name}
    owner = {"apiVersion": target.resource.api_version, "kind": target.resource.kind, "name": target.key.name}
    metadata = {
        **template["metadata"],
        "name": name,
        "labels": template["metadata"].get("labels", {}) | label,
        "ownerReferences": [owner | {"uid": workload["metadata"]["uid"], "controller": True}],
    }
    spec = template.get("spec", {}) | {"nodeName": NODE}
    return {"metadata": metadata, "spec": spec, "status": {"phase": "Pending"}}


def template_hash(workload: Obj) -> str:
    """A hash of the pod template."""
    return sha256(json.dumps(workload["spec"]["template"], sort_keys=True).encode()).hexdigest()[:9]


def status_of(workload: Obj, live: list[Obj]) -> Obj:
    """The status: how many pods there are, and how many are ready."""
    counts = {
        "observedGeneration": workload["metadata"]["generation"],
        "replicas": len(live),
        "updatedReplicas": len(live),
        "readyReplicas": sum(map(ready, live)),
        "availableReplicas": sum(map(ready, live)),
        "unavailableReplicas": max(0, workload["spec"]["replicas"] - sum(map(ready, live))),
    }
    if workload["kind"] == STATEFUL_SETS.kind:
        del counts["unavailableReplicas"]
        return without_zeros(counts) | {"replicas": len(live)}
    return without_zeros(counts)


def ready(pod: Obj) -> bool:
    """Whether the pod's Ready condition is true."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def ordinal(pod: Obj) -> int:
    """The ordinal of a StatefulSet's pod."""
    return int(pod["metadata"]["name"].rpartition("-")[2])


def suffix() -> str:
    """Five random letters."""
    return "".join(secrets.choice(SUFFIX_LETTERS) for _ in range(5))
