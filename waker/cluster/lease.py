"""Leader election: a Lease that at most one waker holds. Only its holder puts apps to sleep; every replica may wake them.

    not held ── read it ── free, expired, or this replica's own? ── write it ──> held ── write it every 2 s ──┐
       ^                                                              ^───────────────────────────────────────┘
       └── 10 s since the last write that succeeded was sent

Times and fields are those of client-go's leader election, so other tools read the Lease as they do any other. Knows the API and
nothing of apps. The service runs it and asks `held` before each sleep. The subtle thing: `held` counts from when a renewal was
*sent*. Whoever waits for the Lease counts its 15 s from when they saw that renewal, which is later. So this replica stops
before another can start, however slow the API server is, and also if the process was frozen meanwhile.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from waker import names
from waker.cluster.client import Api, Json
from waker.cluster.resources import LEASES
from waker.errors import ClusterError, Conflict, NotFound

log = logging.getLogger(__name__)

LEASE_DURATION = 15  # seconds without a renewal after which another may take it
RENEW_DEADLINE = 10.0  # seconds after the last renewal was sent: not held any more
RETRY_PERIOD = 2.0  # seconds between two tries
CALL_TIMEOUT = RENEW_DEADLINE / 2  # seconds; as kube-controller-manager: a call that hangs leaves time for another try
MOMENT = 0.1  # seconds; the event loop has another clock, and its timers may fire a little early
LET_GO = 2.0  # seconds, at most, to give it back at the end


def seconds() -> float:
    """A clock that goes on while the machine is suspended, which `time.monotonic` does not."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """This process's candidacy. `on_change` is called when `held` has changed, at most a moment later. `clock`: in seconds."""

    def __init__(
        self,
        api: Api,
        namespace: str,
        identity: str,
        on_change: Callable[[], None],
        clock: Callable[[], float] = seconds,
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._path = LEASES.one(namespace, names.LEASE)
        self._identity = identity
        self._on_change = on_change
        self._clock = clock
        self._renewed = float("-inf")  # when the last write that succeeded was sent
        self._released = asyncio.Event()
        self._version = ""  # of the Lease as it was last seen
        self._spec: Json = {}
        self._changed_at = clock()  # when `_spec` was first seen
        self._was_held = False
        self._failing = False

    @property
    def held(self) -> bool:
        """Whether this process may put apps to sleep at this moment."""
        return self._left() > 0

    def _left(self) -> float:
        return self._renewed + RENEW_DEADLINE - self._clock()

    def release(self) -> None:
        """Stop holding it, and let another waker take it at once."""
        self._released.set()

    async def run(self) -> None:
        """Acquire and renew it until it is released or the task is cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while not self._released.is_set():
                started = loop.time()
                await self._try()
                self._report()
                await self._pause(started + RETRY_PERIOD - loop.time())
        finally:
            if self.held:
                await self._clear_holder()

    async def _pause(self, delay: float) -> None:
        """Wait for the next try. That the Lease is lost meanwhile is reported at once."""
        left = self._left()
        if 0 < left < delay:
            await self._unless_released(left + MOMENT)
            self._report()
            delay -= left + MOMENT
        await self._unless_released(delay)

    async def _unless_released(self, delay: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._released.wait()

    def _report(self) -> None:
        if self.held != self._was_held:
            self._was_held = self.held
            log.info("acquired the Lease: this replica puts apps to sleep" if self.held else "lost the Lease")
            self._on_change()

    async def _try(self) -> None:
        try:
            if self.held and await self._renewed_unread():
                self._failing = False
                return
            self._report()
            await self._acquire()
        except Conflict as error:
            log.debug("another replica was faster", extra={"error": error})
        except (ClusterError, TimeoutError) as error:
            level = logging.DEBUG if self._failing else logging.WARNING
            log.log(level, "the Lease could not be read or renewed: trying again", extra={"error": repr(error)})
            self._failing = True
            return
        self._failing = False

    async def _renewed_unread(self) -> bool:
        """Renew it in one call. False if it is not as this process has written it."""
        try:
            await self._write({})
        except (Conflict, NotFound):
            return False
        return True

    async def _acquire(self) -> None:
        """Read it, and take it if it is free."""
        try:
            self._see(await self._in_time(self._api.get(self._path)))
        except NotFound:
            await self._create()
            return
        holder = self._spec.get("holderIdentity")
        if holder == self._identity:  # this process, or the one before it in this pod
            await self._write({})
            return
        self._renewed = float("-inf")
        if not holder or self._expired():
            since = {"acquireTime": _now(), "leaseTransitions": (self._spec.get("leaseTransitions") or 0) + 1}
            await self._write(since)

    async def _create(self) -> None:
        body = {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": names.LEASE},
            "spec": self._renewal() | {"acquireTime": _now(), "leaseTransitions": 0},
        }
        sent = self._clock()
        self._see(await self._in_time(self._api.create(LEASES.collection(self._namespace), body)))
        self._renewed = sent

    async def _write(self, since: Json) -> None:
        """Write that this process holds it. Raises Conflict if anybody has written since it was last seen."""
        patch = {"metadata": {"resourceVersion": self._version}, "spec": self._renewal() | since}
        sent = self._clock()
        self._see(await self._in_time(self._api.patch(self._path, patch)))
        self._renewed = sent

    async def _in_time(self, call: Awaitable[Json]) -> Json:
        """A call that may hang. A renewal that is answered after the Lease is lost is of no use: look again."""
        left = self._left()
        async with asyncio.timeout(min(CALL_TIMEOUT, left) if left > 0 else CALL_TIMEOUT):
            return await call

    def _see(self, lease: Json) -> None:
        self._version = lease["metadata"]["resourceVersion"]
        spec = lease.get("spec") or {}
        if spec != self._spec:
            self._spec, self._changed_at = spec, self._clock()

    def _expired(self) -> bool:
        """Whether nobody has renewed it for too long. Measured by this process's clock: the holder's may differ."""
        duration = max(self._spec.get("leaseDurationSeconds") or 0, LEASE_DURATION)
        return self._clock() - self._changed_at > duration

    def _renewal(self) -> dict[str, Any]:
        return {"holderIdentity": self._identity, "leaseDurationSeconds": LEASE_DURATION, "renewTime": _now()}

    async def _clear_holder(self) -> None:
        self._renewed = float("-inf")
        try:
            async with asyncio.timeout(LET_GO):
                lease = await self._api.get(self._path)
                if (lease.get("spec") or {}).get("holderIdentity") != self._identity:
                    return
                free = {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _now(), "acquireTime": _now()}
                version = lease["metadata"]["resourceVersion"]
                await self._api.patch(self._path, {"metadata": {"resourceVersion": version}, "spec": free})
        except (ClusterError, TimeoutError) as error:
            log.warning("the Lease could not be given back: it expires by itself", extra={"error": repr(error)})


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
