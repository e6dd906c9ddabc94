"""What the public port needs to know of apps: how the one stands that a request is for.

A seam without code: `registry.AppRegistry` fulfils `Apps`. All but the two that wait are answered from memory, at once.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from waker.plan.model import Address, AppId, PageLook, Phase, VisitorPolicy
from waker.plan.page_transport import PageTransport
from waker.plan.progress import Step, Trouble
from waker.plan.routes.route import Backend


@dataclass(frozen=True, slots=True)
class View:
    """What is known of the app that a request asks for, at this moment."""

    app: AppId
    phase: Phase
    title: str  # what the user wants visitors to read
    backend: Backend  # whose door it is
    pinned: bool = False  # asleep by a person's word: no knock wakes it
    since: datetime | None = None  # when this wake began
    open: bool = False  # a ready pod can take requests now
    step: Step = Step.KNOCKED  # how far the wake has come
    trouble: Trouble | None = None  # what keeps it
    typical: timedelta | None = None  # how long its wakes take, if that is known
    theme: str = ""  # of its page
    look: PageLook = field(default_factory=PageLook)
    has_logo: bool = False
    reference: str = ""  # by which its operator finds it
    transport: PageTransport = field(default_factory=PageTransport)  # what the controller before us lets through
    visitors: VisitorPolicy = field(default_factory=VisitorPolicy)


class Apps(Protocol):
    """The apps whose requests arrive here."""

    def view(self, app: AppId, backend: Backend) -> View | None:
        """How an app stands, as seen at the door of one backend; None if it is not one of waker's."""

    def is_decided(self, app: AppId) -> bool:
        """Whether it is known how the app stands. Not in waker's first moment, and not where waker itself has failed."""

    async def wait_until_decided(self, app: AppId, within: timedelta) -> bool:
        """Have it decided before all others. False: not in time."""

    def is_open(self, app: AppId, backend: Backend) -> bool:
        """Whether the door answers: a route leads there, or did so until a moment ago."""

    def hosts(self, app: AppId) -> frozenset[str]:
        """The hosts of the app's rules, in lower case and as they are written: `*.` is one label, "" any host."""

    def page_viewed(self, app: AppId) -> None:
        """Note that somebody looks at the waiting page of this app. It wakes nothing, but its pods are watched more closely."""

    async def wait_for_change(self, app: AppId, within: timedelta) -> None:
        """Wait until something about the app has changed, or that long."""

    def knock(self, app: AppId, by: str = "") -> None:
        """Note in memory that somebody of this kind wants this app: no IO, and a thousand knocks are as one."""

    async def wait_for_address(self, view: View, within: timedelta, *, knocking: bool = False) -> Address | None:
        """Wait for a pod that may take requests of this route, knocking again meanwhile if `knocking`. None: not in time."""

    def forwarding(self, app: AppId, backend: Backend) -> AbstractContextManager[None]:
        """Count one request as being forwarded for as long as the context is open. The next one goes to the next pod."""
