"""The tables in the documents that repeat the code, generated from the code.

`python -m tests.docs.tables` writes them into the files, between `<!-- table: NAME -->` and `<!-- end -->`. The tests fail
when somebody has forgotten that.
"""

import argparse
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path

from tests.docs import blocks, chart
from tests.service import test_every_answer, test_every_crash, test_every_watch, test_every_write
from tests.web.odd_messages import ANSWERS, REQUESTS
from waker.cli import parser
from waker.explain.fixes import fix_for, is_command
from waker.explain.reasons import KINDS
from waker.metrics import Metrics
from waker.plan.codes import Code
from waker.plan.hold_time import ENDLESS, AnswerTimeout, hold_within
from waker.settings.configmap import LIVE, Live
from waker.settings.durations import format_duration
from waker.settings.flags import FLAGS, Settings, defaults
from waker.settings.ingress_class import PER_CLASS
from waker.settings.parsing import PortRange
from waker.traffic.controllers import ALL

ROOT = Path(__file__).parents[2]
PLACE = re.compile(r"(?<=<!-- table: )(\w+)( -->\n)(.*?)(?=<!-- end -->)", re.DOTALL)
WRITTEN_BY_HAND = {
    "annotations",
    "notes",
    "events",
    "phases",
    "explained",
    "logged",
    "checks",
}  # whose texts are nowhere in the code; test_tables checks their first column

MESSAGES = {"a visitor": REQUESTS, "the app": ANSWERS}
Row = Iterable[str]


def files() -> list[Path]:
    """The documents."""
    folders = (ROOT, ROOT / "docs", ROOT / "examples", ROOT / ".github", chart.FOLDER)
    return [file for folder in folders for file in sorted(folder.glob("*.md"))]


def table(head: Row, rows: Iterable[Row]) -> str:
    """Markdown."""
    lines = [list(head), ["---"] * len(list(head)), *map(list, rows)]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _value(value: object) -> str:
    if isinstance(value, timedelta):
        return f"`{format_duration(value)}`"
    if isinstance(value, tuple | frozenset) and not isinstance(value, PortRange):
        return _value(", ".join(sorted(value)))
    if isinstance(value, float):
        return f"`{value:g}`"
    if value is None or value == {}:
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" if value != "" else ""


def settings() -> str:
    """The keys of the ConfigMap."""
    return table(
        ("key", "default", "meaning"),
        ((f"`{each.key}`", _value(getattr(Live(), each.field)), each.help) for each in LIVE),
    )


def classes() -> str:
    """The keys of the ConfigMap for one IngressClass."""
    rows = ((f"`controller.CLASS.{each.key}`", each.what, each.help) for each in PER_CLASS)
    return table(("key", "value", "meaning"), rows)


def flags() -> str:
    """What a process needs. A default that waker finds out when it starts is part of the meaning."""
    known = defaults(Settings)
    rows = ((f"`{each.flag}`", f"`{each.env}`", _value(known.get(each.field, "")), each.help) for each in FLAGS)
    return table(("flag", "variable", "default", "meaning"), rows)


OF_ALL = {"-h", "--waker-namespace", "--kubeconfig", "--context", "--as", "--log-level", "--log-format"}


def _commands() -> Iterator[Row]:
    (sub,) = (each for each in parser()._actions if isinstance(each, argparse._SubParsersAction))
    helps = {each.dest: each.help or "" for each in sub._choices_actions}
    for name, command in sub.choices.items():
        words = [f"waker {name}"]
        for each in command._actions:
            flag = each.option_strings[0] if each.option_strings else ""
            if flag in (OF_ALL | {row.flag for row in FLAGS} if name == "run" else OF_ALL):
                continue
            value = (
                ""
                if each.nargs == 0
                else "|".join(each.choices or ()) or str(each.metavar or each.option_strings[-1].strip("-").upper())
            )
            word = " ".join(filter(None, (flag, value)))
            words.append(word if each.required else f"[{word}]")
        if name == "run":
            words.append("[flags as above]")
        yield f"`{' '.join(words)}`", f"{helps[name][0].upper()}{helps[name][1:]}."


def commands() -> str:
    """What `waker --help` knows."""
    return table(("command", "what it does"), _commands())


def metrics() -> str:
    """Everything on /metrics."""
    rows = ((f"`{name}`", kind, labels, text) for name, kind, labels, text in Metrics.described())
    return table(("metric", "type", "labels", "meaning"), rows)


