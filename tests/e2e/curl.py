"""The real curl, as people use it, against one app behind the controller.

Every call is one request on a connection of its own. What it prints is checked by the scenario; whether anything but
the app answered shows in the status.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.load import VisitorAddress

PATIENCE = 60  # s; above hold-for and every controller's read timeout


@dataclass(frozen=True, slots=True)
class Told:
    """What curl printed, and the status of the last answer."""

    status: int
    text: str


def curl(address: VisitorAddress, host: str, path: str, *args: str, given: Path | None = None) -> Told:
    """`curl ARGS`. `given` is its standard input. Fails if curl does."""
    with (given or Path(os.devnull)).open("rb") as source:
        done = subprocess.run(_command(address, host, path, *args), stdin=source, capture_output=True, check=False)
    assert not done.returncode, f"curl gave {done.returncode}: {done.stderr.decode(errors='replace')}"
    text, _, status = done.stdout.decode(errors="replace").rpartition("\n")
    return Told(int(status), text)


def following(address: VisitorAddress, host: str, path: str) -> "subprocess.Popen[str]":
    """`curl -N`, still running: its output comes as it arrives."""
    return subprocess.Popen(_command(address, host, path, "-N"), stdout=subprocess.PIPE, text=True)


def _command(address: VisitorAddress, host: str, path: str, *args: str) -> list[str]:
    url = f"http://{address.host}:{address.port}{path}"
    fixed = ["curl", "-sS", "--noproxy", "*", "--max-time", str(PATIENCE), "-H", f"Host: {host}"]
    return [*fixed, "-w", "\n%{http_code}", *args, url]
