"""The ingress controllers' own pods: which there are, and whether they send what they should to waker.

Pods are watched only for controllers that an IngressClass names and that an adapter knows. Where a pod sends requests is asked
of the pod itself, see `traffic.ownership`; where its answer proves nothing, the controller's known lag decides.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from waker.cluster import manifests
from waker.cluster.client import Api
from waker.cluster.informer import Informer, Source
from waker.cluster.resources import PODS
from waker.plan.model import Address, AppId, Pod
from waker.plan.routes.kinds import kind_of
from waker.plan.routes.route import HttpTarget, Route, RouteId
from waker.traffic.controllers import DEFAULT_LAG, Adapter, Interest, Port, Selector
from waker.traffic.ownership import Owner, OwnershipChecker

MOST_DEPARTED = 100  # one that came and went is as good as many
Discount = Callable[[Pod, Interest], None]
Adapters = Callable[[str], Adapter | None]


class OwnershipCheck(NamedTuple):
    """One check: of which pod, for which route, at which address, with which request."""

    pod: Pod
    route: Route
    address: Address
    target: HttpTarget


class Way(NamedTuple):
    """A request that leads from a route's controller to the route's door, through a keeper."""

    route: Route
    target: HttpTarget


class ControllerPods:
    """The pods of all controllers. `discount` hears of checks that an app answered, for they count as its traffic.

    `adapter` knows the controllers as the settings want them, by `Route.controller`.
    """

    def __init__(
        self,
        api: Api,
        checker: OwnershipChecker,
        discount: Discount,
        clock: Callable[[], datetime],
        adapter: Adapters,
    ) -> None:
        self._api = api
        self._checker = checker
        self._discount = discount
        self._clock = clock
        self._adapter = adapter
        self._informers: dict[Selector, Informer[Pod]] = {}
        self._departed: dict[Selector, deque[tuple[int, Pod]]] = {}  # numbered
        self._last = 0  # the number of the pod that departed last
        self._reported_up_to: dict[str, int] = {}  # up to which number, by controller: several may have pods in common
        self._followed: dict[AppId, tuple[frozenset[datetime | None], datetime]] = {}

    def watch(self, controllers: Iterable[str], tasks: asyncio.TaskGroup) -> None:
        """Watch the pods of these controllers too, from now on."""
        for adapter in filter(None, map(self._adapter, controllers)):
            for selector in adapter.selectors:
                if selector not in self._informers:
                    path = PODS.collection(selector.namespace) if selector.namespace else PODS.everywhere()
                    source = Source(path, {"labelSelector": selector.labels})
                    reflector = Informer(self._api, source, manifests.pod, self._on_departure(selector), self._clock)
                    self._informers[selector] = reflector
                    tasks.create_task(reflector.run(), name=f"pods {selector}")

    def pods(self, adapter: Adapter) -> Sequence[Pod]:
        """The pods of one controller."""
        reflectors = [self._informers[each] for each in adapter.selectors if each in self._informers]
        return list({pod.uid: pod for reflector in reflectors for pod in reflector.values()}.values())

    def departed(self, adapter: Adapter) -> list[Pod]:
        """The pods that have gone since this was last asked for this controller."""
        known = self._reported_up_to.get(adapter.controller, 0)
        self._reported_up_to[adapter.controller] = self._last
        return [pod for each in adapter.selectors for number, pod in self._departed.get(each, ()) if number > known]

    def _on_departure(self, selector: Selector) -> Callable[[Pod | None, Pod | None], None]:
        def moved(old: Pod | None, new: Pod | None) -> None:
            if old and not new and old.address:
                self._last += 1
                self._departed.setdefault(selector, deque(maxlen=MOST_DEPARTED)).append((self._last, old))

        return moved

    async def prime(self, adapter: Adapter, pod: Pod, way: HttpTarget) -> None:
        """Have the pod count something: a request to a keeper."""
        if adapter.proxy:
            await self._checker.check(_at(pod, adapter.proxy), way, 0)

    async def unreachable(self, ways: Iterable[Way]) -> str:
        """Why some controller pod cannot reach waker's doors through the keepers, "" if all can, or if nobody can know."""
        asked = [
            OwnershipCheck(pod, way.route, address, way.target)
            for way in ways
            for pod, address in self._serving(way.route)
        ]
        answers = await asyncio.gather(*map(self._ask, asked))
        for each, answer in zip(asked, answers, strict=True):
            if answer in (Owner.OTHER, Owner.OTHER_DOOR):
                return f"ingress controller pod {each.pod.namespace}/{each.pod.name} does not reach waker yet"
        return ""

    async def way_back_proved(
        self, routes: Sequence[Route], interests: Mapping[RouteId, Interest], since: datetime
    ) -> bool:
        """Whether no controller pod sends these routes to waker any more. `since`: when they were given back."""
        asked = self._checks(routes)
        answers = await asyncio.gather(*(self._check(each, interests.get(each.route.id)) for each in asked))
        if any(answer in (Owner.WAKER, Owner.OTHER_DOOR) for answer in answers):
            return False
        unclear = {each.route for each, answer in zip(asked, answers, strict=True) if answer is Owner.UNCLEAR}
        silent = unclear | (set(routes) - {each.route for each in asked})
        return all(self._clock() >= since + self._lag(route) for route in silent)

    async def followed_since(
        self, app: AppId, routes: Sequence[Route], interests: Mapping[RouteId, Interest]
    ) -> datetime | None:
        """Since when all controller pods send all these swapped routes to waker; None if some do not, or it is too early.

        `interests`: what the app is counted under, by route.
        """
        swap = frozenset(route.swapped_at for route in routes)
        known = self._followed.get(app)
        asked = self._checks(routes)
        owners: dict[Route, list[Owner]] = {}
        answers = await asyncio.gather(*(self._check(each, interests.get(each.route.id)) for each in asked))
        for each, owner in zip(asked, answers, strict=True):
            owners.setdefault(each.route, []).append(owner)
        if not all(self._has_followed(route, owners.get(route, [])) for route in routes):
            self._followed.pop(app, None)
            return None
        if not known or known[0] != swap:
            self._followed[app] = (swap, self._clock())
        return self._followed[app][1]

    def forget(self, app: AppId) -> None:
        """Nobody needs this app any more."""
        self._followed.pop(app, None)

    async def _check(self, asked: OwnershipCheck, interest: Interest | None) -> Owner:
        """Discounts at once, before a scrape can show the check: other pods may take long to answer."""
        answer = await self._ask(asked)
        if answer is Owner.OTHER and interest:
            self._discount(asked.pod, interest)
        return answer

    async def _ask(self, asked: OwnershipCheck) -> Owner:
        return await self._checker.check(asked.address, asked.target, asked.route.door)

    def _serving(self, route: Route) -> list[tuple[Pod, Address]]:
        """The pods that take requests for a route, and where. None for a controller whose pods cannot be asked."""
        adapter = self._adapter(route.controller)
        if not adapter or not adapter.proxy:
            return []
        return [(pod, _at(pod, adapter.proxy)) for pod in self.pods(adapter) if pod.ready and pod.address]

    def _checks(self, routes: Sequence[Route]) -> list[OwnershipCheck]:
        return [
            OwnershipCheck(pod, route, address, kind_of(route.id).request(route.id))
            for route in routes
            for pod, address in self._serving(route)
        ]

    def _has_followed(self, route: Route, answers: Sequence[Owner]) -> bool:
        if Owner.OTHER in answers or Owner.OTHER_DOOR in answers:
            return False
        if answers and all(answer is Owner.WAKER for answer in answers):
            return True
        return route.swapped_at is not None and self._clock() >= route.swapped_at + self._lag(route)

    def _lag(self, route: Route) -> timedelta:
        adapter = self._adapter(route.controller)
        return adapter.lag if adapter else DEFAULT_LAG


def _at(pod: Pod, port: Port) -> Address:
    return Address(pod.address, port.of(pod))
