"""The pictures of apps for their waiting pages: read from the annotation when a page is made, and forgotten.

A picture may be as long as half a page, and a cluster has thousands of apps, so the informers keep none of it. All who open
a page of one app within KEPT share one reading, so a crowd costs a call every few seconds. A page waits a moment for its
picture and then is made without; nothing else waits for it. `web` asks for `read`.
"""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

from waker import names
from waker.cluster.client import Api
from waker.cluster.resources import workload_path
from waker.errors import ClusterError, SettingsError
from waker.plan.model import AppId
from waker.settings.page_values import describe_logo

log = logging.getLogger(__name__)

KEPT: Final = 2.0  # s
PATIENCE: Final = 0.3  # s; the API server answers within 10 ms, or is ill
AT_ONCE: Final = 4  # calls for the apps of one namespace: its crowd takes nobody else's


class Logos:
    """The readings of the last seconds."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._readings: dict[AppId, asyncio.Task[str]] = {}

    async def read(self, app: AppId) -> str:
        """The app's picture as a data URI; "" if it has none that can be shown, or if there is no answer in time."""
        reading = self._readings.get(app)
        if reading is None:
            at_once = sum(not each.done() for known, each in self._readings.items() if known.namespace == app.namespace)
            if at_once >= AT_ONCE:
                return ""
            reading = self._readings[app] = asyncio.create_task(self._ask(app))
            reading.add_done_callback(lambda _: asyncio.get_running_loop().call_later(KEPT, self._forget, app))
        await asyncio.wait({reading}, timeout=PATIENCE)
        return reading.result() if reading.done() and not reading.cancelled() else ""

    def _forget(self, app: AppId) -> None:
        self._readings.pop(app, None)

    async def _ask(self, app: AppId) -> str:
        try:
            found = await self._api.get(workload_path(app))
            return _logo(found)
        except (ClusterError, SettingsError) as error:
            log.debug("no picture for a page", extra={"app": str(app), "error": error})
            return ""


def _logo(found: Mapping[str, Any]) -> str:
    """Checked again: it may have changed since the informer saw it."""
    text = str((found["metadata"].get("annotations") or {}).get(names.LOGO, "")).strip()
    if text:
        describe_logo(text)
    return text
