"""Lists, complete or in chunks. `server` calls it for each list and for each collection that is deleted.

It knows the store and nothing of HTTP. The subtle thing: all chunks of a list show the cluster at the same moment. The
continue token contains that version, and the store looks back to it. If the store no longer knows the version, the token
has expired (410), as with a real API server.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping

from waker.demo.kinds import Key, Obj, ServedResource
from waker.demo.refusals import ApiRefusal, bad_request, expired
from waker.demo.selectors import selector_of
from waker.demo.store import Store


def list_objects(store: Store, resource: ServedResource, namespace: str, query: Mapping[str, str]) -> Obj:
    """The List that a query asks for. Namespace "" means all namespaces. Raises ApiRefusal: 400, 410."""
    selector = selector_of(resource, query)
    version, last = parse_token(query.get("continue", "")) if query.get("continue") else (store.version, None)
    limit = number_of(query, "limit")
    chosen = [
        (key, obj)
        for key, obj in sorted(objects_at(store, resource, version).items())
        if namespace in ("", key.namespace) and (last is None or key > last) and selector.matches(obj)
    ]
    chunk = chosen[:limit] if limit else chosen
    metadata: Obj = {"resourceVersion": str(version)}
    if len(chunk) < len(chosen):
        metadata["continue"] = continue_token(version, chunk[-1][0])
        if not selector.tests:
            metadata["remainingItemCount"] = len(chosen) - len(chunk)
    items = [{k: v for k, v in obj.items() if k not in ("kind", "apiVersion")} for _, obj in chunk]
    return {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": metadata, "items": items}


def objects_at(store: Store, resource: ServedResource, version: int) -> dict[Key, Obj]:
    """The objects of a kind as they were at a version."""
    try:
        return store.at(resource, version)
    except ApiRefusal as problem:
        raise expired("The provided continue parameter is too old to display a consistent list result.") from problem


def continue_token(version: int, last: Key) -> str:
    """The token that asks for the chunk after this object."""
    return urlsafe_b64encode(json.dumps([version, *last]).encode()).decode()


def parse_token(text: str) -> tuple[int, Key]:
    """The version of a list, and the last object of the chunk before. Raises ApiRefusal (400) for any other text."""
    try:
        version, namespace, name = json.loads(urlsafe_b64decode(text))
        return int(version), Key(namespace, name)
    except ValueError as problem:
        raise bad_request("invalid continue token: continue key is not valid") from problem


def number_of(query: Mapping[str, str], name: str) -> int:
    """A number from the query, 0 if it is missing. Raises ApiRefusal (400)."""
    text = query.get(name, "") or "0"
    if not text.isdecimal():
        raise bad_request(f'{name}: Invalid value: "{text}"')
    return int(text)
