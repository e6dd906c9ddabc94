"""All reasons, and the answer: as tables, and against `decide` over the states that a snapshot can be in."""

from itertools import islice
from typing import Any

import pytest

from tests.plan.building import NOW, AppBuilder, ago, app, asleep
from tests.plan.states import described, states
from waker.explain.fixes import IN_PROGRESS
from waker.explain.reasons import KINDS, Case, against, answer
from waker.plan.decide import decide
from waker.plan.model import Phase
from waker.plan.sleep_due import sleep_due
from waker.plan.snapshot import Snapshot
from waker.traffic.watched_apps import Loss, LostVisits


def case(some: AppBuilder, **more: Any) -> Case:
    """As the running service would put it together."""
    return Case(some.seen, some.plan(), **{"enabled": True, "from_service": True} | more)


LOST = "visits may have been lost: Traefik pod t-2 began again, 288 times in 24 h"
WILDCARD = "front: *.example.org/: ingress-nginx does not count requests of a wildcard host; name each host"


@pytest.mark.parametrize(
    ("given", "kinds", "says"),
    [
        pytest.param(
            case(app().visited(minutes=4)),
            ["in-use"],
            "demo/shop is awake: last sign of life 4m ago; it sleeps in 26m if nobody comes (idle-after 30m).",
            id="in use",
        ),
        pytest.param(
            case(app().visited(hours=4).doubted(minutes=1), lost=LostVisits(Loss(ago(minutes=1), LOST), ago(hours=4))),
            ["in-use"],
            f"demo/shop is awake: nobody was seen for 4h, but 1m ago {LOST}; it sleeps in 29m if nobody comes "
            "(idle-after 30m).",
            id="visits may have been lost",
        ),
        pytest.param(
            case(app().visited(minutes=1), lost=LostVisits(Loss(ago(minutes=1), LOST), None)),
            ["in-use"],
            f"demo/shop is awake: nobody was seen since waker has begun to watch it, but 1m ago {LOST}; it sleeps in 29m if "
            "nobody comes (idle-after 30m).",
            id="nobody was ever seen",
        ),
        pytest.param(
            case(app().visited(minutes=4), unseen_since=ago(minutes=4)),
            ["in-use"],
            "demo/shop is awake: nobody has been seen since waker began to watch it 4m ago; it sleeps in 26m if nobody "
            "comes (idle-after 30m).",
            id="nobody has come yet",
        ),
        pytest.param(
            case(app().visited(minutes=4), lost=LostVisits(Loss(ago(minutes=9), LOST), ago(hours=4))),
            ["in-use"],
            "demo/shop is awake: last sign of life 4m ago; it sleeps in 26m if nobody comes (idle-after 30m).",
            id="a later sign of life than what may be lost",
        ),
        pytest.param(
            case(app().pinned("awake").visited(minutes=4)),
            ["pinned", "in-use"],
            "demo/shop is awake: it is pinned awake by kubesleeper.io/state (and 1 more).",
            id="pinned awake, and in use",
        ),
        pytest.param(
            case(app().paused()),
            ["paused"],
            "demo/shop is awake: KubeSleeper is paused: nothing is put to sleep.",
            id="paused",
        ),
        pytest.param(
            case(app().blind(WILDCARD), uncounted=(WILDCARD,)),
            ["not-counted"],
            f"demo/shop is awake: {WILDCARD.partition('; ')[0]}.",
            id="a blind spot",
        ),
        pytest.param(
            case(
                app().blind("Traefik pod t/1 is gone"), unread_pods=("Traefik pod t/1 is gone", "Traefik pod t/2 too")
            ),
            ["not-read", "not-read"],
            "demo/shop is awake: Traefik pod t/1 is gone (and 1 more).",
            id="two pods that cannot be read",
        ),
        pytest.param(
            case(app().unobserved()),
            ["not-observed"],
            "demo/shop is awake: no idle period has begun: it has not been observed yet.",
            id="not observed yet",
        ),
        pytest.param(
            case(app().unreachable("a controller pod does not reach waker yet")),
            ["blocked"],
            "demo/shop is awake: not visited for 3h, but a controller pod does not reach waker yet.",
            id="it should sleep, and cannot yet",
        ),
        pytest.param(
            case(app().turned_back(3, "pod edge/traefik-1 has a configuration of before the move", hours=2)),
            ["turned-back"],
            "demo/shop is awake: 3 times in a row it turned back on its way down though nobody came, the last time because "
            "pod edge/traefik-1 has a configuration of before the move; tried again in 10h.",
            id="it has turned back again and again",
        ),
        pytest.param(
            case(app().turned_back(3, "a pod lags", hours=2).visited(minutes=4)),
            ["turned-back", "in-use"],
            "demo/shop is awake: 3 times in a row it turned back on its way down though nobody came, the last time because "
            "a pod lags; tried again in 10h (and 1 more).",
            id="and it is in use",
        ),
        pytest.param(
            case(app().standby()),
            ["blocked"],
            "demo/shop is falling asleep: not visited for 3h: routes first, pods later.",
            id="another replica puts it to sleep",
        ),
        pytest.param(
            case(app().problem("Service shop speaks grpc").pinned("awake")),
            ["pinned", "discovery"],
            "demo/shop cannot sleep: it is pinned awake by kubesleeper.io/state (and 1 more).",
            id="two reasons",
        ),
        pytest.param(
            case(app(), unreadable=("kubesleeper.io/idle-after: 'soon' is not a duration",), dry_run=True),
            ["annotation", "dry-run"],
            "demo/shop is falling asleep: not visited for 3h: routes first, pods later.",
            id="an annotation that cannot be read, in a dry run",
        ),
        pytest.param(
            case(app(replicas=0)),
            ["no-pods"],
            "demo/shop cannot sleep: it has been scaled to 0 by its owner, not by KubeSleeper.",
            id="scaled to 0 by its owner",
        ),
        pytest.param(case(asleep()), [], "demo/shop has been asleep for 1h: the next visitor wakes it.", id="asleep"),
        pytest.param(
            case(asleep().pinned("asleep")),
            [],
            "demo/shop has been asleep for 1h: it is pinned, so visitors do not wake it.",
            id="pinned asleep",
        ),
        pytest.param(
            case(app(2).saved(2).redirected().wake_requested(seconds=1).unready()),
            ["waking"],
            "demo/shop is waking: waiting until its pods are ready.",
            id="waking",
        ),
        pytest.param(
            case(app(2).saved(2).redirected().wake_requested(hours=1).unready()),
            ["waking"],
            "demo/shop is stuck: not ready 1h after the wake: look at its pods.",
            id="stuck",
        ),
        pytest.param(
            case(app().blind("nobody asked"), from_service=False),
            [],
            "demo/shop is awake; whether it is visited is known to the running service only.",
            id="without the service",
        ),
    ],
)
def test_reasons(given: Case, kinds: list[str], says: str) -> None:
    found = against(given, NOW)
    assert [each["kind"] for each in found] == kinds
    assert answer(given, found, NOW) == says


