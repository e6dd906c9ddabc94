"""The ConfigMap `kubesleeper-activity`: when apps were last visited, for the waker that comes after this one.

Read once before the first round of scrapes. Written by the holder of the Lease, at most once a minute for all apps
together, and only with news of apps that are quiet: a recorded time is of no use to an app that is visited all the time.
It does not matter who writes last, as each entry is checked against the counters before it is believed
(`traffic.visit_record`). Without the ConfigMap, or if it cannot be read, idle periods start again.
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
RENEWED: Final = timedelta(minutes=10)  # also without news, as a record older than TRUSTED_FOR is not believed
# Since the last visit. Longer than a controller goes on sending requests to waker after a swap back.
QUIET: Final = timedelta(seconds=10)
LOOK: Final = 10.0  # seconds between two checks whether to write; comparing 1,000 apps takes 20 ms
MOST: Final = 900_000  # bytes; a ConfigMap holds 1 MiB


class ActivityStore:
    """Reads and writes the ConfigMap.

    `last_request_at`: when waker itself last had a request for an app. `may_write`: whether this process may write now.
    """

    def __init__(
        self,
        api: Api,
        namespace: str,
        last_request_at: Callable[[AppId], datetime | None],
        may_write: Callable[[], bool],
        clock: Callable[[], datetime],
    ) -> None:
        self._api = api
        self._path = CONFIG_MAPS.one(namespace, names.ACTIVITY)
        self._last_request_at = last_request_at
        self._may_write = may_write
        self._clock = clock
        self._last: VisitRecord | None = None
        self._tried_at: datetime | None = None

    async def read(self) -> VisitRecord | None:
        """The last record, whoever wrote it; None if there is none that can be read."""
        try:
            config_map = await self._api.get(self._path)
        except ClusterError as error:
            log.warning("waker cannot read the recorded visits, so idle periods start again: %s", error)
            return None
        self._last = decode((config_map.get("data") or {}).get(KEY, ""))
        self._tried_at = self._last.written_at if self._last else None
        return self._last

    async def run(self, record: Callable[[], VisitRecord]) -> None:
        """Write the record whenever it is due, for ever. A process that gains the Lease first reads what others wrote."""
        holding = False
        while True:
            await asyncio.sleep(LOOK)
            was, holding = holding, self._may_write()
            if holding and not was:
                await self.read()
            if self.due():
                await self.write(record())

    def due(self) -> bool:
        """Whether this process may write now, and the last write of any process is long enough ago."""
        now = self._clock()
        return self._may_write() and (self._tried_at is None or not now - EVERY < self._tried_at <= now)

    async def write(self, current: VisitRecord) -> None:
        """Write the visits of quiet apps, if they are news. A failure is logged, and the next try is a minute later."""
        record = self._quiet(current)
        old = self._last is None or self._last.written_at <= record.written_at - RENEWED
        if not record.apps or not (old or record.differs_from(self._last)):
            return
        self._tried_at = record.written_at
        text = encode(record)
        if len(text) > MOST:
            log.warning(
                "the last visits of %d apps do not fit into one ConfigMap and are not recorded", len(record.apps)
            )
            return
        try:
            await self._api.patch(self._path, {"data": {KEY: text}})
        except ClusterError as error:
            log.warning("waker cannot record visits, so a restart would start idle periods again: %s", error)
            return
        self._last = record

    def _quiet(self, record: VisitRecord) -> VisitRecord:
        """The record without apps that were visited just now, or that sent a request to waker later."""
        until = record.written_at - QUIET
        quiet = {
            app: entry
            for app, entry in record.apps.items()
            if entry.visited_at <= until and not self._requested_later(app, entry.visited_at)
        }
        return replace(record, apps=quiet)

    def _requested_later(self, app: AppId, visited_at: datetime) -> bool:
        requested_at = self._last_request_at(app)
        return requested_at is not None and requested_at > visited_at
