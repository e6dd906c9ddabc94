"""Which other controllers serve an ingress class, as the arguments of their pods say: Traefik beside ingress-nginx, say.

An IngressClass names one controller. Another one may be told to serve the same class, as in a migration, and half of all
visitors come through it. Its pods are found by their labels, and their arguments name the class. The subtle thing: anybody may
start such a pod. So one counts only if its ServiceAccount may list the Ingresses of all namespaces, as a controller has to;
else it is reported. An account that the API server has never said anything of counts: what is not known keeps apps awake. Of
any other the last word stands until there is a new one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, NamedTuple

from waker.errors import ClusterError
from waker.observe.controller_pods import ControllerPods
from waker.plan.model import IngressClass, Pod
from waker.settings.configmap import Live
from waker.traffic.controllers import ALL, Adapter, ClassName
from waker.traffic.controllers.configured import configured_adapter, controller_name, parts

log = logging.getLogger(__name__)

TELLING: Final = tuple(each for each in ALL if each.serves)
BELIEVED_FOR: Final = 300.0  # seconds; a right that is taken away ends that late
RETRY: Final = 10.0  # seconds, after the API server did not say


class Account(NamedTuple):
    """A ServiceAccount."""

    namespace: str
    name: str


class ClassClaims:
    """Follows the pods of controllers whose arguments tell. `may_serve`: whether an account may list all Ingresses."""

    def __init__(
        self,
        pods: ControllerPods,
        may_serve: Callable[[str, str], Awaitable[bool]],
        changed: Callable[[], None],
        report: Callable[[str], None],
    ) -> None:
        self._pods = pods
        self._may_serve = may_serve
        self._changed = changed
        self._report = report
        self._trusted: dict[Account, bool] = {}
        self._unknown: set[Account] = set()  # the API server did not say when it was asked last
        self._seen: list[tuple[Adapter, Pod]] = []
        self._fingerprint: object = None
        self._by_class: dict[ClassName, dict[str, frozenset[str]]] = {}
        self._moved = asyncio.Event()
        self._reported: set[str] = set()

    def of(self, ingress_class: IngressClass) -> tuple[str, ...]:
        """The adapters, by name, whose pods serve this class, its own controller's among them."""
        return tuple(sorted(self._claiming(ClassName(ingress_class.name, ingress_class.controller))))

    def namespaces(self, controller: str, live: Live) -> frozenset[str]:
        """Where the pods are of one of the controllers of a class, by the name that it goes by; empty if nobody claims it."""
        served = parts(controller)
        adapter = configured_adapter(controller, live) if served.name else None
        if adapter is None:
            return frozenset()
        return self._claiming(ClassName(served.name, controller_name(controller))).get(adapter.name, frozenset())

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Know them all, and follow them from now on."""
        self._pods.on_change = self._on_change
        for selector in {selector for adapter in TELLING for selector in adapter.selectors}:
            await self._pods.informer(selector, tasks).synced.wait()
        await self._settle()
        tasks.create_task(self._run(), name="claims of classes")

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        while True:
            anew = False
            try:  # changes of pods put it off no further
                async with asyncio.timeout_at(asked_at + (RETRY if self._unknown else BELIEVED_FOR)):
                    await self._moved.wait()
            except TimeoutError:
                anew, asked_at = True, loop.time()
            await self._settle(anew=anew)

    async def _settle(self, *, anew: bool = False) -> None:
        """Ask about accounts that are new, or about all. Until all have been asked about, everything is as it was."""
        self._moved.clear()
        seen = list(self._telling())
        accounts = {account_of(pod) for _, pod in seen}
        trusted = {account: may for account, may in self._trusted.items() if account in accounts}
        unknown = set()
        for account in sorted(accounts if anew else accounts - trusted.keys() | self._unknown & accounts):
            try:
                trusted[account] = await self._may_serve(*account)
            except ClusterError as error:
                unknown.add(account)
                level = logging.DEBUG if account in self._unknown else logging.WARNING
                log.log(level, "whether ServiceAccount %s/%s may serve Ingresses is not known: %s", *account, error)
        self._seen, self._trusted, self._unknown = seen, trusted, unknown
        found = sorted(
            (adapter.name, account_of(pod), tuple(sorted(pod.arguments.items())))
            for adapter, pod in seen
            if self._counts(pod)
        )
        self._by_class.clear()
        if found != self._fingerprint:
            self._fingerprint = found
            self._changed()

    def _telling(self) -> Iterator[tuple[Adapter, Pod]]:
        for adapter in TELLING:
            for pod in self._pods.labelled(adapter.selectors):
                if pod.arguments:  # without any it serves its own class alone
                    yield adapter, pod

    def _counts(self, pod: Pod) -> bool:
        return self._trusted.get(account_of(pod), True)

    def _claiming(self, ingress_class: ClassName) -> dict[str, frozenset[str]]:
        """By the adapter's name, the namespaces of the pods."""
        known = self._by_class.get(ingress_class)
        if known is not None:
            return known
        found: dict[str, set[str]] = {}
        for adapter, pod in self._seen:
            if not (adapter.serves and adapter.serves(pod.arguments, ingress_class)):
                continue
            if self._counts(pod):
                found.setdefault(adapter.name, set()).add(pod.namespace)
            elif adapter.controller != ingress_class.controller:
                self._report_stranger(adapter, pod, ingress_class)
        self._by_class[ingress_class] = {name: frozenset(where) for name, where in found.items()}
        return self._by_class[ingress_class]

    def _report_stranger(self, adapter: Adapter, pod: Pod, ingress_class: ClassName) -> None:
        sentence = (
            f"pods in namespace {pod.namespace} say that they are {adapter.title} and serve class {ingress_class.name}, "
            "but their ServiceAccount may not list the Ingresses of all namespaces, so they are ignored; if they do serve it, "
            f"list {adapter.name} in controller.{ingress_class.name}.adapter"
        )
        if sentence not in self._reported:
            self._reported.add(sentence)
            log.warning("%s", sentence)
            self._report(sentence)

    def _on_change(self) -> None:
        self._moved.set()


def account_of(pod: Pod) -> Account:
    """The ServiceAccount of a pod."""
    return Account(pod.namespace, pod.service_account or "default")
