"""The apps as the public port sees them: whose route a request matches, whether it may pass, and who knocked.

Fulfils `web.apps.Apps`. The reconciler puts in what it decided (`show`), visitors read it without waiting; the only way
back is a knock, a time in memory plus a key in the queue. Requests pass only while the last plan said so, and a plan that
scales down is only carried out after one that closed the door: so no request is passed to a pod that is about to go.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from waker.plan.actions import Plan
from waker.plan.model import Address, AppId, Backend, Phase, Pin, Policy, Route, VisitorPolicy
from waker.plan.page_transport import PageTransport
from waker.plan.progress import Progress
from waker.web.apps import View

KNOCK_AGAIN = 2.0  # seconds; who is held asks again, in case the first knock was lost on the way down
LOOKED_FOR = timedelta(seconds=30)  # who looked at a page asks again sooner, if it is still there

PickAddress = Callable[[AppId, Backend], Address | None]


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What the page tells of an app beside its phase. `passages`: by the name of the Ingress."""

    progress: Progress = field(default_factory=Progress)
    typical: timedelta | None = None
    transports: Mapping[str, PageTransport] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RegisteredApp:
    """One app as visitors see it."""

    app: AppId
    plan: Plan
    title: str
    theme: str
    pinned: bool
    since: datetime | None
    routes: tuple[Route, ...]
    visitors: VisitorPolicy


