"""The facts of one app as a text for a terminal of 100 columns: the answer first, then what it rests on.

Pure, and knows the shape only: what the running service has sent is printed like what was worked out here. Times are given
twice, as a clock shows them (UTC) and as seen from the moment of the answer.
"""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from waker.explain.fixes import IN_PROGRESS, is_command
from waker.explain.shape import Explained, Reason, RouteFacts, Unknown
from waker.printable import printable_data
from waker.settings.durations import format_duration

WIDTH = 100
INDENT = "  "
ASLEEP = ("Asleep", "FallingAsleep")
EXPLAINED_ABOVE = ("Awake", "NotManaged")  # phases whose reason the first section gives, with more detail


def text(facts: Explained) -> str:
    """All of it, without a newline at the end."""
    facts = printable_data(facts)
    sections = {
        _title(facts): _reasons(facts["against"]),
        "Unknown annotations": _reasons(facts.get("unknownAnnotations", ())),  # an older service does not say
        "State": _state(facts),
        "Last activity": _activity(facts),
        "Counted as": _series(facts),
        "Controller pods": _pods(facts),
        "Routes": (_route(each, facts) for each in facts["routes"]),
        "Services": _columns([(each["name"], ", ".join(each["ports"])) for each in facts["services"]]),
        "Settings": _settings(facts),
        "Notes": (line for note in facts["notes"] for line in _wrapped(note)),
    }
    answer = textwrap.wrap(facts["answer"], WIDTH, break_long_words=False, break_on_hyphens=False)
    parts = ["\n".join([*answer, f"Code: {facts['code']}"])]
    for title, lines in sections.items():
        body = list(lines)
        parts += ["\n".join([title.upper(), *body])] if body else []
    return "\n\n".join(parts)


def _title(facts: Explained) -> str:
    kinds = {each["kind"] for each in facts["against"]}
    if facts["code"] in IN_PROGRESS and kinds <= {"blocked", "waking"}:
        return "On its way"
    if not facts["enabled"] or facts["phase"] == "NotManaged":
        return "What stands against its sleep"
    return "What stands against sleep by traffic" if facts["phase"] in ASLEEP else "What keeps it awake"


def _reasons(reasons: Iterable[Reason | Unknown]) -> Iterator[str]:
    for each in reasons:
        yield from _wrapped(each["text"], "- ")
        if is_command(each["fix"]):
            yield f"{INDENT}  fix: {each['fix']}"  # on one line, so that it can be copied
        elif each["fix"]:
            yield from _wrapped(each["fix"], "  fix: ")


def _state(facts: Explained) -> Iterator[str]:
    saved = f", {facts['saved']} when it is awake" if facts["saved"] is not None and not facts["replicas"] else ""
    who = "by the running service" if facts["fromService"] else "here, without the service"
    why = "" if facts["phase"] in EXPLAINED_ABOVE else f" ({facts['reason']})"
    rows = [
        ("phase", f"{facts['phase']}{why}"),
        ("replicas", f"{facts['replicas']}{saved}"),
        ("sleeps", _sleeps(facts)),
        ("answered", f"{who}, at {_clock(facts['at'], facts['at'])}"),
    ]
    for name, value in rows:
        yield from _wrapped(value, f"{name:<10}") if value else ()


def _sleeps(facts: Explained) -> str:
    at = facts["sleepsAt"]
    if not at or at <= facts["at"] or not facts["replicas"] or not facts["enabled"]:
        return ""
    others = {each["kind"] for each in facts["against"]} - {"in-use", "blocked"}
    held = ", if nothing else stood against it" if others else ", if nobody comes"
    return f"{_when(at, facts['at'])}{held}"


def _activity(facts: Explained) -> Iterator[str]:
    yield from _columns([(_when(each["at"], facts["at"]), each["what"]) for each in facts["activity"]])


def _series(facts: Explained) -> Iterator[str]:
    for each in facts["series"]:
        yield f"{INDENT}{_selector(each['metric'], each['labels'])}"
        rows = [
            (_number(value["requests"]), value["pod"], "open requests now" if value["open"] else "")
            for value in each["values"]
        ]
        yield from (f"{INDENT}{line}" for line in _columns(rows or [("no pod has been read for it",)]))
        others = [spelling for spelling in each["spellings"] if spelling["labels"] != each["labels"]]
        for spelling in others:
            yield f"{INDENT * 2}of these {_number(spelling['requests'])} as {_selector(each['metric'], spelling['labels'])}"


def _selector(metric: str, labels: Mapping[str, str]) -> str:
    found = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"{metric}{{{found}}}"


def _number(requests: float | None) -> str:
    return "none yet" if requests is None else f"{requests:.0f}"


def _pods(facts: Explained) -> Iterator[str]:
    titles = {each["controller"]: each["title"] for each in facts["routes"]}
    for each in facts["pods"]:
        read = f"read {_ago(each['readAt'], facts['at'])}, {_size(each['bytes'])}" if each["readAt"] else "never read"
        ready = ("" if each["ready"] else ", not ready") + (", ignored" if each["state"] == "ignored" else "")
        yield f"{INDENT}{titles.get(each['controller'], '')} {each['pod']}: {read}{ready}"
        if each["problem"]:
            yield from (f"{INDENT}{line}" for line in _wrapped(each["problem"], "! ", WIDTH - len(INDENT)))


def _route(route: RouteFacts, facts: Explained) -> str:
    where = f"{route['host'] or '*'}{route['path'] or '/'}" if route["pathType"] else "default backend"
    controller = route["title"] or route["controller"] or "no controller"
    since = f" since {_when(route['since'], facts['at'])}" if route["since"] else ""
    ours = f"waker{since}; {route['backend']} when it is awake"
    return (
        f"{INDENT}{where} -> {ours if route['leadsTo'] == 'waker' else route['backend']}\n"
        f"{INDENT * 2}Ingress {route['ingress']}, class {route['ingressClass'] or 'none'}, {controller}"
    )


def _settings(facts: Explained) -> Iterator[str]:
    yield from _columns([(each["name"], f"{each['value']} ({each['source']})") for each in facts["settings"]])


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Left-aligned; the last column is wrapped under itself."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        *first, last = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield from _wrapped(last.rstrip(), "".join(f"{cell}{INDENT}" for cell in first))


def _wrapped(sentence: str, begin: str = "", width: int = WIDTH) -> list[str]:
    """Lines of one sentence; those after the first begin under the first word."""
    first = f"{INDENT}{begin}"
    lines = textwrap.wrap(
        sentence,
        width,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or [first.rstrip()]


# --- times and sizes ----------------------------------------------------------------------------------------------


def _clock(at: str, now: str) -> str:
    """`14:30:05 UTC`, with the date if it is another day's than now."""
    day, _, clock = at.rstrip("Z").partition("T")
    return f"{clock} UTC" if now.startswith(day) else f"{day} {clock} UTC"


def _when(at: str, now: str) -> str:
    return f"{_clock(at, now)} ({_ago(at, now)})"


def _ago(at: str, now: str) -> str:
    passed = datetime.fromisoformat(now) - datetime.fromisoformat(at)
    seconds = passed.total_seconds()
    return f"{format_duration(passed)} ago" if seconds >= 0 else f"in {format_duration(-passed)}"


def _size(count: int) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000 or unit == "MB":
            break
        count = round(count / 1000)
    return f"{count} {unit}"
