"""Annotations over the ConfigMap: what can be read counts, what cannot is a sentence for the user."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.plan.neighbours import workload
from waker import names
from waker.plan.model import Pin, Policy, VisitorPolicy
from waker.plan.notes import ANNOTATIONS
from waker.plan.policy import MOST_UNKNOWN, allowed_objects, read_policy, unknown_annotations
from waker.settings.configmap import Live
from waker.settings.durations import parse_floor

LIVE = Live(idle_after=timedelta(minutes=15), wake_timeout=timedelta(minutes=2))
DEFAULT = Policy(LIVE.idle_after, LIVE.wake_timeout)
ON = {names.ENABLED: "true"}


@pytest.mark.parametrize(
    ("annotations", "policy"),
    [
        pytest.param({}, None, id="nothing said"),
        pytest.param({names.ENABLED: "false", names.IDLE_AFTER: "1h"}, None, id="said no"),
        pytest.param(ON, DEFAULT, id="said yes: the ConfigMap's settings"),
        pytest.param({names.ENABLED: " True "}, DEFAULT, id="case and blanks do not matter"),
        pytest.param(
            ON | {names.IDLE_AFTER: "1h30m"}, Policy(timedelta(hours=1.5), LIVE.wake_timeout), id="its own time"
        ),
        pytest.param(
            ON | {names.STATE: "asleep"}, Policy(LIVE.idle_after, LIVE.wake_timeout, Pin.ASLEEP), id="pinned asleep"
        ),
        pytest.param(
            ON | {names.STATE: "awake"}, Policy(LIVE.idle_after, LIVE.wake_timeout, Pin.AWAKE), id="pinned awake"
        ),
        pytest.param(ON | {names.STATE: "auto"}, DEFAULT, id="not pinned"),
        pytest.param(
            ON | {names.TITLE: "The shop"}, Policy(LIVE.idle_after, LIVE.wake_timeout, title="The shop"), id="a title"
        ),
        pytest.param(
            ON | {names.WHILE_ASLEEP: "hold", names.HOLD_FOR: "5s", names.HEALTH_CHECK_RESPONSE: "200"},
            replace(DEFAULT, visitors=VisitorPolicy("hold", timedelta(seconds=5), health_check_response=200)),
            id="its own reception",
        ),
    ],
)
def test_what_is_read(annotations: dict[str, str], policy: Policy | None) -> None:
    assert read_policy(annotations, LIVE)[:2] == (policy, ())


@pytest.mark.parametrize(
    ("annotations", "told"),
    [
        pytest.param(
            {names.ENABLED: "yes"}, ["kubesleeper.io/enabled: 'yes' is neither true nor false"], id="neither yes nor no"
        ),
        pytest.param(ON | {names.IDLE_AFTER: "soon"}, ["kubesleeper.io/idle-after: 'soon' is not a duration"], id="no time"),
        pytest.param(ON | {names.IDLE_AFTER: "0s"}, ["kubesleeper.io/idle-after: '0s' is not"], id="no time at all"),
        pytest.param(ON | {names.STATE: "", names.IDLE_AFTER: ""}, [names.IDLE_AFTER, names.STATE], id="both"),
        pytest.param(ON | {names.WHILE_ASLEEP: "all"}, [f"{names.WHILE_ASLEEP}: 'all' is not one of auto"], id="while-asleep"),
        pytest.param(ON | {names.IGNORE_PATHS: "/a,ping"}, ["kubesleeper.io/ignore-paths: 'ping' is not a path"], id="paths"),
        pytest.param(ON | {names.HEALTH_CHECK_RESPONSE: "204"}, [f"{names.HEALTH_CHECK_RESPONSE}: '204' is not"], id="check"),
        pytest.param(ON | {names.BACKGROUND: "12"}, ["kubesleeper.io/background: '12' is not"], id="no window"),
        pytest.param(ON | {names.BACKGROUND: "12/2d"}, ["kubesleeper.io/background: '12/2d' is not"], id="too long"),
        pytest.param(ON | {names.BACKGROUND: "0/1h"}, ["kubesleeper.io/background: '0/1h' is not"], id="nobody"),
        pytest.param(ON | {names.MIN_IDLE: "0s"}, ["kubesleeper.io/min-idle: '0s' is not"], id="no least time"),
        pytest.param(ON | {names.HOLD_FOR: "6m"}, ["kubesleeper.io/hold-for: '6m' is longer than 5m"], id="held for too long"),
        pytest.param(ON | {names.IGNORE_AGENTS: "a," * 51}, [f"{names.IGNORE_AGENTS}: a list of 51 entries is"], id="agents"),
        pytest.param(ON | {names.STATE: "off"}, ["kubesleeper.io/state: 'off' is not one of auto, awake, asleep"], id="state"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told_and_the_default_counts(annotations: dict[str, str], told: list[str]) -> None:
    policy, problems, *_ = read_policy(annotations, LIVE)
    assert policy == DEFAULT
    assert [found.startswith(start) for found, start in zip(problems, told, strict=True)] == [True] * len(told), (
        problems
    )


def test_what_is_ignored_adds_to_what_all_ignore() -> None:
    live = Live(ignore_paths=("/ping",), ignore_agents=("curl/",))
    policy, *_ = read_policy(ON | {names.IGNORE_PATHS: "/a/*, /b", names.IGNORE_AGENTS: "Nightly"}, live)
    assert policy is not None
    assert policy.visitors.ignore_paths == ("/ping", "/a/*", "/b")
    assert policy.visitors.ignore_agents == ("curl/", "Nightly")


def test_paused_is_for_all() -> None:
    policy, *_ = read_policy(ON, Live(paused=True))
    assert policy is not None
    assert policy.paused


@pytest.mark.parametrize(
    ("text", "names_"),
    [
        pytest.param("front", {"front"}, id="one"),
        pytest.param(" front, www ,", {"front", "www"}, id="several, with blanks"),
        pytest.param("", None, id="empty: not there"),
        pytest.param(" , ", None, id="commas only: not there"),
    ],
)
def test_names_of_an_override(text: str, names_: set[str] | None) -> None:
    assert allowed_objects(workload(ingress=text)) == (None, names_)
    assert allowed_objects(workload()) == (None, None)


@pytest.mark.parametrize(
    ("annotations", "floor", "idle_after"),
    [
        pytest.param({names.MIN_IDLE: "1h"}, "0s", timedelta(hours=1), id="longer than the default"),
        pytest.param({names.MIN_IDLE: "5m"}, "0s", LIVE.idle_after, id="shorter: no matter"),
        pytest.param(
            {names.IDLE_AFTER: "1m", names.MIN_IDLE: "1h"}, "0s", timedelta(hours=1), id="longer than its own"
        ),
        pytest.param({names.IDLE_AFTER: "1m"}, "20m", timedelta(minutes=20), id="the ConfigMap's"),
        pytest.param(
            {names.IDLE_AFTER: "1m", names.MIN_IDLE: "5m"}, "20m", timedelta(minutes=20), id="the longest counts"
        ),
    ],
)
def test_the_least_idle_time(annotations: dict[str, str], floor: str, idle_after: timedelta) -> None:
    policy, problems, *_ = read_policy(ON | annotations, replace(LIVE, min_idle=parse_floor(floor)))
    assert policy
    assert policy.idle_after == idle_after
    assert (policy.min_idle is not None) == (names.MIN_IDLE in annotations)
    assert problems == ()


@pytest.mark.parametrize(
    ("key", "text", "problem"),
    [
        pytest.param(names.IGNORE_STATUSES, "40", "'40' is not an HTTP status such as 404 or 3xx", id="status"),
        pytest.param(names.IGNORE_LABELS, "path", "'path' is not a label and a value", id="label without a value"),
        pytest.param(names.IGNORE_LABELS, "path=*", "'path=*' is not a label and a value", id="label with any value"),
        pytest.param(names.IGNORE_LABELS, "a=b," * 51, "a list of 51 entries is longer than 50", id="too many labels"),
        pytest.param(names.ACTIVITY_QUERY, "x" * 1001, "is not a PromQL query of at most 1000", id="too long a query"),
        pytest.param(names.ACTIVITY_QUERY, "a\0b", "'a\\x00b' is not a PromQL query", id="odd query"),
        pytest.param(names.ACTIVITY_QUERY, " ", "' ' is not a PromQL query", id="no query"),
    ],
)
def test_what_says_who_is_a_visitor_has_to_be_readable(key: str, text: str, problem: str) -> None:
    policy, (told,), *_ = read_policy(ON | {key: text}, LIVE)
    assert policy
    assert (policy.ignore_statuses, policy.ignore_labels, policy.activity_query) == ((), (), "")
    assert told.startswith(f"{key}: ")
    assert problem in told


def test_who_is_no_visitor() -> None:
    ignoring = {names.IGNORE_STATUSES: "404, 5XX", names.IGNORE_LABELS: "path=/health*, user_agent=*Pingdom*"}
    policy, *_ = read_policy(ON | ignoring | {names.ACTIVITY_QUERY: "up\n > 0"}, LIVE)
    assert policy
    assert policy.ignore_statuses == ("404", "5xx")
    assert policy.ignore_labels == ("path=/health*", "user_agent=*Pingdom*")
    assert policy.activity_query == "up\n > 0"


# --- annotations that nobody knows ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        pytest.param("idleafter", "; is kubesleeper.io/idle-after meant?", id="a dash too few"),
        pytest.param("enable", "; is kubesleeper.io/enabled meant?", id="a letter too few"),
        pytest.param("Idle-After", "; is kubesleeper.io/idle-after meant?", id="in capitals"),
        pytest.param("whileasleep", "; is kubesleeper.io/while-asleep meant?", id="likewise"),
        pytest.param("quota-of-moons", "", id="like none"),
    ],
)
def test_an_annotation_that_nobody_knows_is_told_and_changes_nothing(key: str, sentence: str) -> None:
    of = workload()
    annotations = ON | {names.IDLE_AFTER: "1h"}
    found = replace(of, annotations=annotations | {f"{names.DOMAIN}/{key}": "20s"})
    assert list(map(str, unknown_annotations(found))) == [
        f"kubesleeper.io/{key} is no annotation that waker knows{sentence}"
    ]
    assert read_policy(found.annotations, LIVE) == read_policy(annotations, LIVE)


def test_all_others_are_known_whoever_writes_them() -> None:
    written = {*ANNOTATIONS, names.SAVED_BACKENDS, names.INSTALLATION}
    known = {text for text in vars(names).values() if isinstance(text, str) and text.startswith(f"{names.DOMAIN}/")}
    assert known - written == names.OF_USERS
    assert unknown_annotations(replace(workload(), annotations=dict.fromkeys(known, ""))) == ()


def test_of_many_only_the_first_are_told() -> None:
    many = {f"{names.DOMAIN}/x-{number}": "" for number in range(100)}
    assert len(unknown_annotations(replace(workload(), annotations=many))) == MOST_UNKNOWN
