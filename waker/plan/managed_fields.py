"""Who owns which field of an object (metadata.managedFields): waker owns none of a user's object.

A write makes its writer the owner of what it changes, and then `kubectl apply --server-side` and Helm 4 refuse to change the
same field. So each write of a user's object is followed by one that takes waker off the list: whatever its user applies, asleep
or awake, is applied, and counts as the user's edit. It cannot be one write: the API server adds the writer of every change.
"""

from collections.abc import Mapping
from typing import Any

from waker import names
from waker.plan.routes.route import Patch

LIST = "/metadata/managedFields"
NOBODY: list[dict[str, Any]] = [{}]  # the only way to empty the list


def released(found: Mapping[str, Any]) -> Patch:
    """The JSON-Patch after which waker owns no field of this object; [] if that is so already."""
    meta = found["metadata"]
    entries = meta.get("managedFields") or []
    own = [i for i, each in enumerate(entries) if each.get("manager") == names.FIELD_MANAGER]
    if not own:
        return []
    guard = {"op": "test", "path": "/metadata/resourceVersion", "value": meta["resourceVersion"]}
    if len(own) == len(entries):
        return [guard, {"op": "replace", "path": LIST, "value": NOBODY}]
    return [guard, *({"op": "remove", "path": f"{LIST}/{i}"} for i in reversed(own))]
