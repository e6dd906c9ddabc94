"""Who visits the simulated apps, and when: people, in sessions, and requests that nobody would miss.

Three kinds of apps: used all day, development (some sessions a day), forgotten (a session in some days). A session is a few
minutes of requests; one in ten is a single request.
"""

from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

HOUR: Final = 3600.0
DAY: Final = 24 * HOUR
SINGLE: Final = 0.1  # of all sessions are one request
SESSIONS_A_DAY: Final = (60.0, 4.0, 0.3)  # of used apps, of development, of forgotten ones; by day
BY_DAY: Final = (7 * HOUR, 19 * HOUR)


@dataclass(frozen=True, slots=True)
class Foreign:
    """Requests of monitors, crawlers and scanners. `known`: the part whose User-Agent waker lets wake nothing.

    `refused`: the part that gets a redirect or an error, which `ignore-statuses` leaves out.
    """

    an_hour: float = 0.0
    regular: bool = False
    known: float = 1.0
    refused: float = 0.0


class SimulatedRequest(NamedTuple):
    """At `at`, in seconds. `real`: a person. `counted`: no ignored status. `wakes`: if it reaches waker."""

    at: float
    real: bool = True
    counted: bool = True
    wakes: bool = True


def requests(
    rng: Random, kind: int, days: float, foreign: Foreign, *, statuses_ignored: bool
) -> list[SimulatedRequest]:
    """All requests of one app, in order."""
    found = [*_people(rng, SESSIONS_A_DAY[kind], days)]
    if foreign.an_hour:
        gap, at = HOUR / foreign.an_hour, rng.uniform(0, HOUR / foreign.an_hour)
        while at < days * DAY:
            counted = not (statuses_ignored and rng.random() < foreign.refused)
            found.append(SimulatedRequest(at, real=False, counted=counted, wakes=rng.random() >= foreign.known))
            at += gap if foreign.regular else rng.expovariate(1 / gap)
    return sorted(found)


def _people(rng: Random, sessions: float, days: float) -> list[SimulatedRequest]:
    found = []
    length = BY_DAY[1] - BY_DAY[0]
    at = rng.expovariate(sessions / length)  # in seconds of the hours in which people visit
    while at < days * length:
        day, second = divmod(at, length)
        when = day * DAY + BY_DAY[0] + second
        for _ in range(1 if rng.random() < SINGLE else rng.randint(3, 25)):
            found.append(SimulatedRequest(when))
            when += rng.expovariate(1 / 20)
        at += rng.expovariate(sessions / length)
    return [each for each in found if each.at < days * DAY]
