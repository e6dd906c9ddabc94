"""What is said about an app's wake: a mood and a sentence, as keys of the texts in `languages`.

Pure. The waiting page, its polls, its WebSocket and the answer to a held client all take their words from here, so that
they agree. Apart from the app's title they contain no name from the cluster.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Final

from waker.plan.model import Phase
from waker.plan.progress import Step
from waker.web.apps import View
from waker.web.languages import Messages

LONGEST_TITLE: Final = 120  # characters; an annotation may hold 256 kB
STEPS: Final = tuple(Step)[1:]  # those that the page lists


class Mood(StrEnum):
    """How the page looks and which heading it has."""

    WAKING = "waking"
    TROUBLED = "troubled"  # somebody has to do something
    PINNED = "pinned"  # asleep because a person said so


def mood(view: View) -> Mood:
    """The mood of an app's page."""
    if view.pinned:
        return Mood.PINNED
    return Mood.TROUBLED if view.trouble or view.phase is Phase.STUCK else Mood.WAKING


def message_key(view: View) -> str:
    """The last part of the key of the sentence that is true now: `say.KEY`."""
    if view.pinned:
        return "pinned"
    if view.trouble:
        return str(view.trouble)
    if view.phase is Phase.STUCK:
        return "slow"
    if view.step is Step.KNOCKED:
        return "turning" if view.phase is Phase.FALLING_ASLEEP else "asleep"
    return view.step.name.lower()


def title(view: View) -> str:
    """What visitors call the app."""
    return view.title[:LONGEST_TITLE]


def heading(view: View, words: Messages) -> str:
    """The heading of an app's page."""
    return words[f"heading.{mood(view)}"].replace("{title}", title(view))


def sentence(view: View, words: Messages) -> str:
    """What is going on, for a person who knows nothing about clusters."""
    return words[f"say.{message_key(view)}"]


def timing(elapsed: int, typical: timedelta | None, words: Messages) -> str:
    """How many seconds the wake has taken, and how long wakes usually take. The page's script writes the same text."""
    if typical is None:
        return words["timing"].replace("{elapsed}", duration(elapsed, words))
    usual = int(typical.total_seconds())
    text = words["timing.longer" if elapsed > 1.5 * usual + 5 else "timing.usual"]  # a few seconds more are no news
    return text.replace("{elapsed}", duration(elapsed, words)).replace("{usual}", duration(usual, words))


def duration(seconds: int, words: Messages) -> str:
    """`12 s`, `3 min 5 s`."""
    if seconds < 60:
        return words["time.seconds"].replace("{s}", str(seconds))
    return words["time.minutes"].replace("{m}", str(seconds // 60)).replace("{s}", str(seconds % 60))
