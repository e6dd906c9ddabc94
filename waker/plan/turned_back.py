"""How often an app has turned back on its way down though nobody came, and when its sleep is tried again.

Each try moves its routes to waker and back. What stood in the way once, a controller that does not follow, say, mostly does so
the next time, too. So tries in vain are counted in a note on the workload, which outlives waker; a sleep that succeeds removes
it. From the second one on they are reported and become rare: never more than four in a day. Only sleep by traffic waits for
that: `waker sleep` and a pin are tried at once.
"""

import re
from datetime import datetime, timedelta
from typing import NamedTuple

from waker.plan.times import format_time, parse_time

REPORTED = 2  # once may be chance: a controller pod that was replaced in that very moment
WAITS = (timedelta(hours=6), timedelta(hours=12), timedelta(hours=24))  # after the second, the third, each later one
LONGEST = 300  # characters of the reason
TEXT = re.compile(r"([1-9]\d{0,5}) (\S+) (.+)", re.ASCII | re.DOTALL)


class TurnedBack(NamedTuple):
    """How often in a row, when last, and what stood in the way then: a sentence without its full stop."""

    times: int
    at: datetime
    why: str


def parse_turned_back(text: str) -> TurnedBack | None:
    """The inverse of `format_turned_back`; None if it is none."""
    found = TEXT.fullmatch(text)
    at = parse_time(found[2]) if found else None
    return TurnedBack(int(found[1]), at, found[3]) if found and at else None


def format_turned_back(known: TurnedBack | None, why: str, now: datetime) -> str:
    """The note after one more try in vain. `known`: what it said before."""
    return f"{times_after(known)} {format_time(now)} {why[:LONGEST]}"


def times_after(known: TurnedBack | None) -> int:
    """How many tries it were with one more."""
    return known.times + 1 if known else 1


def in_words(known: TurnedBack) -> str:
    """For people, without a full stop."""
    return f"{known.times} times in a row it turned back on its way down though nobody came, the last time because {known.why}"


def put_off_until(known: TurnedBack | None, now: datetime) -> datetime | None:
    """Until when its sleep is not tried again by traffic; None: it may be tried now.

    A time that is still to come was written by a clock that is wrong; it must not put a sleep off for years.
    """
    if known is None or known.times < REPORTED or known.at > now:
        return None
    until = known.at + wait_after(known.times)
    return until if now < until else None


def wait_after(times: int) -> timedelta:
    """How long the next try has to wait after so many in vain, at least two."""
    return WAITS[min(times - REPORTED, len(WAITS) - 1)]
