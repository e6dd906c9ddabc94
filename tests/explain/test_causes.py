"""What keeps most apps awake, first: groups, their fixes and examples, bounded whatever the number of apps."""

from typing import Any

import pytest

from tests.plan.building import NOW, SHOP, AppBuilder, app, route
from waker.explain.causes import MOST_CAUSES, MOST_EXAMPLES, WIDTH, overview, text
from waker.explain.status import OWN, cause_key, row
from waker.plan.codes import Code


def one(name: str, code: str, why: str, **more: Any) -> dict[str, Any]:
    return {
        "namespace": "prod",
        "name": name,
        "kind": "Deployment",
        "phase": "Awake",
        "replicas": 1,
        "code": code,
        "reason": why,
        "cause": why,
        "causeKey": why,
    } | more


NOT_READ = "Traefik pod edge/t-1 does not answer at 10.0.0.1:9100; let NetworkPolicies admit waker's pods to that port"
IN_USE = "in use: sleeps ... after its last visit"
ROWS = [
    one("quiet", "Asleep", "", phase="Asleep", replicas=0),
    one("used", "InUse", "in use: sleeps 30m after its last visit", causeKey=IN_USE),
    one("used-more", "InUse", "in use: sleeps 2h after its last visit", causeKey=IN_USE),
    *(one(f"blind-{at}", "TrafficUnknown", NOT_READ) for at in range(7)),
    one("pinned", "PinnedAwake", "pinned awake"),
    one("off", "NotEnabled", "not enabled", phase="NotManaged"),
    one("also-pinned", "PinnedAwake", "pinned awake"),
    one("waking", "AwaitingPods", "waiting", phase="Waking"),
    one("empty", "ScaledToZero", "scaled to 0 by its owner", phase="NotManaged", replicas=0),
]
TEXT = """\
15 apps: 1 asleep, 12 awake. What keeps most of them awake, first:

    7  TrafficUnknown: Traefik pod edge/t-1 does not answer at 10.0.0.1:9100
       fix: let NetworkPolicies admit waker's pods to that port
       prod/blind-0, prod/blind-1, prod/blind-2, prod/blind-3, prod/blind-4 and 2 more

    2  InUse: in use: sleeps 30m after its last visit (prod/used)
       fix: nothing, if people use it; if a monitor or crawler asks for it, see ignore-statuses;
            with a shorter idle-after it sleeps sooner after its last visit
       prod/used, prod/used-more

    2  PinnedAwake: pinned awake
       fix: waker auto KIND/NAME -n NAMESPACE
       prod/pinned, prod/also-pinned

    1  NotEnabled: not enabled
       fix: kubectl annotate deployment/off -n prod kubesleeper.io/enabled=true --overwrite
       prod/off"""


def test_the_whole_text() -> None:
    assert text(overview(ROWS)) == TEXT


def test_the_same_as_data() -> None:
    found = overview(ROWS)
    assert (found["apps"], found["awake"], found["asleep"]) == (15, 12, 1)
    assert found["causes"][0] == {
        "code": "TrafficUnknown",
        "cause": "Traefik pod edge/t-1 does not answer at 10.0.0.1:9100",
        "fix": "let NetworkPolicies admit waker's pods to that port",
        "apps": 7,
        "examples": [f"prod/blind-{at}" for at in range(MOST_EXAMPLES)],
    }
    assert found["others"] == {"causes": 0, "apps": 0}


def test_it_is_bounded_and_no_wider_than_a_terminal() -> None:
    rows = [
        one(f"app-{at}-{again}", "CannotSleep", f"cause {at} " + "long " * 40)
        for at in range(500)
        for again in range(2)
    ]
    found = overview(rows)
    assert (len(found["causes"]), found["others"]) == (MOST_CAUSES, {"causes": 480, "apps": 960})
    lines = text(found).splitlines()
    assert lines[-1] == "480 more causes keep 960 apps awake."
    assert max(map(len, lines)) <= WIDTH
    assert text(overview([])) == "0 apps: 0 asleep, 0 awake."
    few = text(overview([one(f"app-{at}", "CannotSleep", f"cause {at}") for at in range(MOST_CAUSES + 1)]))
    assert few.endswith("\n1 more cause keeps 1 app awake.")
    assert text(overview([one("quiet", "Asleep", "", phase="Asleep")])) == "1 app: 1 asleep, 0 awake."


def test_rows_of_an_older_service_and_of_a_hostile_one() -> None:
    old = one("shop\x1b[2J", "InUse", "in use\nFORGED")
    del old["cause"], old["causeKey"]
    found = text(overview([old]))
    assert "in use" in found
    assert "\x1b" not in found
    assert not any(line.startswith("FORGED") for line in found.splitlines())


@pytest.mark.parametrize(
    ("seen", "same"),
    [
        pytest.param(app().visited(minutes=4), f"in use: sleeps {OWN} after its last visit", id="a duration"),
        pytest.param(app().blind("Traefik pod edge/t-1 is gone"), "Traefik pod edge/t-1 is gone", id="no duration"),
        pytest.param(
            app().blind(f"{route().id}: wildcard host of Service shop; name demo, not shop-2"),
            f"{OWN}: wildcard host of Service {OWN}; name {OWN}, not shop-2",
            id="names of its own",
        ),
        pytest.param(
            app().turned_back(3, hours=2),
            "3 times in a row it turned back on its way down though nobody came, the last time because a pod lags: "
            f"tried again at {OWN} UTC, by `waker sleep` at once",
            id="a time",
        ),
        pytest.param(app().problem("Service shop speaks grpc"), f"Service {OWN} speaks grpc", id="a problem"),
        pytest.param(
            app().problem("no Ingress names its Services web, api.v2"),
            f"no Ingress names its Services {OWN}",
            id="objects",
        ),
    ],
)
def test_apps_with_the_same_cause(seen: AppBuilder, same: str) -> None:
    workload, plan = seen.seen.workload, seen.plan()
    assert cause_key(workload, plan, [route()]) == same
    found = row(workload, plan, None, NOW)
    assert OWN not in found["cause"]
    assert (found["name"], found["sleepsIn"], found["sleepsAt"]) == (SHOP.name, "", None)


def test_visits_that_may_have_been_lost_are_the_cause() -> None:
    seen = app().visited(minutes=4)
    lost = "visits may have been lost: Traefik pod t-2 restarted its counters"
    assert seen.plan().code is Code.IN_USE
    assert cause_key(seen.seen.workload, seen.plan(), (), lost) == lost
    pinned = app().pinned("awake")
    assert cause_key(pinned.seen.workload, pinned.plan(), (), lost) == "pinned awake"
