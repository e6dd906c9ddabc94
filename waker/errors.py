"""The one tree of exceptions.

Raised at the edges, caught in three places: reflector loop, reconcile loop, web middleware.
"""


class WakerError(Exception):
    """Anything that waker knows how to name. Its text is a sentence for a person."""


class SettingsError(WakerError):
    """A flag, an environment variable or a ConfigMap value cannot be used."""


class ClusterError(WakerError):
    """The Kubernetes API did not do what was asked. `status` is the HTTP status, 0 if there was no answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Unavailable(ClusterError):
    """No answer, a server error or too many requests: try again later, `retry_after` seconds if the server said so."""

    def __init__(self, message: str, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(message, status)
        self.retry_after = retry_after


class Conflict(ClusterError):
    """The object changed since it was read (409, or 422 from a failed JSON-Patch test): look again at once."""


class NotFound(ClusterError):
    """There is no such object (404)."""


class Gone(ClusterError):
    """The resource version is too old to watch from (410): list again."""


class ScrapeError(WakerError):
    """A metrics page could not be read whole. The traffic of that controller pod is unknown."""


class DemoError(WakerError):
    """The embedded cluster could not do what was asked."""


class ThemeError(WakerError):
    """A theme of the waiting page cannot be used. The message is a sentence for its author."""
