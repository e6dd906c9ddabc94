"""How long a request may be held: what controllers read of their annotations, and the margin before their timeout."""

from datetime import timedelta

import pytest

from waker.plan.hold_time import (
    ENDLESS,
    EXPECTED,
    GO_DURATION,
    HAPROXY_TIME,
    NGINX_TIME,
    SECONDS,
    AnswerTimeout,
    Notation,
    expected_timeout,
    hold_within,
    timeout_of,
    unreadable,
)
from waker.traffic.controllers import (
    CILIUM,
    CONTOUR,
    ENVOY_GATEWAY,
    HAPROXY_INGRESS,
    HAPROXYTECH,
    INGRESS_NGINX,
    ISTIO,
    KONG,
    NGINX,
    NGINX_PLUS,
    SKIPPER,
    TRAEFIK,
    Adapter,
)

DEFAULT = timedelta(seconds=99)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@pytest.mark.parametrize(
    ("notation", "text", "means"),
    [
        pytest.param(SECONDS, "60", 60, id="seconds"),
        pytest.param(SECONDS, "60s", None, id="seconds with a unit"),
        pytest.param(SECONDS, "1.5", None, id="half a second"),
        pytest.param(SECONDS, " 60", None, id="a blank: ingress-nginx does not read it"),
        pytest.param(SECONDS, "-1", None, id="below zero"),
        pytest.param(SECONDS, "", None, id="empty"),
        pytest.param(SECONDS, "\u0664\u0662", None, id="digits of another script"),
        pytest.param(SECONDS, "9" * 300_000, None, id="very long"),
        pytest.param(GO_DURATION, "1m30s", 90, id="Go"),
        pytest.param(GO_DURATION, "1.5h", 5400, id="Go, a fraction"),
        pytest.param(GO_DURATION, "250ms", 0.25, id="Go, milliseconds"),
        pytest.param(GO_DURATION, "30", None, id="Go, no unit"),
        pytest.param(GO_DURATION, "-5s", None, id="Go, below zero"),
        pytest.param(GO_DURATION, "five seconds", None, id="Go, words"),
        pytest.param(GO_DURATION, "999999999h", 10**9, id="Go, longer than a timedelta"),
        pytest.param(NGINX_TIME, "20", 20, id="nginx, no unit"),
        pytest.param(NGINX_TIME, "1m 30s", 90, id="nginx, with a blank"),
        pytest.param(NGINX_TIME, "500ms", 0.5, id="nginx, milliseconds"),
        pytest.param(NGINX_TIME, "1x", None, id="nginx, no such unit"),
        pytest.param(HAPROXY_TIME, "5000", 5, id="HAProxy counts milliseconds"),
        pytest.param(HAPROXY_TIME, "50s", 50, id="HAProxy, a unit"),
        pytest.param(HAPROXY_TIME, "1m30s", None, id="HAProxy has one number"),
        pytest.param(GO_DURATION, "1s" * 60_000, None, id="a tenant's 120 kB"),
    ],
)
def test_what_an_annotation_says(notation: Notation, text: str, means: float | None) -> None:
    known = AnswerTimeout(DEFAULT, ("key",), notation=notation)
    assert timeout_of(known, {"key": text}) == (DEFAULT if means is None else seconds(means))
    named = list(unreadable(known, {"key": text}))
    assert bool(named) is (means is None and text != "")
    assert all(each.startswith("key: ") and len(each) < 150 for each in named)


