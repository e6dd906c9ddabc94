"""The worst that visitors can do to memory: each kind once and then in reverse order, all in one process.

What one kind leaves behind meets the next one, so the order tells whether memory comes back. A row shows the peak of RSS as
the kernel has seen it, what waited unread in the kernel's buffers, and the RSS two seconds after everybody has left. The
limit of waker's pod is 128 MiB.
"""

import json
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

from bench import footprint, visitors
from bench.load_target import LoadTarget, start
from bench.tables import table
from tests.e2e.cluster import ClusterApi

HEAD = ("one after the other in one process", "answers", "peak RSS MiB", "unread MiB", "RSS MiB after")
KIB = 1024  # VmHWM counts in KiB
AFTER = 2.0  # seconds
LOOK = 0.1  # seconds


class WorstCase(NamedTuple):
    """Visitors who come together. `kinds`: of `bench.load`, each with its number of connections."""

    title: str
    kinds: dict[str, int]
    seconds: int = 6


def worst_cases(crowd: int) -> tuple[WorstCase, ...]:
    """All rows; the crowd is of that many clients and as many pages."""
    return (
        WorstCase(f"{crowd} uploads of 300 kB, held or refused", {"upload": crowd}),
        WorstCase("50 heads of 960 kB", {"huge": 50}),
        WorstCase(f"{crowd} heads of 60 kB, held or refused", {"long": crowd}),
        WorstCase(f"{crowd} heads that are never complete, 60 kB each", {"begun": crowd}),
        WorstCase("5,000 idle connections", {"once": 5000}),
        WorstCase(f"{crowd} held, {crowd} polling", {"hold": crowd, "poll": crowd}),
    )


def run(api: ClusterApi, crowd: int) -> None:
    """Print, for each Python, a row for each case, and again in reverse order."""
    waker, hosts = visitors.prepare(api)
    rows: list[tuple[str, ...]] = []
    for image, (_, title) in visitors.IMAGES.items():
        footprint.restart(api, waker, image)
        target = visitors.pinned(waker.processes()[0], waker.pods()[0]["status"]["podIP"], hosts)
        rows.append((title, "", "", "", f"{footprint.memory(target.process).rss:.1f}"))
        cases = worst_cases(crowd)
        for case in (*cases, *reversed(cases)):
            rows.append(row(target, case))
            print(rows[-1], flush=True)
    print(table(HEAD, rows))


def row(target: LoadTarget, case: WorstCase) -> tuple[str, ...]:
    """Let these visitors come, and go."""
    Path(f"/proc/{target.process}/clear_refs").write_text("5")  # begin a new peak
    unread = 0.0
    answers: dict[str, int] = {}
    running = [start(target, kind, connections=count, seconds=case.seconds) for kind, count in case.kinds.items()]
    while any(each.poll() is None for each in running):
        unread = max(unread, footprint.unread(target.process))
        time.sleep(LOOK)
    for each in running:
        answers |= told(each)
    time.sleep(AFTER)
    after = footprint.memory(target.process).rss
    said = ", ".join(f"{count} {what}" for what, count in answers.items() if count)
    return case.title, said, f"{peak(target.process):.1f}", f"{unread:.1f}", f"{after:.1f}"


def told(process: "subprocess.Popen[bytes]") -> dict[str, int]:
    """What became of the visitors of one process: statuses, who still waits, who was cut off."""
    summary = json.loads(process.communicate()[0])
    return {**summary["statuses"], "waiting": summary["waiting"], "cut off": summary["lost"]}


def peak(process: int) -> float:
    """The most RSS since the last reset, in MiB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / KIB
