"""The two kinds of patch: JSON-Patch (RFC 6902) and merge patch (RFC 7386).

Pure: an object and a patch go in, a new object comes out. `verbs` calls it. It treats a strategic merge patch as a merge
patch, which differs for lists with a merge key. The subtle thing is where a real API server departs from the RFC, because
clients notice it: for `replace` and `test`, a missing key of an existing map counts as null.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from waker.demo.refusals import bad_request, unpatchable

Step = Callable[[Any, dict[str, Any]], Any]


def merge(target: Any, patch: Any) -> Any:
    """Apply a merge patch: maps are merged, null removes, everything else replaces."""
    if not isinstance(patch, dict):
        return deepcopy(patch)
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def json_patch(target: Any, steps: Any) -> Any:
    """Apply a JSON-Patch, all steps or none. Raises ApiRefusal: 422 if a step fails, 400 if it is not a list of steps."""
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise bad_request("error decoding patch: it is not a list of operations")
    document = deepcopy(target)
    for step in steps:
        try:
            document = STEPS[step["op"]](document, step)
        except (KeyError, IndexError, ValueError, TypeError) as problem:
            raise unpatchable() from problem
    return document


def pointer(text: str) -> list[str]:
    """The parts of a JSON pointer (RFC 6901)."""
    if text and not text.startswith("/"):
        raise ValueError(text)
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def parent_of(document: Any, path: str) -> tuple[Any, str]:
    """The map or list that holds the last part of the path, and that part."""
    *parents, last = pointer(path)
    for part in parents:
        document = document[index(document, part)] if isinstance(document, list) else document[part]
    if not isinstance(document, dict | list):
        raise TypeError(path)
    return document, last


def index(items: list[Any], part: str) -> int:
    """An index of an existing element: digits without a leading zero."""
    if not part.isdecimal() or (len(part) > 1 and part.startswith("0")) or int(part) >= len(items):
        raise IndexError(part)
    return int(part)


def lookup(document: Any, path: str) -> Any:
    """The value at a path; null for a missing key of an existing map."""
    if not path:
        return document
    parent, last = parent_of(document, path)
    return parent[index(parent, last)] if isinstance(parent, list) else parent.get(last)


def add(document: Any, step: dict[str, Any]) -> Any:
    """`add`: set a key of a map, or insert into a list, `-` at its end."""
    return add_at(document, step["path"], deepcopy(step["value"]))


def add_at(document: Any, path: str, value: Any) -> Any:
    """Add a value at a path."""
    if not path:
        return value
    parent, last = parent_of(document, path)
    if isinstance(parent, dict):
        parent[last] = value
    elif last in ("-", str(len(parent))):
        parent.append(value)
    else:
        parent.insert(index(parent, last), value)
    return document


def remove(document: Any, step: dict[str, Any]) -> Any:
    """`remove`: the path must exist."""
    parent, last = parent_of(document, step["path"])
    del parent[index(parent, last) if isinstance(parent, list) else last]
    return document


def replace(document: Any, step: dict[str, Any]) -> Any:
    """`replace`: an index of a list must exist, a key of a map need not."""
    if not step["path"]:
        return deepcopy(step["value"])
    parent, last = parent_of(document, step["path"])
    parent[index(parent, last) if isinstance(parent, list) else last] = deepcopy(step["value"])
    return document


def move(document: Any, step: dict[str, Any]) -> Any:
    """`move`: remove, then add."""
    value = lookup(document, step["from"])
    return add_at(remove(document, {"path": step["from"]}), step["path"], value)


def copy(document: Any, step: dict[str, Any]) -> Any:
    """`copy`: the source must exist."""
    return add_at(document, step["path"], deepcopy(lookup(document, step["from"])))


def test(document: Any, step: dict[str, Any]) -> Any:
    """`test`: equal as JSON."""
    if not json_equal(lookup(document, step["path"]), step.get("value")):
        raise ValueError(step["path"])
    return document


def json_equal(one: Any, other: Any) -> bool:
    """Equal as JSON: true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(json_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(json_equal, one, other))
    return bool(one == other)


STEPS: dict[str, Step] = {"add": add, "remove": remove, "replace": replace, "move": move, "copy": copy, "test": test}
