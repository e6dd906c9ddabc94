"""What sleep has saved, for `waker savings` and the dashboard: plain data, and a table of it.

Made by the running service, which alone knows. Hours are of what pods *request*: that was not reserved, which does not say
that it would have been used. What waker's own pods reserve, and how long visitors waited, stands beside it.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypedDict

from waker.explain.columns import aligned
from waker.explain.times import json_time
from waker.observe.runtime import Runtime
from waker.plan.savings import NOTHING, Reserved
from waker.printable import printable_text
from waker.settings.configmap import Live

HOUR: Final = 3600.0
GIB: Final = float(2**30)
HONEST: Final = (
    "Counted from the CPU and memory requests of the pods that did not run; their real use may have been less."
)


class SavedAmount(TypedDict):
    """Replicas, cores and GiB times hours; `money` is None without prices."""

    replicaHours: float
    coreHours: float
    gibHours: float
    money: float | None


class SavedNamespace(SavedAmount):
    """Of one namespace. `asleep`: how many of its apps sleep now."""

    namespace: str
    asleep: int


class WakesMade(TypedDict):
    """The wakes that this replica remembers, and how long they took together and in the middle, in seconds."""

    count: int
    seconds: float
    median: float | None


class SavingsReport(TypedDict):
    """All of it, since the waker that answers has started."""

    since: str | None
    namespaces: list[SavedNamespace]
    total: SavedAmount
    own: SavedAmount
    wakes: WakesMade
    currency: str | None


def report(runtime: Runtime, live: Live, settle: Callable[[], None]) -> SavingsReport:
    """Up to now."""
    settle()
    savings, wakes = runtime.savings, runtime.wakes
    saved, asleep = savings.saved(), savings.sleeping()
    rows = [
        SavedNamespace(namespace=name, asleep=asleep.get(name, 0), **_amount(saved.get(name, NOTHING), live))
        for name in sorted(saved.keys() | asleep.keys())
    ]
    rows.sort(key=lambda each: (-(each["money"] or 0), -each["coreHours"], -each["replicaHours"], each["namespace"]))
    took = sorted(wake.lasted.total_seconds() for wake in wakes.ended())
    return SavingsReport(
        since=json_time(savings.since) if savings.since else None,
        namespaces=rows,
        total=_amount(sum(saved.values(), savings.gone), live),
        own=_amount(savings.own, live),
        wakes=WakesMade(count=len(took), seconds=sum(took), median=took[len(took) // 2] if took else None),
        currency=live.currency if has_prices(live) else None,
    )


def has_prices(live: Live) -> bool:
    """Whether its operator has said what anything costs."""
    return bool(live.price_core_hour or live.price_gib_hour)


def money(of: Reserved, live: Live) -> float | None:
    """What so much, times seconds, costs; None without prices."""
    cost = of.cpu / HOUR * live.price_core_hour + of.memory / GIB / HOUR * live.price_gib_hour
    return cost if has_prices(live) else None


def _amount(of: Reserved, live: Live) -> SavedAmount:
    return SavedAmount(
        replicaHours=of.replicas / HOUR,
        coreHours=of.cpu / HOUR,
        gibHours=of.memory / GIB / HOUR,
        money=money(of, live),
    )


def added_up(rows: Sequence[SavedNamespace], like: SavedAmount) -> SavedAmount:
    """What these namespaces have saved together. `like`: has money if there are prices."""
    return SavedAmount(
        replicaHours=sum(each["replicaHours"] for each in rows),
        coreHours=sum(each["coreHours"] for each in rows),
        gibHours=sum(each["gibHours"] for each in rows),
        money=None if like["money"] is None else sum(each["money"] or 0.0 for each in rows),
    )


def text(found: SavingsReport, since: Callable[[str], str]) -> str:
    """For a terminal, without a newline at the end. `since` says how long ago a time was."""
    currency = found["currency"]
    head = ["NAMESPACE", "ASLEEP", "REPLICA HOURS", "CORE HOURS", "GIB HOURS", *([currency] if currency else [])]
    lines = [[printable_text(each["namespace"]), str(each["asleep"]), *_cells(each)] for each in found["namespaces"]]
    asleep = str(sum(each["asleep"] for each in found["namespaces"]))
    own = ["waker itself", "-", *_cells(found["own"])]
    table = "\n".join(aligned([head, *lines, ["all", asleep, *_cells(found["total"])], own], numbers=True))
    began = found["since"]
    ago = f"Since {began} ({since(began)}), when this waker began to count. " if began else ""
    return f"{table}\n\n{ago}{HONEST}\n{_of_wakes(found['wakes'])}"


def _of_wakes(wakes: WakesMade) -> str:
    """Of as many as are remembered."""
    if not wakes["count"]:
        return "No app has woken since this waker started."
    if wakes["count"] == 1:
        return f"The last wake took {wakes['seconds']:.1f} s."
    half = f", half of them within {wakes['median']:.1f} s" if wakes["median"] is not None else ""
    return f"The last {wakes['count']} wakes took {wakes['seconds']:.1f} s together{half}."


def _cells(of: SavedAmount) -> list[str]:
    found = [of["replicaHours"], of["coreHours"], of["gibHours"], *([of["money"]] if of["money"] is not None else [])]
    return [f"{each:.2f}" for each in found]
