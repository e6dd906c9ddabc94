"""Who may reach an app, who waits for it, and who is counted while being forwarded."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.web.test_registry import ASLEEP, NOW, RISING, SHOP, WAKING, RegistryScene, route
from waker.plan.actions import Plan
from waker.plan.codes import Code
from waker.plan.model import Address, AppId, Phase
from waker.plan.routes.route import Backend
from waker.web import registry as registry_module
from waker.web.registered_app import FirstKnock, PageFacts
from waker.web.registry import AppRegistry

POD = Address("10.0.0.1", 8080)
PODS = (POD, Address("10.0.0.2", 8080), Address("10.0.0.3", 8080))
FRONT, BACK = Backend("shop", "http"), Backend("admin", "http")
LONG, SHORT = timedelta(hours=1), timedelta(milliseconds=10)


@pytest.fixture
def scene() -> RegistryScene:
    return RegistryScene()


@pytest.mark.parametrize(
    ("plan", "pods", "may"),
    [
        pytest.param(RISING, True, True, id="open, and a ready pod"),
        pytest.param(RISING, False, False, id="open, but no ready pod"),
        pytest.param(WAKING, True, False, id="a ready pod that is not to be used yet"),
    ],
)
async def test_the_way_wants_an_open_door_and_a_ready_pod(
    scene: RegistryScene, plan: Plan, pods: bool, may: bool
) -> None:
    scene.pods = {"shop": POD} if pods else {}
    scene.show(plan)
    assert scene.view().open is may
    assert await scene.registry.wait_for_address(scene.view(), SHORT) == (POD if may else None)


def deciding(
    *, exists: Callable[[AppId], bool] = lambda _: True, knocked: Callable[[AppId], None] = lambda _: None
) -> AppRegistry:
    """A registry that has decided nothing yet."""
    return AppRegistry(lambda _app, _backend: None, knocked, lambda: NOW, exists)


async def test_who_comes_before_anything_is_decided_is_first_and_waits_for_that() -> None:
    urgent: list[bool] = []
    registry = deciding(knocked=lambda app: urgent.append(registry.is_wanted(app)))
    waiter = asyncio.create_task(registry.wait_until_decided(SHOP, LONG))
    while not urgent:  # noqa: ASYNC110 - the loop runs on
        await asyncio.sleep(0)
    assert urgent == [True], "somebody waits for the pass that is asked for"
    assert not waiter.done()
    registry.publish(SHOP, ASLEEP, None, (route("shop"),))
    assert await waiter
    assert registry.is_decided(SHOP)
    assert await registry.wait_until_decided(SHOP, LONG), "at once"


@pytest.mark.parametrize(
    ("happens", "known"),
    [
        pytest.param(lambda it: it.fail(SHOP), False, id="waker itself fails at it"),
        pytest.param(lambda it: it.give_up(), False, id="this process ends"),
        pytest.param(lambda it: it.publish(SHOP, ASLEEP, None, ()), True, id="it is decided on"),
    ],
)
async def test_nobody_waits_for_what_does_not_come(happens: Callable[[AppRegistry], None], known: bool) -> None:
    registry = deciding()
    waiter = asyncio.create_task(registry.wait_until_decided(SHOP, LONG))
    await asyncio.sleep(0)
    happens(registry)
    assert await waiter is known
    assert await registry.wait_until_decided(SHOP, LONG) is known, "at once"


async def test_an_app_that_does_not_exist_is_decided_and_a_late_one_is_not() -> None:
    nowhere = deciding(exists=lambda _: False)
    assert nowhere.is_decided(SHOP)
    assert await nowhere.wait_until_decided(SHOP, LONG)
    assert not await deciding().wait_until_decided(SHOP, SHORT)


async def begun(
    scene: RegistryScene, within: timedelta = LONG, *, knocking: bool = False
) -> "asyncio.Task[Address | None]":
    """Somebody who is waiting by now."""
    waiter = asyncio.create_task(scene.registry.wait_for_address(scene.view(), within, knocking=knocking))
    await asyncio.sleep(0)
    assert scene.registry.waiting(SHOP)
    return waiter


def opens(scene: RegistryScene) -> None:
    scene.pods = {"shop": POD}
    scene.show(RISING)


def pod_comes(scene: RegistryScene) -> None:
    scene.pods = {"shop": POD}
    scene.registry.notify(SHOP)


@pytest.mark.parametrize(
    ("before", "news", "end"),
    [
        pytest.param(WAKING, opens, POD, id="the door opens"),
        pytest.param(RISING, pod_comes, POD, id="a pod gets ready"),
        pytest.param(WAKING, lambda scene: scene.registry.remove(SHOP), None, id="the app is gone"),
        pytest.param(WAKING, lambda scene: scene.registry.give_up(), None, id="this process ends"),
    ],
)
async def test_who_waits_is_woken(
    scene: RegistryScene, before: Plan, news: Callable[[RegistryScene], None], end: Address | None
) -> None:
    scene.show(before)
    waiters = [await begun(scene), await begun(scene)]
    news(scene)
    async with asyncio.timeout(5):
        assert await asyncio.gather(*waiters) == [end, end]
    assert not scene.registry.waiting(SHOP)


async def test_who_waits_goes_on_waiting_while_the_door_is_closed(scene: RegistryScene) -> None:
    scene.show(ASLEEP)
    waiter = await begun(scene)
    scene.show(WAKING)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiter.done()
    assert scene.registry.waiting(SHOP)
    opens(scene)
    async with asyncio.timeout(5):
        assert await waiter == POD


async def test_who_waited_long_enough_leaves_nothing_behind(scene: RegistryScene) -> None:
    scene.show(WAKING)
    assert await scene.registry.wait_for_address(scene.view(), SHORT) is None
    assert not scene.registry.waiting(SHOP)


async def test_who_gives_up_waiting_is_not_counted(scene: RegistryScene) -> None:
    scene.show(WAKING)
    waiter = await begun(scene)
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    assert not scene.registry.waiting(SHOP)


async def test_who_waits_knocks_again(scene: RegistryScene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first knock may have been lost on the way down; a poll of the page never was one."""
    monkeypatch.setattr(registry_module, "KNOCK_AGAIN", 0.001)
    scene.show(WAKING)
    waiter = await begun(scene, knocking=True)
    async with asyncio.timeout(5):
        await scene.heard.wait()
    waiter.cancel()
    assert scene.registry.knocked_at(SHOP) == NOW


