"""Whether a controller counts under the names that waker builds is proved by waker's own requests."""

from datetime import timedelta

import pytest

from tests.traffic.fake_controller_pods import AT_TRAEFIK, BLOG_AT_TRAEFIK, SHOP, ScrapeScene, traefik, watched
from waker.traffic.controllers import TRAEFIK, SeriesKey
from waker.traffic.name_proof import ASK_LAST

KEEPER = ("team-a-kubesleeper-waker-20000@kubernetes",)
NEVER_VISITED = "team-a-shop-80@kubernetes"


def page(*counted: SeriesKey, method: str = "HEAD") -> str:
    """A page on which somebody else's series is, and these."""
    lines = [f'traefik_service_requests_total{{method="{method}",service="{key[0]}"}} 1' for key in counted]
    return "\n".join([traefik(blog=1), *lines])


async def rounds(scene: ScrapeScene, count: int) -> str:
    """So many rounds; why its traffic is unknown then."""
    for _ in range(count):
        await scene.round()
    return scene.scraper.traffic(SHOP).unknown


async def test_a_name_that_is_not_proved_is_unknown_until_it_is(scene: ScrapeScene) -> None:
    scene.changes, scene.counted_as = {"names_proven": False}, frozenset({KEEPER})
    pod = scene.add(TRAEFIK, "t-1", page())
    await watched(scene, AT_TRAEFIK)
    assert NEVER_VISITED in scene.scraper.traffic(SHOP).unknown
    scene.change(pod, page(KEEPER))
    assert await rounds(scene, 1) == "", "a HEAD request shows it as well as any"
    assert scene.scraper.traffic(SHOP).visited_at == scene.now
    assert scene.primed == ["t-1"]


async def test_each_pod_has_to_prove_it(scene: ScrapeScene) -> None:
    scene.changes, scene.counted_as = {"names_proven": False}, frozenset({KEEPER})
    scene.add(TRAEFIK, "t-1", page(KEEPER))
    await watched(scene, AT_TRAEFIK)
    assert await rounds(scene, 1) == ""
    second = scene.add(TRAEFIK, "t-2", page())
    assert "t-2" in await rounds(scene, 1)
    scene.change(second, page(KEEPER))
    assert await rounds(scene, 1) == ""


async def test_a_name_that_is_wrong_is_told_whatever_is_thought_of_it(scene: ScrapeScene) -> None:
    scene.counted_as = frozenset({KEEPER})
    scene.add(TRAEFIK, "t-1", page(("some-other-name",)))
    scene.scraper.watch(SHOP, frozenset({AT_TRAEFIK}))
    why = ""
    for _ in range(20):
        why = why or await rounds(scene, 1)
    assert why.startswith("Traefik pod ingress/t-1 does not count waker's own requests as team-a-kubesleeper-waker")


async def test_what_the_keeper_has_not_the_form_of_is_unknown_until_it_is_visited(scene: ScrapeScene) -> None:
    scene.changes = {"names_proven": False, "unproved": lambda key: key == AT_TRAEFIK.key}
    scene.counted_as = frozenset({KEEPER})
    pod = scene.add(TRAEFIK, "t-1", page(KEEPER))
    await watched(scene, AT_TRAEFIK)
    assert "it is not proved yet that it counts under such names" in await rounds(scene, 3)
    scene.change(pod, page(KEEPER, AT_TRAEFIK.key, method="GET"))
    assert await rounds(scene, 1) == ""


BROKEN: SeriesKey = ("aaa-kubesleeper-waker-20000@kubernetes",)  # of a tenant who has taken, or broken, what is his


@pytest.mark.parametrize(
    "tenants",
    [
        pytest.param({"aaa": frozenset({BROKEN})}, id="another Ingress takes its path"),
        pytest.param({"aaa": frozenset[SeriesKey]()}, id="it does not arrive"),
        pytest.param({"aaa": frozenset[SeriesKey](), "bbb": frozenset({BROKEN})}, id="two of them"),
    ],
)
async def test_one_tenants_keeper_decides_nothing_for_the_others(
    scene: ScrapeScene, tenants: dict[str, frozenset[SeriesKey]]
) -> None:
    scene.changes, scene.keepers = {"names_proven": False}, {**tenants, "team-a": frozenset({KEEPER})}
    scene.add(TRAEFIK, "t-1", page(KEEPER))
    await watched(scene, AT_TRAEFIK)
    said = [await rounds(scene, 1) for _ in range(20)]
    assert not any("does not count waker's own requests" in each for each in said)
    assert said[-1] == ""


async def test_names_are_wrong_if_several_namespaces_agree(scene: ScrapeScene) -> None:
    scene.keepers = {"aaa": frozenset({BROKEN}), "team-a": frozenset({KEEPER})}
    scene.add(TRAEFIK, "t-1", page(("some-other-name",)))
    await watched(scene, AT_TRAEFIK)
    said = [await rounds(scene, 1) for _ in range(20)]
    assert "does not count waker's own requests" in said[-1]


async def test_names_are_not_wrong_as_long_as_only_one_of_several_namespaces_says_so(scene: ScrapeScene) -> None:
    scene.keepers = {"aaa": frozenset({BROKEN}), "team-a": frozenset[SeriesKey]()}
    scene.add(TRAEFIK, "t-1", page())
    await watched(scene, AT_TRAEFIK)
    assert await rounds(scene, 60) == ""


async def test_a_name_that_was_counted_needs_no_proof(scene: ScrapeScene) -> None:
    scene.changes, scene.counted_as = {"names_proven": False}, frozenset({KEEPER})
    scene.add(TRAEFIK, "t-1", page(AT_TRAEFIK.key, method="GET"))
    scene.scraper.watch(SHOP, frozenset({AT_TRAEFIK}))
    assert await rounds(scene, 20) == ""


async def test_whom_waker_does_not_reach_through_a_pod_is_asked_more_and_more_seldom(scene: ScrapeScene) -> None:
    scene.add(TRAEFIK, "t-1", traefik(blog=1))
    await watched(scene, BLOG_AT_TRAEFIK)
    hour = int(timedelta(hours=1) / scene.interval)
    await rounds(scene, hour)
    assert hour / 4 > len(scene.primed) >= timedelta(hours=1) / ASK_LAST
    assert scene.scraper.traffic(SHOP).unknown == ""


@pytest.mark.parametrize("listed", [True, False])
async def test_who_lists_all_backends_needs_none(scene: ScrapeScene, listed: bool) -> None:
    scene.changes = {"lists_all": True}
    scene.add(TRAEFIK, "t-1", traefik(shop=0, blog=1) if listed else traefik(blog=1))
    scene.scraper.watch(SHOP, frozenset({AT_TRAEFIK}))
    assert bool(await rounds(scene, 3)) is not listed
    assert scene.primed == []
