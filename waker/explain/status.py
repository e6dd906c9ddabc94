"""What `waker status` shows: one row an app, as plain data. Made by the running service, else by the command itself.

`waker explain --all` groups the same rows by their `causeKey`: the cause without what is the app's own in it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from waker.explain.columns import aligned
from waker.explain.times import json_time, sleep_time
from waker.explain.unseen import unseen_since
from waker.observe.class_names import class_of, with_class
from waker.observe.cluster import ClusterCache
from waker.observe.observed_app import policy_of
from waker.observe.runtime import Runtime
from waker.plan.actions import Plan
from waker.plan.codes import Code
from waker.plan.model import AppId, Phase, Pin, Policy, Workload
from waker.plan.notes import Unreadable
from waker.plan.routes.route import Route
from waker.plan.sleep_due import CANNOT_TELL, idle_period
from waker.plan.snapshot import Traffic
from waker.printable import printable_text
from waker.settings.configmap import Live
from waker.settings.durations import format_duration
from waker.web.registered_app import RegisteredApp

NARROW = ("namespace", "name", "kind", "phase", "idleFor", "sleepsIn", "replicas", "saved", "reason")
WIDE = (*NARROW[:-1], "sleepsAt", "code", "reason")
OWN: Final = "..."  # stands for what differs from app to app
TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d"
WORD = re.compile(rf"{TIME}|[a-zA-Z0-9](?:[-.a-zA-Z0-9]*[a-zA-Z0-9])?")  # a time, a name, a duration
WHEN = re.compile(rf"{TIME}|(?:\d+[dhms])+")
NAMES = r"[a-z0-9][-.a-z0-9]*"
# What forbids a sleep names other objects for each app.
OBJECTS = re.compile(rf"\b(Services?|Ingress(?! names its )) {NAMES}(?:, {NAMES})*")


def rows(cluster: ClusterCache, runtime: Runtime, live: Live, now: datetime) -> list[dict[str, Any]]:
    """All apps, by the running service."""
    found, served_by = [], cluster.served_by()
    for each in sorted(runtime.registry.entries(), key=lambda each: (each.app.namespace, each.app.name)):
        workload = cluster.workload(each.app)
        if workload:
            traffic = runtime.visits.traffic(each.app)
            lost = runtime.visits.lost(each.app)
            policy, reason = policy_of(workload, live), _reason(each, traffic, served_by)
            unseen = unseen_since(runtime, workload, each) if each.plan.code is Code.IN_USE else None
            if policy and unseen:
                reason = _unseen(unseen, idle_period(policy, traffic))
            plan = replace(each.plan, reason=reason)
            visited = runtime.last_visit(workload, each)
            by_itself = _by_itself(plan, policy)
            sleeps_at = sleep_time(workload, by_itself, traffic, visited, now)
            found.append(
                row(workload, plan, visited, now)
                | {
                    **_cause(workload, plan, each.routes, lost.loss.why if lost else ""),
                    "sleepsAt": sleeps_at and json_time(sleeps_at),
                    "sleepsIn": format_duration(sleeps_at - now) if sleeps_at and sleeps_at > now else "",
                }
            )
    return found


def _reason(each: RegisteredApp, traffic: Traffic, served_by: Mapping[str, str]) -> str:
    """Why its traffic is unknown changes without a pass for the app."""
    blind = each.plan.code in (Code.TRAFFIC_UNKNOWN, Code.NOT_OBSERVED)
    if not (blind and traffic.unknown):
        return each.plan.reason
    classes = {class_of(route.controller, served_by) for route in each.routes}
    return f"{CANNOT_TELL}: {with_class(traffic.unknown, classes.pop() if len(classes) == 1 else '')}"


def _unseen(since: datetime, period: timedelta) -> str:
    """Instead of `in use`. With a time that does not run, so that rows change only when something happens."""
    began = f"{since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return f"nobody has been seen since waker began to watch it at {began}: sleeps {format_duration(period)} after that"


def _by_itself(plan: Plan, policy: Policy | None) -> Policy | None:
    """The policy by which an awake app falls asleep when nobody comes; None if it does not."""
    falls = policy is not None and plan.code is not Code.PAUSED and plan.phase is Phase.AWAKE and policy.pin is Pin.AUTO
    return policy if falls else None


def row(workload: Workload, plan: Plan, visited_at: datetime | None, now: datetime) -> dict[str, Any]:
    """One app. `idleFor` is a duration, "" if it is not known or the app is not awake; so is `sleepsIn`."""
    idle = format_duration(now - visited_at) if visited_at and plan.phase is Phase.AWAKE else ""
    return {
        "namespace": workload.id.namespace,
        "name": workload.id.name,
        "kind": workload.id.kind.value,
        "phase": plan.phase.value,
        "code": plan.code.value,
        "idleFor": idle,
        "sleepsIn": "",
        "sleepsAt": None,
        "replicas": workload.replicas,
        "saved": _saved(workload.notes.saved_replicas),
        "reason": plan.reason,
    } | _cause(workload, plan, ())


def _cause(workload: Workload, plan: Plan, routes: Sequence[Route], because: str = "") -> dict[str, str]:
    return {
        "cause": because if _is_lost(plan, because) else plan.reason.removeprefix(f"{CANNOT_TELL}: "),
        "causeKey": cause_key(workload, plan, routes, because),
    }


def _is_lost(plan: Plan, because: str) -> bool:
    return because != "" and plan.code is Code.IN_USE


def cause_key(workload: Workload, plan: Plan, routes: Iterable[Route], because: str = "") -> str:
    """The reason, or what happened at the last visit if that was none, without this app's own names and times."""
    text = because if _is_lost(plan, because) else plan.reason.removeprefix(f"{CANNOT_TELL}: ")
    own = set()
    for route in routes:
        text = text.replace(str(route.id), OWN)
        own |= {route.id.object.name, route.backend.service}
    if plan.code is Code.CANNOT_SLEEP:
        text = OBJECTS.sub(rf"\1 {OWN}", text)
    return masked(text, workload.id, own)


def masked(text: str, app: AppId, others: Set[str] = frozenset()) -> str:
    """A sentence about an app without its name, other names of its own, and times: equal for apps of which the same is so."""
    own = {app.name, app.namespace, *others}
    return WORD.sub(lambda word: OWN if word[0] in own or WHEN.fullmatch(word[0]) else word[0], text)


def _saved(note: int | Unreadable | None) -> str:
    return note.why if isinstance(note, Unreadable) else str(note or "")


def table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str] = NARROW, *, headed: bool = True) -> str:
    """The rows as aligned columns under a heading, in the manner of kubectl."""
    lines = [[heading(column) for column in columns]] if headed else []
    lines += [cells(each, columns) for each in rows]
    return "\n".join(aligned(lines))


def cells(row: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    """The cells of one row, each on one line; `-` where there is nothing."""
    found = (row.get(column) for column in columns)
    return [printable_text("" if each is None else str(each)) or "-" for each in found]


def heading(column: str) -> str:
    """`sleepsIn` -> `SLEEPS IN`."""
    return "".join(f" {c}" if c.isupper() else c for c in column).upper()
