"""May waker do what it has to do, and may the caller ask it? By access reviews, one for each right.

`NEEDED` is what k8s/cluster-role.yaml and k8s/role.yaml grant; a test compares both. waker's rights are asked for in the
name of its ServiceAccount (`Impersonate-User`), so the caller has to be allowed that.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from waker import names
from waker.checks.at_once import a_few_at_once
from waker.checks.findings import CheckLine, ok, problem, unknown
from waker.cluster.client import Api
from waker.cluster.resources import SELF_REVIEWS
from waker.errors import ClusterError

SUBJECT: Final = "rights"
AT_ONCE: Final = 8  # reviews
READ: Final = ("get", "list", "watch")
WHOAMI: Final = "$(kubectl auth whoami -o jsonpath={.status.userInfo.username})"


class NeededRight(NamedTuple):
    """Verbs on a resource, and what for. `own`: in waker's own namespace only. `name`: of one object, or the first of some."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    why: str
    own: bool = False
    name: str = ""

    def __str__(self) -> str:
        group = f".{self.group}" if self.group else ""
        return f"{self.resource}{group}{f' {self.name}' if self.name else ''}"


NEEDED: Final = (
    NeededRight("apps", "deployments", (*READ, "patch"), "to scale apps"),
    NeededRight("apps", "statefulsets", (*READ, "patch"), "to scale apps"),
    NeededRight("networking.k8s.io", "ingresses", (*READ, "patch", "create", "delete"), "to move routes"),
    NeededRight("networking.k8s.io", "ingressclasses", READ, "to know which controller serves an Ingress"),
    NeededRight("", "services", (*READ, "create"), "to lead routes to waker"),
    NeededRight("", "services", ("patch", "delete"), "to lead routes to waker", name=names.WAKER_SERVICE),
    NeededRight("discovery.k8s.io", "endpointslices", (*READ, "create"), "to lead routes to waker"),
    NeededRight(
        "discovery.k8s.io", "endpointslices", ("patch", "delete"), "to lead routes to waker",
        name=f"{names.WAKER_SERVICE}-1",
    ),
    NeededRight("", "pods", READ, "to read the ingress controllers, and to see apps wake"),
    NeededRight("autoscaling", "horizontalpodautoscalers", ("list",), "to wake an app whose replicas are lost"),
    NeededRight("", "events", ("create", "patch"), "to report"),
    NeededRight("authentication.k8s.io", "tokenreviews", ("create",), "to know who asks it"),
    NeededRight("authorization.k8s.io", "subjectaccessreviews", ("create",), "to know who may ask it"),
    NeededRight("", "configmaps", READ, "to follow the settings", own=True, name=names.CONFIG_MAP),
    NeededRight("", "configmaps", ("get", "patch"), "to keep idle periods over restarts", own=True, name=names.ACTIVITY),
    NeededRight("", "configmaps", READ, "to follow the themes", own=True, name=names.THEMES_MAP),
    NeededRight("", "configmaps", (*READ, "patch"), "to reserve ports for apps", own=True, name=names.DOORS_MAP),
    NeededRight("", "configmaps", ("create",), "to reserve ports for apps", own=True),
    NeededRight("coordination.k8s.io", "leases", ("create",), "to have one replica lead", own=True),
    NeededRight("coordination.k8s.io", "leases", ("get", "patch"), "to have one replica lead", own=True, name=names.LEASE),
)  # fmt: skip

OF_THE_CALLER: Final = (
    NeededRight("", "serviceaccounts/token", ("create",), "", own=True, name=names.READER),
    NeededRight("", "services/proxy", ("get",), "", own=True, name=f"{names.OWN_SERVICE}:{names.OWN_PRIVATE_PORT}"),
)


async def missing(api: Api, rights: Iterable[NeededRight], own_namespace: str) -> dict[NeededRight, list[str]]:
    """The verbs that whoever `api` acts for lacks, by right. Raises ClusterError if the API server does not say."""
    asked = [(right, verb) for right in rights for verb in right.verbs]
    answers = await a_few_at_once((may(api, *each, own_namespace) for each in asked), AT_ONCE)
    found: dict[NeededRight, list[str]] = {}
    for (right, verb), answer in zip(asked, answers, strict=True):
        if not answer:
            found.setdefault(right, []).append(verb)
    return found


async def may(api: Api, right: NeededRight, verb: str, own_namespace: str) -> bool:
    """One SelfSubjectAccessReview. Raises ClusterError."""
    resource, _, subresource = right.resource.partition("/")
    attributes = {"verb": verb, "group": right.group, "resource": resource}
    more = {"subresource": subresource, "name": right.name, "namespace": own_namespace if right.own else ""}
    attributes |= {key: value for key, value in more.items() if value}
    body = {"apiVersion": SELF_REVIEWS.api_version, "kind": SELF_REVIEWS.kind}
    made = await api.create(SELF_REVIEWS.everywhere(), {**body, "spec": {"resourceAttributes": attributes}})
    status = made.get("status")
    return isinstance(status, dict) and status.get("allowed") is True and not status.get("denied")


async def of_waker(as_waker: Api, account: str, own_namespace: str, reinstall: str) -> list[CheckLine]:
    """What waker's ServiceAccount may do. `as_waker` acts in its name."""
    try:
        lacking = await missing(as_waker, NEEDED, own_namespace)
    except ClusterError as error:
        text = f"what waker may do is not known, as you may not act as its ServiceAccount {account}: {error}"
        return [unknown(SUBJECT, text, f"kubectl auth can-i --list --as={account}")]
    if not lacking:
        count = sum(len(each.verbs) for each in NEEDED)
        return [ok(SUBJECT, f"waker's ServiceAccount has all {count} rights that it needs")]
    return [
        problem(SUBJECT, f"waker may not {_listed(verbs)} {right}, and needs it {right.why}", reinstall)
        for right, verbs in lacking.items()
    ]


async def of_caller(api: Api, own_namespace: str) -> list[CheckLine]:
    """Whether the caller may ask the running service."""
    try:
        lacking = await missing(api, OF_THE_CALLER, own_namespace)
    except ClusterError as error:
        return [unknown(SUBJECT, f"what you may do is not known: {error}", "kubectl auth can-i --list")]
    if not lacking:
        return [ok(SUBJECT, "you may ask the running service")]
    what = " and ".join(f"{_listed(verbs)} {right}" for right, verbs in lacking.items())
    fix = f'kubectl -n {own_namespace} create rolebinding waker-status --clusterrole=edit --user="{WHOAMI}"'
    return [problem(SUBJECT, f"you may not {what}, so commands cannot ask the running service about visits", fix)]


def _listed(verbs: Sequence[str]) -> str:
    return ", ".join(verbs)
