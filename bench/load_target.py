"""A process that gets the load of `bench.load`, and how to start that: on the core that is not its own."""

import json
import os
import subprocess
import sys
from typing import Any, NamedTuple

WAKER_CORE, OTHER_CORE = 0, 1  # cores


class LoadTarget(NamedTuple):
    """A process that gets the load. `hosts`: HOST:PORT each, for an app is known by the port at which a request arrives."""

    process: int
    address: str
    hosts: tuple[str, ...]


def load(target: LoadTarget, kind: str, **options: float) -> Any:
    """Run a process of visitors. Returns what they measured."""
    return json.loads(start(target, kind, **options).communicate()[0])


def start(target: LoadTarget, kind: str, **options: float) -> "subprocess.Popen[bytes]":
    """Begin to run a process of visitors."""
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    program = [sys.executable, "-m", "bench.load", kind, target.address, *target.hosts, *words]
    process = subprocess.Popen(program, stdout=subprocess.PIPE)
    os.sched_setaffinity(process.pid, {OTHER_CORE})
    return process
