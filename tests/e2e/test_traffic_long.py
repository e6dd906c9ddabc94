"""Traffic 1: where open requests are shown, a WebSocket and a slow download keep an app awake for as long as they last.

Envoy shows them. Behind Contour an Ingress has to allow WebSockets, path by path.
"""

import time
from collections.abc import Callable

import pytest

from tests.e2e import long
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import until
from tests.e2e.load import VisitorAddress
from tests.e2e.long import LongLine
from tests.e2e.scene import Scene
from waker import names

IDLE = 3.0  # seconds
LASTS = 4 * IDLE
WEBSOCKETS = {"projectcontour.io/websocket-routes": "/"}


@needs_bed("uses the stream and the WebSocket of the bed's sample app")
@pytest.mark.parametrize("controller", [pytest.param("contour", id="contour")], indirect=True)
@pytest.mark.parametrize(
    ("begin", "lives"),
    [
        pytest.param(long.websocket, LongLine.echo, id="websocket"),
        pytest.param(long.download, LongLine.some, id="download"),
    ],
)
def test_an_open_request_keeps_awake(
    scene: Scene, begin: Callable[[VisitorAddress, str], LongLine], lives: Callable[[LongLine], object]
) -> None:
    shop = scene.app("shop", annotations={names.IDLE_AFTER: f"{IDLE:g}s"})
    scene.api.patch("Ingress", shop.namespace, "shop", {"metadata": {"annotations": WEBSOCKETS}})
    until("a WebSocket is let through", lambda: upgraded(scene.address, shop.host))

    with begin(scene.address, shop.host) as line:
        began = time.monotonic()
        while time.monotonic() < began + LASTS:
            assert lives(line)
            time.sleep(1)  # the claim is about time that passes
        assert scene.history.replicas(shop.kind, shop.name) == [1]

    scene.asleep(shop)


def upgraded(address: VisitorAddress, host: str) -> bool:
    with long.websocket(address, host) as line:
        return line.status == 101