async def test_a_poll_never_knocks(scene: RegistryScene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_module, "KNOCK_AGAIN", 0.001)
    scene.show(WAKING)
    assert await scene.registry.wait_for_address(scene.view(), SHORT) is None
    assert scene.registry.knocked_at(SHOP) is None


async def test_the_way_is_through_the_door_of_the_moment(scene: RegistryScene) -> None:
    """What a view said when it was made does not count."""
    scene.pods = {"shop": POD}
    scene.show(RISING)
    view = scene.view()
    scene.show(Plan(Phase.FALLING_ASLEEP, Code.MOVING_ROUTES, "idle"))
    assert await scene.registry.wait_for_address(view, SHORT) is None


def test_what_waker_carries_is_known_while_it_lasts_and_after_it(scene: RegistryScene) -> None:
    scene.show(RISING)
    assert (scene.registry.carried_at(SHOP), scene.registry.carried_ago(SHOP)) == (None, None)
    with scene.registry.forwarding(SHOP, FRONT):
        scene.now += timedelta(hours=1)
        assert scene.registry.carried_ago(SHOP) == timedelta()
    ended = scene.now
    scene.now += timedelta(minutes=5)
    assert (scene.registry.carried_at(SHOP), scene.registry.carried_ago(SHOP)) == (ended, timedelta(minutes=5))


def test_the_first_knock_is_the_first_that_is_not_written_down(scene: RegistryScene) -> None:
    scene.show(RISING)
    morning = scene.now
    scene.registry.knock(SHOP, "client")
    scene.now += timedelta(hours=8)
    scene.registry.knock(SHOP, "browser")
    assert scene.registry.first_knock(SHOP) == FirstKnock(morning, "client")
    scene.registry.clear_knock(SHOP, scene.now - timedelta(seconds=1))
    assert scene.registry.first_knock(SHOP) == FirstKnock(scene.now, "browser")
    scene.registry.clear_knock(SHOP, scene.now)
    assert scene.registry.first_knock(SHOP) is None


