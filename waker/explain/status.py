"""What `waker status` shows: one row an app, as plain data. Made by the running service, or by the command line itself."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from waker import names
from waker.plan.actions import Plan
from waker.plan.model import Phase, Workload
from waker.settings.times import format_duration

COLUMNS = ("namespace", "name", "kind", "phase", "idleFor", "replicas", "saved", "reason")


def row(workload: Workload, plan: Plan, visited_at: datetime | None, now: datetime) -> dict[str, Any]:
    """One app. `idleFor` is a duration, "" if it is not known or the app is not awake."""
    idle = format_duration(now - visited_at) if visited_at and plan.phase is Phase.AWAKE else ""
    return {
        "namespace": workload.id.namespace,
        "name": workload.id.name,
        "kind": workload.id.kind.value,
        "phase": plan.phase.value,
        "idleFor": idle,
        "replicas": workload.replicas,
        "saved": workload.annotations.get(names.SAVED_REPLICAS, ""),
        "reason": plan.reason,
    }


def table(rows: Iterable[dict[str, Any]]) -> str:
    """The rows as aligned columns under a heading, in the manner of kubectl."""
    cells = [[_heading(column) for column in COLUMNS]]
    cells += [[str(each.get(column, "")) or "-" for column in COLUMNS] for each in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(COLUMNS))]
    return "\n".join("   ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in cells)


def _heading(column: str) -> str:
    return "".join(f" {c}" if c.isupper() else c for c in column).upper()
