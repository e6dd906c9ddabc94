"""What others put beside an app, or have done to everything at once: it changes nothing for the app and its visitors."""

import asyncio
from pathlib import Path

from waker import names

from .scene import scene

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
