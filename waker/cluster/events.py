"""Kubernetes Events: what happened to an object, written where its user looks (`kubectl describe`).

Best effort, in the background: nobody waits for an Event, and one that cannot be written is logged and dropped. Knows
the API and nothing of apps; `reconcile.report` and the service call `record`. The subtle thing: the same reason and
message about the same object is written at most once in ten minutes, so callers may record it on every pass. Numbers in it
make no difference: "not ready 40s after the wake" is news once.
"""

import asyncio
import logging
import re
import uuid
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from waker import names
from waker.cluster.client import Api
from waker.cluster.resources import EVENTS
from waker.errors import ClusterError, NotFound
from waker.printable import printable_text

log = logging.getLogger(__name__)

NUMBERS = re.compile(r"(?:\d+(?:\.\d+)?[dhms]?)+")  # and durations: 31m, 1h5m, 0.5
REPEAT_AFTER = timedelta(minutes=10)
MAX_REMEMBERED = 2000  # Events that are known not to need repeating yet
MAX_UNWRITTEN = 5000  # Events; while the API server is away they must not fill the memory
MAX_MESSAGE = 1000  # bytes; the API accepts 1024


class Severity(Enum):
    """The two types of Event that Kubernetes knows."""

    NORMAL = "Normal"
    WARNING = "Warning"


class Subject(NamedTuple):
    """The object that an Event is about: its `involvedObject`."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


class _UnwrittenEvent(NamedTuple):
    subject: Subject
    reason: str
    message: str
    severity: Severity
    at: datetime


class Recorder:
    """Writes Events. `reason` is one CamelCase word, `message` a sentence."""

    def __init__(self, api: Api, identity: str, clock: Callable[[], datetime]) -> None:
        self._api = api
        self._identity = identity
        self._clock = clock
        self._recorded_at: OrderedDict[tuple[Subject, str, str], datetime] = OrderedDict()
        self._unwritten: asyncio.Queue[_UnwrittenEvent] = asyncio.Queue(MAX_UNWRITTEN)
        self._dropping = False

    async def run(self, *, dry: bool) -> None:
        """Write recorded Events for ever, one after the other. `dry`: log them instead."""
        while True:
            event = await self._unwritten.get()
            self._dropping = False
            if dry:
                log.info("dry run: would write an Event", extra={"reason": str(event.reason), "text": event.message})
                continue
            try:
                await self._api.create(EVENTS.collection(event.subject.namespace), self._body(event))
            except NotFound as error:  # the namespace is gone
                log.debug("an Event could not be written", extra={"error": error})
            except ClusterError as error:
                log.warning("an Event could not be written", extra={"error": error})

    def record(self, subject: Subject, severity: Severity, reason: str, message: str) -> None:
        """Have an Event written, unless the same one was recorded in the last ten minutes."""
        now = self._clock()
        key = (subject, reason, NUMBERS.sub("0", message))
        if key in self._recorded_at and now - self._recorded_at[key] < REPEAT_AFTER:
            return
        self._recorded_at[key] = now
        self._recorded_at.move_to_end(key)
        while len(self._recorded_at) > MAX_REMEMBERED:
            self._recorded_at.popitem(last=False)
        try:
            self._unwritten.put_nowait(_UnwrittenEvent(subject, reason, message, severity, now))
        except asyncio.QueueFull:
            if not self._dropping:
                log.warning(
                    "too many Events are waiting to be written: dropping new ones", extra={"max": MAX_UNWRITTEN}
                )
            self._dropping = True

    def _body(self, event: _UnwrittenEvent) -> dict[str, object]:
        subject = event.subject
        at = event.at.strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {"name": f"{subject.name[:200]}.{uuid.uuid4().hex[:16]}", "namespace": subject.namespace},
            "involvedObject": {
                "apiVersion": subject.api_version,
                "kind": subject.kind,
                "namespace": subject.namespace,
                "name": subject.name,
                "uid": subject.uid,
            },
            "type": event.severity.value,
            "reason": str(event.reason),
            "message": printable_text(event.message).encode()[:MAX_MESSAGE].decode(errors="ignore"),
            "count": 1,
            "firstTimestamp": at,
            "lastTimestamp": at,
            "source": {"component": names.FIELD_MANAGER},
            "reportingComponent": names.FIELD_MANAGER,
            "reportingInstance": self._identity,
        }
