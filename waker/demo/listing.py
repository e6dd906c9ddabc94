"""Lists, whole or in pages.

All pages of a list show the same moment: the continue token names its version, and the store looks back. When the
store no longer remembers that version the token has expired (410), as with the real API server.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping

from waker.demo.kinds import Key, Obj, ServedResource
from waker.demo.refusals import ApiRefusal, bad_request, expired
from waker.demo.selectors import selector_of
from waker.demo.store import Store


def listed(store: Store, resource: ServedResource, namespace: str, query: Mapping[str, str]) -> Obj:
    """The List that a query asks for; namespace "" is all of them. Raises Refused: 400, 410."""
    selector = selector_of(resource, query)
    version, start = position(query.get("continue", "")) if query.get("continue") else (store.version, None)
    limit = number(query, "limit")
    chosen = [
        (key, obj)
        for key, obj in sorted(seen_at(store, resource, version).items())
        if namespace in ("", key.namespace) and (start is None or key > start) and selector.matches(obj)
    ]
    page = chosen[:limit] if limit else chosen
    metadata: Obj = {"resourceVersion": str(version)}
    if len(page) < len(chosen):
        metadata["continue"] = token(version, page[-1][0])
        if not selector.tests:
            metadata["remainingItemCount"] = len(chosen) - len(page)
    items = [{k: v for k, v in obj.items() if k not in ("kind", "apiVersion")} for _, obj in page]
    return {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": metadata, "items": items}


def seen_at(store: Store, resource: ServedResource, version: int) -> dict[Key, Obj]:
    """The objects at a version."""
    try:
        return store.at(resource, version)
    except ApiRefusal as problem:
        raise expired("The provided continue parameter is too old to display a consistent list result.") from problem


def token(version: int, last: Key) -> str:
    """Where the next page starts."""
    return urlsafe_b64encode(json.dumps([version, *last]).encode()).decode()


def position(text: str) -> tuple[int, Key]:
    """What a token says. Raises Refused (400) if it is none."""
    try:
        version, namespace, name = json.loads(urlsafe_b64decode(text))
        return int(version), Key(namespace, name)
    except ValueError as problem:
        raise bad_request("invalid continue token: continue key is not valid") from problem


def number(query: Mapping[str, str], name: str) -> int:
    """A number of the query; 0 if it is not there."""
    text = query.get(name, "") or "0"
    if not text.isdecimal():
        raise bad_request(f'{name}: Invalid value: "{text}"')
    return int(text)
