"""The query, and which pods the series of its answer belong to."""

import json
from pathlib import Path

import pytest

from waker.plan.model import Pod
from waker.traffic.controllers import CONTOUR, INGRESS_NGINX, TRAEFIK, Adapter, SeriesKey
from waker.traffic.targets import (
    SAMPLED,
    PrometheusSample,
    ScrapesByTarget,
    ScrapeTarget,
    own_labels,
    pod_of,
    query_for,
)
from waker.traffic.vector import Element

PAGES = Path(__file__).parent / "pages"
AT = 1_795_533_600.0


def pod(name: str, address: str = "10.0.0.1", uid: str = "") -> Pod:
    return Pod("ingress", name, uid or f"uid-of-{name}", address, ready=True, ports={})


def samples(
    adapter: Adapter, answer: list[Element], *pods: Pod, keys: tuple[SeriesKey, ...] = ()
) -> dict[str, PrometheusSample]:
    by_target = ScrapesByTarget(adapter, frozenset(keys))
    by_target.add(answer)
    return by_target.samples(pods)


def recorded(name: str) -> list[Element]:
    found = json.loads((PAGES / f"prometheus-{name}.json").read_text())["data"]["result"]
    return [Element(each["metric"], float(each["value"][1]), each["value"][0]) for each in found]


def traefik(
    total: float, *, instance: str = "10.0.0.1:9100", age: float = 1, job: str = "t", pod: str = "t-1"
) -> list[Element]:
    labels = {"job": job, "instance": instance} | ({"pod": pod} if pod else {})
    return [
        Element({"__name__": "traefik_service_requests_total", "service": "x@kubernetes", **labels}, total, AT),
        Element({"__name__": "process_start_time_seconds", **labels}, 1000, AT),
        Element({SAMPLED: "yes", **labels}, AT - age, AT),
    ]


def test_one_query_for_all_apps() -> None:
    assert query_for(CONTOUR) == (
        '{__name__=~"envoy_cluster_upstream_rq_total|envoy_cluster_upstream_rq_active"}'
        " or envoy_server_uptime and on (job, instance) envoy_cluster_upstream_rq_total"
        " or label_replace(max by (job, instance, pod) (timestamp(envoy_cluster_upstream_rq_total)),"
        ' "kubesleeper_sampled", "yes", "", "")'
    )


def test_ingress_nginx_with_renamed_labels() -> None:
    key = ("team-a", "shop-web", "shop-web")
    answer = recorded("ingress-nginx")
    assert any("exported_namespace" in each.labels for each in answer)
    (found,) = samples(INGRESS_NGINX, answer, pod("nginx-1", "127.0.0.1"), keys=(key,)).values()
    wanted = sum(each.value for each in answer if each.labels.get("exported_service") == "shop-web")
    assert found.scrape.tallies[key].total == wanted > 0
    assert found.scrape.started == 1795422334.63
    assert 0 < found.age < 1


def test_the_other_spelling_gives_the_same() -> None:
    renamed = recorded("ingress-nginx")
    kept = ("__name__", "job", "instance", "pod")
    honoured = [
        Element(own_labels(each.labels) | {name: each.labels[name] for name in kept if name in each.labels}, *each[1:])
        for each in renamed
    ]
    keys = (("team-a", "shop-web", "shop-web"),)
    one = samples(INGRESS_NGINX, renamed, pod("nginx-1", "127.0.0.1"), keys=keys)
    assert one == samples(INGRESS_NGINX, honoured, pod("nginx-1", "127.0.0.1"), keys=keys)


def test_contour_shows_open_requests() -> None:
    keys = (("projectcontour_contour_8001",), ("team-a_shop-web_80",))
    (found,) = samples(CONTOUR, recorded("contour"), pod("envoy-1", "127.0.0.1"), keys=keys).values()
    assert found.scrape.open == {keys[0]}
    assert found.scrape.started == -14
    assert found.scrape.tallies.keys() == set(keys)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param(ScrapeTarget("j", "10.0.0.1:9100", ""), "t-1", id="by address"),
        pytest.param(ScrapeTarget("j", "[fd00::2]:9100", ""), "t-2", id="by an address of IPv6"),
        pytest.param(ScrapeTarget("j", "10.0.0.1:9100", "t-1"), "t-1", id="by both"),
        pytest.param(ScrapeTarget("j", "10.0.0.1:9100", "t-0"), None, id="its address was another's"),
        pytest.param(ScrapeTarget("j", "node-a", "t-1"), "t-1", id="by name"),
        pytest.param(ScrapeTarget("j", "node-a", "twin"), None, id="two of one name"),
        pytest.param(ScrapeTarget("j", "10.0.0.4:9100", "twin"), "twin", id="two of one name, told apart by address"),
        pytest.param(ScrapeTarget("j", "node-a", ""), None, id="nothing to go by"),
    ],
)  # fmt: skip
def test_whose_target_it_is(target: ScrapeTarget, expected: str | None) -> None:
    pods = [pod("t-1"), pod("t-2", "fd00::2"), pod("twin", "10.0.0.3", "a"), pod("twin", "10.0.0.4", "b")]
    found = pod_of(target, pods)
    assert (found.name if found else None) == expected


def test_of_several_targets_of_a_pod_the_newest_counts_and_nothing_counts_twice() -> None:
    key = ("x@kubernetes",)
    both = [*traefik(5, job="annotations", age=9), *traefik(6, job="monitor", age=2)]
    for answer in (both, both[::-1]):
        (found,) = samples(TRAEFIK, answer, pod("t-1"), keys=(key,)).values()
        assert (found.scrape.tallies[key].total, found.age) == (6, 2)
    (alone,) = samples(TRAEFIK, traefik(6, job="third", age=2), pod("t-1"), keys=(key,)).values()
    assert alone.scrape == found.scrape, "which target it was says nothing about visits"


def test_each_pod_has_its_own() -> None:
    answer = [
        *traefik(5),
        *traefik(7, instance="10.0.0.2:9100", pod="t-2"),
        *traefik(9, instance="10.0.0.9:9100", pod="gone"),
    ]
    found = samples(
        TRAEFIK, answer, pod("t-1"), pod("t-2", "10.0.0.2"), pod("t-3", "10.0.0.3"), keys=(("x@kubernetes",),)
    )
    totals = {uid: each.scrape.tallies[("x@kubernetes",)].total for uid, each in found.items()}
    assert totals == {"uid-of-t-1": 5, "uid-of-t-2": 7}
