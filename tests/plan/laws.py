"""The order laws of `decide`, as functions of a state and its plan: True if the plan keeps the law.

The docstring is the law. They think in other words than `decide` does, so that a mistake has to be made twice.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tests.plan.building import NOW
from tests.plan.states import SINCE, SWAPPED, TRAFFIC
from waker import names
from waker.plan import workload_patches
from waker.plan.actions import Forget, Plan, Redirect, RequestWake, Restore, ScaleToZero, ScaleUp
from waker.plan.codes import Code
from waker.plan.decide import decide
from waker.plan.model import Phase, Pin
from waker.plan.notes import NOTES
from waker.plan.routes.route import Holder, is_astray, is_held
from waker.plan.snapshot import Fact, Snapshot
from waker.plan.turned_back import TurnedBack

SETTLED = NOW - timedelta(seconds=2)
NEXT_PASS = NOW + timedelta(seconds=1)
MUCH_LATER = NOW + timedelta(days=400)


Law = Callable[[Snapshot, Plan], bool]


# --- what a state means, said once more in other words than decide's --------------------------------------------------


def pin(seen: Snapshot) -> Pin | None:
    """None: not managed, or it has a problem, or all is paused."""
    return None if seen.policy is None or seen.problems or seen.policy.paused else seen.policy.pin


def knocked(seen: Snapshot) -> bool:
    """Somebody knocked since the routes moved. Knocks of before that are not shown to who sleeps.

    Nor does one count that came when somebody had just stopped its wake.
    """
    if seen.arrived_at == note(seen, names.STOPPED_AT):
        return False
    return seen.arrived_at is not None and (seen.arrived_at > SWAPPED or seen.workload.replicas == 0)


def note(seen: Snapshot, key: str) -> object:
    """What stands on the workload in this annotation; None: nothing."""
    (field,) = (each.field for each in NOTES if each.annotation == key)
    return getattr(seen.workload.notes, field)


def noted(seen: Snapshot, key: str) -> bool:
    """So it stands on the workload, and it is younger than the swap."""
    at = note(seen, key)
    return isinstance(at, datetime) and at > SWAPPED


def told_to_sleep(seen: Snapshot) -> bool:
    """`waker sleep` stands on the workload, and no wish since."""
    return note(seen, names.SLEEP_REQUESTED_AT) is not None and not noted(seen, names.WAKE_REQUESTED_AT)


def idle(seen: Snapshot) -> bool:
    """Known not to be visited."""
    return not seen.traffic.unknown and seen.traffic.visited_at is not None and seen.traffic.visited_at < SWAPPED


def led(seen: Snapshot, holder: Holder) -> list[Any]:
    """The routes that lead to one of the two."""
    return [each for each in seen.routes if each.holder is holder]


def goes_down(seen: Snapshot, plan: Plan) -> bool:
    """A step towards sleep, for an app that has pods. From one door of waker to another is none."""
    taken = any(isinstance(each, Redirect) and not all(map(is_held, each.routes)) for each in plan.actions)
    return (taken or any(isinstance(each, ScaleToZero) for each in plan.actions)) and seen.workload.replicas > 0


# --- the laws ---------------------------------------------------------------------------------------------------------


def law_1(seen: Snapshot, plan: Plan) -> bool:
    """Remember before you change: originals go into the very patch that changes them."""
    for each in plan.actions:
        if isinstance(each, ScaleToZero):
            body = workload_patches.patch(seen.workload, each, NOW)
            saved = body["metadata"]["annotations"][names.SAVED_REPLICAS]
            return bool(saved == str(seen.workload.replicas) != "0" and body["spec"] == {"replicas": 0})
        if isinstance(each, Redirect):
            return all(route.backend.service != names.WAKER_SERVICE for route in each.routes)
    return True


def law_2(seen: Snapshot, plan: Plan) -> bool:
    """Route before you scale down: every controller pod is known to follow, and has had time to end what it began."""
    if not any(isinstance(each, ScaleToZero) for each in plan.actions):
        return True
    followed = seen.followed_since is not None and seen.followed_since <= SETTLED
    own_doors = not seen.passes_on and not led(seen, Holder.APP) and not any(map(is_astray, seen.routes))
    return bool(seen.routes) and own_doors and followed and not seen.forwarding


def law_3(seen: Snapshot, plan: Plan) -> bool:
    """Ready before you route back; and pods that are about to be taken away, ready or not, are gone before new ones come."""
    if any(isinstance(each, ScaleUp) for each in plan.actions) and leaving(seen):
        return False
    back = any(isinstance(each, Restore) and each.routes for each in plan.actions)
    if seen.policy is None or seen.policy.pin is Pin.AWAKE:  # its user does not want it to sleep, ready or not
        return True
    some = [route for each in plan.actions if isinstance(each, Restore) for route in each.routes]
    if some and all(route.id in seen.ready_routes for route in some):
        return seen.workload.replicas > 0
    return not back or (seen.ready and seen.workload.replicas > 0)


def law_4(seen: Snapshot, plan: Plan) -> bool:
    """Forget last: when no route is at waker and no entry is left, and never a readable number while there are no pods."""
    if not any(isinstance(each, Forget) for each in plan.actions):
        return True
    if seen.workload.replicas == 0:
        free = not saved(seen) or stopped(seen)
        return seen.policy is None and not led(seen, Holder.WAKER) and free
    return not led(seen, Holder.WAKER) and not seen.orphans and not any(each.swapped_at for each in seen.routes)


def stopped(seen: Snapshot) -> bool:
    """Somebody has scaled it to 0 during its wake, whenever that was."""
    noted_by_waker = (note(seen, names.SCALED_UP_AT), note(seen, names.STOPPED_AT))
    return seen.workload.replicas == 0 and noted_by_waker != (None, None)


def kept_down(seen: Snapshot) -> bool:
    """And that is not long ago, and nobody has asked for it since."""
    just_now = note(seen, names.SCALED_UP_AT) is not None
    lately = note(seen, names.STOPPED_AT) == SINCE and note(seen, names.WAKE_REQUESTED_AT) is None
    return seen.workload.replicas == 0 and (just_now or lately)


def leaving(seen: Snapshot) -> bool:
    """Its replicas became 0 just now, and Kubernetes has not taken its pods yet."""
    return not seen.workload.pods_gone and note(seen, names.ASLEEP_SINCE) == SINCE


def woken(seen: Snapshot, plan: Plan) -> bool:
    """Its replicas go up: now, or when its pods of before are gone."""
    waits = leaving(seen) and plan.phase is Phase.WAKING and plan.requeue_after is not None
    return plan.actions == (() if waits else (ScaleUp(saved(seen)),))


def saved(seen: Snapshot) -> int:
    """The user's number, 0 if there is none that can be read."""
    number = note(seen, names.SAVED_REPLICAS)
    return number if isinstance(number, int) else 0


