"""The same promise where sessions are open and reloads hide them: HAProxy, over random histories.

A session that a scrape has shown is a visit for as long as it is open and, once a reload hides it, for as long as its
process may live on. Nobody can know of a session that was opened and hidden between two scrapes: it counts as a visit at the
reload, and no later.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.traffic.offline import scrape_of
from waker.plan.routes.route import CountedBackend
from waker.traffic.controllers import HAPROXYTECH, interest
from waker.traffic.ledger import Ledger, Movement, Scrape

INTEREST = interest(HAPROXYTECH, CountedBackend("team-a", "shop", "shop", "http", "http", 80))
KEYS = frozenset(INTEREST.keys)
INTERVAL = timedelta(seconds=15)
assert HAPROXYTECH.process
DRAIN = HAPROXYTECH.process.drain


@dataclass
class OpenSession:
    """A visitor's connection. `shown`: a scrape has had it. `until`: when its process ends, if that is known."""

    shown: bool = False
    until: datetime | None = None


@dataclass
class Haproxy:
    """A pod as it really is, beside the ledger that has to find it out."""

    now: datetime = datetime(2026, 1, 31, 12, tzinfo=UTC)
    spelling: int = 0
    started: float = 1_700_000_000
    counted: int = 0
    unread: int = 0  # visits since the last scrape
    sessions: list[OpenSession] = field(default_factory=list)
    hidden: list[OpenSession] = field(default_factory=list)
    lost: bool = False  # a reload since the last scrape
    ledger: Ledger = field(default_factory=Ledger)

    def scrape(self) -> Scrape:
        name = INTEREST.keys[self.spelling][0]
        text = (
            f'haproxy_backend_sessions_total{{proxy="{name}"}} {self.counted}\n'
            f'haproxy_backend_current_sessions{{proxy="{name}"}} {len(self.sessions)}\n'
            f"haproxy_process_start_time_seconds {self.started}\n"
        )
        return scrape_of(text.encode(), HAPROXYTECH, KEYS)

    def do(self, what: str) -> None:
        self.now += timedelta(seconds=1)
        match what:
            case "visit":
                self.counted += 1
                self.unread += 1
            case "open":
                self.counted += 1
                self.unread += 1
                self.sessions.append(OpenSession())
            case "close" if self.sessions:
                self.sessions.pop()
            case "reload":
                self.started += 1
                self.counted, self.lost = 0, True
                for each in self.sessions:
                    each.until = self.now + DRAIN
                self.hidden += [each for each in self.sessions if each.shown]
                self.sessions.clear()
            case "later":
                self.now += DRAIN / 3
            case "read":
                self.read()

    def read(self) -> None:
        self.now += INTERVAL
        movement = self.ledger.observe("uid", self.scrape(), self.now)
        alive = [each for each in self.hidden if each.until and each.until > self.now]
        if self.unread or self.sessions or alive:
            assert movement.lost or movement.visits.keys() & KEYS, "somebody was there"
        if alive or self.sessions:
            assert movement.visits.keys() & KEYS, "and is there still"
        assert movement.lost is self.lost
        self.unread, self.lost = 0, False
        for each in self.sessions:
            each.shown = True


STEPS = st.lists(st.sampled_from(["visit", "open", "open", "close", "reload", "later", "read", "read"]), max_size=40)


@settings(max_examples=300, deadline=None)
@given(STEPS, st.integers(0, len(INTEREST.keys) - 1))
def test_whoever_is_there_is_seen(steps: list[str], spelling: int) -> None:
    pod = Haproxy(spelling=spelling)
    pod.ledger.baseline("uid", pod.scrape())
    for what in steps:
        pod.do(what)


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_when_all_have_left_it_is_idle(steps: list[str]) -> None:
    pod = Haproxy()
    pod.ledger.baseline("uid", pod.scrape())
    for what in steps:
        pod.do(what)
    pod.sessions.clear()
    pod.read()
    pod.now += DRAIN
    assert pod.ledger.observe("uid", pod.scrape(), pod.now) == Movement({})
