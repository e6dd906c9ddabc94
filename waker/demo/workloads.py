"""The controller of Deployments and StatefulSets: as many pods as they ask for, and a status that says how many are.

Level-triggered: a change only says which workload to look at. Left out on purpose: ReplicaSets (a pod belongs to its
Deployment directly) and rolling updates (pods keep the template they were made from).
"""

import json
import secrets
from collections.abc import Iterable
from hashlib import sha256
from typing import Final, NamedTuple

from waker.demo.admission import SUFFIX_LETTERS, without_nothing
from waker.demo.kinds import BY_KIND, DEPLOYMENTS, PODS, STATEFUL_SETS, Key, Obj, ServedResource, key_of
from waker.demo.store import StoredChange
from waker.demo.verbs import Verbs

NODE: Final = "demo-node"


class Which(NamedTuple):
    """A workload to look at."""

    resource: ServedResource
    key: Key


async def run(verbs: Verbs) -> None:
    """Follow the store until it is closed."""
    with verbs.store.subscribe(DEPLOYMENTS, STATEFUL_SETS, PODS) as changes:
        kinds = (DEPLOYMENTS, STATEFUL_SETS)
        dirty = {Which(resource, key_of(obj)) for resource in kinds for obj in verbs.store.all(resource)}
        while not changes.closed:
            for which in dirty:
                reconcile(verbs, which)
            dirty = set(concerned(await changes.wait()))


def concerned(changes: Iterable[StoredChange]) -> Iterable[Which]:
    """Whose business these changes are."""
    for change in changes:
        if change.resource is not PODS:
            yield Which(change.resource, change.key)
            continue
        owner = owner_of(change.new or change.old or {"metadata": {}})
        if owner:
            yield Which(BY_KIND[owner["kind"]], Key(change.key.namespace, owner["name"]))


def owner_of(pod: Obj) -> Obj | None:
    """The reference to the workload that made the pod."""
    owners: list[Obj] = pod["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner["kind"] in (DEPLOYMENTS.kind, STATEFUL_SETS.kind)), None)


def reconcile(verbs: Verbs, which: Which) -> None:
    """One workload: start or end pods, write the status."""
    workload = verbs.store.get(*which)
    pods = [pod for pod in verbs.store.all(PODS) if owned(pod, which, workload)]
    live = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    wanted = workload["spec"]["replicas"] if workload else 0
    for pod in surplus(which, live, wanted):
        verbs.delete(PODS, key_of(pod))
    if workload is None:
        return
    for name in names(workload, pods, live):
        verbs.create(PODS, which.key.namespace, made_from(which, workload, name))
    verbs.set_status(*which, status_of(workload, live))


def owned(pod: Obj, which: Which, workload: Obj | None) -> bool:
    """Was this pod made by this workload, or by one of that name that is gone?"""
    owner = owner_of(pod)
    if owner is None or pod["metadata"]["namespace"] != which.key.namespace:
        return False
    if workload is not None:
        return bool(owner["uid"] == workload["metadata"]["uid"])
    return bool((owner["kind"], owner["name"]) == (which.resource.kind, which.key.name))


def surplus(which: Which, live: list[Obj], wanted: int) -> list[Obj]:
    """The pods that are too many: of a StatefulSet the last ones, of a Deployment those not ready first."""
    if which.resource is STATEFUL_SETS:
        return [pod for pod in live if ordinal(pod) >= wanted]
    return sorted(live, key=ready)[: max(0, len(live) - wanted)]


def names(workload: Obj, pods: list[Obj], live: list[Obj]) -> list[str]:
    """The pods to make now. Those of a StatefulSet come one after the other, each when all before it are ready."""
    name, wanted = workload["metadata"]["name"], workload["spec"]["replicas"]
    if workload["kind"] == DEPLOYMENTS.kind:
        return [f"{name}-{mark_of(workload)}-{suffix()}" for _ in range(wanted - len(live))]
    if not all(map(ready, live)):
        return []
    taken = {ordinal(pod) for pod in pods}
    return [f"{name}-{number}" for number in range(wanted) if number not in taken][:1]


def made_from(which: Which, workload: Obj, name: str) -> Obj:
    """A pod of the workload's template."""
    template = workload["spec"]["template"]
    if which.resource is DEPLOYMENTS:
        mark = {"pod-template-hash": mark_of(workload)}
    else:
        mark = {"statefulset.kubernetes.io/pod-name": name}
    owner = {"apiVersion": which.resource.api_version, "kind": which.resource.kind, "name": which.key.name}
    metadata = {
        **template["metadata"],
        "name": name,
        "labels": template["metadata"].get("labels", {}) | mark,
        "ownerReferences": [owner | {"uid": workload["metadata"]["uid"], "controller": True}],
    }
    spec = template.get("spec", {}) | {"nodeName": NODE}
    return {"metadata": metadata, "spec": spec, "status": {"phase": "Pending"}}


def mark_of(workload: Obj) -> str:
    """A hash of the pod template."""
    return sha256(json.dumps(workload["spec"]["template"], sort_keys=True).encode()).hexdigest()[:9]


def status_of(workload: Obj, live: list[Obj]) -> Obj:
    """How many there are, and how many are ready."""
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
        return without_nothing(counts) | {"replicas": len(live)}
    return without_nothing(counts)


def ready(pod: Obj) -> bool:
    """Is its Ready condition true?"""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def ordinal(pod: Obj) -> int:
    """The number of a StatefulSet's pod."""
    return int(pod["metadata"]["name"].rpartition("-")[2])


def suffix() -> str:
    """Five letters that no other pod has."""
    return "".join(secrets.choice(SUFFIX_LETTERS) for _ in range(5))
