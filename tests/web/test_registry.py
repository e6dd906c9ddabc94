"""The apps as visitors meet them: who is asked for, who may pass, who waits, who knocked."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from waker.plan.actions import Plan
from waker.plan.model import Address, AppId, Kind, Phase, Pin, Policy
from waker.plan.page_transport import PageTransport
from waker.plan.progress import Progress, Step, Trouble
from waker.plan.routes.ingress_object import IngressRouteId
from waker.plan.routes.route import Backend, Holder, Route
from waker.web.apps import View
from waker.web.registry import VIEWED_FOR, AppRegistry, PageFacts

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SHOP, API = (AppId(Kind.DEPLOYMENT, "demo", name) for name in ("shop", "api"))
ASLEEP = Plan(Phase.ASLEEP, "asleep until visited")
WAKING = Plan(Phase.WAKING, "visited")
RISING = Plan(Phase.RESTORING_ROUTES, "ready", open=True)
AWAKE = Plan(Phase.AWAKE, "in use", open=True)
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
        found = self.registry.find("shop.example.org", "/")
        assert found
        return found


@pytest.fixture
def scene() -> RegistryScene:
    return RegistryScene()


# --- who is asked for -------------------------------------------------------------------------------------------------

PATHS = [
    route("root"),
    route("cart", path="/cart"),
    route("exact", path="/cart", path_type="Exact"),
    route("deep", path="/cart/old/"),
    route("free", path="/free", path_type="ImplementationSpecific"),
    route("wild", host="*.example.org"),
    route("anyhost", host="", path="/any"),
    route("default", host="", path="", path_type=""),
    route("upper", host="UPPER.example.org"),
]


@pytest.mark.parametrize(
    ("host", "path", "service"),
    [
        pytest.param("shop.example.org", "/", "root", id="its root"),
        pytest.param("shop.example.org", "/elsewhere", "root", id="a prefix of everything"),
        pytest.param("shop.example.org", "/cart", "exact", id="exact before prefix"),
        pytest.param("shop.example.org", "/cart/", "cart", id="a prefix with its slash"),
        pytest.param("shop.example.org", "/cart/1", "cart", id="the longer prefix"),
        pytest.param("shop.example.org", "/cartoon", "root", id="a prefix ends at a slash"),
        pytest.param("shop.example.org", "/cart/old", "deep", id="a prefix that is written with a slash"),
        pytest.param("shop.example.org", "/free/1", "free", id="as the controller likes: like a prefix"),
        pytest.param("other.example.org", "/", "wild", id="a wildcard host"),
        pytest.param("a.b.example.org", "/", "default", id="a wildcard is one label"),
        pytest.param("example.org", "/", "default", id="a wildcard is not its parent"),
        pytest.param("elsewhere.example.com", "/any/1", "anyhost", id="any host, a path"),
        pytest.param("elsewhere.example.com", "/", "default", id="the default backend"),
        pytest.param("localhost", "/", "default", id="a host without a dot"),
        pytest.param("upper.example.org", "/", "upper", id="hosts have no case"),
    ],
)
def test_find(scene: RegistryScene, host: str, path: str, service: str) -> None:
    for place, each in enumerate(PATHS):
        scene.show(ASLEEP, each, app=SHOP._replace(name=f"app-{place}"))
    found = scene.registry.find(host, path)
    assert found
    assert found.backend.service == service


@pytest.mark.parametrize(
    ("host", "held"),
    [
        pytest.param("shop.example.org", True, id="by name"),
        pytest.param("upper.example.org", True, id="hosts have no case"),
        pytest.param("other.example.org", True, id="a wildcard"),
        pytest.param("a.b.example.org", False, id="a wildcard is one label"),
        pytest.param("elsewhere.example.com", False, id="a rule for any host holds none"),
        pytest.param("localhost", False, id="a host without a dot"),
        pytest.param("", False, id="no host"),
    ],
)
def test_holds(scene: RegistryScene, host: str, *, held: bool) -> None:
    for place, each in enumerate(PATHS):
        scene.show(ASLEEP, each, app=SHOP._replace(name=f"app-{place}"))
    assert scene.registry.serves_host(host) is held


def test_a_strange_path_on_a_host_of_one_app_is_its(scene: RegistryScene) -> None:
    """The controller may have rewritten it."""
    scene.show(ASLEEP, route("shop", path="/shop"))
    assert scene.registry.find("shop.example.org", "/rewritten")
    scene.show(ASLEEP, route("api", path="/api"), app=API)
    assert scene.registry.find("shop.example.org", "/rewritten") is None, "now it may be either's"


def test_nobody_is_found_where_nobody_lives(scene: RegistryScene) -> None:
    scene.show(ASLEEP)
    assert scene.registry.find("elsewhere.example.com", "/") is None


def test_who_is_dropped_or_has_moved_is_not_found(scene: RegistryScene) -> None:
    scene.show(ASLEEP)
    scene.show(ASLEEP, route("shop", host="new.example.org"))
    assert scene.registry.find("shop.example.org", "/") is None
    assert scene.registry.find("new.example.org", "/")
    scene.registry.remove(SHOP)
    assert scene.registry.find("new.example.org", "/") is None
    assert list(scene.registry.entries()) == []


def test_a_neighbour_on_the_same_host_is_not_dropped_with_it(scene: RegistryScene) -> None:
    scene.show(ASLEEP)
    scene.show(ASLEEP, route("api", path="/api"), app=API)
    scene.registry.remove(SHOP)
    found = scene.registry.find("shop.example.org", "/api")
    assert found
    assert found.app == API


def test_a_view_says_what_a_page_needs(scene: RegistryScene) -> None:
    scene.show(ASLEEP, policy=replace(POLICY, title="The shop", pin=Pin.ASLEEP))
    view = scene.view()
    assert (view.app, view.phase, view.title, view.pinned, view.open) == (SHOP, Phase.ASLEEP, "The shop", True, False)
    scene.show(Plan(Phase.STUCK, "look at its pods"), policy=None)
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
    for _ in range(1000):
        scene.registry.knock(SHOP)
        scene.now += timedelta(milliseconds=0.9)
    assert scene.knocked == [SHOP]
    assert scene.registry.knocked_at(SHOP) == scene.now - timedelta(milliseconds=0.9), "but the last one is remembered"


def test_a_knock_after_a_while_is_news_again(scene: RegistryScene) -> None:
    scene.registry.knock(SHOP)
    scene.now += timedelta(seconds=1.1)
    scene.registry.knock(SHOP)
    assert scene.knocked == [SHOP, SHOP]


def test_a_knock_is_there_until_it_is_taken(scene: RegistryScene) -> None:
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
