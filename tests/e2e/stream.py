"""A stream of requests in the background of a scenario, and what became of each.

An open loop: a slow answer does not delay the next request, so held clients pile up as they would in front of a real
ingress. It runs in a thread of its own; the scenario goes on meanwhile and judges afterwards.
"""

import asyncio
import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType

from tests.e2e import load
from tests.e2e.load import LoadAnswer, Request, VisitorAddress, Who


@dataclass(slots=True)
class Stream:
    """Requests at a fixed pace, in turn, in the background, while the `with` block runs. `answers` is in order of sending."""

    address: VisitorAddress
    requests: Sequence[Request]
    every: float = 0.01
    keep: bool = False
    answers: list[LoadAnswer] = field(default_factory=list)
    began: float = 0.0
    _thread: threading.Thread | None = None
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Stream":
        self.began = time.monotonic()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="stream")
        self._thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    async def _run(self) -> None:
        session = load.LoadSession(self.address)
        try:
            async with asyncio.TaskGroup() as group:
                for number, request in enumerate(itertools.cycle(self.requests)):
                    await asyncio.sleep(max(0.0, self.began + number * self.every - time.monotonic()))
                    if self._stop.is_set():
                        return
                    if self.keep:
                        self.answers.append(await session.ask(request))
                    else:
                        group.create_task(self._one(request))
        finally:
            await session.close()

    async def _one(self, request: Request) -> None:
        self.answers.append(await load.ask(self.address, request))

    def check(self) -> None:
        """Fails if anybody saw anything but the app's 200 and waker's 503."""
        wrong = [answer for answer in self.answers if not answer.expected]
        assert not wrong, f"{len(wrong)} of {len(self.answers)} answers: {load.summary(wrong)}\n{self.timeline()}"

    def seen(self, who: Who) -> int:
        return sum(answer.who is who for answer in list(self.answers))

    def timeline(self) -> str:
        """One line a change of who answered, from the first request on: for the message of a failed scenario."""
        ordered = sorted(self.answers, key=lambda answer: answer.ended)
        lines = []
        for _, run in itertools.groupby(ordered, key=lambda answer: (answer.expected, answer.kind)):
            several = list(run)
            when = f"{several[0].ended - self.began:8.3f} .. {several[-1].ended - self.began:8.3f}"
            slowest = max(answer.ended - answer.began for answer in several)
            about = "" if several[0].expected else f"  {several[0].body[:120]!r}"
            lines.append(f"{when}  {load.summary(several)} (up to {slowest:.3f} s){about}")
        return "\n".join(lines[-400:])
