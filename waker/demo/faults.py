"""What can go wrong on purpose: refusals, delays, hanging and cut requests, chosen by verb and kind.

For tests only. The server asks before it serves a request; a fault that was ordered for a number of times uses itself
up. Faults are tried in the order in which they were ordered, and the first that fits is the one.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

from waker.demo.refusals import ApiRefusal


class Call(NamedTuple):
    """A request, in the words of RBAC. `name` and `namespace` are "" where the path has none."""

    verb: str
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


class Cut(Exception):
    """The connection is to be closed without an answer."""


@dataclass(slots=True)
class Fault:
    """What happens to the next `times` requests that fit; None: to all. "" fits everything."""

    verb: str = ""
    resource: str = ""
    name: str = ""
    times: int | None = 1
    delay: timedelta = timedelta()
    refusal: ApiRefusal | None = None
    hangs: bool = False
    cuts: bool = False
    met: int = 0  # how many requests ran into it
    reached: asyncio.Event = field(default_factory=asyncio.Event)  # the first one did

    def fits(self, call: Call) -> bool:
        """Is this request chosen?"""
        if self.times is not None and self.met >= self.times:
            return False
        pairs = ((self.verb, call.verb), (self.resource, call.resource), (self.name, call.name))
        return all(wanted in ("", given) for wanted, given in pairs)


@dataclass(slots=True)
class Faults:
    """The faults in force, and the last requests that were made."""

    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=10_000))
    _ordered: list[Fault] = field(default_factory=list)
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def order(self, fault: Fault) -> Fault:
        """From now on. Returns it, so that a test can look at how often it was met."""
        self._ordered.append(fault)
        return fault

    def clear(self) -> None:
        """No more faults; what hangs is released and served."""
        self._ordered.clear()
        self._released.set()
        self._released = asyncio.Event()

    def counted(self, verbs: Iterable[str], resource: str = "") -> int:
        """How many requests with one of these verbs were made."""
        chosen = frozenset(verbs)
        return sum(call.verb in chosen and resource in ("", call.resource) for call in self.calls)

    async def meet(self, call: Call) -> None:
        """Let the request run into its fault, if there is one. Raises Refused or Cut."""
        self.calls.append(call)
        fault = next((fault for fault in self._ordered if fault.fits(call)), None)
        if fault is None:
            return
        fault.met += 1
        fault.reached.set()
        if fault.hangs:
            await self._released.wait()
            return
        await asyncio.sleep(fault.delay.total_seconds())
        if fault.cuts:
            raise Cut
        if fault.refusal is not None:
            raise fault.refusal


def unavailable() -> ApiRefusal:
    """503, as while an API server restarts."""
    return ApiRefusal(503, "ServiceUnavailable", "apiserver not ready")


def throttled() -> ApiRefusal:
    """429, as when there are too many requests; the real server says when to come back."""
    details = {"retryAfterSeconds": 1}
    return ApiRefusal(429, "TooManyRequests", "Too many requests, please try again later.", details)


def broken() -> ApiRefusal:
    """500."""
    return ApiRefusal(500, "InternalError", "Internal error occurred")


def forbidden(resource: str) -> ApiRefusal:
    """403, as when RBAC does not allow it."""
    return ApiRefusal(403, "Forbidden", f"{resource} is forbidden: User cannot do this")
