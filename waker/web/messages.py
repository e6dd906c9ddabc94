"""What is said about an app: a mood and a sentence, as keys of the catalogues. Which words those are, `languages` knows.

Pure. The page, its poll, its push and a client's answer all say the same. Nothing here depends on names in the cluster.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Final

from waker.plan.model import Phase
from waker.plan.progress import Step
from waker.web.apps import View
from waker.web.languages import Messages

LONGEST_TITLE: Final = 120  # letters; an annotation may hold 256 kB
STEPS: Final = tuple(Step)[1:]  # those that a page lists


class Mood(StrEnum):
    """How it looks."""

    WAKING = "waking"
    TROUBLED = "troubled"  # somebody has to do something
    PINNED = "pinned"  # asleep by a person's word


def mood(view: View) -> Mood:
    """Of one app."""
    if view.pinned:
        return Mood.PINNED
    return Mood.TROUBLED if view.trouble or view.phase is Phase.STUCK else Mood.WAKING


def message_key(view: View) -> str:
    """Which sentence is true, as the last part of its key."""
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
    """The first line a visitor reads."""
    return words[f"heading.{mood(view)}"].replace("{title}", title(view))


def sentence(view: View, words: Messages) -> str:
    """What is going on, for a person who knows nothing of clusters."""
    return words[f"say.{message_key(view)}"]


def timing(elapsed: int, usual: timedelta | None, words: Messages) -> str:
    """How long it has taken, in whole seconds, beside how long it usually takes. The page's script says the same."""
    if usual is None:
        return words["timing"].replace("{elapsed}", length(elapsed, words))
    most = int(usual.total_seconds())
    text = words["timing.longer" if elapsed > 1.5 * most + 5 else "timing.usual"]  # a few seconds are no news
    return text.replace("{elapsed}", length(elapsed, words)).replace("{usual}", length(most, words))


def length(seconds: int, words: Messages) -> str:
    """`12 s`, `3 min 5 s`."""
    if seconds < 60:
        return words["time.seconds"].replace("{s}", str(seconds))
    return words["time.minutes"].replace("{m}", str(seconds // 60)).replace("{s}", str(seconds % 60))
