"""Looks at every version of every object that is written, and knows the laws that must hold at any instant.

Whoever was killed or refused before: a scene that ends has broken none of them.
"""

import json

from waker import names
from waker.demo import kinds
from waker.demo.cluster import DemoCluster
from waker.demo.kinds import Key, Obj


class Witness:
    """`watch` it in a task; `broken` are sentences, one for each law that was broken."""

    def __init__(self, cluster: DemoCluster) -> None:
        self._cluster = cluster
        self.broken: list[str] = []

    async def watch(self) -> None:
        """Look at every version that is written."""
        latest: dict[kinds.ServedResource, dict[Key, Obj]] = {kinds.INGRESSES: {}, kinds.DEPLOYMENTS: {}}
        for kind, known in latest.items():
            known.update({kinds.key_of(obj): obj for obj in self._cluster.store.all(kind)})
        with self._cluster.store.subscribe(kinds.INGRESSES, kinds.DEPLOYMENTS) as changes:
            while not changes.closed:
                for change in await changes.wait():
                    if change.new is None:
                        latest[change.resource].pop(change.key, None)
                        continue
                    latest[change.resource][change.key] = change.new
                    if change.resource is kinds.INGRESSES:
                        self._remembered(change.new)
                    elif change.old and slept(change.old, change.new):
                        self._routed_before(change.new, latest[kinds.INGRESSES].get(change.key))

    def _remembered(self, ingress: Obj) -> None:
        """Law 1: what was there is in the very version that changed it."""
        if is_ours(ingress):
            return
        leads = [path["backend"]["service"]["name"] for path in paths(ingress)]
        text = (ingress["metadata"].get("annotations") or {}).get(names.SAVED_BACKENDS)
        saved = json.loads(text)["routes"] if text else []
        if leads.count(names.WAKER_SERVICE) > len(saved):
            self.broken.append(f"law 1: {leads} but only {saved} is remembered")

    def _routed_before(self, deployment: Obj, ingress: Obj | None) -> None:
        """Laws 1 and 2: routes first, pods later, and the number is remembered."""
        if names.SAVED_REPLICAS not in (deployment["metadata"].get("annotations") or {}):
            self.broken.append(f"law 1: {deployment['metadata']['name']}: replicas are lost")
        if ingress and names.WAKER_SERVICE not in backends(ingress):
            self.broken.append(f"law 2: {deployment['metadata']['name']} lost its pods before its routes")


def slept(old: Obj, new: Obj) -> bool:
    """Was this the write that scaled it to 0?"""
    return bool(old["spec"]["replicas"] and not new["spec"]["replicas"])


def is_ours(obj: Obj) -> bool:
    """Was it made by KubeSleeper?"""
    return bool((obj["metadata"].get("labels") or {}).get(names.MANAGED_BY) == names.MANAGER)


def paths(ingress: Obj) -> list[Obj]:
    """All path entries."""
    return [path for rule in ingress["spec"].get("rules", ()) for path in rule["http"]["paths"]]


def backends(ingress: Obj) -> set[str]:
    """The Services it leads to."""
    return {path["backend"]["service"]["name"] for path in paths(ingress)}