def wished(seen: Snapshot) -> bool:
    """Somebody wants it: a visitor, or a request that stands on the workload."""
    return seen.arrived_at is not None or note(seen, names.WAKE_REQUESTED_AT) is not None


def own_number(seen: Snapshot) -> int:
    """What it may be scaled up to; 0 if to nothing."""
    return saved(seen) or (seen.least_replicas if wished(seen) else 0)


def law_5(seen: Snapshot, plan: Plan) -> bool:
    """Never undo what we did not do: each step starts from what we did ourselves.

    A lost number is guessed, but for visitors only.
    """
    pods = seen.workload.replicas > 0
    for each in plan.actions:
        match each:
            case ScaleUp(replicas) if pods or kept_down(seen) or replicas != own_number(seen):
                return False
            case ScaleToZero() if not pods:
                return False
            case Redirect(routes) if any(is_held(route) and not is_astray(route) for route in routes):
                return False
            case Redirect(routes) if any(route.swaps >= 3 and not is_held(route) for route in routes):
                return False
            case Redirect() if not pods and not saved(seen):
                return False
            case Restore(routes, forget):
                free = {*seen.orphans, *(route.id for route in led(seen, Holder.APP) if route.swapped_at)}
                if any(route.holder is Holder.APP for route in routes) or not free.issuperset(forget):
                    return False
    return True


def law_6(seen: Snapshot, plan: Plan) -> bool:
    """A wish beats sleep: no pod is taken from who is wished for, and a knock is written down before anything else."""
    if pin(seen) is not Pin.AUTO or not (knocked(seen) or noted(seen, names.WAKE_REQUESTED_AT)):
        return True
    if seen.workload.replicas == 0:
        return woken(seen, plan) or not saved(seen) or kept_down(seen)
    if any(isinstance(each, ScaleToZero) for each in plan.actions):
        return False
    falling = note(seen, names.SAVED_REPLICAS) is None and led(seen, Holder.WAKER)
    written = noted(seen, names.WAKE_REQUESTED_AT)
    return not falling or written or plan.actions == (RequestWake(),)


