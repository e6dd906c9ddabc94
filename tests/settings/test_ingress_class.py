"""Settings for one IngressClass: each key is parsed, and a bad value changes nothing."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waker.settings.configmap import Live, read_live
from waker.settings.ingress_class import PER_CLASS, ClassKey, ClassSettings, ignore_after, read_classes
from waker.traffic.controllers.configured import configured_adapters

GOOD = {
    "adapter": "ingress-nginx, traefik",
    "namespace": "edge",
    "selector": "app=my-nginx,example.org/tier=a.b_c",
    "port": "9102",
    "path": "/metrics/all",
    "scheme": "https",
    "tls-verify": "false",
    "ca-file": "/etc/ca/ca.crt",
    "server-name": "metrics.edge.svc",
    "token-file": "/var/run/secrets/kubernetes.io/serviceaccount/token",
    "any-host": "true",
    "lag": "12s",
    "lost-counts": "strict",
    "excuse-after": "10m",
    "background": "12/1h",
    "ignore-statuses": "404, 5xx",
    "ignore-labels": "path=/health*, method=OPTIONS",
    "metric": "apisix_http_status",
    "labels": "service={namespace}_{service}_{port},kind=a b",
    "status-label": "code",
    "http-port": "http",
    "query": 'sum(rate(requests{namespace="{namespace}"}[5m]))',
    "unreadable": "ignore-after=6h",
}


def test_each_key_is_parsed() -> None:
    assert set(GOOD) == {each.key for each in PER_CLASS}, "a new key needs a line here"
    found, problems = read_classes({f"controller.my.class.{key}": value for key, value in GOOD.items()}, {})
    assert problems == ()
    assert found == {"my.class": ClassSettings(**{key.replace("-", "_"): value for key, value in GOOD.items()})}


@pytest.mark.parametrize(
    ("value", "length"),
    [
        pytest.param("", None, id="not set"),
        pytest.param("block", None, id="block"),
        pytest.param("ignore-after=10m", timedelta(minutes=10), id="the shortest"),
        pytest.param("ignore-after=6h", timedelta(hours=6), id="hours"),
        pytest.param("ignore-after=99d999h99999m", timedelta(days=99, hours=999, minutes=99_999), id="the longest"),
    ],
)
def test_after_how_long_an_unread_pod_is_ignored(value: str, length: timedelta | None) -> None:
    data = {"controller.nginx.unreadable": value} if value else {}
    found, problems = read_classes(data, {})
    assert problems == ()
    assert ignore_after(found.get("nginx", ClassSettings())) == length


@pytest.mark.parametrize("value", ["strict", "once", "ignore"])
def test_what_a_loss_of_counts_may_mean(value: str) -> None:
    assert read_classes({"controller.nginx.lost-counts": value}, {}) == (
        {"nginx": ClassSettings(lost_counts=value)},
        (),
    )


def test_fields_and_keys_agree() -> None:
    assert {each.field for each in PER_CLASS} == set(ClassSettings.__dataclass_fields__)
    assert all(each.field == each.key.replace("-", "_") for each in PER_CLASS)


@pytest.mark.parametrize(
    ("setting", "value", "problem"),
    [
        pytest.param("adapter", "nginxx", "'nginxx' is not one or several of ingress-nginx, traefik", id="adapter"),
        pytest.param("adapter", "traefik,", "'traefik,' is not one or several of", id="adapter: an empty one"),
        pytest.param("labels", "service={pod}", "is not labels such as", id="labels: an unknown word"),
        pytest.param("labels", "service", "is not labels such as", id="labels: no value"),
        pytest.param("query", "x" * 2001, "is not a PromQL query of at most 2000", id="query: too long"),
        pytest.param("ignore-statuses", "abc", "'abc' is not HTTP statuses", id="ignore-statuses"),
        pytest.param("namespace", "Edge", "'Edge' is not the name of a namespace", id="namespace"),
        pytest.param("selector", "app in (a)", "'app in (a)' is not a list of labels such as", id="selector"),
        pytest.param("selector", "", "'' is not a list of labels such as", id="empty"),
        pytest.param("port", "65536", "'65536' is not a port number or the name", id="port too high"),
        pytest.param("port", "a_b", "'a_b' is not a port number or the name", id="port name"),
        pytest.param("path", "metrics", "'metrics' is not a path", id="path"),
        pytest.param("path", "/m?x=1", "is not a path", id="path with a query"),
        pytest.param("scheme", "ftp", "'ftp' is not http or https", id="scheme"),
        pytest.param("tls-verify", "no", "'no' is not true or false", id="tls-verify"),
        pytest.param("token-file", "token", "'token' is not the path of a file", id="token-file"),
        pytest.param("lag", "21s", "'21s' is not whole seconds from 1s to 20s", id="lag"),
        pytest.param("lost-counts", "ignored", "'ignored' is not strict, once or ignore", id="lost-counts"),
        pytest.param("unreadable", "ignore", "'ignore' is not block, or ignore-after= with", id="unreadable"),
        pytest.param("unreadable", "ignore-after=9m", "a duration of at least 10m", id="unreadable for too short"),
        pytest.param("unreadable", "ignore-after=90s", "a duration of at least 10m", id="unreadable for seconds"),
        pytest.param("server-name", "a b", "'a b' is not a host name", id="server-name"),
    ],
)
def test_a_bad_value_is_reported_and_the_last_good_one_stays(setting: str, value: str, problem: str) -> None:
    data = {f"controller.nginx.{key}": good for key, good in GOOD.items()}
    last, _ = read_classes(data, {})
    found, (reported,) = read_classes(data | {f"controller.nginx.{setting}": value}, last)
    assert found == last
    assert reported.startswith(f"controller.nginx.{setting}: ")
    assert problem in reported


def test_a_bad_value_of_a_class_without_other_settings() -> None:
    assert read_classes({"controller.nginx.port": "x_y"}, {})[0] == {}


@pytest.mark.parametrize(
    "key", ["controller.nginx", "controller..port", "controller.nginx.colour", "controller.-a.port"]
)
def test_an_unknown_key_is_reported(key: str) -> None:
    live, problems = read_live({key: "1", "paused": "true"}, Live())
    assert live == Live(paused=True)
    assert problems == (f"unknown key {key!r}",)


def test_they_are_part_of_the_live_settings() -> None:
    live, problems = read_live({"controller.nginx.port": "metrics"}, Live())
    assert problems == ()
    assert live.classes == {"nginx": ClassSettings(port="metrics")}
    assert read_live({}, live)[0] == Live(), "a key that is gone has its default again"


@given(st.sampled_from(PER_CLASS), st.text())
def test_any_text_is_a_value_or_a_problem(row: ClassKey, text: str) -> None:
    found, problems = read_classes({f"controller.a.{row.key}": text}, {})
    assert bool(found) != bool(problems)


TOKEN = {"controller.nginx.token-file": "/token"}
NAMESPACE = {"controller.nginx.namespace": "edge"}


def test_a_token_without_a_namespace_is_refused() -> None:
    """Anybody may put a controller's labels on a pod, and would be sent the token."""
    found, (problem,) = read_classes(TOKEN | {"controller.nginx.port": "metrics"}, {})
    assert found == {"nginx": ClassSettings(port="metrics")}
    assert problem.startswith("controller.nginx.token-file: a token needs controller.CLASS.namespace")


