"""Whether ingress controllers follow a move of an app's routes: every pod of theirs is asked, none is taken on trust.

    an answer of the door          the pod sends this very route to it
    an answer of somebody else     it does not, or another route takes exactly this path: asked again below it
    no answer that shows it        a login, a rate limit, a path that is an expression: the pod is asked for a *newer path*

A newer path is one of waker's own on the namespace's keeper, written after the move: a pod that serves it has a configuration
at least as new as the move, for controllers read all Ingresses of a namespace in their order. Where not even that shows
anything, the controller's known lag has to do; `how` says so to people. On the way back nothing depends on a moment, as doors
stay open for minutes: there the lag does at once.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import NamedTuple

from waker.observe.controller_pods import ControllerPods
from waker.plan.model import Address, AppId, Pod
from waker.plan.routes.kinds import kind_of
from waker.plan.routes.route import HttpTarget, Route, RouteId
from waker.settings.durations import format_duration
from waker.traffic.controllers import DEFAULT_LAG, Adapter, Interest, Port
from waker.traffic.ownership import Asked, Owner, OwnershipChecker

# Entered while a pod is asked; the function takes what has counted how many of these requests.
Discounting = AbstractContextManager[Callable[[Interest, int], None]]
Asking = Callable[[Pod, Sequence[Interest]], Discounting]
Interests = Mapping[RouteId, Collection[Interest]]  # at each of the controllers that serve a route

REACH_FIRST = timedelta(seconds=1)  # until those who do not reach waker are asked again; doubled each time
REACH_LAST = timedelta(seconds=30)
ELSEWHERE = frozenset({Owner.OTHER, Owner.OTHER_DOOR})
INCONCLUSIVE = frozenset({Owner.NO_ROUTE, Owner.UNCLEAR})
NOT_THERE = frozenset({Owner.OTHER, Owner.OTHER_DOOR, Owner.NO_ROUTE})  # answers where waker's own path should be


class Way(NamedTuple):
    """A request that leads from a route's controller to the route's door, through a keeper."""

    route: Route
    target: HttpTarget


class Answer(NamedTuple):
    """What one controller pod says of one route. Without a pod nobody can be asked. `status`: of HTTP, 0 without an answer."""

    route: Route
    pod: Pod | None
    owner: Owner
    status: int = 0


class WayIn(NamedTuple):
    """A pod of one of the controllers that serve a route, and where it takes requests."""

    controller: str
    pod: Pod
    at: Asked


class Unreachable(NamedTuple):
    """Why an app's controllers do not reach waker, and when they are asked again."""

    why: str
    again_at: datetime
    wait: timedelta