def law_7(seen: Snapshot, plan: Plan) -> bool:
    """Unknown is not idle: only idleness, a pin and `waker sleep` put to sleep, and idleness not if the swap may feign it."""
    if not goes_down(seen, plan):
        return True
    wanted = pin(seen)
    if wanted is Pin.ASLEEP or (wanted is Pin.AUTO and told_to_sleep(seen)):
        return True
    takes_pods = any(isinstance(each, ScaleToZero) for each in plan.actions)
    return wanted is Pin.AUTO and idle(seen) and not (takes_pods and seen.certainty.loses_counts)


def law_8(seen: Snapshot, plan: Plan) -> bool:
    """A restart at any instant neither sleeps anything nor forgets a wake.

    A process that has just begun knows nothing of traffic, knocks and controllers.
    """
    if (not seen.traffic.unknown and seen.workload.replicas) or seen.arrived_at or seen.followed_since:
        return True
    if any(isinstance(each, ScaleToZero) for each in plan.actions):
        return False
    written = pin(seen) is Pin.AUTO and note(seen, names.WAKE_REQUESTED_AT) is not None
    if kept_down(seen):
        return not any(isinstance(each, ScaleUp) for each in plan.actions)
    if written and saved(seen) and seen.workload.replicas == 0:
        return plan.phase is Phase.WAKING
    if written and saved(seen) and not told_to_sleep(seen):
        return plan.phase in (Phase.WAKING, Phase.RESTORING_ROUTES, Phase.STUCK)
    return True


def law_9(seen: Snapshot, plan: Plan) -> bool:
    """One puts to sleep: the holder of the Lease. Who does not hold it moves no route away, and takes no pods."""
    return seen.leader or not (goes_down(seen, plan) or any(isinstance(each, Redirect) for each in plan.actions))


def never_the_reason_that_an_app_is_down(seen: Snapshot, plan: Plan) -> bool:
    """Who may not sleep (any more) and sleeps is woken: not enabled, a problem, a pin."""
    may_not = seen.policy is None or seen.problems or seen.policy.pin is Pin.AWAKE
    down = seen.workload.replicas == 0 and saved(seen)
    given_back = seen.policy is None and stopped(seen)
    return not (may_not and down) or woken(seen, plan) or kept_down(seen) or given_back


def pinned_means_pinned(seen: Snapshot, plan: Plan) -> bool:
    """Awake whatever the traffic, asleep whoever knocks; paused, nobody is put to sleep."""
    wanted = pin(seen)
    if wanted is Pin.ASLEEP:
        return not any(isinstance(each, ScaleUp | RequestWake) for each in plan.actions)
    return wanted is Pin.AUTO or not goes_down(seen, plan)


def what_it_needs_it_lacks(seen: Snapshot, plan: Plan) -> bool:
    """A plan asks for a fact only once, and does nothing before it has it."""
    return plan.needs is None or (plan.needs not in seen.gathered and not plan.actions)


def nothing_goes_on_what_nobody_asked(seen: Snapshot, plan: Plan) -> bool:
    """A route is moved only if waker is known to be reachable there, and if it is known whether anybody serves it."""
    taken = [each for each in plan.actions if isinstance(each, Redirect) and not all(map(is_held, each.routes))]
    if {Fact.REACHABLE, Fact.UNSERVED} <= seen.gathered or not seen.workload.replicas or not taken:
        return True
    return any(route.swaps for route in seen.routes)  # so it was reachable a moment ago


def no_way_to_its_pods_is_left_open(seen: Snapshot, plan: Plan) -> bool:
    """No route is moved while the pods show a way to them that cannot be: the app would sleep while it is visited."""
    taken = [each for each in plan.actions if isinstance(each, Redirect) and not all(map(is_held, each.routes))]
    if not (taken and seen.unforeseen):
        return True
    return (
        any(route.swaps for route in seen.routes) or not seen.workload.replicas
    )  # it was not there before the first swap


def one_write_an_object(seen: Snapshot, plan: Plan) -> bool:
    """At most one write to each object in one plan."""
    objects: list[str] = []
    for each in plan.actions:
        match each:
            case Redirect(routes):
                objects += {str(route.id.object) for route in routes}
            case Restore(routes, forget):
                objects += {str(id.object) for id in (*(route.id for route in routes), *forget)}
            case _:
                objects.append("workload")
    return len(objects) == len(set(objects))


def nobody_is_forwarded_to_who_cannot_answer(seen: Snapshot, plan: Plan) -> bool:
    """While an app wakes, requests pass only if a pod is ready, or says so itself."""
    starting = plan.phase in (Phase.WAKING, Phase.RESTORING_ROUTES, Phase.STUCK)
    return not (plan.open and starting) or seen.ready or seen.probed_ready or bool(seen.ready_routes)


