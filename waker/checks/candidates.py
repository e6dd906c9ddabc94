"""Which workloads nobody has visited for long, and what sleeping them would save: the reason to enable them.

Pure: what is known of each workload goes in, rows come out. What is saved are requests, as the scheduler reserves them, not
use.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypedDict

from waker.explain.amounts import counted
from waker.explain.columns import aligned
from waker.explain.status import masked
from waker.plan.model import AppId
from waker.plan.pod_requests import PodRequests
from waker.printable import printable_data
from waker.settings.durations import format_duration

GIB: Final = 2**30
COLUMNS: Final = ("NAMESPACE", "NAME", "KIND", "REPLICAS", "CORES", "GIB", "NOBODY FOR")


@dataclass(frozen=True, slots=True)
class Quiet:
    """A workload that could sleep. `idle`: for how long nobody has come, at least; None: that is not known."""

    app: AppId
    replicas: int
    requests: PodRequests
    idle: timedelta | None
    enabled: bool
    unknown: str = ""  # why that is not known


class IdleWorkload(TypedDict):
    """One of them. `cores` and `memoryBytes`: the requests of all its pods."""

    namespace: str
    name: str
    kind: str
    replicas: int
    cores: float
    memoryBytes: int
    idleFor: str
    enabled: bool


class Candidates(TypedDict):
    """All of them, what they would save together, and of how many nobody knows. Those that are enabled need no advice."""

    idleFor: str
    source: str
    candidates: list[IdleWorkload]
    replicas: int
    cores: float
    memoryBytes: int
    visited: int
    enabledAlready: int
    unknown: list[str]


def candidates(found: Iterable[Quiet], at_least: timedelta, source: str) -> Candidates:
    """Those that nobody has visited for so long, the largest first."""
    everything = list(found)
    known = [each for each in everything if not each.enabled]
    quiet = [each for each in known if each.idle is not None and each.idle >= at_least]
    rows = sorted(map(_row, quiet), key=lambda row: (-row["cores"], -row["memoryBytes"], row["namespace"], row["name"]))
    reasons: dict[str, list[str]] = {}
    for each in known:
        if each.idle is None:
            reasons.setdefault(masked(each.unknown, each.app), []).append(each.unknown)
    return Candidates(
        idleFor=format_duration(at_least),
        source=source,
        candidates=rows,
        replicas=sum(row["replicas"] for row in rows),
        cores=round(sum(row["cores"] for row in rows), 3),
        memoryBytes=sum(row["memoryBytes"] for row in rows),
        enabledAlready=len(everything) - len(known),
        visited=sum(each.idle is not None and each.idle < at_least for each in known),
        unknown=[f"{counted(len(whys), 'workload')}: {whys[0]}" for whys in reasons.values()],
    )


def _row(each: Quiet) -> IdleWorkload:
    return IdleWorkload(
        namespace=each.app.namespace,
        name=each.app.name,
        kind=str(each.app.kind),
        replicas=each.replicas,
        cores=round(each.replicas * each.requests.cpu, 3),
        memoryBytes=round(each.replicas * each.requests.memory),
        idleFor=format_duration(each.idle or timedelta()),
        enabled=each.enabled,
    )


def text(found: Candidates) -> str:
    """For a terminal, without a newline at the end."""
    found = printable_data(found)
    rows = [COLUMNS, *(_cells(each) for each in found["candidates"])] if found["candidates"] else []
    lines = [*aligned(rows), *([""] if rows else []), _summary(found)]
    lines += [f"not known: {each}" for each in found["unknown"]]
    return "\n".join(lines)


def _cells(each: IdleWorkload) -> tuple[str, ...]:
    numbers = (str(each["replicas"]), f"{each['cores']:g}", f"{each['memoryBytes'] / GIB:.2f}")
    return each["namespace"], each["name"], each["kind"], *numbers, each["idleFor"]


def _summary(found: Candidates) -> str:
    within, source, visited = found["idleFor"], found["source"], found["visited"]
    already = f" Enabled already: {found['enabledAlready']}." if found["enabledAlready"] else ""
    if not found["candidates"]:
        return f"Nothing: {counted(visited, 'workload')} visited within {within} ({source}), and no other is known.{already}"
    saved = f"{found['cores']:g} cores and {found['memoryBytes'] / GIB:.2f} GiB of requests"
    return (
        f"{counted(len(found['candidates']), 'workload')} not visited for {within} ({source}), {visited} visited. "
        f"Asleep, they would give back {counted(found['replicas'], 'replica')}, {saved}.{already}"
    )
