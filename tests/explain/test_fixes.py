"""What to do about what stands in the way: no code that keeps an app awake is without it."""

from itertools import islice

import pytest

from tests.plan.building import NOW
from tests.plan.states import described, states
from waker.explain.fixes import FIXES, IN_PROGRESS, Advice, advice, fix_for, is_command
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
            Advice("snippet: a; b, and that is odd", fix_for(Code.CANNOT_SLEEP)),
            id="a semicolon of the user's",
        ),
    ],
)
def test_a_sentence_with_a_fix(sentence: str, code: Code, found: Advice) -> None:
    assert advice(sentence, code, SHOP) == found
