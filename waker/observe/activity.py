"""The ConfigMap `kubesleeper-activity`: when apps were last visited, for the waker that comes after this one.

Read once, before the first round of scrapes; written by the holder of the Lease, at most once a minute for all apps
together, and only with news of apps that are quiet: who is visited all the time gains nothing by it. Which writer comes
last does not matter, for what is written proves itself against the counters, see `traffic.memory`. Without it, and
whenever it cannot be read, idle periods begin anew.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from waker import names
from waker.cluster.client import Api
from waker.cluster.resources import CONFIG_MAPS
from waker.errors import ClusterError
from waker.plan.model import AppId
from waker.traffic.visit_record import VisitRecord, decode, encode

log = logging.getLogger(__name__)

KEY: Final = "activity"
EVERY: Final = timedelta(minutes=1)  # between two writes
RENEWED: Final = timedelta(minutes=10)  # without news: what is older than TRUSTED_FOR is not believed
QUIET: Final = timedelta(seconds=10)  # since the last visit; also longer than a controller sends late requests to waker
LOOK: Final = 10.0  # seconds; to compare 1,000 apps with what is written takes 20 ms
MOST: Final = 900_000  # bytes; a ConfigMap holds 1 MiB


class ActivityStore:
    """See above. `knocked_at`: visits that waker saw itself; `writing`: whether this process may write now."""

    def __init__(
        self,
        api: Api,
        namespace: str,
        knocked_at: Callable[[AppId], datetime | None],
        writing: Callable[[], bool],
        clock: Callable[[], datetime],
    ) -> None:
        self._api = api
        self._path = CONFIG_MAPS.one(namespace, names.ACTIVITY)
        self._knocked_at = knocked_at
        self._may_write = writing
        self._clock = clock
        self._last: VisitRecord | None = None
        self._tried_at: datetime | None = None

    async def read(self) -> VisitRecord | None:
        """What was written by whomever; None if there is nothing that can be read."""
        try:
            found = await self._api.get(self._path)
        except ClusterError as error:
            log.warning("idle clocks begin anew: %s", error)
            return None
        self._last = decode((found.get("data") or {}).get(KEY, ""))
        self._tried_at = self._last.written_at if self._last else None
        return self._last

    async def run(self, known: Callable[[], VisitRecord]) -> None:
        """For ever: write down what is known, when it is due. Who begins to hold the Lease reads what others wrote last."""
        holding = False
        while True:
            await asyncio.sleep(LOOK)
            was, holding = holding, self._may_write()
            if holding and not was:
                await self.read()
            if self.due():
                await self.write(known())

    def due(self) -> bool:
        """Whether this process may write at this moment, and the last write, of whomever, is long enough ago."""
        now = self._clock()
        return self._may_write() and (self._tried_at is None or not now - EVERY < self._tried_at <= now)

    async def write(self, known: VisitRecord) -> None:
        """Write down what is quiet, if that is news. A failure is told, and tried again a minute later."""
        record = self._quiet(known)
        old = self._last is None or self._last.written_at <= record.written_at - RENEWED
        if not record.apps or not (old or record.news(self._last)):
            return
        self._tried_at = record.written_at
        text = encode(record)
        if len(text) > MOST:
            log.warning("the idle clocks of %d apps are too many to be written down", len(record.apps))
            return
        try:
            await self._api.patch(self._path, {"data": {KEY: text}})
        except ClusterError as error:
            log.warning("idle clocks would not survive a restart: %s", error)
            return
        self._last = record

    def _quiet(self, known: VisitRecord) -> VisitRecord:
        """Without apps that are being visited, and those that waker itself has seen visited since."""
        until = known.written_at - QUIET
        quiet = {
            app: entry
            for app, entry in known.apps.items()
            if entry.visited_at <= until and not self._later_knock(app, entry.visited_at)
        }
        return replace(known, apps=quiet)

    def _later_knock(self, app: AppId, visited_at: datetime) -> bool:
        knocked = self._knocked_at(app)
        return knocked is not None and knocked > visited_at
