"""What `waker status` shows: one row an app, as plain data. Made by the running service, else by the command itself."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from waker.observe.cluster import ClusterCache
from waker.observe.runtime import Runtime
from waker.plan.actions import Plan
from waker.plan.codes import Code
from waker.plan.model import Phase, Workload
from waker.plan.notes import Unreadable
from waker.plan.sleep_due import CANNOT_TELL
from waker.printable import printable_text
from waker.settings.durations import format_duration
from waker.web.registered_app import RegisteredApp

COLUMNS = ("namespace", "name", "kind", "phase", "idleFor", "replicas", "saved", "reason")


def rows(cluster: ClusterCache, runtime: Runtime, now: datetime) -> list[dict[str, Any]]:
    """All apps, by the running service."""
    found = []
    for each in sorted(runtime.registry.entries(), key=lambda each: (each.app.namespace, each.app.name)):
        workload = cluster.workload(each.app)
        if workload:
            plan = replace(each.plan, reason=_reason(runtime, each))
            found.append(row(workload, plan, runtime.last_visit(workload, each), now))
    return found


def _reason(runtime: Runtime, each: RegisteredApp) -> str:
    """Why its traffic is unknown changes without a pass for the app."""
    blind = each.plan.code in (Code.TRAFFIC_UNKNOWN, Code.NOT_OBSERVED)
    unknown = runtime.visits.traffic(each.app).unknown if blind else ""
    return f"{CANNOT_TELL}: {unknown}" if unknown else each.plan.reason


def row(workload: Workload, plan: Plan, visited_at: datetime | None, now: datetime) -> dict[str, Any]:
    """One app. `idleFor` is a duration, "" if it is not known or the app is not awake."""
    idle = format_duration(now - visited_at) if visited_at and plan.phase is Phase.AWAKE else ""
    return {
        "namespace": workload.id.namespace,
        "name": workload.id.name,
        "kind": workload.id.kind.value,
        "phase": plan.phase.value,
        "code": plan.code.value,
        "idleFor": idle,
        "replicas": workload.replicas,
        "saved": _saved(workload.notes.saved_replicas),
        "reason": plan.reason,
    }


def _saved(note: int | Unreadable | None) -> str:
    return note.why if isinstance(note, Unreadable) else str(note or "")


def table(rows: Iterable[dict[str, Any]]) -> str:
    """The rows as aligned columns under a heading, in the manner of kubectl."""
    cells = [[_heading(column) for column in COLUMNS]]
    cells += [[printable_text(str(each.get(column, ""))) or "-" for column in COLUMNS] for each in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(COLUMNS))]
    return "\n".join("   ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in cells)


def _heading(column: str) -> str:
    return "".join(f" {c}" if c.isupper() else c for c in column).upper()
