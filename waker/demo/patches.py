"""The two ways to change an object in part: JSON-Patch (RFC 6902) and merge patch (RFC 7386).

Pure: an object and a patch go in, a new object comes out. Strategic merge is treated as a merge patch, which is not
the same for lists with a merge key. Two liberties of the real API server are kept, since clients meet them: `replace`
and `test` take a missing key of a map that exists as null.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from waker.demo.refusals import bad_request, unpatchable

Step = Callable[[Any, dict[str, Any]], Any]


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386: maps are merged, null removes, everything else replaces."""
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
    """RFC 6902: all steps or none. Raises Refused: 422 if a step fails, 400 if it is no list of steps."""
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
    *way, last = pointer(path)
    for part in way:
        document = document[index(document, part)] if isinstance(document, list) else document[part]
    if not isinstance(document, dict | list):
        raise TypeError(path)
    return document, last


def index(items: list[Any], part: str) -> int:
    """A place in a list: digits without a leading zero, and inside."""
    if not part.isdecimal() or (len(part) > 1 and part.startswith("0")) or int(part) >= len(items):
        raise IndexError(part)
    return int(part)


def lookup(document: Any, path: str) -> Any:
    """The value at a path; null for a missing key of a map that exists."""
    if not path:
        return document
    holder, last = parent_of(document, path)
    return holder[index(holder, last)] if isinstance(holder, list) else holder.get(last)


def add(document: Any, step: dict[str, Any]) -> Any:
    """`add`: a key of a map, or before a place of a list, or at its end (`-`)."""
    return put(document, step["path"], deepcopy(step["value"]))


def put(document: Any, path: str, value: Any) -> Any:
    """Add the value at the path."""
    if not path:
        return value
    holder, last = parent_of(document, path)
    if isinstance(holder, dict):
        holder[last] = value
    elif last in ("-", str(len(holder))):
        holder.append(value)
    else:
        holder.insert(index(holder, last), value)
    return document


def remove(document: Any, step: dict[str, Any]) -> Any:
    """`remove`: it must be there."""
    holder, last = parent_of(document, step["path"])
    del holder[index(holder, last) if isinstance(holder, list) else last]
    return document


def replace(document: Any, step: dict[str, Any]) -> Any:
    """`replace`: a place of a list must be there, a key of a map need not."""
    if not step["path"]:
        return deepcopy(step["value"])
    holder, last = parent_of(document, step["path"])
    holder[index(holder, last) if isinstance(holder, list) else last] = deepcopy(step["value"])
    return document


def move(document: Any, step: dict[str, Any]) -> Any:
    """`move`: remove, then add."""
    value = lookup(document, step["from"])
    return put(remove(document, {"path": step["from"]}), step["path"], value)


def copy(document: Any, step: dict[str, Any]) -> Any:
    """`copy`: the source must be there."""
    return put(document, step["path"], deepcopy(lookup(document, step["from"])))


def test(document: Any, step: dict[str, Any]) -> Any:
    """`test`: equal as JSON."""
    if not same(lookup(document, step["path"]), step.get("value")):
        raise ValueError(step["path"])
    return document


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


STEPS: dict[str, Step] = {"add": add, "remove": remove, "replace": replace, "move": move, "copy": copy, "test": test}
