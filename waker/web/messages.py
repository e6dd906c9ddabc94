"""What is said about an app's wake: a mood and a sentence, as keys of the texts in `languages`.

Pure. The waiting page, its polls, its WebSocket and the answer to a held client all take their words from here, so that
they agree. Apart from the app's title they contain no name from the cluster.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Final

from waker.plan.model import Phase
from waker.plan.progress import Step, Trouble
from waker.web.apps import View
from waker.web.languages import Messages
from waker.web.tenant_texts import short_title

STEPS: Final = tuple(Step)[1:]  # those that the page lists
LATE: Final = (1.5, 5)  # times the typical wake, and seconds more: until then a delay is no news
MINUTE, HOUR = 60, 3600  # seconds


class Mood(StrEnum):
    """How the page looks and which heading it has."""

    WAKING = "waking"
    TROUBLED = "troubled"  # somebody has to do something
    PINNED = "pinned"  # asleep because a person said so


def mood(view: View) -> Mood:
    """The mood of an app's page. To wait for a free place is no trouble: it passes by itself."""
    if view.pinned:
        return Mood.PINNED
    alarming = view.trouble not in (None, Trouble.NODE)
    return Mood.TROUBLED if alarming or view.phase is Phase.STUCK else Mood.WAKING


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


def is_on_its_way(view: View) -> bool:
    """Whether a time can be given: it is waking, and has a place to run."""
    return mood(view) is Mood.WAKING and not view.trouble


def title(view: View) -> str:
    """What visitors call the app."""
    return short_title(view.title)


def heading(view: View, words: Messages) -> str:
    """The heading of an app's page."""
    return words[f"heading.{mood(view)}"].replace("{title}", title(view))


def sentence(view: View, words: Messages) -> str:
    """What is going on, for a person who knows nothing about clusters."""
    return words[f"say.{message_key(view)}"]


def hint(view: View, words: Messages) -> str:
    """That the visitor will be taken to the app."""
    return words["hint" if mood(view) is Mood.WAKING else "hint.pinned"]


def line(view: View, words: Messages) -> str:
    """The one line of the page: what to expect; in trouble, what is wrong."""
    return hint(view, words) if is_on_its_way(view) else sentence(view, words)


def timing(elapsed: int, typical: timedelta | None, words: Messages) -> str:
    """How many seconds the wake has taken, and how long wakes usually take. The page's script writes the same text."""
    if not typical:
        return words["timing"].replace("{elapsed}", duration(elapsed, words))
    usual = seconds_of(typical)
    text = words["timing.longer" if is_late(elapsed, usual) else "timing.usual"]
    return text.replace("{elapsed}", duration(elapsed, words)).replace("{usual}", duration(usual, words))


def left(elapsed: int, typical: timedelta | None, words: Messages) -> str:
    """How long the rest of the wake will probably take; "" if nothing is known. The page's script writes the same text."""
    if not typical:
        return ""
    usual = seconds_of(typical)
    if elapsed < usual:
        return words["left"].replace("{left}", roughly(usual - elapsed, words))
    return words["left.longer" if is_late(elapsed, usual) else "left.soon"]


def tab(view: View, elapsed: int, words: Messages) -> str:
    """The title of the tab: the countdown, where there is one."""
    usual = seconds_of(view.typical)
    if not is_on_its_way(view) or elapsed >= usual:
        return heading(view, words)
    return words["tab"].replace("{left}", roughly(usual - elapsed, words)).replace("{title}", title(view))


def is_late(elapsed: int, usual: int) -> bool:
    """Whether it takes noticeably longer than usual."""
    return elapsed > LATE[0] * usual + LATE[1]


def percent(view: View, elapsed: int) -> int:
    """How full the ring is: by the typical time, else by the steps. Never full: then the page is gone."""
    usual = seconds_of(view.typical)
    if mood(view) is Mood.PINNED:
        return 0
    if view.step >= Step.READY:
        return 98
    if not usual or view.trouble:
        return 15 * view.step
    return 90 * elapsed // usual if elapsed < usual else 98 - 8 * usual // elapsed


def seconds_of(typical: timedelta | None) -> int:
    """A typical wake in whole seconds, at least one; 0 if it is not known."""
    return max(1, round(typical.total_seconds())) if typical else 0


def duration(seconds: int, words: Messages) -> str:
    """`12 s`, `3 min 5 s`, `2 h 5 min`."""
    if seconds < HOUR:
        key = "time.seconds" if seconds < MINUTE else "time.minutes"
        return words[key].replace("{m}", str(seconds // MINUTE)).replace("{s}", str(seconds % MINUTE))
    return words["time.hours"].replace("{h}", str(seconds // HOUR)).replace("{m}", str(seconds % HOUR // MINUTE))


def roughly(seconds: int, words: Messages) -> str:
    """`12 s`, `3 min`, `2 h 5 min`. Half a minute is rounded up, as the page's script does it."""
    minutes = (seconds + MINUTE // 2) // MINUTE
    if seconds < MINUTE or minutes * MINUTE >= HOUR:
        return duration(seconds if seconds < MINUTE else minutes * MINUTE, words)
    return words["time.rough"].replace("{m}", str(minutes))
