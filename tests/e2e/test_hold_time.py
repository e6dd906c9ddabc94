"""A client that waits for an app that does not start gets waker's own 503 with Retry-After, never an error of the controller.

`hold-for` is as long as it can be. What ends the hold is the controller's timeout: its default, or the route's own.
"""

import http.client
import time
from typing import NamedTuple

import pytest

from tests.e2e.bed import needs_bed
from tests.e2e.cluster import until
from tests.e2e.load import VisitorAddress
from tests.e2e.scene import Scene
from waker import names

NOWHERE = {"spec": {"template": {"spec": {"nodeSelector": {"nowhere": "true"}}}}}  # its pods never start
NEVER_SENT = 120.0  # s; nobody waits that long here


class Wait(NamedTuple):
    """What a route says, what its request says, and when the controller gives up."""

    annotations: dict[str, str]
    headers: dict[str, str]
    gives_up: float  # s


CONTOUR, NGINX = "projectcontour.io/response-timeout", "nginx.ingress.kubernetes.io/proxy-read-timeout"


@needs_bed("an app whose pods never start needs a node selector that no node has")
@pytest.mark.parametrize(
    ("controller", "case"),
    [
        pytest.param("contour", Wait({}, {}, 15), id="contour"),
        pytest.param("contour", Wait({CONTOUR: "4s"}, {}, 4), id="contour-shorter"),
        pytest.param("contour", Wait({CONTOUR: "20s"}, {}, 20), id="contour-longer"),
        pytest.param("contour", Wait({CONTOUR: "soon"}, {}, 15), id="contour-unreadable"),
        pytest.param("nginx", Wait({NGINX: "4"}, {}, 4), id="nginx-shorter"),
        pytest.param("traefik", Wait({}, {"X-Envoy-Expected-Rq-Timeout-Ms": "4000"}, 4), id="traefik-behind-envoy"),
    ],
    indirect=["controller"],
)
def test_waker_answers_before_the_controller_gives_up(scene: Scene, case: Wait) -> None:
    shop = scene.app("shop", annotations={names.HOLD_FOR: "5m"})
    scene.api.patch("Ingress", shop.namespace, shop.name, {"metadata": {"annotations": case.annotations}})
    scene.sleep(shop)
    scene.api.patch(shop.kind, shop.namespace, shop.name, NOWHERE)
    told = until("waker knows the route", lambda: scene.waker.do("explain", shop.name, "-n", shop.namespace), 10)
    assert ("counts as not set" in told) is ("soon" in case.annotations.values()), told

    status, headers, took = post(scene.address, shop.host, case.headers)

    assert (status, names.MARKER.lower() in headers) == (503, True), (status, headers, took)
    assert int(headers["retry-after"]) > 0
    assert case.gives_up / 2 < took < case.gives_up


def post(address: VisitorAddress, host: str, headers: dict[str, str]) -> tuple[int, dict[str, str], float]:
    """The status and the headers of the answer, and after how many seconds it came."""
    began = time.monotonic()
    connection = http.client.HTTPConnection(address.host, address.port, timeout=NEVER_SENT)
    connection.request("POST", "/order", b"one book", {"Host": host} | headers)
    answer = connection.getresponse()
    named = {name.lower(): value for name, value in answer.headers.items()}  # Envoy sends lower case
    found = answer.status, named, time.monotonic() - began
    connection.close()
    return found
