"""Which namespace a controller's pods are taken from: said, else recorded, else that of the oldest pod."""

import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from waker import names
from waker.cluster.client import Api, connect
from waker.demo.cluster import DemoCluster
from waker.demo.faults import Fault, unavailable
from waker.demo.refusals import ApiRefusal
from waker.observe.controller_namespaces import KEY, ControllerNamespaces, decode
from waker.plan.model import Pod
from waker.settings.configmap import Live
from waker.traffic.controllers import INGRESS_NGINX, TRAEFIK, Adapter
from waker.traffic.controllers.configured import configured_adapter
from waker.traffic.controllers.pod_namespaces import DeclaredNamespaces

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
NAME = TRAEFIK.controller


def pod(namespace: str, days_old: int, name: str = "a") -> Pod:
    """A pod with the controller's labels."""
    return Pod(namespace, name, f"{namespace}-{name}", "10.0.0.1", True, {}, created_at=NOW - timedelta(days=days_old))


OURS, THEIRS = pod("traefik", 30), pod("tenant", 2)


@dataclass
class NamespacesStage:
    """Replicas of waker on one cluster."""

    cluster: DemoCluster
    api: Api
    said: dict[str, frozenset[str]] = field(default_factory=dict)
    claimed: dict[str, frozenset[str]] = field(default_factory=dict)

    def waker(self, *, holder: bool = True) -> ControllerNamespaces:
        """A replica that has just started."""
        return ControllerNamespaces(self.api, "kubesleeper", self.adapter, self.declared, lambda: holder)

    def adapter(self, name: str) -> Adapter | None:
        return configured_adapter(name, Live())

    def declared(self, name: str) -> DeclaredNamespaces:
        nowhere: frozenset[str] = frozenset()
        return DeclaredNamespaces(self.said.get(name, nowhere), self.claimed.get(name, nowhere))

    async def started(self, *, holder: bool = True) -> ControllerNamespaces:
        """A replica that has read the record."""
        found = self.waker(holder=holder)
        await found.sync()
        return found

    def put_record(self, data: dict[str, str]) -> None:
        """The ConfigMap."""
        metadata = {"name": names.ACTIVITY, "namespace": "kubesleeper"}
        self.cluster.load([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}])

    def recorded(self) -> dict[str, str]:
        """What is in the ConfigMap."""
        found = self.cluster.get("ConfigMap", "kubesleeper", names.ACTIVITY) or {}
        return dict(json.loads(found.get("data", {}).get(KEY, "{}")))


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[NamespacesStage]:
    async with DemoCluster() as cluster, connect(str(cluster.kubeconfig(tmp_path / "kubeconfig"))) as api:
        yield NamespacesStage(cluster, api)


async def test_the_oldest_pod_at_first_sight_decides_in_whatever_order_they_are_listed(stage: NamespacesStage) -> None:
    pods = [OURS, THEIRS, pod("tenant", 29), pod("another", 1)]
    for _ in range(10):
        random.shuffle(pods)
        assert (await stage.started()).choose(NAME, pods) == {"traefik"}


async def test_first_sight_is_for_good_and_survives_a_restart(stage: NamespacesStage) -> None:
    stage.put_record({"activity": "{}"})
    first = await stage.started()
    assert first.choose(NAME, []) == frozenset(), "no pod yet"
    assert first.choose(NAME, [OURS]) == {"traefik"}
    await first.sync()
    assert stage.recorded() == {NAME: "traefik"}
    found = stage.cluster.get("ConfigMap", "kubesleeper", names.ACTIVITY) or {}
    assert found["data"]["activity"] == "{}", "the visits beside it stay"
    assert (await stage.started()).choose(NAME, [pod("tenant", 300)]) == {"traefik"}


async def test_settings_and_helm_win_over_the_record(stage: NamespacesStage) -> None:
    stage.put_record({KEY: json.dumps({NAME: "traefik"})})
    stage.said[NAME] = frozenset({"edge"})
    assert (await stage.started()).choose(NAME, [OURS]) == {"edge"}


