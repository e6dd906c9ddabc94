"""What can be done about an app, and the Plan that says what should be done now.

Frozen data only. `decide` makes them, `cluster.apply` carries them out, one patch an object.
"""

from dataclasses import dataclass
from datetime import timedelta

from waker.plan.codes import Code
from waker.plan.model import Phase
from waker.plan.routes.route import Route, RouteId
from waker.plan.snapshot import Fact


@dataclass(frozen=True, slots=True)
class Redirect:
    """Point these routes at waker and remember their backends, per Ingress in one patch."""

    routes: tuple[Route, ...]


@dataclass(frozen=True, slots=True)
class Restore:
    """Point these routes back and forget their backends, per Ingress in one patch. `forget`: drop unrestored."""

    routes: tuple[Route, ...]
    forget: tuple[RouteId, ...] = ()


@dataclass(frozen=True, slots=True)
class ScaleToZero:
    """replicas -> 0 and saved-replicas in one patch."""

    saved: int


@dataclass(frozen=True, slots=True)
class ScaleUp:
    """replicas -> what the user had, with the wake request written down, in one patch. The saved number stays.

    If that was lost, the number is a guess, and is noted as if it had been saved.
    """

    replicas: int


@dataclass(frozen=True, slots=True)
class RequestWake:
    """Write a wake request on the workload, so that a sleeper that looked earlier loses the race.

    `in_vain`: what stood in the way of its sleep, if nobody has come; it is noted, see `plan.turned_back`.
    """

    in_vain: str = ""


@dataclass(frozen=True, slots=True)
class StopWake:
    """Somebody has scaled it to 0 during its wake: the wake request is withdrawn, and when that was is noted."""


@dataclass(frozen=True, slots=True)
class Forget:
    """The wake is over: remove what was saved on the workload and start the idle clock, or leave nothing behind."""

    clean: bool = False  # True: no idle clock either


Action = Redirect | Restore | ScaleToZero | ScaleUp | RequestWake | StopWake | Forget


@dataclass(frozen=True, slots=True)
class Plan:
    """What should be done now, when to reconcile again, and why: a code for programs, a sentence for people.

    `needs`: with this fact there may be a better plan. Without it this one holds.
    """

    phase: Phase
    code: Code
    reason: str
    actions: tuple[Action, ...] = ()
    requeue_after: timedelta | None = None  # None: when something changes
    open: bool = False  # True: requests may be forwarded to the app's ready pods
    warning: bool = False  # True: its user should know
    needs: Fact | None = None
