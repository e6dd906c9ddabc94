"""What a theme is given: the whole of it, documented in docs/themes.md. A field that is not here is not there.

All texts are in the visitor's language. `head`, `style` and `nonce` make the page work under its strict policy.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from waker.web import messages as saying
from waker.web.apps import View
from waker.web.languages import Messages
from waker.web.messages import STEPS


@dataclass(frozen=True, slots=True)
class Stage:
    """One line of the progress."""

    name: str  # asked, scheduled, pulled, started, ready, opening
    label: str
    state: str  # done, current, ahead
    said: str  # the state in words


@dataclass(frozen=True, slots=True)
class PageContext:
    """One page of one app at one moment."""

    title: str  # what the user calls the app; plain text
    lang: str  # the language of all texts: en, de, ...
    mood: str  # waking, troubled, pinned
    heading: str
    sentence: str  # what is going on
    steps: tuple[Stage, ...]
    step: int  # how many of them are done
    progress: str  # what the list of steps is called
    elapsed: int  # seconds since it was asked to start
    usual: int  # seconds that it usually takes, 0 if that is not known
    timing: str  # both in words; "" if nobody is waking it
    hint: str  # that the page gives way by itself
    nonce: str  # of this answer; each <style> and <script> needs it
    head: Markup  # has to stand in <head>: without it the page would never give way
    style: Markup  # the style of the page as it comes


Template = Callable[
    [PageContext], str
]  # what makes a page's text: our own template, or a theme, which raises ThemeError


@dataclass(frozen=True, slots=True)
class PageConstants:
    """What is the same on all pages, or put in later. `refresh`: seconds between reloads without JavaScript.

    `api` and `back` are paths of the wait host, what its page asks and where that goes; elsewhere both are "", itself.
    """

    nonce: str
    query: str
    refresh: int
    style: Markup
    script: Markup
    api: str = ""
    back: str = ""


def page_context(view: View, elapsed: int, lang: str, words: Messages, fixed: PageConstants) -> PageContext:
    """All that a page says about one app."""
    mood = saying.mood(view)
    waking = mood is not saying.Mood.PINNED
    known = int(view.typical.total_seconds()) if view.typical else 0
    return PageContext(
        title=saying.title(view),
        lang=lang,
        mood=mood,
        heading=saying.heading(view, words),
        sentence=saying.sentence(view, words),
        steps=tuple(_stages(view, words)) if waking else (),
        step=int(view.step),
        progress=words["progress"],
        elapsed=elapsed,
        usual=known,
        timing=saying.timing(elapsed, view.typical, words) if waking else "",
        hint=words["hint" if waking else "hint.pinned"],
        nonce=fixed.nonce,
        head=_head(view, elapsed, words, fixed),
        style=fixed.style,
    )


def _stages(view: View, words: Messages) -> list[Stage]:
    def state(number: int) -> str:
        return "done" if number <= view.step else "current" if number == view.step + 1 else "ahead"

    named = ((each.name.lower(), state(each)) for each in STEPS)
    return [Stage(name, words[f"step.{name}"], state, words[state]) for name, state in named]


def _head(view: View, elapsed: int, words: Messages, fixed: PageConstants) -> Markup:
    """Everything that works: not to be indexed, the refresh without JavaScript, the script and what it needs to know."""
    known = int(view.typical.total_seconds()) if view.typical else 0
    told = {
        "mood": saying.mood(view),
        "step": int(view.step),
        "elapsed": elapsed,
        "usual": known,
        "push": view.transport.push and not fixed.api,
        "api": fixed.api,
        "back": fixed.back,
        "words": {key: text.replace("{title}", saying.title(view)) for key, text in words.items() if _live(key)},
    }
    return Markup(  # our own texts; what is put in is escaped, or JSON without a "<"
        '<meta name="robots" content="noindex">\n<link rel="icon" href="data:,">\n'
        '<noscript><meta http-equiv="refresh" content="{};url={}?{}"></noscript>\n'
        '<script type="application/json" id="kubesleeper">{}</script>\n'
        '<script type="module" nonce="{}">\n{}</script>'
    ).format(fixed.refresh, fixed.back, fixed.query, _json(told), fixed.nonce, fixed.script)


def _live(key: str) -> bool:
    """Is this a text that may change while the page is open?"""
    return key.startswith(("say.", "heading.", "timing", "time.")) or key in ("done", "current", "ahead")


def _json(told: object) -> Markup:
    """As the content of a script element: no letter in it can end that element."""
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    for letter in "<>&'":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)  # noqa: S704
