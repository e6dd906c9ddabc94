"""The ingress controllers' own pods: which there are, and whether they send what they should to waker.

Pods are watched only for controllers that an IngressClass names and that an adapter knows, and count only in the namespace
that `controller_namespaces` chooses: pods elsewhere with the same labels are anybody's, and are reported. Where a pod sends
requests is asked of the pod itself, see `traffic.ownership`; where its answer proves nothing, the controller's known lag
decides.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from waker.cluster import manifests
from waker.cluster.client import Api
from waker.cluster.informer import Informer, Source
from waker.cluster.resources import PODS
from waker.observe.controller_namespaces import ControllerNamespaces
from waker.plan.model import Address, AppId, Pod
from waker.plan.routes.kinds import kind_of
from waker.plan.routes.route import HttpTarget, Route, RouteId
from waker.traffic.controllers import DEFAULT_LAG, Adapter, Interest, Port, Selector
from waker.traffic.ownership import Asked, Owner, OwnershipChecker

log = logging.getLogger(__name__)

MOST_DEPARTED = 100  # one that came and went is as good as many
Discount = Callable[[Pod, Interest], None]


class OwnershipCheck(NamedTuple):
    """One check: of which pod, for which route, at which address, with which request."""

    pod: Pod
    route: Route
    address: Asked
    target: HttpTarget


class Way(NamedTuple):
    """A request that leads from a route's controller to the route's door, through a keeper."""

    route: Route
    target: HttpTarget


class ControllerPods:
    """The pods of all controllers. `discount` hears of checks that an app answered, for they count as its traffic."""

    def __init__(
        self,
        api: Api,
        checker: OwnershipChecker,
        discount: Discount,
        clock: Callable[[], datetime],
        namespaces: ControllerNamespaces,
    ) -> None:
        self._api = api
        self._checker = checker
        self._discount = discount
        self._clock = clock
        self._namespaces = namespaces
        self._adapter = namespaces.adapter
        self._reported: set[str] = set()
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
        inside = self._namespaces.choose(adapter.controller, self._labelled(adapter.controller))
        return [pod for pod in self._labelled(adapter.controller) if pod.namespace in inside]

    def newly_ignored(self, controller: str) -> list[str]:
        """Those sentences of `ignored` that this has never returned. They are logged as well."""
        found = [each for each in self.ignored(controller) if each not in self._reported]
        self._reported.update(found)
        for sentence in found:
            log.warning("%s", sentence)
        return found

    def ignored(self, controller: str) -> list[str]:
        """For each namespace in which pods only have the labels of this controller's pods, a sentence."""
        adapter, inside = self._adapter(controller), self._namespaces.of(controller)
        outside = sorted({pod.namespace for pod in self._labelled(controller)} - inside)
        return [
            f"pods in namespace {each} have the labels of {adapter.title} and are ignored, as its pods are in namespace "
            f"{' and '.join(sorted(inside))}; if that is wrong, set controller.CLASS.namespace"
            for each in outside
            if adapter and inside
        ]

    def _labelled(self, controller: str) -> list[Pod]:
        """The pods with a controller's labels, wherever they are; none before all are known."""
        selectors = self._selectors(controller)
        informers = [self._informers[each] for each in selectors if each in self._informers]
        if not all(each.synced.is_set() for each in informers):
            return []
        return list({pod.uid: pod for informer in informers for pod in informer.values()}.values())

    def _selectors(self, controller: str) -> tuple[Selector, ...]:
        adapter = self._adapter(controller)
        return adapter.selectors if adapter else ()

    def departed(self, adapter: Adapter) -> list[Pod]:
        """The pods that have gone since this was last asked for this controller."""
        known = self._reported_up_to.get(adapter.controller, 0)
        self._reported_up_to[adapter.controller] = self._last
        inside = self._namespaces.of(adapter.controller)
        return [
            pod
            for each in self._selectors(adapter.controller)
            for number, pod in self._departed.get(each, ())
            if number > known and pod.namespace in inside
        ]

    def _on_departure(self, selector: Selector) -> Callable[[Pod | None, Pod | None], None]:
        def moved(old: Pod | None, new: Pod | None) -> None:
            if old and not new and old.address:
                self._last += 1
                self._departed.setdefault(selector, deque(maxlen=MOST_DEPARTED)).append((self._last, old))

        return moved

    async def prime(self, adapter: Adapter, pod: Pod, way: HttpTarget) -> None:
        """Have the pod count something: a request to a keeper."""
        if adapter.proxy:
            await self._checker.check(_asked(pod, adapter, adapter.proxy), way, 0)

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

    def _serving(self, route: Route) -> list[tuple[Pod, Asked]]:
        """The pods that take requests for a route, and where. None for a controller whose pods cannot be asked."""
        adapter = self._adapter(route.controller)
        if not adapter or not adapter.proxy:
            return []
        return [(pod, _asked(pod, adapter, adapter.proxy)) for pod in self.pods(adapter) if pod.ready and pod.address]

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


def _asked(pod: Pod, adapter: Adapter, proxy: Port) -> Asked:
    plain = Address(pod.address, proxy.of(pod))
    return Asked(plain, Address(pod.address, adapter.tls.of(pod)) if adapter.tls else None)