class Following:
    """Asks controller pods where they send requests. `asking` hears of checks that an app may count as its traffic."""

    def __init__(
        self, pods: ControllerPods, checker: OwnershipChecker, asking: Asking, clock: Callable[[], datetime]
    ) -> None:
        self._pods = pods
        self._checker = checker
        self._asking = asking
        self._clock = clock
        self._followed: dict[AppId, tuple[frozenset[datetime | None], datetime]] = {}  # which move, and since when
        self._how: dict[AppId, str] = {}
        self._unfollowed: dict[AppId, str] = {}
        self._unreachable: dict[AppId, Unreachable] = {}
        self._newer: dict[AppId, Mapping[HttpTarget, int]] = {}

    async def prime(self, adapter: Adapter, pod: Pod, way: HttpTarget) -> bool:
        """Have the pod count something: a request to a keeper. Returns whether waker got it, so that it has been counted."""
        if not adapter.proxy:
            return False
        answer = await self._checker.check(_asked(pod, adapter, adapter.proxy), way, 0)
        return answer.owner in (Owner.WAKER, Owner.OTHER_DOOR)

    async def unreachable(self, app: AppId, ways: Iterable[Way]) -> str:
        """Why some controller pod cannot reach waker's doors through the keepers, "" if all can, or if nobody can know.

        What stays so, behind a NetworkPolicy, say, is asked ever more seldom.
        """
        known, now = self._unreachable.get(app), self._clock()
        if known and now < known.again_at:
            return known.why
        for each in await self._ask_ways(ways):
            if each.pod and each.owner in NOT_THERE:
                why = f"ingress controller pod {each.pod.namespace}/{each.pod.name} does not reach waker yet"
                wait = min(known.wait * 2, REACH_LAST) if known else REACH_FIRST
                self._unreachable[app] = Unreachable(why, now + wait, wait)
                return why
        self._unreachable.pop(app, None)
        return ""

    async def way_back_proved(self, routes: Sequence[Route], interests: Interests, since: datetime) -> bool:
        """Whether no controller pod sends these routes to waker any more. `since`: when they were given back."""
        answers = await self._ask_routes(routes, interests)
        silent = {each.route for each in answers if each.owner is not Owner.OTHER}
        if any(each.owner is Owner.WAKER for each in answers) or any(
            self._clock() < since + self._lag(route) for route in silent
        ):
            return False
        other_doors = [each for each in answers if each.owner is Owner.OTHER_DOOR]
        return (await self._ask_below(other_doors, interests)).isdisjoint((Owner.WAKER, Owner.OTHER_DOOR))

    async def followed_since(
        self,
        app: AppId,
        routes: Sequence[Route],
        interests: Interests,
        newer: Mapping[RouteId, Way] | None,
    ) -> datetime | None:
        """Since when all controller pods send all these swapped routes to waker; None if some do not, or it is too early.

        `interests`: what the app is counted under, by route. `newer`: for each route the request to its newer path; None if
        no keeper can be written now.
        """
        self._unfollowed.pop(app, None)
        how = await self._how_followed(app, routes, interests, newer)
        if how is None:
            self._followed.pop(app, None)
            return None
        move = frozenset(route.swapped_at for route in routes)
        known = self._followed.get(app)
        if not known or known[0] != move:
            # Of one configuration some proxies take the routes of one port up to a moment later than those of another.
            spread = max(map(self._spread, routes), default=timedelta()) if how else timedelta()
            self._followed[app] = known = (move, self._clock() + spread)
            self._how[app] = how
        return known[1]

    def newer_paths(self, namespace: str) -> dict[HttpTarget, int]:
        """The newer paths that the keepers of a namespace should have now, and the doors to which they lead."""
        return {
            target: door
            for app, each in self._newer.items()
            if app.namespace == namespace
            for target, door in each.items()
        }

    def needs_newer_path(self, app: AppId) -> bool:
        """Whether the answers of controllers do not show where they send this app's routes."""
        return app in self._newer

    def how(self, app: AppId) -> str:
        """A sentence: how it was found out that the last move was followed; "" if the routes' own answers showed it."""
        return self._how.get(app, "")

    def unfollowed(self, app: AppId) -> str:
        """A sentence: what showed that some controller pod does not follow its move; "" if nothing did."""
        return self._unfollowed.get(app, "")

    def settle(self, app: AppId) -> None:
        """Nobody needs to ask for this app any more. How its last move was followed stays known, for people."""
        self._followed.pop(app, None)
        self._newer.pop(app, None)
        self._unfollowed.pop(app, None)

    def forget(self, app: AppId) -> None:
        """The app is gone."""
        self.settle(app)
        self._how.pop(app, None)
        self._unreachable.pop(app, None)

    # --- asking ---

    async def _how_followed(
        self,
        app: AppId,
        routes: Sequence[Route],
        interests: Interests,
        newer: Mapping[RouteId, Way] | None,
    ) -> str | None:
        """None: they do not follow yet. "": the routes' own answers show it. Otherwise a sentence."""
        answers = await self._ask_routes(routes, interests)
        elsewhere = [each for each in answers if each.owner in ELSEWHERE]
        if elsewhere:
            late = not any(self._may_be_late(each.route) for each in elsewhere)
            if not late or await self._ask_below(elsewhere, interests) != {Owner.WAKER}:
                self._unfollowed[app] = _answered_elsewhere(elsewhere[0])
                return None
        unclear = list(dict.fromkeys(each.route for each in answers if each.owner in INCONCLUSIVE))
        if not unclear:
            return _followed_below(elsewhere[0]) if elsewhere else ""
        if any(map(self._may_be_late, unclear)):
            return None  # it may only be a little late, and each new path makes some controllers reload
        titles = ", ".join(sorted({self._title(route) for route in unclear}))
        if newer is not None:
            ways = list(dict.fromkeys(newer[route.id] for route in unclear))
            self._newer[app] = {way.target: way.route.door for way in ways}
            found = [each for each in await self._ask_ways(ways) if each.pod]
            older = next((each for each in found if each.owner in NOT_THERE), None)
            if older:
                self._unfollowed[app] = f"{_named(older)} has a configuration of before the move"
                return None
            owners = {each.owner for each in found}
            if owners == {Owner.WAKER}:
                return f"that {titles} follows was proved by a newer path of waker's own, as no answer of the routes shows it"
        lag = format_duration(max(map(self._lag, unclear)))
        return f"whether {titles} follows could not be proved: no answer shows it, so waker relied on its usual lag of {lag}"

    async def _ask_below(self, answers: Sequence[Answer], interests: Interests) -> set[Owner]:
        """Whom these pods have answer below these routes, where somebody else's route takes their very paths."""
        found = set()
        for route, pod, owner, _ in answers:
            target = kind_of(route.id).request_below(route.id)
            way_in = next((each for each in self._serving(route) if pod and each.pod.uid == pod.uid), None)
            if not (target and way_in):
                found.add(owner)
                continue
            found.add((await self._ask_route(route, target, way_in, interests)).owner)
        return found

    async def _ask_routes(self, routes: Sequence[Route], interests: Interests) -> list[Answer]:
        """Each pod for each route; one answer of nobody for a route of which no pod can be asked."""
        asked = [
            (route, target, self._serving(route)) for route in routes if (target := kind_of(route.id).request(route.id))
        ]
        questions = [(route, target, each) for route, target, serving in asked for each in serving]
        found = await asyncio.gather(*(self._ask_route(*each, interests) for each in questions))
        answered = {each.route for each in found}
        return [*found, *(Answer(route, None, Owner.UNCLEAR) for route in routes if route not in answered)]

    async def _ask_route(self, route: Route, target: HttpTarget, way_in: WayIn, interests: Interests) -> Answer:
        """Discounts at once: other pods may take long to answer. A scrape that may show the check waits for that."""
        counting = [each for each in interests.get(route.id, ()) if each.controller == way_in.controller]
        with self._asking(way_in.pod, counting) as discount:
            owner, counted, status = await self._checker.check(way_in.at, target, route.door)
            for each in counting if counted else ():
                discount(each, counted)
        return Answer(route, way_in.pod, owner, status)

    async def _ask_ways(self, ways: Iterable[Way]) -> list[Answer]:
        asked = [(way, each) for way in ways for each in self._serving(way.route)]
        found = await asyncio.gather(*(self._checker.check(each.at, way.target, way.route.door) for way, each in asked))
        return [Answer(way.route, way_in.pod, each.owner) for (way, way_in), each in zip(asked, found, strict=True)]

    def _serving(self, route: Route) -> list[WayIn]:
        """The pods of all its controllers that take requests for a route. None of a controller whose pods cannot be asked."""
        return [
            WayIn(adapter.controller, pod, _asked(pod, adapter, adapter.proxy))
            for adapter in self._pods.adapters(route.controller)
            if adapter.proxy
            for pod in self._pods.pods(adapter)
            if pod.ready and pod.address
        ]

    def _may_be_late(self, route: Route) -> bool:
        """So soon after its move an answer of before says nothing."""
        now = self._clock()
        return now < (route.swapped_at or now) + self._lag(route)

    def _lag(self, route: Route) -> timedelta:
        return max((each.lag for each in self._pods.adapters(route.controller)), default=DEFAULT_LAG)

    def _spread(self, route: Route) -> timedelta:
        return max((each.spread for each in self._pods.adapters(route.controller)), default=timedelta())

    def _title(self, route: Route) -> str:
        return " and ".join(each.title for each in self._pods.adapters(route.controller)) or "the ingress controller"


def _followed_below(answer: Answer) -> str:
    return f"that {answer.route.id} is followed was proved by a request below it, as another route takes that very path"


def _answered_elsewhere(answer: Answer) -> str:
    """What its user may look for: another route that takes the request, a cache, an answer of the controller's own."""
    if answer.owner is Owner.OTHER_DOOR:
        return f"{_named(answer)} sends {answer.route.id} to another door of waker"
    return f"{_named(answer)} has {answer.route.id} answered by somebody else than waker (HTTP {answer.status})"


def _named(answer: Answer) -> str:
    return f"pod {answer.pod.namespace}/{answer.pod.name}" if answer.pod else "a pod"


def _asked(pod: Pod, adapter: Adapter, proxy: Port) -> Asked:
    plain = Address(pod.address, proxy.of(pod))
    return Asked(plain, Address(pod.address, adapter.tls.of(pod)) if adapter.tls else None)
