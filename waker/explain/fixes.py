"""What to do about what stands in the way of a sleep: for each code a command or a sentence.

Pure. `reasons` gives each of its reasons a fix, `causes` each group of apps. Sentences about traffic bring fixes of their own,
after a semicolon: "what is so; what to do". Those are better, as they know more than a code does. Other sentences quote what
users have written, semicolons and all.
"""

import re
import shlex
from collections.abc import Mapping
from typing import Final, NamedTuple

from waker import names
from waker.plan.codes import Code
from waker.plan.model import AppId
from waker.plan.policy import UnknownAnnotation
from waker.settings.pauses import PauseScope

COMMANDS: Final = ("kubectl ", "waker ")  # how a fix begins that is a command

# {app}: `deployment/shop -n prod`. Every code that keeps an app awake has a row here or in `IN_PROGRESS`.
FIXES: Final[Mapping[Code, str]] = {
    Code.IN_USE: (
        "nothing, if people use it; if a monitor or crawler asks for it, see ignore-statuses; with a shorter idle-after it "
        "sleeps sooner after its last visit"
    ),
    Code.PINNED_AWAKE: "waker auto {app}",
    Code.PAUSED: "end the pause: `waker resume` with --all, with a namespace (-n) or with the app, by what is paused",
    Code.NOT_ENABLED: f"kubectl annotate {{app}} {names.ENABLED}=true --overwrite",
    Code.SCALED_TO_ZERO: "kubectl scale {app} --replicas=1",
    Code.CANNOT_SLEEP: "change what the sentence names: an annotation of it, or an object with a route to its pods",
    Code.TRAFFIC_UNKNOWN: "let waker read what the sentence names; see 'Ingress controllers' in the operations guide",
    Code.NOT_OBSERVED: "nothing: its idle period begins when every pod of its ingress controllers has been read",
    Code.SCRAPES_BEHIND: "nothing: it sleeps after the next scrapes; if that stays, the controller pods say which one is late",
    Code.REPLICA_SILENT: "look at that replica of waker; it counts no more as soon as Kubernetes calls it unready",
    Code.WAKER_UNREACHABLE: (
        "let NetworkPolicies admit the ingress controllers' pods to waker's door-ports; if the controller is only slow, set "
        "controller.CLASS.lag"
    ),
    Code.SLEEP_PUT_OFF: "waker sleep {app}",
    Code.WRITE_REFUSED: "allow what the API server refuses, in its own words: a quota, an admission policy or a right",
    Code.CONTROLLERS_DO_NOT_FOLLOW: "look at that controller pod; if it is only slow to follow, set controller.CLASS.lag",
    Code.OTHER_REPLICA: "nothing: the replica of waker that holds the Lease does it",
    Code.TURNING_BACK: "nothing: it is tried again when it is idle again",
    Code.NOT_READY_IN_TIME: "kubectl describe {app}",
    Code.ROUTE_KEPT_BACK: (
        "have whoever points its routes back (a GitOps tool, say) ignore what KubeSleeper changes; see GitOps in the "
        "operations guide"
    ),
    Code.ROUTE_POINTED_BACK: "nothing: it is pointed at waker again; a GitOps tool should ignore these fields",
    Code.WAKE_STOPPED: "waker wake {app}",
    Code.REPLICAS_LOST: "kubectl scale {app} --replicas=1",
    Code.REPLICAS_GUESSED: "kubectl scale {app} --replicas=1",
}  # fmt: skip

# Nothing to do: it sleeps, or it is on its way, and the next passes end that.
IN_PROGRESS: Final = frozenset({
    Code.ASLEEP, Code.PINNED_ASLEEP, Code.IDLE, Code.SLEEP_REQUESTED, Code.MOVING_ROUTES, Code.AWAITING_CONTROLLERS,
    Code.LETTING_REQUESTS_END, Code.KEEPING_PODS, Code.READING_ONCE_MORE, Code.SCALING_DOWN, Code.PODS_LEAVING,
    Code.SCALING_UP, Code.WAKING, Code.AWAITING_PODS, Code.RETURNING_ROUTES, Code.ENDING_WAKE, Code.ROUTE_ADDED,
    Code.ROUTE_CHANGED, Code.ROUTE_ASTRAY, Code.SCALED_UP,
})  # fmt: skip


ANY: Final = "KIND/NAME -n NAMESPACE"
BRING_THEIR_OWN: Final = frozenset({Code.TRAFFIC_UNKNOWN, Code.NOT_OBSERVED})

