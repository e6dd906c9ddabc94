"""What `waker savings` prints below its table."""

import pytest

from waker.explain.savings import SavedAmount, SavingsReport, WakesMade, text

NOTHING = SavedAmount(replicaHours=0.0, coreHours=0.0, gibHours=0.0, money=None)


def printed(wakes: WakesMade) -> str:
    found = SavingsReport(since=None, namespaces=[], total=NOTHING, own=NOTHING, wakes=wakes, currency=None)
    return text(found, str)


def test_what_the_hours_are_is_said_in_plain_words() -> None:
    assert (
        "Counted from the CPU and memory requests of the pods that did not run; their real use may have been less."
        in printed(WakesMade(count=0, seconds=0.0, median=None))
    )


@pytest.mark.parametrize(
    ("wakes", "told"),
    [
        (WakesMade(count=0, seconds=0.0, median=None), "No app has woken since this waker started."),
        (WakesMade(count=1, seconds=0.68, median=0.68), "The last wake took 0.7 s."),
        (
            WakesMade(count=2, seconds=3.0, median=2.0),
            "The last 2 wakes took 3.0 s together, half of them within 2.0 s.",
        ),
    ],
    ids=["none", "one", "two"],
)
def test_how_many_wakes(wakes: WakesMade, told: str) -> None:
    assert printed(wakes).splitlines()[-1] == told
