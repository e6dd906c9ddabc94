"""The refusals of the API server: one exception, the Status object that it becomes, and a function for each reason.

`admission`, `verbs` and the other modules of the room raise them, `server` turns them into responses. Reasons and messages
are those of a real API server, as far as clients use them; the contract tests compare both.
"""

from waker.demo.kinds import Key, Obj, ServedResource
from waker.errors import DemoError


class ApiRefusal(DemoError):
    """A request is refused. `code` is the HTTP status, `reason` Kubernetes' word for it."""

    def __init__(self, code: int, reason: str, message: str, details: Obj | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.details = details or {}

    def status(self) -> Obj:
        """The body of the response: a Status object."""
        status: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": str(self)}
        return status | {"reason": self.reason, "details": self.details, "code": self.code}


def details_of(resource: ServedResource, name: str) -> Obj:
    """The details of a Status: the object that it is about."""
    group = {"group": resource.group} if resource.group else {}
    return {"name": name, **group, "kind": resource.plural}


def not_found(resource: ServedResource, key: Key) -> ApiRefusal:
    """404: the object does not exist."""
    message = f'{resource.qualified} "{key.name}" not found'
    return ApiRefusal(404, "NotFound", message, details_of(resource, key.name))


def no_such_path() -> ApiRefusal:
    """404: nothing is served at this path."""
    return ApiRefusal(404, "NotFound", "the server could not find the requested resource")


def already_exists(resource: ServedResource, key: Key) -> ApiRefusal:
    """409: the name is taken."""
    message = f'{resource.qualified} "{key.name}" already exists'
    return ApiRefusal(409, "AlreadyExists", message, details_of(resource, key.name))


def conflict(resource: ServedResource, key: Key) -> ApiRefusal:
    """409: the object has changed since the writer read it."""
    message = (
        f'Operation cannot be fulfilled on {resource.qualified} "{key.name}": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    return ApiRefusal(409, "Conflict", message, details_of(resource, key.name))


def invalid(resource: ServedResource, name: str, field: str, problem: str) -> ApiRefusal:
    """422: the object is invalid."""
    details = details_of(resource, name) | {"kind": resource.kind}
    details["causes"] = [{"reason": "FieldValueInvalid", "message": problem, "field": field}]
    return ApiRefusal(422, "Invalid", f'{resource.qualified_kind} "{name}" is invalid: {field}: {problem}', details)


def unpatchable() -> ApiRefusal:
    """422: a JSON-Patch cannot be applied. A test failed or a path does not exist; the server does not say which."""
    return ApiRefusal(422, "Invalid", "the server rejected our request due to an error in our request")


def bad_request(message: str) -> ApiRefusal:
    """400: the request itself is malformed."""
    return ApiRefusal(400, "BadRequest", message)


def expired(message: str) -> ApiRefusal:
    """410: the resource version is too old."""
    return ApiRefusal(410, "Expired", message)


def too_large(version: int, current: int) -> ApiRefusal:
    """504: the resource version is from the future, as after etcd was restored from a backup."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    details: Obj = {"causes": [cause], "retryAfterSeconds": 1}
    return ApiRefusal(504, "Timeout", f"Timeout: Too large resource version: {version}, current: {current}", details)


def unsupported_media_type() -> ApiRefusal:
    """415: a PATCH without a patch type."""
    return ApiRefusal(415, "UnsupportedMediaType", "415: Unsupported Media Type")


def method_not_allowed() -> ApiRefusal:
    """405: the path exists, but not with this verb."""
    return ApiRefusal(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
