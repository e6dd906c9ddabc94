"""Kubernetes Events: what happened to an object, written where its user looks (`kubectl describe`).

Best effort, in the background: nobody waits for an Event, and one that cannot be written is logged and dropped. Knows
the API and nothing of apps; `reconcile.report` and the service call `record`, on every pass if they like. What is written at
all, and what only moves a count on, is decided by `event_correlation`. The subtle thing: the API server deletes Events, an hour
after they were last written, and so may anybody. One that is gone is made anew, with its count.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from waker import names
from waker.cluster.client import Api
from waker.cluster.event_correlation import CorrelatedEvent, EventCorrelation, EventKind, Severity, Subject
from waker.cluster.resources import EVENTS
from waker.errors import ClusterError, NotFound, Refused
from waker.printable import printable_text

log = logging.getLogger(__name__)

MAX_UNWRITTEN = 5000  # Events; while the API server is away they must not fill the memory
MAX_MESSAGE = 1000  # bytes; the API accepts 1024


class Recorder:
    """Writes Events. `reason` is one CamelCase word, `message` a sentence."""

    def __init__(self, api: Api, identity: str, clock: Callable[[], datetime]) -> None:
        self._api = api
        self._identity = identity
        self._clock = clock
        self._correlation = EventCorrelation()
        self._unwritten: asyncio.Queue[CorrelatedEvent] = asyncio.Queue(MAX_UNWRITTEN)
        self._dropping = False

    async def run(self, *, dry: bool) -> None:
        """Write recorded Events for ever, one after the other. `dry`: log them instead."""
        while True:
            event = await self._unwritten.get()
            self._dropping = False
            if dry:
                log.info(
                    "dry run: would write an Event", extra={"reason": event.key.kind.reason, "text": event.message}
                )
                continue
            try:
                await self._write(event)
            except NotFound as error:  # the namespace is gone
                log.debug("an Event could not be written", extra={"error": error})
            except ClusterError as error:
                log.warning("an Event could not be written", extra={"error": error})
                if not isinstance(error, Refused):  # what is refused would be refused on the next pass, too
                    self._correlation.not_written(event)

    def record(self, subject: Subject, severity: Severity, reason: str, message: str, action: str = "") -> None:
        """Have an Event written, or one that is there counted up. May be called on every pass."""
        kind = EventKind(subject, severity, str(reason), str(action))
        event = self._correlation.correlate(kind, message, self._clock())
        if event is None:
            return
        try:
            self._unwritten.put_nowait(event)
        except asyncio.QueueFull:
            self._correlation.not_written(event)
            if not self._dropping:
                log.warning(
                    "too many Events are waiting to be written: dropping new ones", extra={"max": MAX_UNWRITTEN}
                )
            self._dropping = True

    async def _write(self, event: CorrelatedEvent) -> None:
        namespace = event.key.kind.subject.namespace
        if event.count > 1:
            try:
                await self._api.patch(EVENTS.one(namespace, event.name), _moving(event))
            except NotFound:
                log.debug("an Event is gone and is made anew", extra={"reason": event.key.kind.reason})
            else:
                return
        await self._api.create(EVENTS.collection(namespace), self._body(event))

    def _body(self, event: CorrelatedEvent) -> dict[str, object]:
        kind = event.key.kind
        subject = kind.subject
        return {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {"name": event.name, "namespace": subject.namespace},
            "involvedObject": {
                "apiVersion": subject.api_version,
                "kind": subject.kind,
                "namespace": subject.namespace,
                "name": subject.name,
                "uid": subject.uid,
            },
            "type": kind.severity.value,
            "reason": kind.reason,
            **({"action": kind.action} if kind.action else {}),
            "firstTimestamp": _written(event.first_at),
            "source": {"component": names.FIELD_MANAGER},
            "reportingComponent": names.FIELD_MANAGER,
            "reportingInstance": self._identity,
            **_moving(event),
        }


def _moving(event: CorrelatedEvent) -> dict[str, object]:
    """What changes when the same Event is written again: the numbers in its message, too."""
    message = printable_text(event.message).encode()[:MAX_MESSAGE].decode(errors="ignore")
    return {"message": message, "count": event.count, "lastTimestamp": _written(event.last_at)}


def _written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
