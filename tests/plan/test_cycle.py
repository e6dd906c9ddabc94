"""Stopped at every step: whatever happens in the middle of a sleep or a wake, nobody loses anything (`stories`)."""

from copy import deepcopy

import pytest

from tests.plan.small_cluster import Json, SmallCluster, paths_of
from tests.plan.stories import APPS, Edit, Story, sleep, sleep_and_wake
from waker import names
from waker.plan.model import Phase

SLEEP = range(1, sleep(Story()).ticks + 1)
CYCLE = range(1, sleep_and_wake(Story()).ticks + 1)


def test_a_cycle_goes_through_all_phases() -> None:
    story = sleep_and_wake(Story())
    assert story.phases["shop"] == [
        Phase.AWAKE, Phase.FALLING_ASLEEP, Phase.ASLEEP, Phase.WAKING, Phase.RESTORING_ROUTES, Phase.AWAKE,
    ]  # fmt: skip
    assert story.phases["api"] == [Phase.AWAKE, Phase.FALLING_ASLEEP, Phase.ASLEEP], "its neighbour sleeps on"
    assert story.cluster.replicas("shop") == 3


def test_after_the_cycle_the_ingresses_are_as_their_user_wrote_them() -> None:
    story = sleep_and_wake(Story())
    story.visits.known = False
    story.cluster.patch("Deployment", "api", {"metadata": {"annotations": {names.ENABLED: "false"}}})
    story.run(lambda: story.phases["api"][-1] is Phase.NOT_MANAGED)
    for name in ("front", "www"):
        now, written = (each["Ingress", name] for each in (story.cluster.objects, story.cluster.written))
        assert now["spec"] == written["spec"]
        assert story.cluster.annotations("Ingress", name) == {}


@pytest.mark.parametrize("tick", SLEEP)
def test_dying_on_the_way_down(tick: int) -> None:
    """It falls asleep all the same, after an idle time of its own."""
    sleep(Story(dies_at=tick))


@pytest.mark.parametrize("tick", CYCLE)
def test_dying_before_or_during_a_wake(tick: int) -> None:
    """The visitor is served all the same, and the app stands as its user wrote it."""
    sleep_and_wake(Story(dies_at=tick))


@pytest.mark.parametrize("tick", SLEEP)
def test_dying_without_a_second_chance_to_see_traffic(tick: int) -> None:
    """Who begins again and cannot read any metrics puts nothing to sleep that was not asleep; nothing is left between."""
    story = Story(dies_at=tick, edited_at=tick)
    story.edit = lambda cluster: setattr(story.visits, "known", False)
    story.run(lambda: story.ticks > tick and all(story.asleep(app) or story.awake(app) for app in APPS))


@pytest.mark.parametrize("tick", CYCLE)
def test_a_visitor_at_any_moment_is_served(tick: int) -> None:
    story = Story(edited_at=tick)
    story.edit = lambda cluster: setattr(story, "waiting", True)
    story.run(lambda: story.ticks > tick and not story.waiting and story.awake("shop"))


def test_a_late_visit_of_an_awake_app_wakes_nobody_later() -> None:
    """A controller that follows late brings it to waker, who passes it on and remembers it."""
    story = Story()
    story.waker.knocks["shop"] = story.cluster.now
    sleep(story)
    assert Phase.WAKING not in story.phases["shop"]


# --- users ------------------------------------------------------------------------------------------------------------


def scale_up(cluster: SmallCluster) -> None:
    """`kubectl scale --replicas=5`"""
    cluster.edit("Deployment", "shop", lambda found: found["spec"].update(replicas=5))


def other_backend(cluster: SmallCluster) -> None:
    """The user points the shop's path on `front` at another Service."""

    def change(found: Json) -> None:
        paths_of(found)[0]["backend"] = {"service": {"name": "other", "port": {"name": "http"}}}

    cluster.edit("Ingress", "front", change)


def other_port(cluster: SmallCluster) -> None:
    """The user writes the port of the shop's Service as a number."""

    def change(found: Json) -> None:
        paths_of(found)[0]["backend"] = {"service": {"name": "shop", "port": {"number": 80}}}

    cluster.edit("Ingress", "front", change)


def apply_manifest(cluster: SmallCluster) -> None:
    """`kubectl apply` of the user's unchanged Ingress: backends go back, our annotation stays."""
    written = cluster.written["Ingress", "front"]["spec"]
    cluster.edit("Ingress", "front", lambda found: found.update(spec=deepcopy(written)))


def apply_deployment(cluster: SmallCluster) -> None:
    """`kubectl apply` of the user's unchanged Deployment: replicas go back, our annotations stay."""
    cluster.edit("Deployment", "shop", lambda found: found["spec"].update(replicas=3))


def edited_in_time(story: Story) -> None:
    """The edit was not the very last thing, and the app is what it says."""
    story.run(lambda: story.ticks > story.edited_at and story.awake("shop"))


EDITS = [scale_up, other_backend, other_port, apply_manifest, apply_deployment]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_a_users_edit_at_any_moment_wins(edit: Edit) -> None:
    """Whatever it meets: in the end both apps sleep or are awake, with what the user wrote last."""
    for tick in CYCLE:
        story = Story(edited_at=tick, edit=edit, tampered=edit in (other_port, apply_manifest))
        edited_in_time(sleep_and_wake(story))


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_an_edit_and_a_death_at_the_same_moment(edit: Edit) -> None:
    for tick in CYCLE[::3]:
        story = Story(edited_at=tick, edit=edit, dies_at=tick, tampered=edit in (other_port, apply_manifest))
        edited_in_time(sleep_and_wake(story))


def test_who_keeps_pointing_a_route_back_is_left_alone_in_the_end() -> None:
    """A tool that owns the Ingress: three times swapped, then the app is woken."""
    story = sleep(Story(tampered=True))
    swaps = 0
    while Phase.WAKING not in story.phases["shop"]:
        story.run(lambda: swapped(story.cluster, "www") or Phase.WAKING in story.phases["shop"])
        swaps += swapped(story.cluster, "www")
        apply_www(story.cluster)
    assert swaps == 3


def swapped(cluster: SmallCluster, name: str) -> bool:
    """Not as its user wrote it."""
    return bool(cluster.objects["Ingress", name]["spec"] != cluster.written["Ingress", name]["spec"])


def apply_www(cluster: SmallCluster) -> None:
    """The tool sees its Ingress changed, and changes it back."""
    written = deepcopy(cluster.written["Ingress", "www"]["spec"])
    cluster.edit("Ingress", "www", lambda found: found.update(spec=deepcopy(written)))
