"""Ports for tests that need to choose some: those of this process, so that several suites can run on one machine at once.

Doors need a range, and a waker that is started again needs the port that it had, so the system cannot give them. Each process
takes a block that no other one has, by a name that only one process can hold and that the kernel frees at its end. All blocks
are below the ports that Linux gives to outgoing connections.
"""

import random
import socket
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from itertools import cycle
from typing import Final

from waker.settings.parsing import PortRange

FIRST: Final = 11_000
BLOCK: Final = 3_000  # ports
BLOCKS: Final = 7  # up to 31,999; outgoing connections have 32,768 and more
DOORS: Final = 100  # in one range
SINGLE: Final = 100  # ports of a block that are given one by one

_held: list[socket.socket] = []  # for as long as this process lives


def next_range() -> PortRange:
    """Ports for the doors of one cluster. Another 25 are given before they come again.

    None is a round thousand: tests replace ports in texts, and pages have such numbers for other reasons.
    """
    return next(_ranges())


def next_port() -> int:
    """One at which nobody listens at this moment."""
    for port in _singles():
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError  # it is a cycle


@cache
def _ranges() -> Iterator[PortRange]:
    first = _block()
    starts = [at for at in range(first, first + BLOCK - SINGLE, DOORS) if at % 1000]
    return cycle([PortRange(at, at + DOORS - 1) for at in starts])


@cache
def _singles() -> Iterator[int]:
    end = _block() + BLOCK
    return cycle(range(end - SINGLE, end))


@cache
def _block() -> int:
    """The first port of a block that is this process's own from now on."""
    for number in random.sample(range(BLOCKS), BLOCKS):
        first = FIRST + number * BLOCK
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0kubesleeper-tests-{first}")
        except OSError:
            claim.close()
            continue
        _held.append(claim)
        return first
    raise RuntimeError(f"{BLOCKS} processes of tests have ports already")
