"""Paths of the Kubernetes API -> the objects that they name. Pure.

`server` calls it for each request. Only the paths of the kinds in `kinds` exist; all others are refused with 404.
"""

from dataclasses import dataclass

from waker.demo.faults import Call
from waker.demo.kinds import BY_PATH, Key, ServedResource
from waker.demo.refusals import method_not_allowed, no_such_path

COLLECTION = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}
OBJECT = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class PathTarget:
    """What a path names: an object, or a collection if `name` is "". `namespace` "" means all namespaces, or none."""

    resource: ServedResource
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def key(self) -> Key:
        """The namespace and name of the object."""
        return Key(self.namespace, self.name)

    def call(self, method: str, *, is_watch: bool) -> Call:
        """The request in the words of RBAC. Raises ApiRefusal (405)."""
        verb = (OBJECT if self.name else COLLECTION).get(method)
        if verb is None or (self.subresource and verb == "delete"):
            raise method_not_allowed()
        verb = "watch" if is_watch and verb == "list" else verb
        return Call(verb, self.resource.plural, self.namespace, self.name, self.subresource)


def target_of(path: str) -> PathTarget:
    """Parse a path. Raises ApiRefusal (404)."""
    match path.strip("/").split("/"):
        case ["api", version, *rest] if rest:
            group = ""
        case ["apis", group, version, *rest] if rest:
            pass
        case _:
            raise no_such_path()
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    resource = BY_PATH.get((group, version, rest[0]))
    name, subresource, *more = [*rest[1:], "", ""]
    if resource is None or any(more):
        raise no_such_path()
    if subresource and not (subresource == "scale" and resource.scalable):
        raise no_such_path()
    if name and resource.namespaced and not namespace:
        raise no_such_path()
    return PathTarget(resource, namespace, name, subresource)
