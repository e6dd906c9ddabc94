"""Until when a waker that leaves goes on serving: a table of what it sees."""

from dataclasses import dataclass

import pytest

from waker.leaving import FOLLOWED, LONGEST, QUIET, Leaving


@dataclass
class World:
    """What a waker sees that began to leave at 0."""

    busy: bool = False
    listed_until: float = 0.0
    arrived: float = float("-inf")
    now: float = 0.0

    def end(self) -> float:
        """When it is over, to a tenth of a second."""
        leaving = Leaving(0.0, lambda: self.busy, lambda: self.now < self.listed_until, lambda: self.arrived, 0.0)
        while not leaving.is_over(self.now):
            self.now = round(self.now + 0.1, 1)
        return self.now


@pytest.mark.parametrize(
    ("world", "end"),
    [
        pytest.param(World(), FOLLOWED, id="nobody knows it: only controllers have to follow"),
        pytest.param(World(listed_until=3), 2.9 + FOLLOWED, id="its address was in some slice for longer"),
        pytest.param(World(arrived=9), 9 + QUIET, id="a controller still sent somebody"),
        pytest.param(World(busy=True), LONGEST, id="somebody is held for ever"),
        pytest.param(World(listed_until=99), LONGEST, id="nobody takes over"),
        pytest.param(World(arrived=99), LONGEST, id="somebody who knows its address"),
    ],
)
def test_it_is_over(world: World, end: float) -> None:
    assert world.end() == pytest.approx(end)