def every_plan_has_a_reason(seen: Snapshot, plan: Plan) -> bool:
    """The log line, the Event and the row of `waker status` are never empty."""
    return len(plan.reason) > 5


def the_door_closes_first(seen: Snapshot, plan: Plan) -> bool:
    """No request is forwarded in a pass after which, by the clock alone, the next one takes the pods."""
    if not plan.open:
        return True
    later = decide(seen, NEXT_PASS)
    return not any(isinstance(each, ScaleToZero) for each in (*plan.actions, *later.actions))


def nothing_waits_unasked(seen: Snapshot, plan: Plan) -> bool:
    """A plan that does nothing and asks for no second look is as good in a year."""
    if plan.actions or plan.requeue_after:
        return True
    later = decide(seen, MUCH_LATER)
    return (later.phase, later.actions, later.open) == (plan.phase, plan.actions, plan.open)


def on_the_way_there_is_a_next_step(seen: Snapshot, plan: Plan) -> bool:
    """Between awake and asleep nothing comes to rest."""
    resting = (Phase.AWAKE, Phase.ASLEEP, Phase.NOT_MANAGED)
    return plan.phase in resting or plan.requeue_after is not None


def nobody_stays_at_another_door(seen: Snapshot, plan: Plan) -> bool:
    """A route that leads to another app's door is pointed at its own, or given back, before anything rests."""
    if not any(map(is_astray, seen.routes)) or not seen.leader:
        return True
    return plan.phase is not Phase.AWAKE and (plan.phase is not Phase.ASLEEP or bool(plan.actions))


def who_is_stuck_is_told(seen: Snapshot, plan: Plan) -> bool:
    """STUCK is for a person: a warning, and nothing is touched meanwhile."""
    return plan.phase is not Phase.STUCK or (plan.warning and not plan.actions)


def a_lost_number_is_no_reason_to_stay_down(seen: Snapshot, plan: Plan) -> bool:
    """Who knocks at an app whose number is lost gets it."""
    is_lost = seen.workload.replicas == 0 and not saved(seen) and bool(led(seen, Holder.WAKER))
    pinned = seen.policy is not None and seen.policy.pin is Pin.ASLEEP
    if not is_lost or pinned or not wished(seen):
        return True
    return plan.needs is Fact.LEAST_REPLICAS or plan.actions == (ScaleUp(seen.least_replicas),)


def tries_in_vain_become_rare(seen: Snapshot, plan: Plan) -> bool:
    """Who turned back twice though nobody came is not put to sleep by its traffic for 6 hours, then for 12, then for a day."""
    known = seen.workload.notes.turned_back
    asked = pin(seen) is Pin.ASLEEP or told_to_sleep(seen)
    if not isinstance(known, TurnedBack) or known.times < 2 or asked or not goes_down(seen, plan):
        return True
    return NOW - known.at >= timedelta(hours={2: 6, 3: 12}.get(known.times, 24))


def a_try_in_vain_is_noted(seen: Snapshot, plan: Plan) -> bool:
    """Turning back is noted as in vain if nobody came, and only then; from the second time on its user is told."""
    if plan.code is not Code.TURNING_BACK:
        return True
    (wakes,) = (each for each in plan.actions if isinstance(each, RequestWake))
    counted = seen.traffic == TRAFFIC[2] and not seen.traffic.lost and not told_to_sleep(seen)
    young = seen.traffic.visited_at is None
    somebody_saved = note(seen, names.SAVED_REPLICAS) is not None and not told_to_sleep(seen)
    wanted_awake = pin(seen) in (None, Pin.AWAKE) or somebody_saved or "tried again at" in plan.reason
    came = knocked(seen) or counted or young or wanted_awake
    again = isinstance(seen.workload.notes.turned_back, TurnedBack)
    return bool(wakes.in_vain) is not came and plan.warning is (again and not came)


LAWS: tuple[Law, ...] = (
    law_1,
    law_2,
    law_3,
    law_4,
    law_5,
    law_6,
    law_7,
    law_8,
    law_9,
    never_the_reason_that_an_app_is_down,
    pinned_means_pinned,
    what_it_needs_it_lacks,
    nothing_goes_on_what_nobody_asked,
    no_way_to_its_pods_is_left_open,
    one_write_an_object,
    nobody_is_forwarded_to_who_cannot_answer,
    every_plan_has_a_reason,
    the_door_closes_first,
    nothing_waits_unasked,
    on_the_way_there_is_a_next_step,
    nobody_stays_at_another_door,
    who_is_stuck_is_told,
    a_lost_number_is_no_reason_to_stay_down,
    tries_in_vain_become_rare,
    a_try_in_vain_is_noted,
)
