"""Which doors answer, and until when: pure memory, a clock that the test sets."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from waker.plan.model import AppId, Kind
from waker.plan.routes.ingress_object import IngressRouteId
from waker.plan.routes.route import Backend, Holder, Route
from waker.web.open_doors import OPEN_AFTER, OpenDoors

SHOP = AppId(Kind.DEPLOYMENT, "demo", "shop")
HTTP, ADMIN = Backend("shop", "http"), Backend("shop", "admin")
AT_APP = Route(IngressRouteId("demo", "front", "shop.example.org", "/", "Prefix"), HTTP, Holder.APP, "")
AT_WAKER = replace(AT_APP, holder=Holder.WAKER)


class DoorScene:
    """Doors, and the time."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 31, 12, tzinfo=UTC)
        self.doors = OpenDoors(lambda: self.now)
        self.routes: tuple[Route, ...] | None = None

    def publish(self, *routes: Route) -> None:
        self.doors.routes_published(SHOP, self.routes, routes)
        self.routes = routes

    def later(self, by: timedelta) -> None:
        self.now += by

    def is_open(self, backend: Backend = HTTP) -> bool:
        return self.doors.is_open(SHOP, backend, self.routes or ())


@pytest.fixture
def scene() -> DoorScene:
    found = DoorScene()
    found.publish(AT_APP)
    found.later(OPEN_AFTER * 2)
    return found


def test_a_door_is_open_for_as_long_as_a_route_leads_there(scene: DoorScene) -> None:
    assert not scene.is_open()
    scene.publish(AT_WAKER)
    scene.later(timedelta(days=9))
    assert scene.is_open()
    assert not scene.is_open(ADMIN)


def test_it_stays_open_until_five_minutes_after_the_way_back_was_proved(scene: DoorScene) -> None:
    scene.publish(AT_WAKER)
    scene.publish(AT_APP)
    assert scene.doors.unproved_since(SHOP) == scene.now
    scene.later(timedelta(hours=1))
    assert scene.is_open(), "a controller may be frozen for an hour"
    scene.doors.way_back_proved(SHOP)
    assert scene.doors.unproved_since(SHOP) is None
    scene.later(OPEN_AFTER)
    assert scene.is_open()
    scene.later(timedelta(seconds=1))
    assert not scene.is_open()


def test_a_new_waker_does_not_know_when_routes_were_given_back(scene: DoorScene) -> None:
    fresh = DoorScene()
    fresh.publish(AT_APP)
    assert fresh.is_open()
    fresh.later(OPEN_AFTER + timedelta(seconds=1))
    assert not fresh.is_open()


def test_an_app_that_falls_asleep_again_before_its_door_has_closed(scene: DoorScene) -> None:
    scene.publish(AT_WAKER)
    scene.publish(AT_APP)
    scene.doors.way_back_proved(SHOP)
    scene.publish(AT_WAKER)
    scene.later(OPEN_AFTER * 2)
    assert scene.is_open()
    scene.publish(AT_APP)
    scene.later(OPEN_AFTER * 2)
    assert scene.is_open(), "this way back is not proved"


def test_a_route_that_was_removed_closes_like_one_that_was_given_back(scene: DoorScene) -> None:
    scene.publish(AT_WAKER, replace(AT_WAKER, backend=ADMIN))
    scene.publish(AT_WAKER)
    assert scene.is_open(ADMIN)
    assert scene.doors.closing(SHOP) == {ADMIN}
    scene.doors.way_back_proved(SHOP)
    scene.later(OPEN_AFTER + timedelta(seconds=1))
    assert not scene.is_open(ADMIN)
    assert scene.is_open(HTTP)


def test_what_the_api_server_shows_opens_a_door_at_once(scene: DoorScene) -> None:
    scene.doors.reopen(SHOP, HTTP)
    assert scene.is_open()
    assert scene.doors.unproved_since(SHOP) == scene.now


def test_an_app_that_is_gone_leaves_nothing_behind(scene: DoorScene) -> None:
    scene.publish(AT_WAKER)
    scene.publish(AT_APP)
    scene.doors.forget(SHOP)
    assert scene.doors.closing(SHOP) == frozenset()
