"""Who may put apps to sleep: a Lease that at most one waker holds.

`held` is true only while the last renewal is younger than RENEW_WITHIN, by this process's own clock, which is shorter
than the time after which another may take the Lease: so it is lost here before it can be won there.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from waker import names
from waker.cluster.client import Api
from waker.cluster.resources import LEASES
from waker.errors import ClusterError, Conflict, NotFound

log = logging.getLogger(__name__)

DURATION = 15  # seconds after which others may take it
RENEW_WITHIN = 10.0
RENEW_EVERY = 5.0


class Lease:
    """This process's part in the election. `changed` is called when `held` may have changed."""

    def __init__(self, api: Api, namespace: str, identity: str, changed: Callable[[], None]) -> None:
        self._api = api
        self._namespace = namespace
        self._identity = identity
        self._changed = changed
        self._renewed = float("-inf")
        self._leaving = asyncio.Event()
        self._seen: tuple[str, float] = ("", time.monotonic())  # the holder's last renewal, and when it was first seen

    @property
    def held(self) -> bool:
        """Whether this process may put apps to sleep at this moment."""
        return time.monotonic() - self._renewed < RENEW_WITHIN

    def release(self) -> None:
        """Hold it no longer, and let another take it."""
        self._leaving.set()

    async def run(self) -> None:
        """Try until told to give it back or cancelled."""
        told = False
        try:
            while not self._leaving.is_set():
                try:
                    await self._try()
                except ClusterError as error:
                    log.warning("lease: %s", error)
                if self.held != told:
                    told = self.held
                    log.info("lease: %s", "held: this waker puts apps to sleep" if told else "not held")
                    self._changed()
                with suppress(TimeoutError):
                    async with asyncio.timeout(RENEW_EVERY):
                        await self._leaving.wait()
        finally:
            if self.held:
                await self._clear_holder()

    async def _try(self) -> None:
        asked = time.monotonic()
        path = LEASES.one(self._namespace, names.LEASE)
        try:
            found = await self._api.get(path)
        except NotFound:
            found = await self._create()
        spec = found["spec"]
        if spec.get("holderIdentity") not in ("", None, self._identity) and not self._expired(spec):
            return
        try:
            await self._api.patch(path, self._claim(found["metadata"]["resourceVersion"], self._identity))
        except Conflict:
            return
        self._renewed = asked

    async def _create(self) -> dict[str, Any]:
        body = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": names.LEASE},
            "spec": {"leaseDurationSeconds": DURATION},
        }
        return await self._api.create(LEASES.collection(self._namespace), body)

    def _expired(self, spec: dict[str, Any]) -> bool:
        """Clocks differ: what counts is how long *we* have seen no renewal."""
        if self._seen[0] != spec.get("renewTime", ""):
            self._seen = (spec.get("renewTime", ""), time.monotonic())
        return time.monotonic() - self._seen[1] > DURATION

    def _claim(self, version: str, holder: str) -> dict[str, Any]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": holder, "renewTime": now, "leaseDurationSeconds": DURATION}
        return {"metadata": {"resourceVersion": version}, "spec": spec}

    async def _clear_holder(self) -> None:
        self._renewed = float("-inf")
        try:
            async with asyncio.timeout(2):
                path = LEASES.one(self._namespace, names.LEASE)
                found = await self._api.get(path)
                await self._api.patch(path, self._claim(found["metadata"]["resourceVersion"], ""))
        except (ClusterError, TimeoutError) as error:
            log.warning("lease: not given back: %s", error)