@pytest.mark.parametrize(
    ("adapter", "annotations", "waits"),
    [
        pytest.param(CONTOUR, {}, 15, id="Contour"),
        pytest.param(CONTOUR, {"projectcontour.io/response-timeout": "5s"}, 5, id="Contour, shorter"),
        pytest.param(CONTOUR, {"projectcontour.io/response-timeout": "2m"}, 120, id="Contour, longer"),
        pytest.param(CONTOUR, {"projectcontour.io/response-timeout": "infinity"}, None, id="Contour, for ever"),
        pytest.param(CONTOUR, {"projectcontour.io/response-timeout": "0s"}, 15, id="Contour, 0 is the default"),
        pytest.param(CONTOUR, {"projectcontour.io/response-timeout": "soon"}, 15, id="Contour, unreadable"),
        pytest.param(CONTOUR, {"projectcontour.io/request-timeout": "3s"}, 3, id="Contour, the older name"),
        pytest.param(CONTOUR, {"projectcontour.io/per-try-timeout": "1s"}, 1, id="Contour, of each try"),
        pytest.param(CONTOUR, {"projectcontour.io/per-try-timeout": "1m"}, 15, id="Contour, a try may be longer"),
        pytest.param(ENVOY_GATEWAY, {}, 15, id="Envoy Gateway"),
        pytest.param(CILIUM, {}, 15, id="Cilium"),
        pytest.param(CILIUM, {"ingress.cilium.io/request-timeout": "0s"}, None, id="Cilium, for ever"),
        pytest.param(CILIUM, {"ingress.cilium.io/request-timeout": "40s"}, 40, id="Cilium, its own"),
        pytest.param(INGRESS_NGINX, {}, 60, id="ingress-nginx"),
        pytest.param(
            INGRESS_NGINX, {"nginx.ingress.kubernetes.io/proxy-read-timeout": "8"}, 8, id="ingress-nginx, own"
        ),
        pytest.param(
            INGRESS_NGINX, {"nginx.ingress.kubernetes.io/proxy-read-timeout": "8s"}, 60, id="ingress-nginx, bad"
        ),
        pytest.param(
            INGRESS_NGINX, {"nginx.ingress.kubernetes.io/proxy-send-timeout": "9"}, 9, id="ingress-nginx, send"
        ),
        pytest.param(INGRESS_NGINX, {"nginx.ingress.kubernetes.io/proxy-read-timeout": "3600"}, 3600, id="an hour"),
        pytest.param(INGRESS_NGINX, {"projectcontour.io/response-timeout": "1s"}, 60, id="another controller's"),
        pytest.param(NGINX, {"nginx.org/proxy-read-timeout": "20s"}, 20, id="F5 NGINX"),
        pytest.param(NGINX_PLUS, {"nginx.org/proxy-read-timeout": "20s"}, 20, id="F5 NGINX Plus"),
        pytest.param(HAPROXY_INGRESS, {}, 50, id="HAProxy Ingress"),
        pytest.param(HAPROXY_INGRESS, {"haproxy-ingress.github.io/timeout-server": "7s"}, 7, id="HAProxy Ingress, own"),
        pytest.param(HAPROXYTECH, {"haproxy.org/timeout-server": "9000"}, 9, id="haproxytech, own"),
        pytest.param(KONG, {}, 60, id="Kong"),
        pytest.param(SKIPPER, {}, 60, id="Skipper"),
        pytest.param(TRAEFIK, {}, None, id="Traefik waits for ever"),
        pytest.param(ISTIO, {}, None, id="so does Istio"),
    ],
)
def test_how_long_a_controller_waits(adapter: Adapter, annotations: dict[str, str], waits: float | None) -> None:
    expected = ENDLESS if waits is None else seconds(waits)
    assert timeout_of(adapter.answer_timeout, annotations) == expected


@pytest.mark.parametrize(
    ("timeout", "hold"),
    [
        pytest.param(60, 54, id="a tenth before"),
        pytest.param(15, 13.5, id="Envoy"),
        pytest.param(5, 4, id="a second before"),
        pytest.param(1.5, 1, id="two thirds of a short one"),
    ],
)
def test_the_margin(timeout: float, hold: float) -> None:
    assert hold_within(seconds(timeout)) == seconds(hold)


def test_no_timeout_no_margin() -> None:
    assert hold_within(ENDLESS) == ENDLESS


@pytest.mark.parametrize(
    ("text", "means"),
    [
        pytest.param("15000", 15, id="Envoy's"),
        pytest.param("1", 0.001, id="a millisecond"),
        pytest.param("0", None, id="none"),
        pytest.param("-5", None, id="below zero"),
        pytest.param("soon", None, id="a word"),
        pytest.param("9" * 40, None, id="too long"),
        pytest.param("\u0661\u0665", None, id="digits of another script"),
    ],
)
def test_what_envoy_expects(text: str, means: float | None) -> None:
    assert expected_timeout({EXPECTED: text}) == (ENDLESS if means is None else seconds(means))
    assert expected_timeout({}) == ENDLESS
