"""Settings: durations, the ConfigMap that keeps its last good value, flags over environment."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waker.errors import SettingsError
from waker.settings.configmap import LIVE, Live, read_live
from waker.settings.durations import format_duration, parse_duration, parse_floor
from waker.settings.flags import FLAGS, Settings, defaults, read_settings
from waker.settings.parsing import (
    PortRange,
    one_of,
    parse_address,
    parse_bool,
    parse_domains,
    parse_port_range,
    parse_statuses,
    parse_url,
    parse_wait_host,
    whole_number,
)
from waker.settings.pauses import FOREVER


@settings(max_examples=200)
@given(st.integers(1, 365 * 86400))
def test_durations_are_parsed_as_they_are_written(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert parse_duration(format_duration(length)) == length


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("90s", 90, id="seconds"),
        pytest.param("15m", 900, id="minutes"),
        pytest.param("1h30m", 5400, id="combined"),
        pytest.param("2d", 172800, id="days"),
        pytest.param("1d1h1m1s", 90061, id="all"),
        pytest.param(" 5m\n", 300, id="blanks around it"),
        pytest.param("90m", 5400, id="more than the next unit"),
        pytest.param("365d", 31536000, id="the longest"),
        pytest.param("007s", 7, id="leading zeros"),
    ],
)
def test_a_duration(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "", "0s", "0", "15", "m", "-5m", "1.5h", "5M", "5 m", "30m1h", "1m1m", "366d", "10000000000s", "999999999d",
        "5min", "1h30", "\u0663s", "\uff15m",
    ],
)  # fmt: skip
def test_not_a_duration(text: str) -> None:
    with pytest.raises(SettingsError, match="is not a duration such as"):
        parse_duration(text)


@given(st.text())
def test_any_text_is_a_duration_or_a_settings_error(text: str) -> None:
    with suppress(SettingsError):
        assert timedelta(seconds=1) <= parse_duration(text) <= timedelta(days=365)


def test_an_error_quotes_a_long_text_only_in_part() -> None:
    with pytest.raises(SettingsError) as caught:
        parse_duration("x" * 100_000)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("length", "text"),
    [(timedelta(0), "0s"), (timedelta(milliseconds=900), "0s"), (timedelta(days=400, seconds=1.9), "400d1s")],
)
def test_durations_are_cut_to_whole_seconds(length: timedelta, text: str) -> None:
    assert format_duration(length) == text


def test_words_and_numbers() -> None:
    assert parse_bool("true") is parse_bool(" True ") is True
    assert parse_bool("false") is False
    assert whole_number(200, 599)(" 503 ") == 503
    assert one_of("text", "json")("JSON") == "json"


@pytest.mark.parametrize("text", ["yes", "1", "", "truefalse"])
def test_neither_true_nor_false(text: str) -> None:
    with pytest.raises(SettingsError, match="neither true nor false"):
        parse_bool(text)


@pytest.mark.parametrize("text", ["", "199", "600", "2e2", "-200", "+200", "200.0", "\u0665\u0660\u0660", "9" * 5000])
def test_not_a_whole_number(text: str) -> None:
    with pytest.raises(SettingsError, match="is not a whole number from 200 to 599"):
        whole_number(200, 599)(text)


def test_a_floor_may_be_zero() -> None:
    assert parse_floor("0s") == timedelta()
    assert parse_floor("5m") == timedelta(minutes=5)
    with pytest.raises(SettingsError, match="is not a duration"):
        parse_floor("0")


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        pytest.param("", "", "200", id="none"),
        pytest.param("404,301", "404", "302", id="two"),
        pytest.param(" 3xx ,", "308", "404", id="a class"),
        pytest.param("4XX", "4xx", "200", id="a class, where the metric itself counts by class"),
    ],
)
def test_statuses(text: str, inside: str, outside: str) -> None:
    found = parse_statuses(text)
    assert {inside} - {""} <= found
    assert outside not in found


@pytest.mark.parametrize("text", ["ok", "99", "600", "3x", "404;301", "4\u0660\u0664"])
def test_not_a_status(text: str) -> None:
    with pytest.raises(SettingsError, match="is not an HTTP status such as 404 or 3xx"):
        parse_statuses(text)


# --- the ConfigMap ----------------------------------------------------------------------------------------------------


def test_an_empty_config_map_means_the_defaults() -> None:
    assert read_live({}, Live(idle_after=timedelta(hours=9))) == (Live(), ())


@pytest.mark.parametrize(
    ("key", "text", "problem"),
    [
        pytest.param("page-after", "6s", "page-after: '6s' is longer than 5s", id="no page for too long"),
        pytest.param("hold-for", "301s", "hold-for: '301s' is longer than 5m", id="held for too long"),
        pytest.param(
            "ignore-agents", ",".join(["a"] * 51), "ignore-agents: a list of 51 entries is longer than 50", id="agents"
        ),
        pytest.param("ignore-agents", "a" * 201, "ignore-agents: the entry 'aaaaaaaaaa", id="a long agent"),
        pytest.param(
            "ignore-paths", ",".join(["/a"] * 51), "ignore-paths: a list of 51 entries is longer than 50", id="paths"
        ),
        pytest.param("ignore-paths", "/" * 201, "ignore-paths: the entry '//////////", id="a long path"),
        pytest.param("wait-domains", ",".join(["a.org"] * 51), "wait-domains: a list of 51 entries", id="domains"),
    ],
)
def test_what_would_cost_too_much_is_a_bad_value(key: str, text: str, problem: str) -> None:
    live, problems = read_live({key: text}, Live())
    assert live == Live()
    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_the_longest_values_are_read() -> None:
    agents = ",".join(["a" * 200] * 50)
    assert read_live({"hold-for": "5m", "ignore-agents": agents}, Live())[1] == ()


def test_each_key_is_parsed() -> None:
    data = {
        "idle-after": "15m",
        "min-idle": "2m",
        "scrape-interval": "5s",
        "ignore-statuses": "301, 404",
        "wake-timeout": "1m",
        "early-readiness": "false",
        "hold-for": "10s",
        "page-after": "2s",
        "page-status": "202",
        "theme": " corporate ",
        "while-asleep": "hold",
        "wait-host": "Wait.Example.com:8443/",
        "wait-domains": "Example.com, apps.example.org",
        "door-ports": "21000-21999",
        "ignore-paths": "/ping, /static/*",
        "ignore-agents": "curl/,,Nightly Check ",
        "health-check-response": "200",
        "paused": "true",
        "paused-until": "2027-01-31T18:00:00Z",
        "paused-namespaces": "prod",
        "prometheus-url": "https://prometheus.example.org/tenant/",
        "activity-queries": "allow",
        "activity-delay": "5m",
        "price-core-hour": " 0.031 ",
        "price-gib-hour": "0.0042",
        "currency": "eur",
    }
    wanted = Live(
        idle_after=timedelta(minutes=15),
        min_idle=timedelta(minutes=2),
        scrape_interval=timedelta(seconds=5),
        ignore_statuses=frozenset({"301", "404"}),
        wake_timeout=timedelta(minutes=1),
        early_readiness=False,
        hold_for=timedelta(seconds=10),
        page_after=timedelta(seconds=2),
        page_status=202,
        theme="corporate",
        while_asleep="hold",
        wait_host="wait.example.com:8443",
        wait_domains=("example.com", "apps.example.org"),
        door_ports=PortRange(21_000, 21_999),
        ignore_paths=("/ping", "/static/*"),
        ignore_agents=("curl/", "Nightly Check"),
        health_check_response=200,
        paused=True,
        paused_until=datetime(2027, 1, 31, 18, tzinfo=UTC),
        paused_namespaces={"prod": FOREVER},
        prometheus_url="https://prometheus.example.org/tenant",
        activity_queries="allow",
        activity_delay=timedelta(minutes=5),
        price_core_hour=0.031,
        price_gib_hour=0.0042,
        currency="EUR",
    )
    assert data.keys() == {known.key for known in LIVE}, "a new key needs a line here"
    assert read_live(data, Live()) == (wanted, ())


@pytest.mark.parametrize(
    ("key", "text", "problem"),
    [
        pytest.param("price-core-hour", "-1", "'-1' is not a price such as 0.031", id="a negative price"),
        pytest.param("price-gib-hour", "0,03", "'0,03' is not a price such as 0.031", id="a comma"),
        pytest.param("price-gib-hour", "1e9", "'1e9' is not a price such as 0.031", id="an exponent"),
        pytest.param("currency", "euros", "'euros' is not a currency such as EUR", id="no currency"),
    ],
)
def test_what_is_no_money(key: str, text: str, problem: str) -> None:
    assert read_live({key: text}, Live()) == (Live(), (f"{key}: {problem}",))


def test_a_bad_value_is_reported_and_the_last_good_one_stays() -> None:
    last = Live(idle_after=timedelta(minutes=15), page_status=202)
    live, problems = read_live({"idle-after": "soon", "page-status": "200"}, last)
    assert live == Live(idle_after=timedelta(minutes=15), page_status=200)
    assert problems == ("idle-after: 'soon' is not a duration such as 90s, 15m, 1h30m or 2d (1s to 365d)",)


def test_a_key_that_is_gone_has_its_default_again() -> None:
    live, _ = read_live({}, Live(paused=True))
    assert not live.paused


def test_an_unknown_key_is_reported_and_the_others_count() -> None:
    live, problems = read_live({"idle_after": "1m", "paused": "true"}, Live())
    assert live == Live(paused=True)
    assert problems == ("unknown key 'idle_after'",)


@pytest.mark.parametrize(
    "text", ["", " ", "wait.example.com", "wait.example.com:8443", "https://wait", "http://a-b.c:80"]
)
def test_a_wait_host(text: str) -> None:
    assert parse_wait_host(text) == text.strip()


@pytest.mark.parametrize(
    "text",
    ["https://", "ftp://wait.example.com", "wait.example.com/page", "me@wait.example.com", "*.example.com", "10.0.0.1",
     "wait.example.com:", "wait.example.com:0", "wait.example.com.", "w\u00e4it.example.com", "a b"],
)  # fmt: skip
def test_not_a_wait_host(text: str) -> None:
    with pytest.raises(SettingsError, match="is not a host such as"):
        parse_wait_host(text)


@pytest.mark.parametrize(
    "text", ["", "20000", "20000-", "20000-19999", "80-90", "20000-40000", "-1-2000", "0x50-9999", "20000-29999-30000"]
)
def test_not_a_range_of_ports(text: str) -> None:
    """Below 1024 waker may not listen; above 32767 are the ports of outgoing connections."""
    with pytest.raises(SettingsError, match="is not a range of ports such as 20000-29999"):
        parse_port_range(text)


@pytest.mark.parametrize("text", ["com.", "*.example.com", "http://example.com", "example.com:80", "10.0.0.1"])
def test_not_a_domain(text: str) -> None:
    with pytest.raises(SettingsError, match="is not a domain such as"):
        parse_domains(text)


@pytest.mark.parametrize(("text", "address"), [("10.0.0.7", "10.0.0.7"), ("[fd00::7]", "fd00::7"), ("", "")])
def test_an_address(text: str, address: str) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["nowhere", "10.0.0.7:8080", "10.0.0", "fd00::7::1"])
def test_not_an_address(text: str) -> None:
    with pytest.raises(SettingsError, match="is not an IP address such as"):
        parse_address(text)


def test_redirect_without_a_wait_host_is_reported_and_kept() -> None:
    live, problems = read_live({"while-asleep": "redirect"}, Live())
    assert live.while_asleep == "redirect"
    assert problems == ("while-asleep: redirect: the setting wait-host is not set, so browsers get the waiting page",)
    assert read_live({"while-asleep": "redirect", "wait-host": "wait.example.com"}, Live())[1] == ()


# --- flags and environment --------------------------------------------------------------------------------------------


def test_flags_over_environment_over_defaults() -> None:
    environment = {"WAKER_PUBLIC_PORT": "1", "WAKER_PRIVATE_PORT": "2", "PATH": "/bin"}
    found = read_settings({"public_port": "7", "private_port": None}, environment)
    assert (found.public_port, found.private_port, found.log_level) == (7, 2, "info")


@pytest.mark.parametrize(
    ("flags", "environment", "message"),
    [
        pytest.param({"log_level": "loud"}, {}, "--log-level: 'loud' is not one of", id="a flag"),
        pytest.param({}, {"WAKER_DRY_RUN": "1"}, "WAKER_DRY_RUN: '1' is neither", id="a variable"),
        pytest.param(
            {"public_port": "65536"},
            {"WAKER_PUBLIC_PORT": "1"},
            "--public-port: '65536' is not",
            id="the flag, if both are set",
        ),
    ],
)
def test_a_bad_setting_names_its_source(flags: dict[str, str], environment: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_settings(flags, environment)


def test_no_variable_is_one_that_kubernetes_sets_for_a_service_named_waker() -> None:
    """WAKER_PORT=tcp://10.0.0.1:80 in a pod would be read as a port."""
    for known in FLAGS:
        assert known.env != "WAKER_PORT"
        assert not known.env.startswith(("WAKER_PORT_", "WAKER_SERVICE_"))


