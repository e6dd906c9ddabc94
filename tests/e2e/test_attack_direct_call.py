"""Attack: any pod of the cluster calls waker's public port itself and names a managed app in `Host`.

So it would pass by the controller, its logins and allow-lists. The scenario's own process is such a caller. What a pod gets
that dials the port of one sleeping app is another matter: only a NetworkPolicy stops it, see docs/security.md.
"""

import pytest

from tests.e2e import intruder
from tests.e2e.bed import needs_bed
from tests.e2e.intruder import NOBODY, ask_at, is_refusal, seen, whose
from tests.e2e.scene import Scene

pytestmark = needs_bed("calls waker's pod at its own address, and uses an image that writes down what it is sent")
PATHS = ("/", "/deep/link?a=1", "//", "/%2e%2e/")


@pytest.mark.parametrize("name", ["Host", "X-Forwarded-Host"])
def test_a_sleeping_app_is_neither_shown_nor_woken(scene: Scene, name: str) -> None:
    shop = intruder.witness(scene, "shop")
    scene.sleep(shop)
    host, headers = (shop.host, []) if name == "Host" else ("nobody.example.org", [(name, shop.host)])

    for address in intruder.wakers_addresses(scene):
        answers = [ask_at(address, host, path, *headers) for path in PATHS]
        assert [whose(each, shop) for each in answers] == [NOBODY] * len(PATHS)
        assert all(is_refusal(each) for each in answers), answers
    intruder.stays_asleep(scene, shop)


def test_an_app_that_is_awake_is_not_reached(scene: Scene) -> None:
    shop = intruder.witness(scene, "shop")
    scene.sleep(shop)  # so that waker has stood in front of it
    scene.waker.do("wake", "deployment/shop", "-n", scene.namespace)
    scene.awake(shop)
    before = seen(scene, shop)

    for address in intruder.wakers_addresses(scene):
        answers = [ask_at(address, shop.host, path) for path in PATHS]
        assert all(is_refusal(each) for each in answers), answers
    assert seen(scene, shop) == before
