"""What keeps most apps awake, first: the rows of `waker status` grouped by what stands in the way, each group with its fix.

Pure, and bounded whatever the number of apps. `waker explain --all` calls it, and the page for operators. What a group has in
common is a key that nobody reads; what is printed is the sentence of its first app. The subtle thing: rows of an older service
have no `causeKey`, or no `cause`, so that one or their reasons have to do.
"""

import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypedDict

from waker.explain.amounts import counted
from waker.explain.fixes import advice, is_command
from waker.plan.model import AppId, Kind
from waker.printable import printable_data

MOST_CAUSES: Final = 20
MOST_EXAMPLES: Final = 5
# The phases of apps that stay up; all others sleep, or are on their way.
AWAKE: Final = ("Awake", "NotManaged", "Stuck")
WIDTH: Final = 100


class Cause(TypedDict):
    """Something that keeps apps awake. `examples`: a few of them, as `NAMESPACE/NAME`; `fix` may be "".

    `cause`: the sentence of the first one, with its name behind it if those of others differ in names and times.
    """

    code: str
    cause: str
    fix: str
    apps: int
    examples: list[str]


class Others(TypedDict):
    """How many causes are left out, and how many apps they keep awake."""

    causes: int
    apps: int


class Overview(TypedDict):
    """Of all apps. `awake`: those that stay up; `causes`: why, the most frequent first; `others`: what is left out."""

    apps: int
    awake: int
    asleep: int
    causes: list[Cause]
    others: Others


def overview(rows: Iterable[Mapping[str, Any]]) -> Overview:
    """The rows of `waker status` in groups."""
    all_rows = list(rows)
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for each in all_rows:
        if each["phase"] in AWAKE and each["replicas"]:
            groups[each["code"], each.get("causeKey") or _sentence(each)].append(each)
    found = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    shown, left_out = found[:MOST_CAUSES], found[MOST_CAUSES:]
    return Overview(
        apps=len(all_rows),
        awake=sum(len(members) for _, members in found),
        asleep=sum(each["phase"] == "Asleep" for each in all_rows),
        causes=[_cause(code, members) for (code, _), members in shown],
        others=Others(causes=len(left_out), apps=sum(len(members) for _, members in left_out)),
    )


def _cause(code: str, members: list[Mapping[str, Any]]) -> Cause:
    found = advice(_sentence(members[0]), code, _app(members[0]) if len(members) == 1 else None)
    examples = [f"{each['namespace']}/{each['name']}" for each in members[:MOST_EXAMPLES]]
    differ = any(_sentence(each) != _sentence(members[0]) for each in members)
    text = f"{found.text} ({examples[0]})" if differ else found.text
    return Cause(code=code, cause=text, fix=found.fix, apps=len(members), examples=examples)


def _sentence(row: Mapping[str, Any]) -> str:
    return str(row.get("cause") or row["reason"])


def _app(row: Mapping[str, Any]) -> AppId | None:
    kind = next((each for each in Kind if each == row.get("kind")), None)
    return AppId(kind, row["namespace"], row["name"]) if kind else None


def text(found: Overview) -> str:
    """The same for a terminal, without a newline at the end."""
    found = printable_data(found)
    lines = [f"{counted(found['apps'], 'app')}: {found['asleep']} asleep, {found['awake']} awake."]
    if found["causes"]:
        lines[0] += " What keeps most of them awake, first:"
    for each in found["causes"]:
        lines += ["", *_of_cause(each)]
    if found["others"]["causes"]:
        more, apps = counted(found["others"]["causes"], "more cause"), counted(found["others"]["apps"], "app")
        lines += ["", f"{more} {'keeps' if found['others']['causes'] == 1 else 'keep'} {apps} awake."]
    return "\n".join(lines)


def _of_cause(each: Cause) -> Iterator[str]:
    count = f"{each['apps']:5}  "
    yield from _wrapped(f"{each['code']}: {each['cause']}", count)
    if is_command(each["fix"]):
        yield f"{' ' * len(count)}fix: {each['fix']}"  # on one line, so that it can be copied
    elif each["fix"]:
        yield from _wrapped(each["fix"], f"{' ' * len(count)}fix: ")
    more = each["apps"] - len(each["examples"])
    yield from _wrapped(", ".join(each["examples"]) + (f" and {more} more" if more else ""), " " * len(count))


def _wrapped(sentence: str, first: str) -> list[str]:
    indent = " " * len(first)
    return textwrap.wrap(
        sentence, WIDTH, initial_indent=first, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
