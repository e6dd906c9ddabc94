"""Scenario 10: programs that show no page get the app's own answer, each as the request that wakes it.

The real curl for what it can do; a WebSocket by the client library. While a big upload passes through, waker's memory is
read: it must not grow with the body.
"""

import asyncio
import hashlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from tests.e2e.apps import StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.curl import curl, following
from tests.e2e.load import VisitorAddress
from tests.e2e.scene import Scene, every_controller

MB = 2**20
BIG = 100 * MB
ALLOWED = {"nginx": MB - 1024}  # ingress-nginx lets 1m through by default
SOCKETS = {"projectcontour.io/websocket-routes": "/"}  # what Contour wants to be told, and nobody else
GROWTH = 16 * MB  # of waker while a body passes: buffers of two sockets and what the allocator keeps


@needs_bed("measures the memory of waker's process")
@every_controller
def test_curl_wakes_and_is_answered_by_the_app(scene: Scene, tmp_path: Path) -> None:
    shop = scene.app("shop", start_delay="1s")
    size = ALLOWED.get(scene.controller.ingress_class, BIG)
    upload = tmp_path / "upload"
    upload.write_bytes(os.urandom(size))
    digest = f"{hashlib.sha256(upload.read_bytes()).hexdigest()} {size} POST"

    scene.sleep(shop)
    told = curl(scene.address, shop.host, "/a/b?c=d")
    assert (told.status, told.text.split()[0], told.text.split()[-1]) == (200, shop.name, "/a/b?c=d")

    slept_again(scene, shop)
    with memory(scene) as grew:
        told = curl(scene.address, shop.host, "/sha256", "-X", "POST", "-T", str(upload))
    assert (told.status, told.text.strip()) == (200, digest)
    assert grew[-1] - grew[0] < GROWTH, grew

    slept_again(scene, shop)
    told = curl(scene.address, shop.host, "/sha256", "-X", "POST", "-T", "-", given=upload)
    assert (told.status, told.text.strip()) == (200, digest)


def slept_again(scene: Scene, app: StageApp) -> None:
    scene.awake(app)
    scene.sleep(app)


@contextmanager
def memory(scene: Scene) -> Iterator[list[int]]:
    """RSS of waker in bytes: before, and the most of it while the block ran."""
    (process,) = scene.waker.processes()
    seen, done = [resident(process)], threading.Event()

    def look() -> None:
        while not done.wait(0.02):
            seen.append(resident(process))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield (found := [seen[0]])
    finally:
        done.set()
        watcher.join()
        found.append(max(seen))


def resident(process: int) -> int:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@needs_bed("uses the stream of the bed's sample app")
@every_controller
def test_events_come_as_they_are_sent(scene: Scene) -> None:
    shop = scene.app("shop", start_delay="1s")
    scene.sleep(shop)

    with following(scene.address, shop.host, "/stream") as program:
        assert program.stdout
        came = [(program.stdout.readline(), time.monotonic()) for _ in range(6)][::2]
        program.terminate()

    assert [line for line, _ in came] == ["data: 0\n", "data: 1\n", "data: 2\n"]
    assert came[-1][1] - came[0][1] > 1.5, came  # one each second, not all at the end
    scene.awake(shop)


@needs_bed("uses the WebSocket of the bed's sample app")
@every_controller
def test_a_websocket_is_held_and_lives_on(scene: Scene) -> None:
    shop = scene.app("shop", start_delay="1s")
    scene.api.patch("Ingress", shop.namespace, shop.name, {"metadata": {"annotations": SOCKETS}})
    scene.sleep(shop)

    asyncio.run(echoes(scene.address, shop, 3 * MB))

    scene.awake(shop)


async def echoes(address: VisitorAddress, app: StageApp, size: int) -> None:
    headers = {"Host": app.host, "Origin": f"http://{app.host}"}
    url = f"ws://{address.host}:{address.port}/ws"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, headers=headers, max_msg_size=0) as socket,
    ):
        for byte in (b"a", b"b"):
            await socket.send_bytes(byte * size)
            echo = b""
            while len(echo) < size:  # the app sends back what it has read so far, in frames of its own
                echo += (await socket.receive(timeout=20)).data.encode()
            assert echo == byte * size
