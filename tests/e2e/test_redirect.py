"""Redirect mode: from the sleeping app to the wait host, through an Ingress of waker's own, and back to the same address."""

from pathlib import Path

from tests.e2e import waiting_host
from tests.e2e.cluster import until
from tests.e2e.install import NAMESPACE
from tests.e2e.load import LoadAnswer, Who
from tests.e2e.scene import Scene
from tests.e2e.waiting_host import DEEP, WAIT
from waker import names


def test_there_and_back(scene: Scene, tmp_path: Path) -> None:
    shop = waiting_host.sleeping(scene, "1s")
    url = f"http://{shop.host}{DEEP}"
    with waiting_host.wait_host(scene, tmp_path):
        before = waiting_host.ingress(scene)

        sent = scene.knock(shop, path=DEEP)

        assert (sent.who, sent.status) == (Who.WAKER, 302)
        assert sent.header("location") == f"http://{WAIT}/?{waiting_host.query(shop, url)}"
        assert waiting_host.ask(scene, shop, url).status == 503
        back = until("the way back is open", lambda: moved(waiting_host.ask(scene, shop, url, "/back")))
        assert back.header("location") == url
        assert scene.knock(shop, path=DEEP).who is Who.APP, "forwarded or answered: never sent away again"
        scene.awake(shop)
        assert waiting_host.ingress(scene) == before, "no app is behind it, so it is nobody's to change"
        assert not scene.api.find("Ingress", NAMESPACE, f"{names.KEEPER}-way-traefik")


def moved(answer: LoadAnswer) -> LoadAnswer | None:
    return answer if answer.status == 302 else None
