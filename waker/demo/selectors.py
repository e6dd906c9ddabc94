"""Which objects a list or a watch is about: label selectors and field selectors.

Pure. Read once from the query, then asked for every object and, in a watch, for every old and new state of it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from waker.demo.kinds import Obj, ServedResource, field_of
from waker.demo.refusals import bad_request

Test = Callable[[Obj], bool]

# One requirement at the start of the text: `!key`, `key in (a,b)`, `key=value`, `key`.
REQUIREMENT = re.compile(
    r"\s*(?:(?P<absent>!)\s*)?(?P<key>[A-Za-z0-9][\w./-]*)\s*"
    r"(?:(?P<set>notin|in)\s*\((?P<values>[^()]*)\)|(?P<op>==|!=|=)\s*(?P<value>[\w.-]*))?\s*(?:,(?=.)|$)"
)


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """All of its tests must hold. An empty one selects everything."""

    tests: tuple[Test, ...] = ()

    def matches(self, obj: Obj | None) -> bool:
        """Is this object meant?"""
        return obj is not None and all(test(obj) for test in self.tests)


def selector_of(resource: ServedResource, query: Mapping[str, str]) -> LabelSelector:
    """Read the `labelSelector` and `fieldSelector` of a query."""
    return LabelSelector((*labels(query.get("labelSelector", "")), *fields(resource, query.get("fieldSelector", ""))))


def labels(text: str) -> list[Test]:
    """The requirements of a label selector. Raises Refused (400) if it cannot be read."""
    tests: list[Test] = []
    position = 0
    while position < len(text):
        found = REQUIREMENT.match(text, position)
        if found is None:
            raise bad_request(f"unable to parse requirement: {text[position:]!r}")
        tests.append(requirement(found))
        position = found.end()
    return tests


def requirement(found: re.Match[str]) -> Test:
    """One requirement of a label selector. `!=` and `notin` also hold where the label is missing."""
    key = found["key"]
    if found["absent"]:
        return lambda obj: key not in labels_of(obj)
    if found["set"]:
        values = frozenset(value.strip() for value in found["values"].split(","))
    elif found["op"]:
        values = frozenset((found["value"],))
    else:
        return lambda obj: key in labels_of(obj)
    if found["set"] == "notin" or found["op"] == "!=":
        return lambda obj: labels_of(obj).get(key) not in values
    return lambda obj: labels_of(obj).get(key) in values


def fields(resource: ServedResource, text: str) -> list[Test]:
    """The requirements of a field selector. Raises Refused (400) for a field that cannot be asked for."""
    known = ("metadata.name", "metadata.namespace", *resource.fields)
    tests: list[Test] = []
    for part in filter(None, text.split(",")):
        field, equals, value = part.partition("=")
        if not equals:
            raise bad_request(f"invalid selector: {text!r}; can't understand {part!r}")
        wanted = not field.endswith("!")
        field = field.removesuffix("!")
        if field not in known:
            choices = ", ".join(f'"{name}"' for name in known)
            raise bad_request(f'"{field}" is not a known field selector: only {choices}')
        tests.append(field_test(field, value.removeprefix("="), wanted=wanted))
    return tests


def field_test(field: str, value: str, *, wanted: bool) -> Test:
    """One requirement of a field selector."""
    return lambda obj: ((field_of(obj, field) or "") == value) is wanted


def labels_of(obj: Obj) -> Mapping[str, str]:
    """The object's labels."""
    found: Mapping[str, str] = obj["metadata"].get("labels") or {}
    return found


def selects(wanted: Mapping[str, str] | None, obj: Obj) -> bool:
    """Does a Service's or a workload's plain map of labels select this object? An empty map selects nothing."""
    return bool(wanted) and (wanted or {}).items() <= labels_of(obj).items()
