"""Fault injection: requests that are refused, delayed, cut or left hanging on purpose, selected by verb and resource.

For tests only. A test orders a fault; `server` serves each request inside `Faults.around`. The first ordered fault that matches
the request applies, for as many requests as it was ordered for: before the request is served, or after it took effect
(`served`), when only the answer is lost. This module knows nothing of HTTP.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from waker.demo.refusals import ApiRefusal


class Call(NamedTuple):
    """A request, in the words of RBAC. `namespace` and `name` are "" if the path has none."""

    verb: str
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    body: Any = None
    user: str = ""  # the token that it showed
    acts_for: str = ""  # in whose name it asked


class CutConnection(Exception):
    """The connection has to be closed without a response."""


@dataclass(slots=True, eq=False)
class Fault:
    """What happens to the next `times` requests that match, or to all if it is None. "" matches everything."""

    verb: str = ""
    resource: str = ""
    name: str = ""
    times: int | None = 1
    delay: timedelta = timedelta()
    refusal: ApiRefusal | None = None
    hangs: bool = False
    cuts: bool = False
    served: bool = False  # the request takes effect first
    line: bytes = b""  # of a watch: it sends this and ends
    only: Callable[[Call], bool] = lambda _: True  # a request that matches has to pass this, too
    struck: Call | None = None  # the latest request that it was applied to
    met: int = 0  # how many requests it was applied to
    reached: asyncio.Event = field(default_factory=asyncio.Event)  # set once it has been applied

    def matches(self, call: Call) -> bool:
        """Whether it applies to this request."""
        if self.times is not None and self.met >= self.times:
            return False
        pairs = ((self.verb, call.verb), (self.resource, call.resource), (self.name, call.name))
        return all(wanted in ("", actual) for wanted, actual in pairs) and self.only(call)


@dataclass(slots=True)
class Faults:
    """The faults in force, and a record of the latest requests."""

    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=10_000))
    _ordered: list[Fault] = field(default_factory=list)
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def order(self, fault: Fault) -> Fault:
        """Put a fault in force. Returns it, so that a test can see how often it was met."""
        self._ordered.append(fault)
        return fault

    def withdraw(self, fault: Fault) -> None:
        """Remove a fault. A request that hangs in it goes on hanging."""
        self._ordered.remove(fault)

    def clear(self) -> None:
        """Remove all faults. Requests that hang are served now."""
        self._ordered.clear()
        self._released.set()
        self._released = asyncio.Event()

    def counted(self, verbs: Iterable[str], resource: str = "") -> int:
        """How many requests with one of these verbs were made."""
        counted = frozenset(verbs)
        return sum(call.verb in counted and resource in ("", call.resource) for call in self.calls)

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[Fault | None]:
        """Serve the request in here. Its fault strikes before or after. Raises ApiRefusal or CutConnection."""
        self.calls.append(call)
        fault = next((fault for fault in self._ordered if fault.matches(call)), None)
        if fault is None:
            yield None
            return
        fault.met += 1
        fault.struck = call
        if fault.served:
            try:
                yield fault
            except ApiRefusal:  # it had no effect, and its own answer
                fault.met -= 1
                raise
        fault.reached.set()
        if fault.hangs:
            await self._released.wait()
        await asyncio.sleep(fault.delay.total_seconds())
        if fault.cuts:
            raise CutConnection
        if fault.refusal is not None:
            raise fault.refusal
        if not fault.served:
            yield fault


def unavailable() -> ApiRefusal:
    """503, as while an API server restarts."""
    return ApiRefusal(503, "ServiceUnavailable", "apiserver not ready")


def throttled() -> ApiRefusal:
    """429, as after too many requests. Like a real server it says when to retry."""
    details = {"retryAfterSeconds": 1}
    return ApiRefusal(429, "TooManyRequests", "Too many requests, please try again later.", details)


def broken() -> ApiRefusal:
    """500, as after a defect."""
    return ApiRefusal(500, "InternalError", "Internal error occurred")


def forbidden(resource: str) -> ApiRefusal:
    """403, as without the right in RBAC."""
    return ApiRefusal(403, "Forbidden", f"{resource} is forbidden: User cannot do this")
