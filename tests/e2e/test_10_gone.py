"""Scenario 10b: a program that leaves while its upload is held is noticed, whatever its controller has sent of the body."""

import re
import subprocess
import urllib.request
from pathlib import Path

from tests.e2e.bed import needs_bed
from tests.e2e.cluster import until
from tests.e2e.scene import Scene, every_controller

SIZES = (20_000, 300_000)  # bytes: of a body that fits into buffers, and of one that does not
NOWHERE = {"spec": {"template": {"spec": {"nodeSelector": {"nowhere": "true"}}}}}  # its pods never start
NOTICED = 30.0  # s; far below hold-for


@needs_bed("asks waker's private port at the address of its pod")
@every_controller
def test_an_upload_whose_sender_has_left_is_no_longer_held(scene: Scene, tmp_path: Path) -> None:
    shop = scene.app("shop", annotations={"kubesleeper.io/hold-for": "5m"})
    scene.sleep(shop)
    scene.api.patch(shop.kind, shop.namespace, shop.name, NOWHERE)
    for size in SIZES:
        upload = tmp_path / "upload"
        upload.write_bytes(b"x" * size)
        url = f"http://{scene.address.host}:{scene.address.port}/"
        program = subprocess.Popen(
            ["curl", "-sS", "--noproxy", "*", "-H", f"Host: {shop.host}", "-T", str(upload), url]
        )
        until(f"an upload of {size} bytes is held", lambda: held(scene) == 1, within=30)
        program.kill()
        program.wait()
        until(f"an upload of {size} bytes whose sender has left is not held", lambda: held(scene) == 0, within=NOTICED)


def held(scene: Scene) -> float:
    address = scene.waker.pods()[0]["status"]["podIP"]
    with urllib.request.urlopen(f"http://{address}:9090/metrics", timeout=10) as answer:
        found = re.search(r"^kubesleeper_requests_held (\S+)$", answer.read().decode(), re.MULTILINE)
    assert found
    return float(found[1])
