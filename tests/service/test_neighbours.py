"""What others put beside an app, or have done to everything at once: it changes nothing for the app and its visitors."""

import asyncio
from pathlib import Path

from waker import names

from .scene import scene
from .test_explain import asked

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
        settings = {"metadata": {"name": names.CONFIG_MAP, "namespace": "kubesleeper"}}
        settings["data"] = {"idle-after": "1s", "scrape-interval": "1s"}
        it.cluster.load([{"apiVersion": "v1", "kind": "ConfigMap"} | settings])
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
