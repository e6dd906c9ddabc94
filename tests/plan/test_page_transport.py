from datetime import timedelta

import pytest

from waker.plan.hold_time import ENDLESS, AnswerTimeout
from waker.plan.page_transport import (
    CONTOUR,
    NGINX,
    REPLACED,
    UPGRADED,
    PageTransport,
    common_transport,
    page_transport,
)

SNIPPET = "nginx.ingress.kubernetes.io/configuration-snippet"


@pytest.mark.parametrize(
    ("annotations", "status"),
    [
        pytest.param({}, 503, id="nothing is replaced"),
        pytest.param({REPLACED: "404"}, 503, id="another status is"),
        pytest.param({REPLACED: "404, 502,503"}, 202, id="ours is"),
        pytest.param({REPLACED: "none"}, 503, id="it says nothing"),
        pytest.param({SNIPPET: "error_page 500 502 503 /oops.html;"}, 202, id="by a snippet"),
        pytest.param({SNIPPET: "more_set_headers 'X-Port: 503';"}, 503, id="a snippet about something else"),
    ],
)
def test_the_page_gets_through(annotations: dict[str, str], status: int) -> None:
    assert page_transport(NGINX, annotations).status(503) == status


def test_a_status_of_the_users_own_choice_stays() -> None:
    assert page_transport(NGINX, {REPLACED: "503"}).status(200) == 200


@pytest.mark.parametrize(
    ("controller", "annotations", "push"),
    [
        pytest.param(NGINX, {}, True, id="most upgrade"),
        pytest.param("", {}, True, id="unknown: try"),
        pytest.param(CONTOUR, {}, False, id="Contour does not by itself"),
        pytest.param(CONTOUR, {UPGRADED: "/"}, True, id="unless told to"),
    ],
)
def test_push(controller: str, annotations: dict[str, str], push: bool) -> None:
    assert page_transport(controller, annotations) == PageTransport(push=push)


def test_of_several_ways_to_a_door_the_shortest_timeout_counts() -> None:
    waits = AnswerTimeout(timedelta(seconds=15), ("key",))
    ways = [page_transport(CONTOUR, {}, waits), page_transport(CONTOUR, {"key": "3"}, waits), page_transport("", {})]
    assert common_transport(ways).timeout == timedelta(seconds=3)
    assert common_transport([]).timeout == ENDLESS
