"""The apps as the public port sees them: how each stands, which of its doors are open, and who knocked.

Fulfils `web.apps.Apps`. The reconciler publishes what it decided, requests read it without waiting; the only way back is a
knock, a time in memory plus a key in the queue. Requests are forwarded only while the last plan said so, and a plan that
scales down is only carried out after one that ended it: so no request is forwarded to a pod that is about to go.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from waker.plan.actions import Plan
from waker.plan.doors import DoorKey
from waker.plan.model import Address, AppId, PageLook, Phase, Pin, Policy, VisitorPolicy
from waker.plan.page_transport import common_transport
from waker.plan.routes.kinds import kind_of
from waker.plan.routes.route import Backend, Route, is_held
from waker.web.apps import View
from waker.web.knocks import Knocks
from waker.web.open_doors import OpenDoors
from waker.web.registered_app import FirstKnock, PageFacts, RegisteredApp, needs, targets
from waker.web.waiting import Waiting

KNOCK_AGAIN = 2.0  # seconds; for whoever is held, in case the first knock was lost on the way down
VIEWED_FOR = timedelta(seconds=30)  # a page that is still open polls more often than that

PickAddress = Callable[[AppId, Backend], Address | None]


class AppRegistry:
    """All apps. `knocked` is called for an app's first knock, and then once a second until its knocks are cleared.

    `may_exist`: whether there may be such an app, whatever was decided for it.
    """

    def __init__(
        self,
        pick: PickAddress,
        knocked: Callable[[AppId], None],
        clock: Callable[[], datetime],
        may_exist: Callable[[AppId], bool] = lambda app: False,
    ) -> None:
        self._pick = pick
        self._knocked = knocked
        self._clock = clock
        self._may_exist = may_exist
        self._registered: dict[AppId, RegisteredApp] = {}
        self._namespaces: dict[str, dict[AppId, RegisteredApp]] = {}  # the same, by namespace
        self.doors = OpenDoors(clock, self._closing_changed)
        self._needs: dict[str, int] = {}  # by namespace, a number that grows with what its apps need
        self._changes = 0
        self.failed: set[AppId] = set()  # waker itself has failed at them, and nothing is known of them
        self._knocks: dict[AppId, Knocks] = {}
        self._forwarding: Counter[AppId] = Counter()
        self._carried_at: dict[AppId, datetime] = {}  # when the last request ended that was forwarded
        self._turns: dict[AppId, Counter[Backend]] = {}  # how many requests were forwarded, by app
        self._facts: dict[AppId, PageFacts] = {}
        self._viewed_at: dict[AppId, datetime] = {}
        self._waiting = Waiting()

    # --- the reconciler's side ---

    def publish(self, app: AppId, plan: Plan, policy: Policy | None, routes: tuple[Route, ...]) -> bool:
        """What was decided for an app. Wakes whoever waits for it. True if the phase, or where its routes lead, is new."""
        old = self._registered.get(app)
        self.failed.discard(app)
        waking = plan.phase in (Phase.WAKING, Phase.RESTORING_ROUTES, Phase.STUCK)
        since = (old.since if old and old.since else self._clock()) if waking else None
        title = policy.title if policy and policy.title else app.name
        pinned = policy is not None and policy.pin is Pin.ASLEEP and not policy.paused
        visitors = policy.visitors if policy else VisitorPolicy()
        theme = policy.theme if policy else ""
        look = policy.look if policy else PageLook()
        may_sleep = policy is not None and not policy.paused and plan.phase is not Phase.NOT_MANAGED
        now = RegisteredApp(app, plan, title, theme, pinned, since, routes, visitors, look, may_sleep)
        if not old or needs(old) != needs(now):
            self._needs_changed(app)
        self._registered[app] = self._namespaces.setdefault(app.namespace, {})[app] = now
        if not plan.open:
            self._turns.pop(app, None)
        if not old or old.routes != routes:
            self.doors.routes_published(app, old.routes if old else None, routes)
        self.notify(app)
        return not old or old.plan.phase is not plan.phase or targets(old.routes) != targets(routes)

    def describe(self, app: AppId, facts: PageFacts) -> None:
        """What its page says from the next `publish` on."""
        self._facts[app] = facts

    def remove(self, app: AppId) -> None:
        """The app is not waker's business any more."""
        self.failed.discard(app)
        if self._registered.pop(app, None):
            self._needs_changed(app)
            del self._namespaces[app.namespace][app]
            if not self._namespaces[app.namespace]:
                del self._namespaces[app.namespace], self._needs[app.namespace]
        self.doors.forget(app)
        self._knocks.pop(app, None)
        self._facts.pop(app, None)
        self._viewed_at.pop(app, None)
        self._turns.pop(app, None)
        self._carried_at.pop(app, None)
        self.notify(app)

    def get(self, app: AppId) -> RegisteredApp | None:
        """What was last decided for an app."""
        return self._registered.get(app)

    def has_tried_all(self, apps: Iterable[AppId]) -> bool:
        """Whether each of these apps has been decided on once, or waker itself has failed at it: nobody waits for that."""
        return all(app in self._registered or app in self.failed for app in apps)

    def in_namespace(self, namespace: str) -> list[RegisteredApp]:
        """What was last decided for the apps of one namespace."""
        return list(self._namespaces.get(namespace, {}).values())

    def entries(self) -> Iterator[RegisteredApp]:
        """What was last decided for every app."""
        yield from self._registered.values()

    def doors_of(self, each: RegisteredApp, *, paused: bool = False) -> set[DoorKey]:
        """The doors that an app needs: of all its routes while it may sleep, else those that are still open.

        Who pauses KubeSleeper may be about to remove it: then doors go as soon as every controller is known to follow.
        """
        needed = {route.backend for route in each.routes if each.may_sleep or is_held(route)}
        if not paused or self.doors.unproved_since(each.app):
            needed |= self.doors.closing(each.app)
        return {DoorKey(each.app, backend) for backend in needed}

    def wanted_doors(self, *, paused: bool = False) -> set[DoorKey]:
        """The doors that all apps need."""
        return {key for each in self._registered.values() for key in self.doors_of(each, paused=paused)}

    def needs_version(self, namespace: str) -> int:
        """Another number whenever the apps there may need other doors, by themselves or in time, or have other routes."""
        return self._needs.get(namespace, 0)

    def _needs_changed(self, app: AppId) -> None:
        self._changes += 1
        self._needs[app.namespace] = self._changes

    def _closing_changed(self, app: AppId) -> None:
        """A door of an app that may sleep stays whether it is closing or not, unless no route is for it any more."""
        found = self._registered.get(app)
        if found and not (found.may_sleep and self.doors.closing(app) <= {route.backend for route in found.routes}):
            self._needs_changed(app)

    def wants(self, door: DoorKey, *, paused: bool = False) -> bool:
        """Whether this is a door that its app needs."""
        found = self._registered.get(door.app)
        return found is not None and door in self.doors_of(found, paused=paused)

    def notify(self, app: AppId) -> None:
        """Something about the app has changed: whoever waits for that goes on."""
        self._waiting.notify(app)

    def fail(self, app: AppId) -> None:
        """A pass for the app ended by a defect. What was decided before stays."""
        if app not in self._registered:
            self.failed.add(app)
            self.notify(app)

    def knocked_at(self, app: AppId) -> datetime | None:
        """When somebody last knocked, as far as it is not written down yet."""
        knocks = self._knocks.get(app)
        return knocks.last.at if knocks else None

    def first_knock(self, app: AppId) -> FirstKnock | None:
        """The first of the knocks that are not written down yet."""
        knocks = self._knocks.get(app)
        return knocks.first if knocks else None

    def clear_knock(self, app: AppId, until: datetime) -> None:
        """The knocks up to then are written down."""
        if app in self._knocks and self._knocks[app].clear(until):
            del self._knocks[app]

    def forwarding_now(self, app: AppId) -> int:
        """How many requests are being forwarded to the app."""
        return self._forwarding[app]

    def carried_at(self, app: AppId) -> datetime | None:
        """When a request was last on its way through here to the app: now, or when the last one ended."""
        return self._clock() if self._forwarding[app] else self._carried_at.get(app)

    def carried_ago(self, app: AppId) -> timedelta | None:
        """How long ago that was; None if never."""
        at = self.carried_at(app)
        return self._clock() - at if at else None

    def turn(self, app: AppId, backend: Backend) -> int:
        """Whose turn it is: how many requests were forwarded to this backend. Looking at an app takes no turn."""
        return self._turns[app][backend] if app in self._turns else 0

    def waiting(self, app: AppId) -> bool:
        """Whether somebody waits for the app at this moment."""
        return self._waiting.waits(app)

    def give_up(self) -> None:
        """This process ends now: nobody waits any longer, so that everybody still gets an answer."""
        self._waiting.give_up()

    def is_wanted(self, app: AppId) -> bool:
        """Whether somebody waits for the app, or will meet it while it wakes."""
        found = self._registered.get(app)
        waking = found is not None and found.plan.phase in (Phase.WAKING, Phase.RESTORING_ROUTES)
        return waking or app in self._knocks or self.waiting(app)

    def is_watched(self, app: AppId) -> bool:
        """Whether somebody has looked at its page lately, or waits for it."""
        viewed = self._viewed_at.get(app)
        return self.waiting(app) or (viewed is not None and self._clock() - viewed < VIEWED_FOR)

    # --- the public port's side ---

    def view(self, app: AppId, backend: Backend) -> View | None:
        """How an app stands now, as seen at the door of one backend."""
        found = self._registered.get(app)
        return self._view(found, backend) if found else None

    def is_decided(self, app: AppId) -> bool:
        """Whether it is known how an app stands: it has been decided on once, or there is none."""
        return app in self._registered or not self._may_exist(app)

    async def wait_until_decided(self, app: AppId, within: timedelta) -> bool:
        """Have an app decided on before all others. False: not in time, or waker itself has failed at it."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within.total_seconds()
        while not self.is_decided(app):
            left = 0.0 if self._waiting.given_up or app in self.failed else end - loop.time()
            if left <= 0:
                return False
            loop.call_soon(self._knocked, app)  # by then somebody waits for it, which makes its pass an urgent one
            await self._waiting.wait(app, min(left, KNOCK_AGAIN))
        return True

    def is_open(self, app: AppId, backend: Backend) -> bool:
        """Whether the door answers."""
        found = self._registered.get(app)
        return found is not None and self.doors.is_open(app, backend, found.routes)

    def hosts(self, app: AppId) -> frozenset[str]:
        """The hosts of the app's rules, as they are written; "" is any host."""
        found = self._registered.get(app)
        return frozenset(kind_of(route.id).address(route.id).host for route in found.routes) if found else frozenset()

    def knock(self, app: AppId, by: str = "") -> None:
        """Note that somebody wants this app."""
        if app not in self._registered:  # it is gone, and nobody would clear the knock
            return
        knock, knocks = FirstKnock(self._clock(), by), self._knocks.get(app)
        if knocks is None:
            self._knocks[app] = Knocks(knock, knock, knock.at)
        elif not knocks.add(knock):
            return
        self._knocked(app)

    def page_viewed(self, app: AppId) -> None:
        """Note that somebody looks at the waiting page of this app."""
        if app not in self._registered:
            return
        first = not self.is_watched(app)
        self._viewed_at[app] = self._clock()
        if first:
            self._knocked(app)

    async def wait_for_change(self, app: AppId, within: timedelta) -> None:
        """Wait until something about the app has changed, or that long."""
        await self._waiting.wait(app, within.total_seconds())

    async def wait_for_address(self, view: View, within: timedelta, *, knocking: bool = False) -> Address | None:
        """Wait for a pod that may take requests of this route. None: not in time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within.total_seconds()
        while True:
            found = self._registered.get(view.app)
            address = self._pick(view.app, view.backend) if found and found.plan.open else None
            left = 0.0 if self._waiting.given_up else end - loop.time()
            if address or left <= 0 or not found:
                return address
            await self._waiting.wait(view.app, min(left, KNOCK_AGAIN))
            if knocking:
                self.knock(view.app)

    @contextmanager
    def forwarding(self, app: AppId, backend: Backend) -> Iterator[None]:
        """Count one request as being forwarded for as long as the context is open. The next one goes to the next pod."""
        if app in self._registered:
            self._turns.setdefault(app, Counter())[backend] += 1
        self._forwarding[app] += 1
        try:
            yield
        finally:
            self._forwarding[app] -= 1
            if app in self._registered:
                self._carried_at[app] = self._clock()
            if not self._forwarding[app]:
                del self._forwarding[app]
                self._knocked(app)

    def _view(self, found: RegisteredApp, backend: Backend) -> View:
        open_now = found.plan.open and self._pick(found.app, backend) is not None
        facts = self._facts.get(found.app, PageFacts())
        transports = [facts.transports.get(route.id) for route in found.routes if route.backend == backend]
        return View(
            app=found.app,
            phase=found.plan.phase,
            title=found.title,
            backend=backend,
            pinned=found.pinned,
            since=found.since,
            open=open_now,
            visitors=found.visitors,
            step=facts.progress.step,
            trouble=facts.progress.trouble,
            typical=facts.typical,
            theme=found.theme,
            look=found.look,
            has_logo=facts.has_logo,
            reference=facts.reference,
            transport=common_transport(filter(None, transports)),
        )