def test_the_last_namespace_with_a_token_stays_when_the_namespace_goes() -> None:
    last, _ = read_classes(TOKEN | NAMESPACE, {})
    found, problems = read_classes(TOKEN, last)
    assert found == last == {"nginx": ClassSettings(namespace="edge", token_file="/token")}
    assert len(problems) == 1


def test_a_controller_is_described_by_all_that_is_needed() -> None:
    data = {f"controller.edge.{key}": GOOD[key] for key in ("metric", "labels", "selector", "port")}
    assert read_classes(data, {})[1] == ()
    for key in data:
        found, (problem,) = read_classes({k: text for k, text in data.items() if k != key}, {})
        assert "needs controller.CLASS.metric, labels, selector and port" in problem
        assert not found["edge"].metric, "half a description describes nothing"


def test_what_serves_ingresses_without_a_class() -> None:
    assert read_classes({"controller.-.adapter": "contour"}, {}) == ({"-": ClassSettings(adapter="contour")}, ())


@given(
    st.sampled_from(PER_CLASS).flatmap(lambda row: st.tuples(st.just(row), st.from_regex(row.pattern, fullmatch=True)))
)
def test_what_is_accepted_can_be_used(each: tuple[ClassKey, str]) -> None:
    """A value that is taken must end nobody's process later."""
    row, text = each
    live, _ = read_live({f"controller.web.{row.key}": text, "controller.web.adapter": "traefik"}, Live())
    for name in ("traefik.io/ingress-controller@web", "example.org/unknown@web"):
        for adapter in configured_adapters(name, live):
            assert adapter.title
    assert ignore_after(live.classes.get("web", ClassSettings())) is None or row.key == "unreadable"
