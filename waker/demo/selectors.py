"""Label selectors and field selectors: which objects a list or a watch includes.

Pure. A selector is parsed once from the query (`listing`, `server`). Then it is applied to each object, and in a watch to
the old and the new state of each object.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from waker.demo.kinds import Obj, ServedResource, field_of
from waker.demo.refusals import bad_request

Test = Callable[[Obj], bool]

# The first requirement of a label selector: `!key`, `key in (a,b)`, `key=value`, `key`.
REQUIREMENT = re.compile(
    r"\s*(?:(?P<absent>!)\s*)?(?P<key>[A-Za-z0-9][\w./-]*)\s*"
    r"(?:(?P<set>notin|in)\s*\((?P<values>[^()]*)\)|(?P<op>==|!=|=)\s*(?P<value>[\w.-]*))?\s*(?:,(?=.)|$)"
)


@dataclass(frozen=True, slots=True)
class ObjectSelector:
    """Tests that all have to hold. Without tests it selects everything."""

    tests: tuple[Test, ...] = ()

    def matches(self, obj: Obj | None) -> bool:
        """Whether this object is selected."""
        return obj is not None and all(test(obj) for test in self.tests)


def selector_of(resource: ServedResource, query: Mapping[str, str]) -> ObjectSelector:
    """Parse the `labelSelector` and the `fieldSelector` of a query. Raises ApiRefusal (400)."""
    return ObjectSelector(
        (*label_tests(query.get("labelSelector", "")), *field_tests(resource, query.get("fieldSelector", "")))
    )


def label_tests(text: str) -> list[Test]:
    """Parse a label selector. Raises ApiRefusal (400)."""
    tests: list[Test] = []
    position = 0
    while position < len(text):
        found = REQUIREMENT.match(text, position)
        if found is None:
            raise bad_request(f"unable to parse requirement: {text[position:]!r}")
        tests.append(label_test(found))
        position = found.end()
    return tests


def label_test(found: re.Match[str]) -> Test:
    """A requirement of a label selector as a test. `!=` and `notin` also hold if the label is missing."""
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


def field_tests(resource: ServedResource, text: str) -> list[Test]:
    """Parse a field selector. Raises ApiRefusal (400), for example for a field that cannot be selected by."""
    selectable = ("metadata.name", "metadata.namespace", *resource.selectable_fields)
    tests: list[Test] = []
    for part in filter(None, text.split(",")):
        field, equals, value = part.partition("=")
        if not equals:
            raise bad_request(f"invalid selector: {text!r}; can't understand {part!r}")
        equal = not field.endswith("!")
        field = field.removesuffix("!")
        if field not in selectable:
            choices = ", ".join(f'"{name}"' for name in selectable)
            raise bad_request(f'"{field}" is not a known field selector: only {choices}')
        tests.append(field_test(field, value.removeprefix("="), equal=equal))
    return tests


def field_test(field: str, value: str, *, equal: bool) -> Test:
    """A requirement of a field selector as a test."""
    return lambda obj: ((field_of(obj, field) or "") == value) is equal


def labels_of(obj: Obj) -> Mapping[str, str]:
    """The object's labels."""
    found: Mapping[str, str] = obj["metadata"].get("labels") or {}
    return found


def selects(selector: Mapping[str, str] | None, obj: Obj) -> bool:
    """Whether the label map of a Service or a workload selects this object. An empty map selects nothing."""
    return bool(selector) and (selector or {}).items() <= labels_of(obj).items()
