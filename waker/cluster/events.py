"""Kubernetes Events: what happened to an object, where its user looks (`kubectl describe`).

Best effort, in the background: nobody waits for an Event, and one that cannot be written is logged and forgotten. The
same sentence about the same object is written once in ten minutes at the most; callers need not remember what they said.
"""

import asyncio
import logging
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

log = logging.getLogger(__name__)

AGAIN = timedelta(minutes=10)
REMEMBERED = 2000
WAITING = 5000  # Events; an API server that is away must not fill the memory
LONGEST = 1000  # bytes; the API allows 1024


class Severity(Enum):
    """The two types of Event that Kubernetes knows."""

    NORMAL = "Normal"
    WARNING = "Warning"


class Subject(NamedTuple):
    """The object that an Event is about."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str


class Recorder:
    """Writes Events. `reason` is one CamelCase word, `message` a sentence."""

    def __init__(self, api: Api, identity: str, clock: Callable[[], datetime]) -> None:
        self._api = api
        self._identity = identity
        self._clock = clock
        self._recorded_at: OrderedDict[tuple[Subject, str, str], datetime] = OrderedDict()
        self._unwritten: asyncio.Queue[tuple[Subject, str, str, Severity, datetime]] = asyncio.Queue(WAITING)
        self._dropping = False

    async def run(self, *, dry: bool) -> None:
        """Write what is told, for ever, one after the other. `dry`: to the log."""
        while True:
            said = await self._unwritten.get()
            self._dropping = False
            if dry:
                log.info("dry run: would tell %s: %s", said[1], said[2])
                continue
            try:
                await self._api.create(EVENTS.collection(said[0].namespace), self._event(*said))
            except NotFound as error:
                log.debug("event not written: %s", error)
            except ClusterError as error:
                log.warning("event not written: %s", error)

    def record(self, subject: Subject, severity: Severity, reason: str, message: str) -> None:
        """Have one Event written, unless it was lately."""
        now = self._clock()
        known = (subject, reason, message)
        if known in self._recorded_at and now - self._recorded_at[known] < AGAIN:
            return
        self._recorded_at[known] = now
        self._recorded_at.move_to_end(known)
        while len(self._recorded_at) > REMEMBERED:
            self._recorded_at.popitem(last=False)
        try:
            self._unwritten.put_nowait((*known, severity, now))
        except asyncio.QueueFull:
            if not self._dropping:
                log.warning("Events are dropped: %d are waiting to be written", WAITING)
            self._dropping = True

    def _event(
        self, subject: Subject, reason: str, message: str, severity: Severity, now: datetime
    ) -> dict[str, object]:
        at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        cut = message.encode()[:LONGEST].decode(errors="ignore")
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
            "type": severity.value,
            "reason": str(reason),
            "message": cut,
            "count": 1,
            "firstTimestamp": at,
            "lastTimestamp": at,
            "source": {"component": names.FIELD_MANAGER},
            "reportingComponent": names.FIELD_MANAGER,
            "reportingInstance": self._identity,
        }