@pytest.mark.parametrize(
    ("seen", "more", "says"),
    [
        pytest.param(app(), {}, "nothing that is known stands against enabling it.", id="ready for it"),
        pytest.param(
            app().problem("no Ingress names its Service shop"),
            {},
            "if it were, it could not sleep: no Ingress names its Service shop.",
            id="without a route",
        ),
        pytest.param(
            app(),
            {"uncounted": (WILDCARD, "another")},
            f"if it were, it could not sleep: {WILDCARD.partition('; ')[0]} (and 1 more).",
            id="with two blind spots",
        ),
    ],
)
def test_an_app_that_is_not_enabled_is_told_what_would_be(seen: AppBuilder, more: dict[str, Any], says: str) -> None:
    given = Case(seen.seen, seen.not_managed().plan(), enabled=False, from_service=True, **more)
    found = against(given, NOW)
    assert found[0]["kind"] == "not-enabled"
    assert found[0]["fix"] == "kubectl annotate deployment/shop -n demo kubesleeper.io/enabled=true --overwrite"
    assert answer(given, found, NOW) == f"demo/shop is not enabled, so KubeSleeper leaves it alone; {says}"


def as_asked(seen: Snapshot) -> Case:
    unread = (seen.traffic.unknown,) if seen.traffic.unknown else ()
    return Case(seen, decide(seen, NOW), enabled=True, from_service=True, unread_pods=unread)


def test_an_awake_app_has_a_reason_and_an_app_that_is_due_has_none_but_the_moment() -> None:
    some = [each for each in islice(states(), 0, None, 5) if each.policy]
    for seen in some:
        given = as_asked(seen)
        kinds = {each["kind"] for each in against(given, NOW)}
        assert kinds <= KINDS.keys()
        to_do = given.plan.code not in IN_PROGRESS
        without = (
            {"discovery"} if to_do else {"discovery", "waking", "blocked"}
        )  # what stands in an object is its owner's
        assert all(each["fix"] for each in against(given, NOW) if each["kind"] not in without)
        if given.plan.phase in (Phase.AWAKE, Phase.NOT_MANAGED):
            assert kinds, described(seen)
        if seen.workload.replicas and not seen.problems and sleep_due(seen, NOW).due:
            shown = {"discovery"} if seen.unforeseen else set()
            assert kinds <= {"blocked", "waking", "not-read"} | shown, described(seen)
    assert len(some) > 10_000
