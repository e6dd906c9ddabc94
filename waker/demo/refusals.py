"""What the API server says no with: one exception, and the Status object it becomes.

Messages and reasons are those of the real API server, as far as clients look at them; the contract tests compare.
"""

from waker.demo.kinds import Key, Obj, ServedResource
from waker.errors import DemoError


class ApiRefusal(DemoError):
    """A request is refused. `code` is the HTTP status, `reason` the Kubernetes word for it."""

    def __init__(self, code: int, reason: str, message: str, details: Obj | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.details = details or {}

    def status(self) -> Obj:
        """The body of the answer."""
        status: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": str(self)}
        return status | {"reason": self.reason, "details": self.details, "code": self.code}


def details_of(resource: ServedResource, name: str) -> Obj:
    """Which object a Status is about."""
    group = {"group": resource.group} if resource.group else {}
    return {"name": name, **group, "kind": resource.plural}


def not_found(resource: ServedResource, key: Key) -> ApiRefusal:
    """There is no such object."""
    message = f'{resource.qualified} "{key.name}" not found'
    return ApiRefusal(404, "NotFound", message, details_of(resource, key.name))


def no_such_path() -> ApiRefusal:
    """The path names nothing that is served."""
    return ApiRefusal(404, "NotFound", "the server could not find the requested resource")


def already_exists(resource: ServedResource, key: Key) -> ApiRefusal:
    """The name is taken."""
    message = f'{resource.qualified} "{key.name}" already exists'
    return ApiRefusal(409, "AlreadyExists", message, details_of(resource, key.name))


def conflict(resource: ServedResource, key: Key) -> ApiRefusal:
    """The object is not the one that the writer had read."""
    message = (
        f'Operation cannot be fulfilled on {resource.qualified} "{key.name}": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    return ApiRefusal(409, "Conflict", message, details_of(resource, key.name))


def invalid(resource: ServedResource, name: str, field: str, problem: str) -> ApiRefusal:
    """The object would not make sense."""
    details = details_of(resource, name) | {"kind": resource.kind}
    details["causes"] = [{"reason": "FieldValueInvalid", "message": problem, "field": field}]
    return ApiRefusal(422, "Invalid", f'{resource.qualified_kind} "{name}" is invalid: {field}: {problem}', details)


def unpatchable() -> ApiRefusal:
    """A JSON-Patch could not be applied: a failed test, or a path that is not there. The server does not say which."""
    return ApiRefusal(422, "Invalid", "the server rejected our request due to an error in our request")


def bad_request(message: str) -> ApiRefusal:
    """The request itself cannot be understood."""
    return ApiRefusal(400, "BadRequest", message)


def expired(message: str) -> ApiRefusal:
    """The resource version is no longer remembered."""
    return ApiRefusal(410, "Expired", message)


def unsupported_media_type() -> ApiRefusal:
    """A PATCH without a patch type."""
    return ApiRefusal(415, "UnsupportedMediaType", "415: Unsupported Media Type")


def method_not_allowed() -> ApiRefusal:
    """The path exists, the verb does not."""
    return ApiRefusal(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