async def test_a_claim_only_adds_to_what_helm_or_the_record_says(stage: NamespacesStage) -> None:
    """The pods that claim no class are visited as before."""
    stage.put_record({KEY: json.dumps({NAME: "traefik"})})
    special = f"{NAME}@traefik"
    stage.claimed[special] = frozenset({"other"})
    assert stage.waker().choose(special, [OURS]) == frozenset(), "nobody knows yet where the others are"
    found = await stage.started()
    assert found.of(special) == {"traefik", "other"}
    stage.said[special] = frozenset({"helm"})
    assert found.of(special) == {"helm", "other"}


async def test_where_some_claim_a_class_the_oldest_that_does_not_is_chosen_all_the_same(stage: NamespacesStage) -> None:
    special = f"{NAME}@traefik"
    stage.claimed[special] = frozenset({"other"})
    found = await stage.started()
    assert found.choose(special, [OURS, pod("other", 1)]) == {"traefik", "other"}
    assert found.of(special) == {"traefik", "other"}


async def test_who_says_that_it_serves_another_class_is_not_chosen_beside_those_that_claim_it(
    stage: NamespacesStage,
) -> None:
    """It would never follow a move of this class's routes."""
    internal = "k8s.io/internal-ingress-nginx@internal"
    stage.claimed[internal] = frozenset({"internal"})
    other = replace(pod("ingress-nginx", 30), arguments={"controller-class": INGRESS_NGINX.controller})
    found = await stage.started()
    assert found.choose(internal, [other, pod("internal", 1)]) == {"internal"}


async def test_nothing_is_chosen_before_the_record_has_been_read(stage: NamespacesStage) -> None:
    stage.put_record({KEY: json.dumps({NAME: "traefik"})})
    stage.cluster.api.faults.order(Fault(verb="get", times=1, refusal=unavailable()))
    found = await stage.started()
    assert found.choose(NAME, [THEIRS]) == frozenset()
    await found.sync()
    assert found.choose(NAME, [THEIRS]) == {"traefik"}


async def test_without_the_config_map_first_sight_counts_until_the_next_restart(stage: NamespacesStage) -> None:
    found = await stage.started()
    assert found.choose(NAME, [OURS]) == {"traefik"}
    await found.sync()
    assert found.choose(NAME, [OURS, pod("tenant", 300)]) == {"traefik"}


async def test_only_the_holder_of_the_lease_records_and_the_others_follow(stage: NamespacesStage) -> None:
    stage.put_record({})
    other, holder = await stage.started(holder=False), await stage.started()
    assert other.choose(NAME, [THEIRS]) == {"tenant"}, "it has not seen the controller's own pod yet"
    await other.sync()
    assert stage.recorded() == {}
    assert holder.choose(NAME, [OURS, THEIRS]) == {"traefik"}
    await holder.sync()
    await other.sync()
    assert other.of(NAME) == {"traefik"}


async def test_a_record_that_has_changed_meanwhile_is_not_overwritten(stage: NamespacesStage) -> None:
    stage.put_record({})
    found = await stage.started()
    found.choose(NAME, [OURS])
    conflict = ApiRefusal(409, "Conflict", "the object has been modified")
    stage.cluster.api.faults.order(Fault(verb="patch", times=1, refusal=conflict))
    await found.sync()
    assert stage.recorded() == {}
    await found.sync()
    assert stage.recorded() == {NAME: "traefik"}


async def test_the_scrapers_adapter_has_pods_of_that_namespace_only(stage: NamespacesStage) -> None:
    found = await stage.started()
    assert found.scraped_adapter(NAME) is TRAEFIK
    found.choose(NAME, [OURS])
    adapter = found.scraped_adapter(NAME)
    assert adapter
    assert {each.namespace for each in adapter.selectors} == {"traefik"}
    assert found.scraped_adapter("example.org/unknown") is None


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}', '{"a": ""}', "null"])
def test_a_record_that_cannot_be_read_proves_nothing(text: str) -> None:
    assert decode(text) == {}
