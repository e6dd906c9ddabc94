"""Whether controllers follow: what they answer for a route, what at a newer path, and when only their lag is left."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from waker.observe.following import Following, Way, WayIn
from waker.plan.model import Address, AppId, Kind, Pod
from waker.plan.routes.ingress_object import IngressRouteId
from waker.plan.routes.route import Backend, Holder, HttpTarget, Route, RouteId
from waker.traffic.controllers import CILIUM, CONTOUR, INGRESS_NGINX, Adapter, Interest
from waker.traffic.ownership import Asked, Checked, Owner

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
APP = AppId(Kind.DEPLOYMENT, "demo", "shop")
NEWER = HttpTarget("keeper.invalid", "/newer-1")
LAG = INGRESS_NGINX.lag
ELSEWHERE = (Owner.OTHER, Owner.OTHER_DOOR)


def route(path: str = "/", adapter: Adapter = INGRESS_NGINX, swapped_at: datetime = NOW) -> Route:
    id = IngressRouteId("demo", "shop", "shop.example.com", path, "Prefix")
    return Route(id, Backend("shop", 80), Holder.WAKER, adapter.controller, 1, swapped_at, 20_000, 20_000)


def exact_route() -> Route:
    found = route()
    return replace(found, id=IngressRouteId("demo", "shop", "shop.example.com", "/", "Exact"))


@dataclass
class Controllers:
    """Stands for controllers and their pods: it knows which there are, and what each answers."""

    known: tuple[Adapter, ...] = (INGRESS_NGINX, CONTOUR, CILIUM)
    count: int = 1
    answers: dict[tuple[str, str], Owner] = field(default_factory=dict)  # by the address of the pod and the path
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    discounted: list[tuple[str, str]] = field(default_factory=list)  # pod and controller, for each request
    now: datetime = NOW
    networks: dict[str, str] = field(default_factory=dict)  # by the name of the adapter

    def __post_init__(self) -> None:
        self.following = Following(self, self, self._asking, lambda: self.now)  # type: ignore[arg-type]

    def adapters(self, name: str) -> list[Adapter]:
        return [each for each in self.known if each.controller in name.split("+")]

    def pods(self, adapter: Adapter) -> list[Pod]:
        network = self.networks.get(adapter.name, "10.0.0")
        return [
            Pod("edge", f"{adapter.name}-{i}", f"{adapter.name}-{i}", f"{network}.{i}", True, {})
            for i in range(self.count)
        ]

    async def check(self, pod: Asked, target: HttpTarget, door: int) -> Checked:
        self.asked.append((pod.plain.host, target.path, door))
        owner = self.answers.get((pod.plain.host, target.path), Owner.UNCLEAR)
        return Checked(owner, int(owner not in (Owner.WAKER, Owner.OTHER_DOOR)))

    @contextmanager
    def _asking(self, pod: Pod, _: Sequence[Interest]) -> Iterator[Callable[[Interest, int], None]]:
        yield lambda each, count: self.discounted.extend([(pod.name, each.controller)] * count)

    def answer(self, path: str, *owners: Owner) -> None:
        """One for each pod."""
        self.count = len(owners)
        self.answers |= {(f"10.0.0.{i}", path): owner for i, owner in enumerate(owners)}

    async def followed(self, *routes: Route, newer: bool = True) -> datetime | None:
        interests = {each.id: (Interest(each.controller, ("key",)),) for each in routes}
        ways: dict[RouteId, Way] = {each.id: Way(routes[0], NEWER) for each in routes}
        return await self.following.followed_since(APP, routes, interests, ways if newer else None)


@pytest.mark.parametrize("late", [False, True], ids=["within the lag", "after the lag"])
@pytest.mark.parametrize(("owner", "at_newer"), list(product(Owner, Owner)), ids=lambda each: each.name)
async def test_every_answer_and_every_answer_at_the_newer_path(owner: Owner, at_newer: Owner, late: bool) -> None:
    edge = Controllers(now=NOW + LAG if late else NOW + LAG / 2)
    edge.answer("/", owner)
    edge.answer(NEWER.path, at_newer)

    followed = await edge.followed(route())

    inconclusive = owner in (Owner.NO_ROUTE, Owner.UNCLEAR)
    expected = owner is Owner.WAKER or (inconclusive and late and at_newer in (Owner.WAKER, Owner.UNCLEAR))
    assert (followed is not None) is expected
    assert edge.following.needs_newer_path(APP) is (inconclusive and late)
    below = int(owner in ELSEWHERE and late)  # it is asked there, too, and nobody answers
    counted = int(owner not in (Owner.WAKER, Owner.OTHER_DOOR)) + below
    assert len(edge.discounted) == counted, "what an app may have counted"
    said = edge.following.how(APP)
    if not expected or owner is Owner.WAKER:
        assert said == ""
    else:
        assert ("was proved by a newer path" if at_newer is Owner.WAKER else "its usual lag of 5s") in said
        assert "ingress-nginx" in said


@pytest.mark.parametrize("owners", list(product(Owner, Owner)), ids=lambda pair: "-".join(each.name for each in pair))
async def test_all_pods_have_to_follow(owners: tuple[Owner, Owner]) -> None:
    edge = Controllers(now=NOW + LAG)
    edge.answer("/", *owners)
    edge.answer(NEWER.path, Owner.WAKER, Owner.NO_ROUTE)
    assert (await edge.followed(route()) is not None) is all(each is Owner.WAKER for each in owners)
    edge.answer(NEWER.path, Owner.WAKER, Owner.WAKER)
    assert (await edge.followed(route()) is not None) is not any(each in ELSEWHERE for each in owners)


BELOW = "/kubesleeper-probe"


@pytest.mark.parametrize("late", [False, True], ids=["within the lag", "after the lag"])
@pytest.mark.parametrize("below", list(Owner), ids=lambda each: each.name)
@pytest.mark.parametrize("owner", ELSEWHERE, ids=lambda each: each.name)
async def test_where_somebody_elses_route_takes_its_very_path_it_is_asked_below(
    owner: Owner, below: Owner, late: bool
) -> None:
    """A landing page at exactly `/`, awake or asleep, and an app that has all the rest of the host."""
    edge = Controllers(now=NOW + LAG if late else NOW + LAG / 2)
    edge.answer("/", owner)
    edge.answer(BELOW, below)
    followed = below is Owner.WAKER and late
    counted = [owner, below] if late else [owner]
    assert (await edge.followed(route()) is not None) is followed
    assert ("proved by a request below it" in edge.following.how(APP)) is followed
    assert (BELOW in [path for _, path, _ in edge.asked]) is late, (
        "an app that is not left yet should not be asked oddly"
    )
    assert len(edge.discounted) == sum(each not in (Owner.WAKER, Owner.OTHER_DOOR) for each in counted)
    if not followed:
        sentence = edge.following.unfollowed(APP)
        assert sentence.startswith("pod edge/ingress-nginx-0 ")
        assert ("to another door of waker" in sentence) is (owner is Owner.OTHER_DOOR)
        edge.following.settle(APP)
    assert edge.following.unfollowed(APP) == ""


async def test_a_pod_without_the_newer_path_is_named() -> None:
    edge = Controllers(now=NOW + LAG)
    edge.answer("/", Owner.UNCLEAR, Owner.UNCLEAR)
    edge.answer(NEWER.path, Owner.WAKER, Owner.NO_ROUTE)
    assert await edge.followed(route()) is None
    assert edge.following.unfollowed(APP) == "pod edge/ingress-nginx-1 has a configuration of before the move"


async def test_no_path_is_made_up_for_an_expression() -> None:
    edge = Controllers(now=NOW + LAG)
    edge.answer(NEWER.path, Owner.WAKER)
    assert await edge.followed(route("/item/[0-9]+")) == edge.now
    assert [path for _, path, _ in edge.asked] == [NEWER.path]


async def test_without_a_keeper_the_lag_has_to_do() -> None:
    """A quota or a policy forbids to write it."""
    edge = Controllers(now=NOW + LAG)
    assert await edge.followed(route(), newer=False) == edge.now
    assert not edge.following.needs_newer_path(APP)
    assert "could not be proved" in edge.following.how(APP)


@pytest.mark.parametrize(
    ("adapter", "count"),
    [
        pytest.param(CILIUM, 1, id="its pods take no requests at their own address"),
        pytest.param(INGRESS_NGINX, 0, id="none is ready"),
        pytest.param(replace(INGRESS_NGINX, controller="unknown"), 1, id="not known"),
    ],
)
async def test_where_nobody_can_be_asked_the_lag_has_to_do(adapter: Adapter, count: int) -> None:
    edge = Controllers(count=count)
    assert await edge.followed(route(adapter=adapter)) is None
    edge.now = NOW + timedelta(seconds=10)
    assert await edge.followed(route(adapter=adapter)) == edge.now
    assert edge.asked == []


async def test_envoy_takes_the_routes_of_another_port_a_moment_later() -> None:
    """So a newer path proves less there than an answer of the route itself."""
    edge = Controllers(now=NOW + timedelta(seconds=1))
    edge.answer("/", Owner.NO_ROUTE)
    edge.answer(NEWER.path, Owner.WAKER)
    assert await edge.followed(route(adapter=CONTOUR)) == edge.now + timedelta(seconds=1)
    edge.answer("/", Owner.WAKER)
    again = route(adapter=CONTOUR, swapped_at=NOW + timedelta(seconds=1))
    assert await edge.followed(again) == edge.now


async def test_since_when_is_of_one_move_and_of_an_unbroken_following() -> None:
    edge = Controllers()
    edge.answer("/", Owner.WAKER)
    assert await edge.followed(route()) == NOW
    edge.now += timedelta(seconds=1)
    assert await edge.followed(route()) == NOW
    edge.answer("/", Owner.OTHER)
    assert await edge.followed(route()) is None
    edge.answer("/", Owner.WAKER)
    assert await edge.followed(route()) == edge.now
    edge.now += timedelta(seconds=1)
    assert await edge.followed(route(swapped_at=edge.now)) == edge.now, "another move"


async def test_the_keepers_get_the_newer_paths_that_are_asked_for_now() -> None:
    edge = Controllers(now=NOW + LAG)
    edge.answer("/", Owner.UNCLEAR)
    edge.answer(NEWER.path, Owner.WAKER)
    await edge.followed(route())
    assert edge.following.newer_paths("demo") == {NEWER: 20_000}
    assert edge.following.newer_paths("other") == {}
    edge.following.settle(APP)
    assert edge.following.newer_paths("demo") == {}
    assert edge.following.how(APP) != "", "for people, while it sleeps"
    edge.following.forget(APP)
    assert edge.following.how(APP) == ""


@pytest.mark.parametrize("owner", list(Owner), ids=lambda each: each.name)
async def test_the_way_back_is_proved_by_an_answer_of_somebody_else_or_by_the_lag(owner: Owner) -> None:
    edge = Controllers()
    edge.answer("/", owner)
    assert await edge.following.way_back_proved([route()], {}, NOW) is (owner is Owner.OTHER)
    edge.now = NOW + LAG
    edge.answer(BELOW, Owner.WAKER)
    assert await edge.following.way_back_proved([route()], {}, NOW) is (owner not in (Owner.WAKER, Owner.OTHER_DOOR))


@pytest.mark.parametrize("below", list(Owner), ids=lambda each: each.name)
async def test_the_way_back_where_a_sleeping_apps_route_takes_its_very_path(below: Owner) -> None:
    edge = Controllers()
    edge.answer("/", Owner.OTHER_DOOR)
    edge.answer(BELOW, below)
    assert not await edge.following.way_back_proved([route()], {}, NOW)
    edge.now = NOW + LAG
    left = below not in (Owner.WAKER, Owner.OTHER_DOOR)
    assert await edge.following.way_back_proved([route()], {}, NOW) is left
    assert not await edge.following.way_back_proved([exact_route()], {}, NOW), "nothing is below it"


@pytest.mark.parametrize("owner", list(Owner), ids=lambda each: each.name)
async def test_a_way_that_does_not_lead_to_waker_is_named(owner: Owner) -> None:
    edge = Controllers()
    edge.answer(NEWER.path, Owner.WAKER, owner)
    why = await edge.following.unreachable(APP, [Way(route(), NEWER)])
    reached = owner in (Owner.WAKER, Owner.UNCLEAR)
    assert why == ("" if reached else "ingress controller pod edge/ingress-nginx-1 does not reach waker yet")


async def test_who_does_not_reach_waker_is_asked_ever_more_seldom() -> None:
    """A NetworkPolicy may be in between, for ever."""
    edge = Controllers()
    edge.answer(NEWER.path, Owner.NO_ROUTE)
    for _ in range(600):
        assert await edge.following.unreachable(APP, [Way(route(), NEWER)]) != ""
        edge.now += timedelta(seconds=1)
    assert len(edge.asked) < 30
    edge.answer(NEWER.path, Owner.WAKER)
    edge.now += timedelta(seconds=30)
    assert await edge.following.unreachable(APP, [Way(route(), NEWER)]) == ""
    edge.answer(NEWER.path, Owner.NO_ROUTE)
    assert await edge.following.unreachable(APP, [Way(route(), NEWER)]) != "", "asked anew"


def test_the_fake_answers_at_the_ports_that_the_adapter_names() -> None:
    edge = Controllers()
    assert edge.following._serving(route()) == [
        WayIn(
            INGRESS_NGINX.controller,
            edge.pods(INGRESS_NGINX)[0],
            Asked(Address("10.0.0.0", 80), Address("10.0.0.0", 443)),
        )
    ]


BOTH = f"{INGRESS_NGINX.controller}+{CONTOUR.controller}"


@pytest.mark.parametrize("owners", list(product(Owner, Owner)), ids=lambda pair: "-".join(each.name for each in pair))
async def test_all_controllers_of_a_class_have_to_follow(owners: tuple[Owner, Owner]) -> None:
    edge = Controllers(networks={"contour": "10.0.1"}, now=NOW + LAG)
    edge.answers = {("10.0.0.0", "/"): owners[0], ("10.0.1.0", "/"): owners[1]}
    edge.answers |= {("10.0.0.0", NEWER.path): Owner.WAKER, ("10.0.1.0", NEWER.path): Owner.NO_ROUTE}
    swapped = replace(route(), controller=BOTH)
    assert (await edge.followed(swapped) is not None) is (owners == (Owner.WAKER, Owner.WAKER))


async def test_of_two_controllers_the_slower_one_counts() -> None:
    edge = Controllers(networks={"contour": "10.0.1"}, now=NOW + CONTOUR.lag)
    moved = replace(route("/item/[0-9]+"), controller=BOTH)
    assert await edge.followed(moved, newer=False) is None, "the slower one may be late"
    edge.now = NOW + LAG
    assert await edge.followed(moved, newer=False) == edge.now + CONTOUR.spread
    assert "whether ingress-nginx and Contour follows" in edge.following.how(APP)


async def test_a_check_is_discounted_at_the_controller_that_was_asked() -> None:
    edge = Controllers(networks={"contour": "10.0.1"}, now=NOW + LAG)
    edge.answers = {("10.0.0.0", "/"): Owner.UNCLEAR, ("10.0.1.0", "/"): Owner.UNCLEAR}
    moved = replace(route(), controller=BOTH)
    interests = {moved.id: (Interest(INGRESS_NGINX.controller, ("a",)), Interest(CONTOUR.controller, ("b",)))}
    await edge.following.followed_since(APP, [moved], interests, None)
    assert edge.discounted == [("ingress-nginx-0", INGRESS_NGINX.controller), ("contour-0", CONTOUR.controller)]