def controllers() -> str:
    """What is known about each ingress controller."""
    rows = (
        (
            each.title,
            f"`{each.name}`",
            f"`{each.controller}`" if each.controller else "-",
            f"`{each.requests.metric}`",
            f"{each.metrics.number}{each.path}",
            "start" if each.counted.value == "start" else "end",
            f"`{each.open_requests.metric}`" if each.open_requests else "-",
            ", ".join(each.blind_to) or "-",
            each.enable,
        )
        for each in ALL
    )
    head = (
        "controller",
        "adapter",
        "`spec.controller` of its class",
        "counter",
        "read at",
        "counts at",
        "open requests",
        "does not see",
        "to do",
    )
    return table(head, rows)


def timeouts() -> str:
    """How long each ingress controller waits for an answer, and what replaces that on a route."""
    rows = (
        (each.title, _timeout(each.answer_timeout), ", ".join(f"`{key}`" for key in _keys(each.answer_timeout)) or "-")
        for each in ALL
    )
    return table(("controller", "waits for", "annotations of the Ingress"), rows)


def _timeout(waits: AnswerTimeout) -> str:
    if waits.default == ENDLESS:
        return "as long as it takes"
    return f"{format_duration(waits.default)}; waker for {hold_within(waits.default).total_seconds():g}s"


def _keys(waits: AnswerTimeout) -> tuple[str, ...]:
    return waits.keys + waits.further


def bytes_changed() -> str:
    """What waker changes of odd requests and answers that it passes on."""
    rows = ((each.what, kind, each.differs) for kind, some in MESSAGES.items() for each in some if each.differs)
    return table(("message", "of", "what is different"), rows)


def reasons() -> str:
    """What can stand against an app's sleep."""
    return table(("kind", "meaning"), ((f"`{kind}`", f"{text}.") for kind, text in KINDS.items()))


def codes() -> str:
    """What a plan can be called."""
    rows = ((f"`{each}`", f"{each.meaning}.", _fix(fix_for(each))) for each in Code)
    return table(("code", "the app ...", "what to do"), rows)


def _fix(fix: str) -> str:
    return f"`{fix}`" if is_command(fix) else fix or "-"


def points() -> str:
    """How many points the enumerating tests of the service go through."""
    writes, answers = len(test_every_write.WRITES), len(test_every_answer.ANSWERS)
    watches, ends = len(test_every_watch.WATCHES), len(test_every_watch.ENDS)
    around = f"right before and right after {writes} kinds of write, with one waker and with two"
    rows = (
        ("`test_every_answer`", f"{writes} kinds of write, {answers} answers", str(test_every_answer.POINTS)),
        ("`test_every_crash`", around, str(test_every_crash.POINTS)),
        ("`test_every_watch`", f"{watches} kinds of watch, {ends} ends", str(test_every_watch.POINTS)),
    )
    return table(("test", "what", "points"), rows)


def blocks_of_documents() -> str:
    """How the blocks of the documents are tried."""
    rows = ((language, how, str(number)) for language, how, number in blocks.counted())
    return table(("what", "how it is tried", "how many"), rows)


def values() -> str:
    """The values of the Helm chart."""
    return table(("value", "default", "meaning"), chart.rows())


TABLES: dict[str, Callable[[], str]] = {
    "settings": settings,
    "classes": classes,
    "flags": flags,
    "commands": commands,
    "metrics": metrics,
    "controllers": controllers,
    "timeouts": timeouts,
    "bytes": bytes_changed,
    "reasons": reasons,
    "codes": codes,
    "points": points,
    "values": values,
    "blocks": blocks_of_documents,
}


def filled(text: str) -> str:
    """The text of a document, with its tables up to date."""

    def fill(found: re.Match[str]) -> str:
        name, mark, old = found.groups()
        return name + mark + (old if name in WRITTEN_BY_HAND else TABLES[name]())

    return PLACE.sub(fill, text)


def rows_of(name: str) -> list[list[str]]:
    """The rows of a table in whichever document it is, their cells without back ticks."""
    for file in files():
        for found in PLACE.finditer(file.read_text()):
            if found[1] == name:
                lines = found[3].strip().splitlines()[2:]
                return [[cell.strip().strip("`") for cell in line.strip("| ").split(" | ")] for line in lines]
    raise LookupError(name)


if __name__ == "__main__":
    for file, text in chart.FILES.items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(text())
    for each in files():
        each.write_text(filled(each.read_text()))
