"""waker's own pod: on its node's network waker does not run."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from waker.cluster.client import Api, connect
from waker.demo.cluster import DemoCluster
from waker.demo.faults import Fault, unavailable
from waker.errors import SettingsError
from waker.observe import own_pod
from waker.observe.own_pod import refuse_host_network


@pytest.fixture
async def cluster() -> AsyncIterator[DemoCluster]:
    async with DemoCluster() as cluster:
        yield cluster


@pytest.fixture
async def api(cluster: DemoCluster, tmp_path: Path) -> AsyncIterator[Api]:
    async with connect(str(cluster.kubeconfig(tmp_path / "kubeconfig"))) as api:
        yield api


def run_waker(cluster: DemoCluster, **spec: object) -> None:
    """Its pod, as it stands in the API."""
    meta = {"namespace": "kubesleeper", "name": "waker-1"}
    containers = [{"name": "waker", "image": "waker"}]
    cluster.load([{"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": containers} | spec}])


async def test_on_its_nodes_network_it_is_refused(cluster: DemoCluster, api: Api) -> None:
    run_waker(cluster, hostNetwork=True)
    with pytest.raises(SettingsError, match="kubesleeper/waker-1 has hostNetwork"):
        await refuse_host_network(api, "kubesleeper", "waker-1")


async def test_with_a_network_of_its_own_it_runs(cluster: DemoCluster, api: Api) -> None:
    run_waker(cluster)
    await refuse_host_network(api, "kubesleeper", "waker-1")


async def test_outside_of_a_pod_it_runs(api: Api) -> None:
    await refuse_host_network(api, "kubesleeper", "laptop")


async def test_an_api_server_that_is_away_is_asked_again(
    cluster: DemoCluster, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_pod, "TRY_AGAIN", 0.01)
    run_waker(cluster, hostNetwork=True)
    cluster.api.faults.order(Fault(refusal=unavailable(), verb="get", resource="pods", times=2))
    with pytest.raises(SettingsError):
        await refuse_host_network(api, "kubesleeper", "waker-1")
