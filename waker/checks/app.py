"""Would this app sleep? What `waker explain` says against it, as lines of a check. Pure.

It is asked as if the app were enabled. That it is in use is no problem: it shows that its visits are seen. Nor is what passes
by itself: an app on its way, a controller that has not been read since the app is there.
"""

import re
from collections.abc import Iterator, Set
from typing import Final

from waker.checks.controllers import counted_after_a_visit
from waker.checks.findings import CheckLine, Finding, ok, problem, unknown
from waker.checks.installation import INSTALL_FIRST
from waker.explain.fixes import IN_PROGRESS, is_command, target
from waker.explain.shape import Explained, Reason
from waker.plan.codes import Code
from waker.plan.model import Phase

SUBJECT: Final = "app"
PASSING: Final = frozenset({"in-use", "turned-back", "waking"})  # they end by themselves
ON_ITS_WAY: Final = IN_PROGRESS | {Code.SCRAPES_BEHIND, Code.OTHER_REPLICA}
NOT_YET: Final = frozenset({"not-observed"})
# A pod shows no counter before its first request, and takes up waker's route some seconds after waker has made it.
MAY_PASS: Final = frozenset({"not-read", "blocked"})
YET: Final = re.compile(r"\byet\b")
COUNTED_NOTHING: Final = re.compile(r" shows no \S+ yet$")


def lines(facts: Explained, *, read_now: bool = False) -> Iterator[CheckLine]:
    """The lines, and the answer first. `read_now`: the controllers have just been read, by a probe."""
    which = target(facts["app"]["kind"], facts["app"]["namespace"], facts["app"]["name"])
    name = f"{facts['app']['namespace']}/{facts['app']['name']}"
    late = NOT_YET | ({"not-read"} if read_now else set())
    found = [_line(each, facts, which, late) for each in facts["against"] if each["kind"] != "not-enabled"]
    if any(each["verdict"] == Finding.PROBLEM for each in found):  # what else may be is not worth a line beside it
        found = [each for each in found if each["verdict"] != Finding.UNKNOWN]
    elif facts["enabled"]:
        yield ok(SUBJECT, f"{name} is enabled, and sleeps when nobody comes")
    else:
        command = f"kubectl annotate {which} kubesleeper.io/enabled=true"
        yield ok(SUBJECT, f"{name} would sleep once it is enabled ({command})")
    yield from found
    for each in facts.get("unknownAnnotations", ()):  # an older service does not say
        line = problem if is_command(each["fix"]) else unknown
        yield line(SUBJECT, each["text"], each["fix"])
    if not facts["fromService"]:
        yield unknown(SUBJECT, "whether it is visited is known to the running service only", INSTALL_FIRST)


def _line(reason: Reason, facts: Explained, which: str, late: Set[str]) -> CheckLine:
    kind, text = reason["kind"], reason["text"]
    fix = reason["fix"] or f"waker explain {which}"
    if kind == "blocked" and facts["code"] in ON_ITS_WAY:
        return ok(SUBJECT, text)
    if kind in PASSING and not (kind == "waking" and facts["phase"] == Phase.STUCK):
        return ok(SUBJECT, text)
    if kind == "not-read" and COUNTED_NOTHING.search(text):
        return unknown(SUBJECT, text, counted_after_a_visit(fix))
    if kind in late or (kind in MAY_PASS and YET.search(text)):
        return unknown(SUBJECT, text, fix)
    return problem(SUBJECT, text, fix)
