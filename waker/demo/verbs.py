"""The verbs on objects: get, create, replace, patch, delete, scale. Without HTTP.

`server` calls them for clients; the controllers and the tests call them directly. Every write goes through `admission`
and is one step of the store, so nobody sees half of it. Do not modify the objects that they return.
"""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any

from waker.demo import admission, patches, refusals
from waker.demo.kinds import (
    BY_PATH,
    INGRESS_CLASSES,
    INGRESSES,
    KINDS,
    NAMESPACES,
    PODS,
    Key,
    Obj,
    ServedResource,
    field_of,
    key_of,
)
from waker.demo.store import Store

DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"
OLD_CLASS = "kubernetes.io/ingress.class"


class PatchType(StrEnum):
    """The kinds of patch, by content type."""

    JSON = "application/json-patch+json"
    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"  # treated as a merge patch


class Verbs:
    """The verbs on one store."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self.store = store
        self.now = now
        self.keeps_managers = False  # whether metadata.managedFields names who has patched an object

    def get(self, resource: ServedResource, key: Key) -> Obj:
        """Get an object. Raises ApiRefusal (404)."""
        found = self.store.get(resource, key)
        if found is None:
            raise refusals.not_found(resource, key)
        return found

    def create(self, resource: ServedResource, namespace: str, body: Obj, *, dry: bool = False) -> Obj:
        """Create an object. Raises ApiRefusal: 404 if its namespace does not exist, 409 if the name is taken, 422.

        `dry`: nothing is stored, as with `dryRun=All`.
        """
        obj = admission.admit_new(resource, namespace, body, self.now())
        key = key_of(obj)
        if resource.namespaced:
            self.get(NAMESPACES, Key("", namespace))
        if self.store.get(resource, key) is not None:
            raise refusals.already_exists(resource, key)
        if resource is INGRESSES:
            obj = self._with_default_class(obj)
        return obj if dry else self._write(resource, key, obj)

    def replace(self, resource: ServedResource, key: Key, body: Obj) -> Obj:
        """Replace an object, apart from its status. Raises ApiRefusal: 404, 409 for another version or uid, 422."""
        old = self.get(resource, key)
        if field_of(body, "metadata.uid") not in (None, "", old["metadata"]["uid"]):
            raise refusals.conflict(resource, key)
        return self._update(resource, key, old, body)

    def patch(  # noqa: PLR0913 as the API has it
        self, resource: ServedResource, key: Key, kind: PatchType, patch: Any, manager: str = "", *, dry: bool = False
    ) -> Obj:
        """Patch an object. Raises ApiRefusal like `replace`, and 422 if a JSON-Patch does not apply. `dry`: as for `create`."""
        old = self.get(resource, key)
        new = apply_patch(old, kind, patch)
        if dry:
            return admission.admit_update(resource, key, old, new)
        return self._update(resource, key, old, admission.managed(old, new, manager) if self.keeps_managers else new)

    def set_status(self, resource: ServedResource, key: Key, status: Obj) -> None:
        """For controllers: write the status, if it has changed and the object still exists."""
        old = self.store.get(resource, key)
        if old is not None and old.get("status") != status:
            self.store.write(resource, key, old | {"status": status})

    def delete(self, resource: ServedResource, key: Key, preconditions: Obj | None = None) -> Obj:
        """Delete an object. A pod on a node only gets a deletionTimestamp; the node removes it. Raises ApiRefusal: 404, 409."""
        old = self.get(resource, key)
        for field in ("uid", "resourceVersion"):
            if (preconditions or {}).get(field, old["metadata"][field]) != old["metadata"][field]:
                raise refusals.conflict(resource, key)
        if resource is PODS and field_of(old, "spec.nodeName"):
            return self._begin_termination(key, old)
        if resource is NAMESPACES:
            self._delete_contents(key.name)
        self.store.write(resource, key, None)
        return old

    def remove(self, resource: ServedResource, key: Key) -> None:
        """For controllers: remove an object at once, if it exists."""
        if self.store.get(resource, key) is not None:
            self.store.write(resource, key, None)

    def scale(self, resource: ServedResource, key: Key) -> Obj:
        """Get the Scale of a workload. Raises ApiRefusal (404)."""
        obj = self.get(resource, key)
        metadata = {k: v for k, v in obj["metadata"].items() if k in SCALE_METADATA}
        labels = ",".join(f"{k}={v}" for k, v in obj["spec"]["selector"]["matchLabels"].items())
        return {
            "kind": "Scale",
            "apiVersion": "autoscaling/v1",
            "metadata": metadata,
            "spec": admission.without_zeros({"replicas": obj["spec"]["replicas"]}),
            "status": {"replicas": obj["status"].get("replicas", 0), "selector": labels},
        }

    def rescale(self, resource: ServedResource, key: Key, scale: Obj) -> Obj:
        """Replace the Scale of a workload, which sets its replicas. Raises ApiRefusal."""
        obj = self.get(resource, key)
        version = {"resourceVersion": scale["metadata"].get("resourceVersion", "")} if "metadata" in scale else {}
        spec = obj["spec"] | {"replicas": field_of(scale, "spec.replicas") or 0}
        self.replace(resource, key, obj | {"metadata": obj["metadata"] | version, "spec": spec})
        return self.scale(resource, key)

    def patch_scale(self, resource: ServedResource, key: Key, kind: PatchType, patch: Any) -> Obj:
        """Patch the Scale of a workload. Raises ApiRefusal."""
        return self.rescale(resource, key, apply_patch(self.scale(resource, key), kind, patch))

    def _write(self, resource: ServedResource, key: Key, obj: Obj) -> Obj:
        stored = self.store.write(resource, key, obj)
        return stored if stored is not None else obj

    def _update(self, resource: ServedResource, key: Key, old: Obj, body: Obj) -> Obj:
        new = admission.admit_update(resource, key, old, body)
        return old if new is old else self._write(resource, key, new)

    def _begin_termination(self, key: Key, pod: Obj) -> Obj:
        if "deletionTimestamp" in pod["metadata"]:
            return pod
        deletion = {"deletionTimestamp": admission.timestamp(self.now()), "deletionGracePeriodSeconds": 30}
        return self._write(PODS, key, pod | {"metadata": pod["metadata"] | deletion})

    def _delete_contents(self, namespace: str) -> None:
        for resource in KINDS:
            if resource.namespaced:
                for obj in self.store.all(resource):
                    if obj["metadata"]["namespace"] == namespace:
                        self.store.write(resource, key_of(obj), None)

    def _with_default_class(self, ingress: Obj) -> Obj:
        """The Ingress with the default class, if it names none, as after the admission of a real API server."""
        spec = ingress.get("spec") or {}
        if "ingressClassName" in spec or OLD_CLASS in (ingress["metadata"].get("annotations") or {}):
            return ingress
        for candidate in self.store.all(INGRESS_CLASSES):
            if (candidate["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true":
                return ingress | {"spec": spec | {"ingressClassName": candidate["metadata"]["name"]}}
        return ingress


SCALE_METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


def apply_patch(old: Obj, kind: PatchType, patch: Any) -> Obj:
    """The patched object. Raises ApiRefusal."""
    new = patches.json_patch(old, patch) if kind is PatchType.JSON else patches.merge(old, patch)
    if not isinstance(new, dict):
        raise refusals.unpatchable()
    return new


def resource_of(obj: Obj) -> ServedResource:
    """The kind of an object from a manifest. Raises ApiRefusal (404) if it is not served."""
    group, _, version = obj.get("apiVersion", "").rpartition("/")
    for row in BY_PATH.values():
        if (row.group, row.version, row.kind) == (group, version, obj.get("kind")):
            return row
    raise refusals.no_such_path()
