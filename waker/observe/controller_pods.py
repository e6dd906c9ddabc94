"""The ingress controllers' own pods: which there are, and which have gone.

Pods are watched only for controllers that an IngressClass names and that an adapter knows, and count only in the namespace
that `controller_namespaces` chooses: pods elsewhere with the same labels are anybody's, and are reported. Where they send
requests is asked in `following`.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from waker.cluster import manifests
from waker.cluster.client import Api
from waker.cluster.informer import Informer, Source
from waker.cluster.resources import PODS
from waker.observe.controller_namespaces import ControllerNamespaces
from waker.plan.model import Pod
from waker.traffic.controllers import Adapter, Selector

log = logging.getLogger(__name__)

MOST_DEPARTED = 100  # one that came and went is as good as many


class ControllerPods:
    """The pods of all controllers."""

    def __init__(
        self,
        api: Api,
        clock: Callable[[], datetime],
        namespaces: ControllerNamespaces,
        adapters: Callable[[str], Sequence[Adapter]],
    ) -> None:
        self._api = api
        self._clock = clock
        self._namespaces = namespaces
        self._adapter = namespaces.adapter
        self.adapters = adapters  # all that serve a class, by `Route.controller`
        self._reported: set[str] = set()
        self._informers: dict[Selector, Informer[Pod]] = {}
        self.changed = asyncio.Event()  # a pod is not what it was
        self._ready_after: dict[str, int] = {}  # by uid: how often they had restarted when they were last ready
        self._departed: dict[Selector, deque[tuple[int, Pod]]] = {}  # numbered
        self.on_change: Callable[[], None] = lambda: None
        self._last = 0  # the number of the pod that departed last
        self._reported_up_to: dict[str, int] = {}  # up to which number, by controller: several may have pods in common

    def watch(self, controllers: Iterable[str], tasks: asyncio.TaskGroup) -> None:
        """Watch the pods of these controllers too, from now on."""
        for adapter in (each for name in controllers for each in self.adapters(name)):
            for selector in adapter.selectors:
                self.informer(selector, tasks)

    def informer(self, selector: Selector, tasks: asyncio.TaskGroup) -> Informer[Pod]:
        """The informer of the pods with these labels, which runs from now on."""
        known = self._informers.get(selector)
        if known:
            return known
        path = PODS.collection(selector.namespace) if selector.namespace else PODS.everywhere()
        source = Source(path, {"labelSelector": selector.labels})
        made = Informer(self._api, source, manifests.pod, self._on_change(selector), self._clock)
        self._informers[selector] = made
        tasks.create_task(made.run(), name=f"pods {selector}")
        return made

    def pods(self, adapter: Adapter) -> Sequence[Pod]:
        """The pods of one controller."""
        inside = self._namespaces.choose(adapter.controller, self._labelled(adapter.controller))
        found = [pod for pod in self._labelled(adapter.controller) if pod.namespace in inside]
        return [pod if pod.ready else replace(pod, ready_after=self._ready_after.get(pod.uid)) for pod in found]

    def uncounted_ways(self, controller: str, annotations: Mapping[str, str]) -> tuple[str, ...]:
        """What the pods that serve a class do not count of an object with these annotations: sentences."""
        found = (
            why
            for adapter in self.adapters(controller)
            if (uncounted := adapter.uncounted_ways)
            for pod in self.pods(adapter)
            for why in uncounted(pod.arguments, annotations)
        )
        return tuple(dict.fromkeys(found))

    def newly_ignored(self, controller: str) -> list[str]:
        """Those sentences of `ignored` that this has never returned. They are logged as well."""
        found = [each for each in self.ignored(controller) if each not in self._reported]
        self._reported.update(found)
        for sentence in found:
            log.warning("%s", sentence)
        return found

    def ignored(self, controller: str) -> list[str]:
        """For each namespace in which pods only have the labels of this controller's pods, a sentence."""
        adapter, inside = self._adapter(controller), self._namespaces.of(controller)
        outside = sorted({pod.namespace for pod in self._labelled(controller)} - inside)
        return [
            f"pods in namespace {each} have the labels of {adapter.title} and are ignored, as its pods are in namespace "
            f"{' and '.join(sorted(inside))}; if that is wrong, set controller.CLASS.namespace"
            for each in outside
            if adapter and inside
        ]

    def _labelled(self, controller: str) -> list[Pod]:
        return self.labelled(self._selectors(controller))

    def labelled(self, selectors: Iterable[Selector]) -> list[Pod]:
        """The pods with these labels, wherever they are; none before all are known."""
        informers = [self._informers[each] for each in selectors if each in self._informers]
        if not all(each.synced.is_set() for each in informers):
            return []
        return list({pod.uid: pod for informer in informers for pod in informer.values()}.values())

    def _selectors(self, controller: str) -> tuple[Selector, ...]:
        adapter = self._adapter(controller)
        return adapter.selectors if adapter else ()

    def departed(self, adapter: Adapter) -> list[Pod]:
        """The pods that have served and gone since this was last asked for this controller."""
        known = self._reported_up_to.get(adapter.controller, 0)
        self._reported_up_to[adapter.controller] = self._last
        inside = self._namespaces.of(adapter.controller)
        return [
            pod
            for each in self._selectors(adapter.controller)
            for number, pod in self._departed.get(each, ())
            if number > known and pod.namespace in inside
        ]

    def _on_change(self, selector: Selector) -> Callable[[Pod | None, Pod | None], None]:
        def changed(old: Pod | None, new: Pod | None) -> None:
            self.changed.set()
            self.on_change()
            if new and new.ready:
                self._ready_after[new.uid] = new.restarts
            # The object of a pod that has ended may stay for days. Nobody has visited that since.
            ended = old is not None and bool(old.address) and not (new and new.address)
            if old and ended and self._ready_after.pop(old.uid, None) is not None:
                self._last += 1
                self._departed.setdefault(selector, deque(maxlen=MOST_DEPARTED)).append((self._last, old))

        return changed