def test_rows_and_fields_agree() -> None:
    of_commands = {"context", "acts_for"}  # of a person; the service has neither
    assert {known.field for known in FLAGS} | of_commands == set(Settings.__dataclass_fields__)
    assert {known.field for known in LIVE} | {"classes"} == set(Live.__dataclass_fields__)
    for names in ([known.flag for known in FLAGS], [known.env for known in FLAGS], [known.key for known in LIVE]):
        assert len(names) == len(set(names))
    assert defaults(Live)["page_status"] == 503


def test_the_given_namespace_is_its_own() -> None:
    assert Settings(namespace="sleepers").own_namespace == "sleepers"


@pytest.mark.parametrize(
    "text",
    ["", "http://prometheus:9090", "https://10.0.0.1", "http://[fd00::1]:9090/prometheus", " http://prometheus.svc "],
)  # fmt: skip
def test_a_url(text: str) -> None:
    assert parse_url(text) == text.strip()


@pytest.mark.parametrize(
    "text",
    ["prometheus:9090", "ftp://prometheus", "http://", "http://a:99999", "http://a:0", "http://user:word@a", "http://a/?x=1",
     "http://a/#x", "http://a b", "http://[::1", "http://a\nb", "http://ä"],
)  # fmt: skip
def test_not_a_url(text: str) -> None:
    with pytest.raises(SettingsError, match="is not a URL such as"):
        parse_url(text)


@pytest.mark.parametrize("text", ["yes", "", "True?", "1"])
def test_a_pause_that_cannot_be_read_pauses(text: str) -> None:
    live, problems = read_live({"paused": text}, Live())
    assert live == Live(paused=True)
    assert problems[0].endswith("is neither true nor false, so KubeSleeper is paused")
