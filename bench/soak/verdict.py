"""A soak's figures as a table, and the evidence for everything that was wrong."""

from collections import Counter
from statistics import median

from bench.soak import oracle
from bench.soak.oracle import Log, Sleep, SoakVisit
from bench.tables import table

BEFORE, AFTER = 15.0, 5.0  # seconds of evidence around a wrong sleep


def good(log: Log) -> bool:
    """Whether nothing was lost or stolen, no sleep was wrong or overdue, and no request failed without a reason."""
    return not (log.lost or log.stolen or oracle.wrong(log) or oracle.failures(log)[0] or oracle.overdue(log))


def report(log: Log) -> str:
    """The figures as a table."""
    unexcused, excused = oracle.failures(log)
    late = oracle.lateness(log)
    kinds = Counter(each.kind for each in log.faults)
    rows = [
        ("faults", f"{len(log.faults)}: " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))),
        (
            "attacks",
            f"{sum(log.tricks.values())}: " + ", ".join(f"{n} {each}" for each, n in sorted(log.tricks.items())),
        ),
        ("lost", str(len(log.lost))),
        ("answers to the wrong tenant", str(len(log.stolen))),
        ("requests", str(len(log.visits))),
        ("answered by the app", str(sum(each.answered for each in log.visits))),
        ("failed without a reason", str(len(unexcused))),
        ("failed because of a fault", str(len(excused))),
        ("sleeps", str(len(oracle.sleeps(log)))),
        ("wrong sleeps", str(len(oracle.wrong(log)))),
        ("sleeps without a fault near", str(len(late))),
        ("late by, median and maximum (s)", f"{median(late):.1f}, {max(late):.1f}" if late else "-"),
        ("overdue sleeps", str(len(oracle.overdue(log)))),
    ]
    return table(("figure", "value"), rows)


def evidence(log: Log) -> str:
    """What happened around everything that was wrong. Times are seconds since the run began."""
    parts = [f"lost: {each}" for each in log.lost] + [f"stolen: {each}" for each in log.stolen]
    parts += [_around(log, each) for each in oracle.wrong(log)]
    parts += [f"overdue: {app} {a - log.began:.1f} .. {b - log.began:.1f}" for app, a, b in oracle.overdue(log)]
    if not good(log):
        parts += [
            f"fault: {each.kind} {each.at} {each.began - log.began:.1f} for {each.ended - each.began:.1f} s, "
            f"allowed {each.allowed:.1f} s"
            for each in log.faults
        ]
    parts += [
        f"failed: {each.app} through {each.pod} {each.began - log.began:.2f} .. {each.ended - log.began:.2f} {each.failed}"
        for each in oracle.failures(log)[0]
    ]
    return "\n".join(parts)


def _around(log: Log, sleep: Sleep) -> str:
    start, end = sleep.at - sleep.after - BEFORE, sleep.at + AFTER
    lines = [(each.ended, f"answer {_who(each)}: {each.pod}") for each in log.visits if each.app == sleep.app]
    lines += [(each.at, f"app {each.what}") for each in log.changes[sleep.app]]
    lines += [(each.began, f"{each.kind} {each.at} for {each.ended - each.began:.1f} s") for each in log.faults]
    within = (f"  {at - log.began:8.2f}  {text}" for at, text in sorted(lines) if start < at < end)
    title = f"wrong sleep: {sleep.app} (idle-after {log.idle[sleep.app]:g} s) at {sleep.at - log.began:.2f}"
    return "\n".join([f"{title}, {sleep.after:.2f} s after its last answer", *within])


def _who(visit: SoakVisit) -> str:
    return visit.failed or ("from the app" if visit.answered else "from waker")
