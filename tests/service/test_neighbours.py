"""What others put beside an app, or have done to everything at once: it changes nothing for the app and its visitors."""

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from waker import names
from waker.commands.restore import restore_all
from waker.demo import kinds
from waker.demo.kinds import Key
from waker.demo.samples import SAMPLES, manifests

from .scene import MERGE, ServiceScene, scene
from .test_explain import asked

API = replace(SAMPLES["api"], ready_after="20ms")
STRANGER = "127.0.0.2"  # the pods of the demo are all at 127.0.0.1


async def test_a_foreign_slice_of_its_service_sends_nothing_anywhere(tmp_path: Path) -> None:
    """Neither visitors nor waker's own attempts to connect, while the app wakes."""
    connections: list[str] = []

    async def connected(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append("one")
        writer.close()

    server = await asyncio.start_server(connected, STRANGER, 0)
    async with server, scene(tmp_path) as it, it.waker():
        foreign = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": "shop-aaa", "namespace": "default", "labels": {names.SLICE_SERVICE: "shop"}},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": server.sockets[0].getsockname()[1]}],
            "endpoints": [{"addresses": [STRANGER], "conditions": {"ready": True}}],
        }
        await it.put_to_sleep()
        it.cluster.load([foreign])
        page = await it.visit()
        assert page.page
        held = await it.visit(Accept="application/json")
        assert (held.status, held.page) == (200, False)
        assert connections == []


async def test_a_strangers_pod_with_the_labels_of_the_ingress_controller_stops_no_sleep(tmp_path: Path) -> None:
    """Its page cannot be read, and the pod comes and goes; the true controller's pods say all there is to know."""
    async with scene(tmp_path) as it:
        it.configure(idle_after="1s", scrape_interval="1s")
        # Created in the same second as the controller's own pod at the earliest, and later in the alphabet.
        metadata = {"name": "stranger", "namespace": "zoo", "labels": {"app.kubernetes.io/name": "traefik"}}
        spec = {"nodeName": "elsewhere", "containers": [{"name": "web", "image": "web"}]}
        status = {"podIP": STRANGER, "podIPs": [{"ip": STRANGER}]}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}
        it.cluster.load([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "zoo"}}, pod])
        async with it.waker() as running:
            await it.asleep()
            await it.until(lambda: [reason for reason, _ in it.events(names.CONFIG_MAP)] == ["IgnoredPods"])
            notes = (await asked(it, running))["notes"]
    assert any("pods in namespace zoo have the labels of Traefik and are ignored" in each for each in notes)


def refused(it: ServiceScene, name: str) -> bool:
    """Whether its user was told that it cannot sleep."""
    return "CannotSleep" in dict(it.events(name))


async def test_waker_and_an_ingress_controller_stay_awake_though_everything_is_enabled(tmp_path: Path) -> None:
    """As by an admission policy. A dashboard has a Service and an Ingress, as any app has."""
    labels = {
        "shop": {"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller"},
        "blog": {"app.kubernetes.io/name": "waker"},
    }
    namespaces = {"shop": "default", "blog": "kubesleeper"}
    async with scene(tmp_path, API) as it:
        for name, own in labels.items():
            found = manifests(SAMPLES[name], namespaces[name], {names.ENABLED: "true", names.STATE: "asleep"})
            deployment, service, _ = found
            deployment["spec"]["template"]["metadata"]["labels"] = own
            deployment["spec"]["selector"]["matchLabels"] = service["spec"]["selector"] = own
            it.cluster.load(found)
        async with it.waker():
            for name in labels:
                await it.until(partial(refused, it, name))
                found_now = it.cluster.get("Deployment", namespaces[name], name)
                assert found_now
                assert found_now["spec"]["replicas"] == 1
            assert "ingress controller (ingress-nginx)" in dict(it.events("shop"))["CannotSleep"]
            assert "waker itself" in dict(it.events("blog"))["CannotSleep"]


async def test_an_app_with_more_routes_than_waker_moves_stays_as_it_is(tmp_path: Path) -> None:
    async with scene(tmp_path, API) as it:
        found = manifests(SAMPLES["shop"], "default", {names.ENABLED: "true", names.STATE: "asleep"})
        (rule,) = found[2]["spec"]["rules"]
        (entry,) = rule["http"]["paths"]
        rule["http"]["paths"] = [entry | {"path": f"/{number}"} for number in range(501)]
        it.cluster.load(found)
        before = it.ingress("shop")
        async with it.waker() as running:
            await it.until(partial(refused, it, "shop"))
            reasons = (await asked(it, running))["against"]
        assert it.replicas("shop") == 1
        assert it.ingress("shop") == before
    assert [each["text"].partition(",")[0] for each in reasons] == ["more than 500 routes lead to its pods"]


async def test_what_another_installation_manages_is_left_alone_and_reported(tmp_path: Path) -> None:
    """Two of them in one cluster, and both see the same annotation."""
    async with scene(tmp_path) as it:
        labels = {names.MANAGED_BY: names.MANAGER, names.INSTALLATION: "elsewhere"}
        metadata = {"name": names.WAKER_SERVICE, "namespace": "default", "labels": labels}
        theirs = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"ports": [{"port": 20_000}]}}
        it.cluster.load([theirs])
        before = it.wish(), it.cluster.get("Service", "default", names.WAKER_SERVICE)
        async with it.waker() as running:
            await it.until(lambda: "in namespace elsewhere manages" in dict(it.events()).get("CannotSleep", ""))
            it.annotate(names.SLEEP_REQUESTED_AT, "2026-01-31T12:00:00Z")
            await asyncio.sleep(0.3)
            assert (it.wish(), it.cluster.get("Service", "default", names.WAKER_SERVICE)) == before
            explained = running.service.explain("default", "Deployment", "shop")
            assert explained
            assert any("in namespace elsewhere manages" in each for each in explained["notes"])
            said = await restore_all(it.settings(), "5s")
            assert not said.complete
            assert it.cluster.get("Service", "default", names.WAKER_SERVICE) == before[1]
            it.cluster.verbs.remove(kinds.SERVICES, Key("default", names.WAKER_SERVICE))
            await it.until(lambda: "Service" in it.present())
            service = it.cluster.get("Service", "default", names.WAKER_SERVICE)
            assert service
            assert service["metadata"]["labels"][names.INSTALLATION] == "kubesleeper"
            await it.put_to_sleep()


async def test_nonsense_in_an_ingress_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A tenant must not fill the log: passes for its namespace are many."""
    async with scene(tmp_path) as it, it.waker() as running:
        nonsense = {"metadata": {"annotations": {names.SAVED_BACKENDS: '{"routes": [7]}'}}}
        it.cluster.verbs.patch(kinds.INGRESSES, Key("default", "shop"), MERGE, nonsense)
        async with asyncio.timeout(5):
            while not unreadable(caplog):  # noqa: ASYNC110 - a log tells no event
                await asyncio.sleep(0.02)
        for _ in range(5):
            running.service._all_changed()
            await asyncio.sleep(0.05)
        assert len(unreadable(caplog)) == 1


def unreadable(caplog: pytest.LogCaptureFixture) -> list[str]:
    said = [each.getMessage() for each in caplog.records]
    return [each for each in said if each.startswith("the saved backends of Ingress")]
