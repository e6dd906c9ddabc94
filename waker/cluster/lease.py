"""Leader election: a Lease that at most one waker holds. Only its holder puts apps to sleep; every replica may wake them.

Knows the API and nothing of apps. The service runs it and asks `held` before each sleep. The subtle thing: `held` is true
only while the last renewal is younger than RENEW_DEADLINE by this process's own clock. That is shorter than the time after
which another waker may take the Lease, so this one stops before another can start.
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

LEASE_DURATION = 15  # seconds without a renewal after which another may take it
RENEW_DEADLINE = 10.0  # seconds; two tries fit in
RENEW_EVERY = 5.0


class Lease:
    """This process's candidacy. `on_change` is called when `held` may have changed."""

    def __init__(self, api: Api, namespace: str, identity: str, on_change: Callable[[], None]) -> None:
        self._api = api
        self._namespace = namespace
        self._identity = identity
        self._on_change = on_change
        self._renewed = float("-inf")
        self._released = asyncio.Event()
        self._observed_renewal: tuple[str, float] = ("", time.monotonic())  # renewTime, and when it was first seen

    @property
    def held(self) -> bool:
        """Whether this process may put apps to sleep at this moment."""
        return time.monotonic() - self._renewed < RENEW_DEADLINE

    def release(self) -> None:
        """Stop holding it, and let another waker take it at once."""
        self._released.set()

    async def run(self) -> None:
        """Acquire and renew it until it is released or the task is cancelled."""
        was_held = False
        try:
            while not self._released.is_set():
                try:
                    await self._try_acquire_or_renew()
                except ClusterError as error:
                    log.warning("the Lease could not be renewed", extra={"error": error})
                if self.held != was_held:
                    was_held = self.held
                    log.info("acquired the Lease: this replica puts apps to sleep" if was_held else "lost the Lease")
                    self._on_change()
                with suppress(TimeoutError):
                    async with asyncio.timeout(RENEW_EVERY):
                        await self._released.wait()
        finally:
            if self.held:
                await self._clear_holder()

    async def _try_acquire_or_renew(self) -> None:
        started = time.monotonic()
        path = LEASES.one(self._namespace, names.LEASE)
        try:
            lease = await self._api.get(path)
        except NotFound:
            lease = await self._create()
        spec = lease["spec"]
        if spec.get("holderIdentity") not in ("", None, self._identity) and not self._expired(spec):
            return
        try:
            await self._api.patch(path, self._holder_patch(lease["metadata"]["resourceVersion"], self._identity))
        except Conflict:
            return
        self._renewed = started

    async def _create(self) -> dict[str, Any]:
        body = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": names.LEASE},
            "spec": {"leaseDurationSeconds": LEASE_DURATION},
        }
        return await self._api.create(LEASES.collection(self._namespace), body)

    def _expired(self, spec: dict[str, Any]) -> bool:
        """Whether `renewTime` has not changed for too long. Measured by this process's clock: the holder's may differ."""
        if self._observed_renewal[0] != spec.get("renewTime", ""):
            self._observed_renewal = (spec.get("renewTime", ""), time.monotonic())
        return time.monotonic() - self._observed_renewal[1] > LEASE_DURATION

    def _holder_patch(self, version: str, holder: str) -> dict[str, Any]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": holder, "renewTime": now, "leaseDurationSeconds": LEASE_DURATION}
        return {"metadata": {"resourceVersion": version}, "spec": spec}

    async def _clear_holder(self) -> None:
        self._renewed = float("-inf")
        try:
            async with asyncio.timeout(2):
                path = LEASES.one(self._namespace, names.LEASE)
                lease = await self._api.get(path)
                await self._api.patch(path, self._holder_patch(lease["metadata"]["resourceVersion"], ""))
        except (ClusterError, TimeoutError) as error:
            log.warning("the Lease could not be given back: it expires by itself", extra={"error": error})
