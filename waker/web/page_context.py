"""What a theme is given: the one object `page`, with all its fields. They are documented in docs/themes.md.

Their names are a contract with the authors of themes. All texts are in the visitor's language. `head`, `style` and
`nonce` make the page work under its strict Content-Security-Policy. `page` renders contexts, `observe.themes` tries
themes on them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from waker.web import colours, messages
from waker.web.apps import View
from waker.web.languages import Messages
from waker.web.messages import STEPS
from waker.web.tenant_texts import mail_address, script_json, shown_contact


@dataclass(frozen=True, slots=True)
class Stage:
    """One line of the progress."""

    name: str  # asked, scheduled, pulled, started, ready, opening
    label: str
    state: str  # done, current, ahead
    said: str  # the state in words


BDI, END_OF_BDI = Markup("<bdi>"), Markup("</bdi>")
# The texts that may change while the page is open, by how their keys begin.
BEFORE_A_WAKE: Final = ("say.asleep", "say.turning")  # nobody who sees a later text will see these
USED_BY_SCRIPT: Final = ("say.", "heading.", "tab", "timing", "left", "time.", "hint", "done", "current", "ahead")


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
    progress: str  # the label of the list of steps
    elapsed: int  # seconds since the app was asked to start
    usual: int  # seconds that its wakes usually take, 0 if that is not known
    timing: str  # both in words; "" if nobody is waking it
    hint: str  # that the visitor is taken to the app automatically
    nonce: str  # of this answer; each <style> and <script> needs it
    head: Markup  # must be in <head>: without it visitors would never get from the page to the app
    style: Markup  # the style of the built-in page
    dir: str  # the direction in which the language is written: ltr, rtl
    heading_html: Markup  # the heading, with the title isolated: it may be written in the other direction
    tab: str  # for <title>: the heading, or the time that is left and the title
    line: str  # the one line that a visitor needs: the hint; in trouble, the sentence
    left: str  # the time that is left, in words; "" if there is no telling
    percent: int  # how full a ring or a bar is, from 0 to 98
    details: str  # the label of what is folded away
    accent: str  # the app's own colour for light pages, #rrggbb; "" if it has none
    accent_dark: str  # the same for dark pages
    logo: str  # the app's picture, a data: URL; "" if it has none
    contact: str  # for href: whom to ask in trouble; "" if nobody is named
    contact_text: str  # the same for people
    contact_label: str
    reference: str  # by which its operator finds the app
    reference_label: str


# Makes a page's text: a built-in template, or a theme, which raises ThemeError.
Template = Callable[[PageContext], str]


@dataclass(frozen=True, slots=True)
class PageConstants:
    """What is the same on all pages. `nonce`, `query` and `logo` are placeholders that each answer replaces.

    `refresh`: seconds between reloads without JavaScript. `api` and `back` are the wait host's paths that its page polls
    and goes to; on an app's own host both are "", which is the page's own address.
    """

    nonce: str
    query: str
    logo: str
    refresh: int
    style: Markup
    script: Markup
    words: Mapping[str, Markup]  # by language: the texts that the script needs, as JSON
    api: str = ""
    back: str = ""


def page_context(view: View, elapsed: int, lang: str, words: Messages, constants: PageConstants) -> PageContext:
    """All that a page says about one app. `elapsed`: whole seconds since its wake began."""
    mood = messages.mood(view)
    waking = mood is not messages.Mood.PINNED
    accent = view.look.accent
    return PageContext(
        title=messages.title(view),
        lang=lang,
        mood=mood,
        heading=messages.heading(view, words),
        sentence=messages.sentence(view, words),
        steps=tuple(_stages(view, words)) if waking else (),
        step=int(view.step),
        progress=words["progress"],
        elapsed=elapsed,
        usual=messages.seconds_of(view.typical),
        timing=messages.timing(elapsed, view.typical, words) if waking else "",
        hint=messages.hint(view, words),
        nonce=constants.nonce,
        head=_head(view, elapsed, constants.words[lang], constants),
        style=constants.style,
        dir=words["dir"],
        heading_html=_isolated(words[f"heading.{mood}"], messages.title(view)),
        tab=messages.tab(view, elapsed, words),
        line=messages.line(view, words),
        left=messages.left(elapsed, view.typical, words) if messages.is_on_its_way(view) else "",
        percent=messages.percent(view, elapsed),
        details=words["details"],
        accent=colours.readable_on(colours.LIGHT, accent) if accent else "",
        accent_dark=colours.readable_on(colours.DARK, accent) if accent else "",
        logo=constants.logo if view.has_logo else "",
        contact=_contact(view),
        contact_text=shown_contact(view.look.contact),
        contact_label=words["contact"],
        reference=view.reference,
        reference_label=words["reference"],
    )


def _isolated(text: str, title: str) -> Markup:
    """A text with the title in its place, which may be written in the other direction."""
    before, _, after = text.partition("{title}")
    return escape(before) + BDI + escape(title) + END_OF_BDI + escape(after)


def _contact(view: View) -> str:
    """A mail says by itself what it is about."""
    contact = view.look.contact
    return mail_address(contact, view.title, view.reference) if contact.startswith("mailto:") else contact


def _stages(view: View, words: Messages) -> list[Stage]:
    def state(number: int) -> str:
        return "done" if number <= view.step else "current" if number == view.step + 1 else "ahead"

    named = ((each.name.lower(), state(each)) for each in STEPS)
    return [Stage(name, words[f"step.{name}"], state, words[state]) for name, state in named]


def _head(view: View, elapsed: int, words: Markup, constants: PageConstants) -> Markup:
    """What every page needs in its <head>: `noindex`, the refresh without JavaScript, the script and its data."""
    data = {
        "mood": messages.mood(view),
        "step": int(view.step),
        "say": messages.message_key(view),
        "elapsed": elapsed,
        "usual": messages.seconds_of(view.typical),
        "push": view.transport.push and not constants.api,
        "api": constants.api,
        "back": constants.back,
        "title": messages.title(view),
    }
    refresh = f"{constants.refresh};url={constants.back}?{constants.query}"
    now = f'{{"words":{words},"now":{_json(data)}}}'
    return Markup(  # noqa: S704 our own texts and placeholders; what is a tenant's is JSON without a "<"
        '<meta name="robots" content="noindex">\n<link rel="icon" href="data:,">\n'
        f'<noscript><meta http-equiv="refresh" content="{refresh}"></noscript>\n'
        f'<script type="application/json" id="kubesleeper">{now}</script>\n'
        f'<script type="module" nonce="{constants.nonce}">\n{constants.script}</script>'
    )


def script_words(words: Messages) -> Markup:
    """The texts of one language that the page's script needs."""
    return _json({key: text for key, text in words.items() if _used_by_script(key)})


def _used_by_script(key: str) -> bool:
    """Whether this text may change while the page is open."""
    return key.startswith(USED_BY_SCRIPT) and key not in BEFORE_A_WAKE


def _json(data: object) -> Markup:
    return Markup(script_json(data))  # noqa: S704 without a "<"
