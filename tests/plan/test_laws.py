"""The order laws (`laws`), each over every state that a snapshot can be in (`states`).

The last test breaks `decide` on purpose: a law that cannot be broken holds nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice
from typing import Any, NamedTuple

import pytest

from tests.plan import laws
from tests.plan.building import NOW
from tests.plan.laws import LAWS, Law
from tests.plan.states import described, states
from waker.plan import decide as brain
from waker.plan import drift, sleep_due, way_down, way_up
from waker.plan.actions import Forget, Plan, Redirect, RequestWake, Restore, ScaleToZero, ScaleUp, StopWake
from waker.plan.codes import Code
from waker.plan.decide import decide
from waker.plan.model import Phase
from waker.plan.routes.route import Holder
from waker.plan.snapshot import Refusal, Snapshot


class LawCase(NamedTuple):
    """A state and what is planned for it."""

    seen: Snapshot
    plan: Plan


@dataclass
class Findings:
    """What the one walk through all states has found."""

    states: int = 0
    offences: dict[Law, LawCase] = field(default_factory=dict)
    phases: set[Phase] = field(default_factory=set)
    actions: set[type] = field(default_factory=set)


@pytest.fixture(scope="module")
def findings() -> Findings:
    found = Findings()
    for seen in states():
        plan = decide(seen, NOW)
        found.states += 1
        found.phases.add(plan.phase)
        found.actions.update(map(type, plan.actions))
        for law in LAWS:
            if not law(seen, plan):
                found.offences.setdefault(law, LawCase(seen, plan))
    return found


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_law(law: Law, findings: Findings) -> None:
    offence = findings.offences.get(law)
    if offence:
        pytest.fail(f"{law.__doc__}\n{described(offence.seen)}\n{offence.plan}", pytrace=False)


def test_every_phase_and_every_action_is_met(findings: Findings) -> None:
    """Laws that are kept because nothing ever happens would be worth little."""
    assert findings.phases == set(Phase)
    assert findings.actions == {Redirect, Restore, ScaleToZero, ScaleUp, RequestWake, StopWake, Forget}
    assert findings.states > 80_000


REFUSED = Refusal("a policy", NOW, NOW + timedelta(minutes=1))
OVER = Refusal("a policy", NOW - timedelta(minutes=1), NOW)
SAFE = [law for law in LAWS if law is not laws.law_6]  # which wants a knock written down, and that is what is refused


@pytest.fixture(scope="module")
def refused() -> Findings:
    """Every third state again, while the API server refuses something of the app."""
    found = Findings()
    for seen in islice(states(), None, None, 3):
        with_refusal = replace(seen, refusal=REFUSED)
        plan = decide(with_refusal, NOW)
        found.phases.add(plan.phase)
        for law in (*SAFE, what_is_refused_is_not_tried_again_at_once, what_is_refused_keeps_nothing_at_waker):
            if not law(with_refusal, plan):
                found.offences.setdefault(law, LawCase(with_refusal, plan))
        if decide(replace(seen, refusal=OVER), NOW) != decide(seen, NOW):
            found.offences.setdefault(its_time_has_come, LawCase(seen, plan))
    return found


def what_is_refused_is_not_tried_again_at_once(seen: Snapshot, plan: Plan) -> bool:
    """Nothing goes down while a refusal is in force."""
    return not laws.goes_down(seen, plan)


def what_is_refused_keeps_nothing_at_waker(seen: Snapshot, plan: Plan) -> bool:
    """Its pods are up and ready, so its routes go back to them."""
    if not (seen.policy and seen.workload.replicas and seen.ready and laws.led(seen, Holder.WAKER)):
        return True
    return any(isinstance(each, Restore) and each.routes for each in plan.actions)


def its_time_has_come(_seen: Snapshot, _plan: Plan) -> bool:
    """A refusal that is over decides nothing."""
    return True


@pytest.mark.parametrize(
    "law",
    [*SAFE, what_is_refused_is_not_tried_again_at_once, what_is_refused_keeps_nothing_at_waker, its_time_has_come],
    ids=lambda law: law.__name__,
)
def test_law_while_the_api_server_refuses(law: Law, refused: Findings) -> None:
    test_law(law, refused)


def hasty(action: Any) -> Callable[..., Plan]:
    """A step of `decide` that does this, whatever it sees."""
    return lambda seen, *_: Plan(Phase.FALLING_ASLEEP, Code.SCALING_DOWN, "hasty", (action(seen),), timedelta(1))


@pytest.mark.parametrize(
    ("where", "name", "broken", "law"),
    [
        pytest.param(way_down, "ScaleToZero", lambda replicas: ScaleToZero(1), laws.law_1, id="a number is guessed"),
        pytest.param(way_down, "SETTLE", timedelta(), laws.law_2, id="no time to settle"),
        pytest.param(way_down, "DRAIN_WITHIN", timedelta(), laws.law_2, id="forwarded requests do not matter"),
        pytest.param(
            way_down, "_unfollowed", hasty(lambda seen: ScaleToZero(2)), laws.law_2, id="controllers do not matter"
        ),
        pytest.param(
            way_up, "_unready", hasty(lambda seen: Restore(seen.routes)), laws.law_3, id="readiness does not matter"
        ),
        pytest.param(brain, "rise", hasty(lambda seen: Forget()), laws.law_4, id="forgets first"),
        pytest.param(drift, "MOST_SWAPS", 9, laws.law_5, id="fights with a tool for ever"),
        pytest.param(way_down, "_requested_meanwhile", lambda *_: False, laws.law_6, id="deaf on the way down"),
        pytest.param(brain, "why_wake", lambda *_: "", laws.law_6, id="deaf while asleep"),
        pytest.param(sleep_due, "wake_requested_at", lambda seen: None, laws.law_6, id="does not read wishes"),
        pytest.param(sleep_due, "sleep_requested", lambda seen: True, laws.law_7, id="always asked to sleep"),
        pytest.param(brain, "why_wake", lambda *_: "", laws.law_8, id="a wish is for the moment only"),
        pytest.param(
            brain, "wake", hasty(lambda seen: Redirect(())), laws.never_the_reason_that_an_app_is_down, id="no wake"
        ),
        pytest.param(brain, "why_wake", lambda *_: "!", laws.pinned_means_pinned, id="any reason wakes"),
        pytest.param(brain, "_left_to_the_leader", lambda plan: plan, laws.law_9, id="everybody puts to sleep"),
        pytest.param(
            way_down,
            "_move_routes",
            hasty(lambda seen: Redirect(seen.routes)),
            laws.nothing_goes_on_what_nobody_asked,
            id="moves routes to who may be out of reach",
        ),
        pytest.param(
            way_down,
            "_move_routes",
            hasty(lambda seen: Redirect(seen.routes)),
            laws.no_way_to_its_pods_is_left_open,
            id="does not care what its pods show",
        ),
        pytest.param(
            sleep_due, "put_off_until", lambda *_: None, laws.tries_in_vain_become_rare, id="tries again and again"
        ),
        pytest.param(
            way_down, "_in_vain", way_down._turn_back, laws.a_try_in_vain_is_noted, id="nobody hears of tries in vain"
        ),
        pytest.param(way_down, "SOON", None, laws.on_the_way_there_is_a_next_step, id="no second look"),
        pytest.param(brain, "lost", hasty(lambda seen: ScaleUp(1)), laws.law_5, id="a lost number is guessed"),
    ],
)
def test_a_broken_mind_breaks_a_law(
    where: Any, name: str, broken: Any, law: Law, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, name, broken)
    some = islice(states(), None, None, 7)
    assert any(not law(seen, decide(seen, NOW)) for seen in some)
