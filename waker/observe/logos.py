"""The pictures of apps for their waiting pages: read from the annotation when a page is made, and forgotten.

A picture may be as long as half a page, and a cluster has thousands of apps, so the informers keep none of it. All who open
a page of one app within KEPT share one reading, so a crowd costs a call every few seconds. A page waits a moment for its
picture and then is made without; nothing else waits for it. A picture is a nicety: where too many are being read, or an
answer is not what it should be, the page goes without at once. `web` asks for `read`.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from waker import names
from waker.cluster.client import Api
from waker.cluster.resources import workload_path
from waker.plan.model import AppId
from waker.settings.page_values import describe_logo

log = logging.getLogger(__name__)

KEPT: Final = 2.0  # s
PATIENCE: Final = 0.3  # s; the API server answers within 10 ms, or is ill
AT_ONCE: Final = 4  # calls for the apps of one namespace: its crowd takes nobody else's
ALL_AT_ONCE: Final = 16  # calls; what an API server that is ill is asked, and the memory for its answers
LONGEST_OBJECT: Final = 2 << 20  # bytes of an answer; etcd accepts objects of up to 1.5 MiB


class Logos:
    """The readings of the last seconds. `_under_way`: those that are not done, by namespace."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._readings: dict[AppId, asyncio.Task[str]] = {}
        self._under_way: Counter[str] = Counter()

    async def read(self, app: AppId) -> str:
        """The app's picture as a data URI; "" if it has none that can be shown, or if there is no answer in time."""
        reading = self._readings.get(app) or self._begin(app)
        if reading is None:
            return ""
        await asyncio.wait({reading}, timeout=PATIENCE)
        return reading.result() if reading.done() and not reading.cancelled() else ""

    def _begin(self, app: AppId) -> asyncio.Task[str] | None:
        """A new reading; None if there are too many."""
        if self._under_way[app.namespace] >= AT_ONCE or self._under_way.total() >= ALL_AT_ONCE:
            return None
        self._under_way[app.namespace] += 1
        reading = self._readings[app] = asyncio.create_task(self._ask(app))
        reading.add_done_callback(lambda _: self._end(app))
        return reading

    def _end(self, app: AppId) -> None:
        self._under_way[app.namespace] -= 1
        if not self._under_way[app.namespace]:
            del self._under_way[app.namespace]
        asyncio.get_running_loop().call_later(KEPT, self._readings.pop, app, None)

    async def _ask(self, app: AppId) -> str:
        try:
            return _logo(await self._api.get(workload_path(app), longest=LONGEST_OBJECT))
        except Exception as error:  # a refusal, a value that is no picture, an answer that is no workload
            log.debug("no picture for a page", extra={"app": str(app), "error": repr(error)})
            return ""


def _logo(found: Mapping[str, Any]) -> str:
    """Checked again: it may have changed since the informer saw it."""
    text = str((found["metadata"].get("annotations") or {}).get(names.LOGO, "")).strip()
    if text:
        describe_logo(text)
    return text
