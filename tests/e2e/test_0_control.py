"""The control: an app that waker does not manage. What the client counts in the other scenarios is then waker's doing."""

import time

import pytest

from tests.e2e import load
from tests.e2e.load import Who
from tests.e2e.scene import Scene, every_controller
from tests.e2e.stream import Stream
from waker import names


@every_controller
@pytest.mark.parametrize("keep", [pytest.param(False, id="new-connections"), pytest.param(True, id="kept-connection")])
def test_an_app_that_is_left_alone(scene: Scene, keep: bool) -> None:
    shop = scene.app("shop", annotations={names.ENABLED: "false"})

    with Stream(
        scene.address, [load.browser(shop.host, shop.name), load.curl(shop.host, shop.name)], keep=keep
    ) as stream:
        time.sleep(1)

    stream.check()
    assert stream.seen(Who.APP) > 80
    assert stream.seen(Who.WAKER) == 0
