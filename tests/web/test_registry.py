"""The apps as visitors meet them: who is asked for, who may pass, who waits, who knocked."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from waker.plan.actions import Plan
from waker.plan.codes import Code
from waker.plan.doors import DoorKey
from waker.plan.model import Address, AppId, Kind, Phase, Pin, Policy
from waker.plan.page_transport import PageTransport
from waker.plan.progress import Progress, Step, Trouble
from waker.plan.routes.ingress_object import IngressRouteId
from waker.plan.routes.route import Backend, Holder, Route
from waker.web.apps import View
from waker.web.registered_app import PageFacts
from waker.web.registry import VIEWED_FOR, AppRegistry

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SHOP, API = (AppId(Kind.DEPLOYMENT, "demo", name) for name in ("shop", "api"))
ASLEEP = Plan(Phase.ASLEEP, Code.ASLEEP, "asleep until visited")
WAKING = Plan(Phase.WAKING, Code.AWAITING_PODS, "visited")
RISING = Plan(Phase.RESTORING_ROUTES, Code.RETURNING_ROUTES, "ready", open=True)
AWAKE = Plan(Phase.AWAKE, Code.IN_USE, "in use", open=True)
POLICY = Policy(timedelta(minutes=30), timedelta(minutes=5))


def route(service: str, host: str = "shop.example.org", path: str = "/", path_type: str = "Prefix") -> Route:
    return Route(IngressRouteId("demo", "front", host, path, path_type), Backend(service, "http"), Holder.WAKER, "")


class RegistryScene:
    """A registry with a clock and pods that the test sets."""

    def __init__(self) -> None:
        self.now = NOW
        self.pods: dict[str, Address] = {}
        self.knocked: list[AppId] = []
        self.heard = asyncio.Event()
        self.registry = AppRegistry(lambda app, backend: self.pods.get(backend.service), self.hear, lambda: self.now)

    def hear(self, app: AppId) -> None:
        self.knocked.append(app)
        self.heard.set()

    def show(self, plan: Plan, *routes: Route, app: AppId = SHOP, policy: Policy | None = POLICY) -> bool:
        return self.registry.publish(app, plan, policy, routes or (route("shop"),))

    def view(self) -> View:
        found = self.registry.view(SHOP, Backend("shop", "http"))
        assert found
        return found


@pytest.fixture
def scene() -> RegistryScene:
    return RegistryScene()


def test_an_app_that_is_dropped_is_not_found(scene: RegistryScene) -> None:
    scene.show(ASLEEP)
    assert scene.registry.is_open(SHOP, Backend("shop", "http"))
    scene.registry.remove(SHOP)
    assert not scene.registry.is_open(SHOP, Backend("shop", "http"))
    assert scene.registry.view(SHOP, Backend("shop", "http")) is None
    assert list(scene.registry.entries()) == []


def test_the_apps_of_a_namespace_are_those_that_were_published_last(scene: RegistryScene) -> None:
    elsewhere = SHOP._replace(namespace="other")
    for plan, app in ((ASLEEP, SHOP), (ASLEEP, API), (ASLEEP, elsewhere), (WAKING, SHOP)):
        scene.show(plan, app=app)
    for app in (API, elsewhere, elsewhere):
        scene.registry.remove(app)
    assert [(each.app, each.plan) for each in scene.registry.in_namespace("demo")] == [(SHOP, WAKING)]
    assert scene.registry.in_namespace("other") == []


def test_the_hosts_of_an_app_are_those_of_its_rules_alone(scene: RegistryScene) -> None:
    scene.show(ASLEEP, route("shop"), route("shop", host="*.Example.org"), route("shop", host=""))
    scene.show(ASLEEP, route("api", host="api.example.org"), app=API)
    assert scene.registry.hosts(SHOP) == {"shop.example.org", "*.example.org", ""}
    assert scene.registry.hosts(SHOP._replace(name="unknown")) == frozenset()


def test_each_backend_has_a_door_and_a_view_of_its_own(scene: RegistryScene) -> None:
    scene.show(ASLEEP, route("shop"), route("admin", path="/admin"))
    for service in ("shop", "admin"):
        view = scene.registry.view(SHOP, Backend(service, "http"))
        assert view
        assert view.backend.service == service
    assert scene.registry.wanted_doors() == {DoorKey(SHOP, Backend(each, "http")) for each in ("shop", "admin")}


def test_several_routes_through_one_door_share_what_their_controllers_let_through(scene: RegistryScene) -> None:
    plain, strict = route("shop"), route("shop", host="www.example.org")
    ways = {plain.id: PageTransport(frozenset({503})), strict.id: PageTransport(frozenset({404}), push=False)}
    scene.registry.describe(SHOP, PageFacts(transports=ways))
    scene.show(ASLEEP, plain, strict)
    assert scene.view().transport == PageTransport(frozenset({404, 503}), push=False)


def test_a_view_says_what_a_page_needs(scene: RegistryScene) -> None:
    scene.show(ASLEEP, policy=replace(POLICY, title="The shop", pin=Pin.ASLEEP))
    view = scene.view()
    assert (view.app, view.phase, view.title, view.pinned, view.open) == (SHOP, Phase.ASLEEP, "The shop", True, False)
    scene.show(Plan(Phase.STUCK, Code.NOT_READY_IN_TIME, "look at its pods"), policy=None)
    assert (scene.view().title, scene.view().pinned) == ("shop", False)


def test_a_view_says_how_the_wake_goes_and_not_why(scene: RegistryScene) -> None:
    progress = Progress(Step.SCHEDULED, Trouble.IMAGE, "container web: ErrImagePull: registry.example.org/secret")
    passage = PageTransport(frozenset({503}))
    scene.registry.describe(SHOP, PageFacts(progress, timedelta(seconds=14), {route("shop").id: passage}))
    scene.show(WAKING, policy=replace(POLICY, theme="corporate"))
    view = scene.view()
    assert (view.step, view.trouble, view.typical) == (Step.SCHEDULED, Trouble.IMAGE, timedelta(seconds=14))
    assert (view.theme, view.transport) == ("corporate", passage)
    assert "secret" not in repr(view), "names and messages are for who runs it, not for who visits it"


def test_who_looks_is_known_for_a_while_and_asks_for_a_look_once(scene: RegistryScene) -> None:
    scene.show(WAKING)
    assert not scene.registry.is_watched(SHOP)
    for _ in range(3):
        scene.registry.page_viewed(SHOP)
    assert scene.registry.is_watched(SHOP)
    assert scene.knocked == [SHOP]
    assert scene.registry.knocked_at(SHOP) is None
    scene.now += VIEWED_FOR
    assert not scene.registry.is_watched(SHOP)


def test_a_wake_has_one_beginning(scene: RegistryScene) -> None:
    scene.show(ASLEEP)
    assert scene.view().since is None
    scene.show(WAKING)
    scene.now += timedelta(seconds=5)
    scene.show(RISING)
    assert scene.view().since == NOW
    scene.show(AWAKE)
    assert scene.view().since is None


@pytest.mark.parametrize(
    ("plan", "routes", "new"),
    [
        pytest.param(ASLEEP, [route("shop")], False, id="nothing new"),
        pytest.param(replace(ASLEEP, reason="pinned asleep"), [route("shop")], False, id="a new reason is none"),
        pytest.param(WAKING, [route("shop")], True, id="a new phase"),
        pytest.param(ASLEEP, [route("shop-v2")], True, id="a new backend"),
        pytest.param(ASLEEP, [replace(route("shop"), swaps=2)], False, id="the same backend, swapped again"),
    ],
)
def test_show_tells_whether_it_is_new(scene: RegistryScene, plan: Plan, routes: list[Route], new: bool) -> None:
    assert scene.show(ASLEEP), "the first time it is"
    assert scene.show(plan, *routes) is new


# --- who knocked ------------------------------------------------------------------------------------------------------


def test_a_thousand_knocks_are_as_one(scene: RegistryScene) -> None:
    scene.show(ASLEEP)
    for _ in range(1000):
        scene.registry.knock(SHOP)
        scene.now += timedelta(milliseconds=0.9)
    assert scene.knocked == [SHOP]
    assert scene.registry.knocked_at(SHOP) == scene.now - timedelta(milliseconds=0.9), "but the last one is remembered"


def test_a_knock_after_a_while_is_news_again(scene: RegistryScene) -> None:
    scene.show(ASLEEP)
    scene.registry.knock(SHOP)
    scene.now += timedelta(seconds=1.1)
    scene.registry.knock(SHOP)
    assert scene.knocked == [SHOP, SHOP]


def test_a_crowd_that_never_pauses_is_news_once_a_second(scene: RegistryScene) -> None:
    """The first knock may have come while it was to be ignored."""
    scene.show(ASLEEP)
    for _ in range(30):
        scene.registry.knock(SHOP)
        scene.now += timedelta(seconds=0.1)
    assert scene.knocked == [SHOP] * 3


def test_a_knock_is_there_until_it_is_taken(scene: RegistryScene) -> None:
    scene.show(ASLEEP)
    scene.registry.knock(SHOP)
    scene.registry.clear_knock(SHOP, NOW - timedelta(seconds=1))
    assert scene.registry.knocked_at(SHOP) == NOW, "it came later"
    scene.registry.clear_knock(SHOP, NOW)
    assert scene.registry.knocked_at(SHOP) is None
    scene.registry.knock(SHOP)
    assert scene.knocked == [SHOP, SHOP], "after that the next one is news"


def test_knocks_do_not_outlive_their_app(scene: RegistryScene) -> None:
    scene.show(ASLEEP)
    scene.registry.knock(SHOP)
    scene.registry.remove(SHOP)
    assert scene.registry.knocked_at(SHOP) is None