class AppRegistry:
    """See above. `knocked` is called at most once per app until the knock is taken."""

    def __init__(self, pick: PickAddress, knocked: Callable[[AppId], None], clock: Callable[[], datetime]) -> None:
        self._pick = pick
        self._knocked = knocked
        self._clock = clock
        self._registered: dict[AppId, RegisteredApp] = {}
        self._hosts: dict[str, list[tuple[Route, AppId]]] = {}
        self._knocks: dict[AppId, datetime] = {}
        self._passing: Counter[AppId] = Counter()
        self._facts: dict[AppId, PageFacts] = {}
        self._viewed_at: dict[AppId, datetime] = {}
        self._changed: dict[AppId, asyncio.Event] = {}
        self._waiters: Counter[AppId] = Counter()

    # --- the reconciler's side ---

    def publish(self, app: AppId, plan: Plan, policy: Policy | None, routes: tuple[Route, ...]) -> bool:
        """What was decided for an app. Whoever waits looks again. True if it, or where it leads, is new."""
        old = self._registered.get(app)
        waking = plan.phase in (Phase.WAKING, Phase.RESTORING_ROUTES, Phase.STUCK)
        since = (old.since if old and old.since else self._clock()) if waking else None
        title = policy.title if policy and policy.title else app.name
        pinned = policy is not None and policy.pin is Pin.ASLEEP and not policy.paused
        reception = policy.visitors if policy else VisitorPolicy()
        theme = policy.theme if policy else ""
        self._registered[app] = RegisteredApp(app, plan, title, theme, pinned, since, routes, reception)
        if not old or old.routes != routes:
            self._unlist(app, old.routes if old else ())
            for route in routes:
                self._hosts.setdefault(route.id.host.lower(), []).append((route, app))
        self.notify(app)
        return not old or old.plan.phase is not plan.phase or _targets(old.routes) != _targets(routes)

    def describe(self, app: AppId, account: PageFacts) -> None:
        """What its page tells from the next `show` on."""
        self._facts[app] = account

    def remove(self, app: AppId) -> None:
        """The app is no business of ours any more."""
        old = self._registered.pop(app, None)
        self._unlist(app, old.routes if old else ())
        self._knocks.pop(app, None)
        self._facts.pop(app, None)
        self._viewed_at.pop(app, None)
        self.notify(app)

    def get(self, app: AppId) -> RegisteredApp | None:
        """What was last decided for an app."""
        return self._registered.get(app)

    def entries(self) -> Iterator[RegisteredApp]:
        """What was last decided for every app."""
        yield from self._registered.values()

    def notify(self, app: AppId) -> None:
        """Something about the app has changed: whoever waits looks again."""
        news = self._changed.pop(app, None)
        if news:
            news.set()

    def knocked_at(self, app: AppId) -> datetime | None:
        """When somebody last knocked, as far as it is not written down yet."""
        return self._knocks.get(app)

    def clear_knock(self, app: AppId, until: datetime) -> None:
        """The knocks up to then are written down."""
        if app in self._knocks and self._knocks[app] <= until:
            del self._knocks[app]

    def passing_now(self, app: AppId) -> int:
        """How many requests are being passed on to the app."""
        return self._passing[app]

    def waiting(self, app: AppId) -> bool:
        """Whether somebody waits for the app at this moment."""
        return self._waiters[app] > 0

    def is_watched(self, app: AppId) -> bool:
        """Whether somebody has looked at its page lately, or waits for it."""
        looked = self._viewed_at.get(app)
        return self.waiting(app) or (looked is not None and self._clock() - looked < LOOKED_FOR)

    # --- the visitors' side ---

    def find(self, host: str, path: str) -> View | None:
        """See `Apps.find`. A controller may have rewritten the path: on a host of one app any path is its."""
        for name in (*_named(host), ""):
            listed = self._hosts.get(name, [])
            matching = [entry for entry in listed if _matches(entry[0], path)]
            if not matching and len({app for _, app in listed}) == 1:
                matching = listed
            if matching:
                route, app = max(matching, key=_weight)
                return self._view(self._registered[app], route)
        return None

    def serves_host(self, host: str) -> bool:
        """See `Apps.holds`."""
        return any(name in self._hosts for name in _named(host) if name)

    def knock(self, app: AppId) -> None:
        """See `Apps.knock`."""
        news = app not in self._knocks or self._clock() - self._knocks[app] > timedelta(seconds=1)
        self._knocks[app] = self._clock()
        if news:
            self._knocked(app)

    def page_viewed(self, app: AppId) -> None:
        """See `Apps.look`."""
        first = not self.is_watched(app)
        self._viewed_at[app] = self._clock()
        if first:
            self._knocked(app)

    async def wait_for_change(self, app: AppId, within: timedelta) -> None:
        """See `Apps.news`."""
        await self._wait(app, within.total_seconds())

    async def wait_for_address(self, view: View, within: timedelta, *, knocking: bool = False) -> Address | None:
        """See `Apps.way`."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within.total_seconds()
        while True:
            shown = self._registered.get(view.app)
            address = self._pick(view.app, view.backend) if shown and shown.plan.open else None
            left = end - loop.time()
            if address or left <= 0 or not shown:
                return address
            await self._wait(view.app, min(left, KNOCK_AGAIN))
            if knocking:
                self.knock(view.app)

    async def _wait(self, app: AppId, within: float) -> None:
        news = self._changed.setdefault(app, asyncio.Event())
        self._waiters[app] += 1
        try:
            async with asyncio.timeout(within):
                await news.wait()
        except TimeoutError:
            return
        finally:
            self._waiters[app] -= 1

    @contextmanager
    def passing(self, app: AppId) -> Iterator[None]:
        """See `Apps.passing`."""
        self._passing[app] += 1
        try:
            yield
        finally:
            self._passing[app] -= 1
            if not self._passing[app]:
                del self._passing[app]
                self._knocked(app)

    def _view(self, shown: RegisteredApp, route: Route) -> View:
        open_now = shown.plan.open and self._pick(shown.app, route.backend) is not None
        account = self._facts.get(shown.app, PageFacts())
        return View(
            app=shown.app,
            phase=shown.plan.phase,
            title=shown.title,
            backend=route.backend,
            pinned=shown.pinned,
            since=shown.since,
            open=open_now,
            visitors=shown.visitors,
            step=account.progress.step,
            trouble=account.progress.trouble,
            typical=account.typical,
            theme=shown.theme,
            transport=account.transports.get(route.id.ingress, PageTransport()),
        )

    def _unlist(self, app: AppId, routes: tuple[Route, ...]) -> None:
        for host in {route.id.host.lower() for route in routes}:
            left = [entry for entry in self._hosts.get(host, []) if entry[1] != app]
            if left:
                self._hosts[host] = left
            else:
                self._hosts.pop(host, None)


def _targets(routes: tuple[Route, ...]) -> set[tuple[str, Backend]]:
    return {(route.id.ingress, route.backend) for route in routes}


def _named(host: str) -> tuple[str, ...]:
    """How a rule may name it."""
    return (host, "*" + host[host.find(".") :]) if "." in host else (host,)


def _matches(route: Route, path: str) -> bool:
    wanted = route.id.path or "/"
    if route.id.path_type == "Exact":
        return path == wanted
    prefix = wanted.rstrip("/")
    return path == prefix or path.startswith(prefix + "/") or not prefix


def _weight(entry: tuple[Route, AppId]) -> tuple[int, bool]:
    route = entry[0]
    return len(route.id.path), route.id.path_type == "Exact"