# What stands against a sleep, by what its sentence says, and what to do. {app} as above; the rest are groups of the pattern.
OBJECT: Final = r"[a-z0-9](?:[-.a-z0-9]*[a-z0-9])?"
RETAIN: Final = '{{"spec":{{"persistentVolumeClaimRetentionPolicy":{{"whenScaled":"Retain"}}}}}}'
OF_SENTENCES: Final = tuple((re.compile(pattern), fix) for pattern, fix in (
    (rf"^(?P<key>{re.escape(names.DOMAIN)}/[-a-z]+): ", ""),  # see `_rewrite`
    (r"^no Service selects its pods", "make a Service that selects its pods, and an Ingress that names that Service"),
    (rf"^no Ingress names its (?P<services>Services? {OBJECT}(?:, {OBJECT})*)", "make an Ingress that names {services}"),
    (r"persistentVolumeClaimRetentionPolicy has whenScaled: Delete", f"kubectl patch {{app}} --type merge -p '{RETAIN}'"),
    (r"^it is waker itself|labels of an ingress controller", f"kubectl annotate {{app}} {names.ENABLED}-"),
    (rf"^Service (?P<name>{OBJECT}) (?:may )?also selects? ", "let the selector of Service {name} name one workload only"),
    (rf"names port .*, which (?P<service>Service {OBJECT}) does not have", "name a port that {service} has in that Ingress"),
    (r" is there twice$", "remove one of the two"),
    (rf"is an ExternalName for (?P<service>Service {OBJECT}), and ", "have that Ingress name {service} itself"),
    (rf"^there is a Service {names.WAKER_SERVICE} ", "give that Service another name: waker makes one that is called so"),
))  # fmt: skip
EXAMPLES: Final[Mapping[str, str]] = {
    names.ENABLED: "true", names.IDLE_AFTER: "30m", names.MIN_IDLE: "2h", names.HOLD_FOR: "30s", names.STATE: "auto",
    names.WHILE_ASLEEP: "auto", names.PAGE_AFTER: "1s", names.HEALTH_CHECK_RESPONSE: "503",
}  # fmt: skip


class Advice(NamedTuple):
    """What is so, and what to do; "" if nothing is to be done."""

    text: str
    fix: str


def target(kind: str, namespace: str, name: str) -> str:
    """An object as kubectl and waker want it: `deployment/shop -n prod`."""
    return f"{kind.lower()}/{name} -n {namespace}"


def fix_for(code: str, app: AppId | None = None) -> str:
    """The fix of a code, for this app, or in general. Of a newer waker's code nothing is known."""
    which = target(*app) if app else ANY
    known = next((each for each in FIXES if each == code), None)
    return FIXES[known].format(app=which) if known else ""


def resume(scope: PauseScope, app: AppId) -> str:
    """The command that ends a pause."""
    match scope:
        case PauseScope.APP:
            return f"waker resume {target(*app)}"
        case PauseScope.NAMESPACE:
            return f"waker resume -n {app.namespace}"
    return "waker resume --all"


def respell(found: UnknownAnnotation, app: AppId) -> str:
    """How to write an annotation so that waker knows it."""
    if not found.meant:
        return "remove it, or run the waker that knows it"
    written = "" if found.there else f" {found.meant}={shlex.quote(found.value)}"
    return f"kubectl annotate {target(*app)} {found.key}-{written}"


def advice(sentence: str, code: str, app: AppId | None = None) -> Advice:
    """A sentence "what is so; what to do" in its two parts; if it brings no fix the one that fits it, else that of its code."""
    if code == Code.CANNOT_SLEEP:
        return Advice(sentence, _of_sentence(sentence, target(*app) if app else ANY))
    text, _, own = sentence.partition("; ") if code in BRING_THEIR_OWN else (sentence, "", "")
    return Advice(text, own or fix_for(code, app))


def _of_sentence(sentence: str, which: str) -> str:
    """What mends what this sentence says; "" where only its reader can know."""
    for pattern, fix in OF_SENTENCES:
        found = pattern.search(sentence)
        if found:
            return fix.format(app=which, **found.groupdict()) if fix else _rewrite(found["key"], which)
    return ""


def _rewrite(key: str, which: str) -> str:
    """An annotation that cannot be in effect: write it anew, or leave it to the default."""
    written = f"{key}={EXAMPLES[key]} --overwrite" if key in EXAMPLES else f"{key}-"
    return f"kubectl annotate {which} {written}"


def is_command(fix: str) -> bool:
    """Whether a fix can be copied into a shell."""
    return fix.startswith(COMMANDS)
