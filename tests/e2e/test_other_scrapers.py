"""Others scrape the controller, too: another waker, or a Prometheus. What it shows to one scrape it shows to the next.

ingress-nginx is left out: it loses counts at each reload, and waker knows (docs/limits.md).
"""

import re
import threading
import time
import urllib.request

import pytest

from tests.e2e.bed import needs_bed
from tests.e2e.cluster import until
from tests.e2e.scene import Scene

PAGES = {"traefik": ":9100/metrics", "contour": ":8002/stats/prometheus"}
EVERY = 0.1  # seconds between two scrapes


@needs_bed("scrapes a controller's pod")
@pytest.mark.parametrize("controller", PAGES, indirect=True)
def test_an_apps_counters_stay_on_the_page_while_it_falls_asleep(scene: Scene) -> None:
    """A counter that is gone at the second scrape after the swap hides the last visit from whoever comes second."""
    shop = scene.app("shop")
    stop, shown = threading.Event(), []
    name = re.compile(rf"{scene.namespace}.shop".encode())
    url = f"http://{scene.address.host}{PAGES[scene.controller.ingress_class]}"

    def scrape() -> None:
        while not stop.wait(EVERY):
            with urllib.request.urlopen(url, timeout=10) as answer:
                shown.append((time.monotonic(), bool(name.search(answer.read()))))

    scraping = threading.Thread(target=scrape)
    scraping.start()
    try:
        until("its visits are on the page", lambda: any(there for _, there in shown))
        scene.sleep(shop)
    finally:
        stop.set()
        scraping.join()
    (down,) = [each.at for each in scene.history.of("Deployment", "shop") if not each.obj["spec"]["replicas"]][:1]
    first = next(at for at, there in shown if there)
    while_falling = [there for at, there in shown if first < at < down]
    assert len(while_falling) > 10
    assert all(while_falling)
