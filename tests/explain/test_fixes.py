"""What to do about what stands in the way: no code that keeps an app awake is without it."""

from itertools import islice

import pytest

from tests.plan.building import NOW
from tests.plan.states import described, states
from waker.explain.fixes import FIXES, IN_PROGRESS, RETAIN, Advice, advice, fix_for, is_command
from waker.observe.never_sleeps import LOSES_CLAIMS
from waker.plan.codes import Code
from waker.plan.decide import decide
from waker.plan.model import AppId, Kind, Phase

SHOP = AppId(Kind.STATEFUL_SET, "prod", "shop")


def test_each_code_has_a_fix_or_needs_none() -> None:
    assert set(Code) == FIXES.keys() | IN_PROGRESS
    assert not FIXES.keys() & IN_PROGRESS


def test_whatever_keeps_an_enabled_app_awake_has_a_fix() -> None:
    met = set()
    for seen in islice(states(), 0, None, 7):
        plan = decide(seen, NOW)
        if seen.workload.replicas and plan.phase in (Phase.AWAKE, Phase.NOT_MANAGED, Phase.STUCK):
            if plan.actions or plan.needs:
                continue  # it is on its way
            assert fix_for(plan.code, seen.workload.id), described(seen)
            met.add(plan.code)
    assert len(met) >= 8, met


@pytest.mark.parametrize("code", FIXES)
def test_a_fix_names_the_app_or_says_where_its_name_belongs(code: Code) -> None:
    of_shop, of_any = fix_for(code, SHOP), fix_for(code)
    assert of_shop.replace("statefulset/shop -n prod", "KIND/NAME -n NAMESPACE") == of_any
    assert is_command(of_any) == ("NAME" in of_any)
    assert "{" not in of_any + of_shop


def test_what_a_newer_waker_says() -> None:
    assert fix_for("NewWord", SHOP) == ""


@pytest.mark.parametrize(
    ("sentence", "code", "found"),
    [
        pytest.param("a pod is gone; look", Code.TRAFFIC_UNKNOWN, Advice("a pod is gone", "look"), id="its own"),
        pytest.param("a; b; c", Code.NOT_OBSERVED, Advice("a", "b; c"), id="all that follows"),
        pytest.param(
            "shop is odd",
            Code.TRAFFIC_UNKNOWN,
            Advice("shop is odd", fix_for(Code.TRAFFIC_UNKNOWN)),
            id="that of its code",
        ),
        pytest.param(
            "snippet: a; b, and that is odd",
            Code.CANNOT_SLEEP,
            Advice("snippet: a; b, and that is odd", ""),
            id="a semicolon of the user's",
        ),
    ],
)
def test_a_sentence_with_a_fix(sentence: str, code: Code, found: Advice) -> None:
    assert advice(sentence, code, SHOP) == found


@pytest.mark.parametrize(
    ("sentence", "fix"),
    [
        pytest.param("kubesleeper.io/idle-after: 'soon' is not a duration",
                     "kubectl annotate statefulset/shop -n prod kubesleeper.io/idle-after=30m --overwrite", id="no duration"),
        pytest.param("kubesleeper.io/service: there is no Service 'x' in this namespace",
                     "kubectl annotate statefulset/shop -n prod kubesleeper.io/service-", id="an override"),
        pytest.param("no Service selects its pods",
                     "make a Service that selects its pods, and an Ingress that names that Service", id="no Service"),
        pytest.param("no Ingress names its Service shop", "make an Ingress that names Service shop", id="no Ingress"),
        pytest.param("no Ingress names its Services a, b.c and others", "make an Ingress that names Services a, b.c",
                     id="no Ingress for several"),
        pytest.param(LOSES_CLAIMS, "kubectl patch statefulset/shop -n prod --type merge -p "
                     """'{"spec":{"persistentVolumeClaimRetentionPolicy":{"whenScaled":"Retain"}}}'""", id="volumes"),
        pytest.param("Service shop also selects the pods of StatefulSet cache",
                     "let the selector of Service shop name one workload only", id="a Service for two"),
        pytest.param("Service shop may also select the pods of StatefulSet cache",
                     "let the selector of Service shop name one workload only", id="a Service for two, perhaps"),
        pytest.param("front: shop.example.org/ names port 'web', which Service shop does not have",
                     "name a port that Service shop has in that Ingress", id="no such port"),
        pytest.param("front: shop.example.org/ is there twice", "remove one of the two", id="twice"),
        pytest.param("Service prod/alias is an ExternalName for Service shop, and Ingress prod/front leads to it: waker can",
                     "have that Ingress name Service shop itself", id="an alias"),
        pytest.param("Service shop speaks grpc, and waker speaks plain HTTP/1.1 only", "", id="nothing to do"),
    ],
)  # fmt: skip
def test_what_stands_against_a_sleep_has_a_fix_of_its_own(sentence: str, fix: str) -> None:
    assert advice(sentence, Code.CANNOT_SLEEP, SHOP) == Advice(sentence, fix)
    assert "{" not in advice(sentence, Code.CANNOT_SLEEP).fix.replace(RETAIN.format(), "")
