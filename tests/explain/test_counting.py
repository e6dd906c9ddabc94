"""How visits of an app are counted: each spelling that is on a page, each pod by its state, each fix with its class."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.plan.neighbours import workload
from waker.explain.counting import Counting
from waker.observe.observed_app import ObservedApp
from waker.plan.model import Pod
from waker.plan.policy import read_policy
from waker.plan.routes.discovery import Discovery
from waker.settings.configmap import Live
from waker.traffic.controllers import TRAEFIK, Interest, SeriesKey
from waker.traffic.ledger import Scrape, Tally
from waker.traffic.scraped_controller import ScrapedController

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(hours=7)
TYPICAL: SeriesKey = ("prod-shop-80@kubernetes",)
OTHER: SeriesKey = ("prod-shop-http@kubernetes",)
NEVER: SeriesKey = ("prod-shop@kubernetes",)
INTEREST = Interest(TRAEFIK.controller, TYPICAL, (OTHER, NEVER))


def two_pods() -> ScrapedController:
    """One that was read just now, and one that was read last seven hours ago."""
    found = ScrapedController(TRAEFIK, baselined=True)
    found.update(
        [Pod("edge", name, name, f"10.0.0.{at}", True, {}) for at, name in enumerate(("t-1", "t-2"))], LONG_AGO
    )
    keys = frozenset(INTEREST.keys)
    for name, at, tallies in (
        ("t-1", NOW, {TYPICAL: Tally(40), OTHER: Tally(2)}),
        ("t-2", LONG_AGO, {TYPICAL: Tally(5)}),
    ):
        found.ledger.observe(name, Scrape(keys, tallies, proven=True), at)
        found.pods[name].asked_at = found.pods[name].read_at = found.pods[name].counted_at = at
    found.pods["t-2"].problem = "asks for a token (HTTP 401); set controller.CLASS.token-file"
    return found


def counting(controller: ScrapedController) -> Counting:
    shop, live = workload(enabled="true"), Live()
    observed = ObservedApp(shop, read_policy(shop.annotations, live), Discovery((), ()), {}, live)
    return Counting(observed, ((INTEREST, controller),), {"edge": TRAEFIK.controller}, NOW)


def test_each_spelling_that_is_on_a_page_with_its_count() -> None:
    (series,) = counting(two_pods()).series()
    assert series["labels"] == {"service": TYPICAL[0]}
    assert [each["requests"] for each in series["values"]] == [42, 5]
    assert series["spellings"] == [
        {"labels": {"service": TYPICAL[0]}, "requests": 45},
        {"labels": {"service": OTHER[0]}, "requests": 2},
    ]


def test_a_pod_that_cannot_be_read_and_the_setting_for_its_class() -> None:
    found = counting(two_pods())
    assert [each["state"] for each in found.pods()] == ["read", "unread"]
    assert list(found.unread()) == ["Traefik pod edge/t-2 asks for a token (HTTP 401); set controller.edge.token-file"]
    assert list(found.ignored()) == []


def test_a_pod_that_is_ignored_is_named() -> None:
    controller = two_pods()
    controller.ignore_after = timedelta(hours=6)
    found = counting(controller)
    assert [each["state"] for each in found.pods()] == ["read", "ignored"]
    assert list(found.unread()) == []
    (note,) = found.ignored()
    assert note == (
        "Traefik pod edge/t-2 has not been read for 7h and is ignored, as controller.edge.unreadable says: "
        "visits that only it counts are not seen"
    )


def test_whether_its_names_are_proved_is_shown() -> None:
    controller = two_pods()
    assert [each["namesProved"] for each in counting(controller).pods()] == [False, False]
    controller.pods["t-1"].names.given = True
    assert [each["namesProved"] for each in counting(controller).pods()] == [True, False]


@pytest.mark.parametrize("interest", [INTEREST, Interest(TRAEFIK.controller, NEVER)])
def test_who_lists_all_names_has_proved_those_that_are_there(interest: Interest) -> None:
    controller = two_pods()
    controller.adapter = replace(TRAEFIK, lists_all=True)
    found = replace(counting(controller), at=((interest, controller),))
    assert [each["namesProved"] for each in found.pods()] == [interest is INTEREST] * 2