def test_requests_that_pass_are_counted_and_the_last_one_is_news(scene: RegistryScene) -> None:
    with scene.registry.forwarding(SHOP, FRONT):
        with scene.registry.forwarding(SHOP, FRONT):
            assert scene.registry.forwarding_now(SHOP) == 2
        assert scene.registry.forwarding_now(SHOP) == 1
        assert scene.knocked == []
    assert scene.registry.forwarding_now(SHOP) == 0
    assert scene.knocked == [SHOP], "the reconciler may be waiting for that"


def test_a_request_that_fails_is_not_counted_any_more(scene: RegistryScene) -> None:
    with pytest.raises(ValueError, match="reset"), scene.registry.forwarding(SHOP, FRONT):
        raise ValueError("reset")
    assert scene.registry.forwarding_now(SHOP) == 0


@pytest.mark.parametrize("pods", [1, 2, 3])
@pytest.mark.parametrize("views", [0, 1, 2, 3])
async def test_each_pod_gets_its_part_however_often_the_app_is_looked_at(pods: int, views: int) -> None:
    def pick(app: AppId, backend: Backend) -> Address:
        return PODS[:pods][registry.turn(app, backend) % pods]

    registry = AppRegistry(pick, lambda _: None, lambda: NOW)
    registry.publish(SHOP, RISING, None, (route("shop"), route("admin", path="/admin")))
    got: dict[Backend, Counter[Address | None]] = {FRONT: Counter(), BACK: Counter()}
    for backend in (FRONT, BACK) * 6:
        for _ in range(views):
            registry.view(SHOP, backend)
        view = registry.view(SHOP, backend)
        assert view
        await registry.wait_for_address(view, SHORT)  # a poll of the page
        got[backend][await registry.wait_for_address(view, SHORT)] += 1
        with registry.forwarding(SHOP, backend):
            pass
    assert got == {FRONT: dict.fromkeys(PODS[:pods], 6 // pods), BACK: dict.fromkeys(PODS[:pods], 6 // pods)}


async def test_requests_that_were_held_together_go_to_all_pods() -> None:
    registry = AppRegistry(lambda app, backend: PODS[registry.turn(app, backend) % 3], lambda _: None, lambda: NOW)
    registry.publish(SHOP, WAKING, None, (route("shop"),))
    got: Counter[Address | None] = Counter()

    async def held() -> None:
        view = registry.view(SHOP, FRONT)
        assert view
        got[await registry.wait_for_address(view, LONG)] += 1
        with registry.forwarding(SHOP, FRONT):
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(6):
            tasks.create_task(held())
        await asyncio.sleep(0)
        registry.publish(SHOP, RISING, None, (route("shop"),))
    assert got == dict.fromkeys(PODS, 2)


async def test_nothing_is_kept_of_apps_that_are_gone(scene: RegistryScene) -> None:
    """10,000 namespaces come and go, some while a visitor waits, looks or is forwarded."""
    registry = scene.registry

    def kept() -> dict[str, int]:
        return {name: len(value) for name, value in vars(registry).items() if isinstance(value, dict)}

    before = kept()
    for number in range(10_000):
        app = SHOP._replace(namespace=f"team-{number}")
        scene.show(WAKING, app=app)
        registry.describe(app, PageFacts())
        registry.knock(app)
        registry.page_viewed(app)
        view = registry.view(app, FRONT)
        assert view
        with registry.forwarding(app, FRONT):
            waiter = asyncio.create_task(registry.wait_for_address(view, LONG, knocking=True))
            watcher = asyncio.create_task(registry.wait_for_change(app, LONG))
            await asyncio.sleep(0)
            registry.remove(app)
            registry.page_viewed(app)
            registry.knock(app)
        await asyncio.gather(waiter, watcher)
    assert kept() == before
    assert not any(before.values())
