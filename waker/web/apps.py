"""The rest of the house, as the public port sees it: which app is asked for, and how it stands.

A seam, no code: `app` gives an object that fulfils `Apps`. All but `way` is answered from memory, at once.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from waker.plan.model import Address, AppId, Backend, Phase, VisitorPolicy
from waker.plan.page_transport import PageTransport
from waker.plan.progress import Step, Trouble


@dataclass(frozen=True, slots=True)
class View:
    """What is known of the app that a request asks for, at this moment."""

    app: AppId
    phase: Phase
    title: str  # what the user wants visitors to read
    backend: Backend  # of the route that matched
    pinned: bool = False  # asleep by a person's word: no knock wakes it
    since: datetime | None = None  # when this wake began
    open: bool = False  # a ready pod can take requests now
    step: Step = Step.KNOCKED  # how far the wake has come
    trouble: Trouble | None = None  # what keeps it
    typical: timedelta | None = None  # how long its wakes take, if that is known
    theme: str = ""  # of its page
    transport: PageTransport = field(default_factory=PageTransport)  # what the controller before us lets through
    visitors: VisitorPolicy = field(default_factory=VisitorPolicy)


class Apps(Protocol):
    """The apps whose requests arrive here."""

    def find(self, host: str, path: str) -> View | None:
        """The app that a host (lower case, no port) and a decoded path belong to; None if it is none of ours."""

    def serves_host(self, host: str) -> bool:
        """Whether a rule names this host, by itself or with a `*`. A rule for any host names none."""

    def page_viewed(self, app: AppId) -> None:
        """Note that somebody looks at the page of this app. No wish: it only makes us tell more."""

    async def wait_for_change(self, app: AppId, within: timedelta) -> None:
        """Wait until something about the app has changed, or that long."""

    def knock(self, app: AppId) -> None:
        """Note that somebody wants this app. A wish, in memory: no IO, and a thousand are as one."""

    async def wait_for_address(self, view: View, within: timedelta, *, knocking: bool = False) -> Address | None:
        """Wait until a ready pod may take requests of this route; knock again meanwhile if told so. None: not in time."""

    def passing(self, app: AppId) -> AbstractContextManager[None]:
        """Count one request as being passed on for as long as the context is open."""
