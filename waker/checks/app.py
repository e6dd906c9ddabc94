"""Would this app sleep? What `waker explain` says against it, as lines of a check. Pure.

It is asked as if the app were enabled. That it is in use is no problem: it shows that its visits are seen.
"""

from collections.abc import Iterator, Set
from typing import Final

from waker.checks.findings import CheckLine, ok, problem, unknown
from waker.explain.fixes import target
from waker.explain.shape import Explained, Reason

SUBJECT: Final = "app"
PASSING: Final = frozenset({"in-use", "turned-back", "waking"})  # they end by themselves
NOT_YET: Final = frozenset({"not-observed"})


def lines(facts: Explained, *, read_now: bool = False) -> Iterator[CheckLine]:
    """The lines, and the answer first. `read_now`: the controllers have just been read, by a probe."""
    which = target(facts["app"]["kind"], facts["app"]["namespace"], facts["app"]["name"])
    name = f"{facts['app']['namespace']}/{facts['app']['name']}"
    reasons = [each for each in facts["against"] if each["kind"] != "not-enabled"]
    late = NOT_YET | ({"not-read"} if read_now else set())
    found = [_line(each, which, late) for each in reasons]
    if not facts["enabled"] and not any(each["verdict"] == "problem" for each in found):
        yield ok(
            SUBJECT, f"{name} would sleep once it is enabled (kubectl annotate {which} kubesleeper.io/enabled=true)"
        )
    elif not any(each["verdict"] == "problem" for each in found):
        yield ok(SUBJECT, f"{name} is enabled, and sleeps when nobody comes")
    yield from found
    if not facts["fromService"]:
        fix = "kubectl apply -k k8s/"
        yield unknown(SUBJECT, "whether it is visited is known to the running service only", fix)


def _line(reason: Reason, which: str, late: Set[str]) -> CheckLine:
    fix = reason["fix"] or f"waker explain {which}"
    if reason["kind"] in PASSING:
        return ok(SUBJECT, reason["text"])
    if reason["kind"] in late:
        return unknown(SUBJECT, reason["text"], fix)
    return problem(SUBJECT, reason["text"], fix)
