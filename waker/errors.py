"""The exceptions that waker raises on purpose: who raises each, and who handles it.

    WakerError           the top. A command prints the text and exits with 1 (cli)
    ├─ SettingsError     settings, cluster.client, service. In a flag it ends the process. In the ConfigMap it is reported
    │                    and the last good value stays; in an annotation it is reported and the app stays awake
    ├─ ClusterError      cluster.client. The informer loop retries for ever, with backoff; reconcile.app and
    │  │                 reconcile.namespace requeue the key; the Lease and observe.activity wait for their next turn
    │  ├─ Unavailable    the informer loop waits at least `retry_after` seconds
    │  ├─ Conflict       reconcile.app and reconcile.namespace requeue the key within a fraction of a second
    │  ├─ Refused        reconcile.app and reconcile.namespace report it where the app's user looks, and try ever more seldom
    │  ├─ TooSoon        cluster.writes. reconcile.app requeues the key after `wait`; reported if that goes on
    │  ├─ TooLong        cluster.listing asks for fewer objects at once; observe.logos goes without
    │  ├─ NotFound       reconcile.namespace is done if no app is left: the object went with its namespace
    │  │  └─ Terminating reconcile.namespace has it reported
    │  └─ Gone           the informer loop lists again
    ├─ ScrapeError       traffic. traffic.rounds: the visits of that controller pod are unknown until its next scrape
    ├─ ThemeError        web.themes. observe.themes reports it; web.page falls back to the built-in page
    ├─ ForwardRefused, ForwardBroken    web.forward, where they are defined. web.public_port: another pod, or an error page
    └─ DemoError         demo. `ApiRefusal` (demo.refusals) becomes a response of the embedded API server

Anything else is a defect: in a request web.public_port logs it and answers 500, everywhere else it ends the process.
This module is on the lowest floor: it imports nothing of waker.
"""

from datetime import timedelta
from enum import StrEnum


class WakerError(Exception):
    """An error that waker expects. Its text is a sentence for a person."""


class SettingsError(WakerError):
    """The value of a flag, an environment variable, a ConfigMap key or an annotation cannot be used."""


class ClusterError(WakerError):
    """A call to the Kubernetes API failed. `status` is the HTTP status, 0 if there was no response."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Unavailable(ClusterError):
    """No response, a server error or too many requests. Try again, after `retry_after` seconds if the server says so."""

    def __init__(self, message: str, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(message, status)
        self.retry_after = retry_after


class Conflict(ClusterError):
    """The object has changed since it was read: 409, or 422 from a failed JSON-Patch test. Read it again and retry."""


class RefusalCause(StrEnum):
    """Why the API server does not take something, as far as its words tell. Also a label of a metric."""

    QUOTA = "quota"
    RIGHT = "right"
    ADMISSION = "admission"
    INVALID = "invalid"
    OTHER = "other"


class Refused(ClusterError):
    """The API server does not take it. The text begins with what `cause` means, and ends with the server's own words."""

    def __init__(self, message: str, status: int = 0, cause: RefusalCause = RefusalCause.OTHER) -> None:
        super().__init__(message, status)
        self.cause = cause


class TooSoon(ClusterError):
    """The object was written too often just now. Try again after `wait`. `path`: of the object."""

    def __init__(self, path: str, wait: timedelta) -> None:
        super().__init__(f"{path} was written too often just now: the next time in {wait.total_seconds():.1f} s")
        self.path = path
        self.wait = wait


class TooLong(ClusterError):
    """An answer has more bytes than may be read at once. Of a list, ask for fewer objects."""


class NotFound(ClusterError):
    """The object does not exist (404)."""


class Terminating(NotFound):
    """The namespace is being deleted: nothing can be made in it, and what is there goes with it."""


class Gone(ClusterError):
    """The resource version is too old to watch from (410), or a response could not be read. List again."""


class ScrapeError(WakerError):
    """A controller pod's metrics could not be read completely. The traffic of that pod is unknown."""


class DemoError(WakerError):
    """The embedded cluster could not do what was asked of it."""


class ThemeError(WakerError):
    """A theme of the waiting page cannot be used. The text is a sentence for its author."""
