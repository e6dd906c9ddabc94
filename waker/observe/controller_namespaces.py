"""Which namespace the pods of each ingress controller are taken from: anybody may put a controller's labels on a pod.

The setting `controller.CLASS.namespace` decides, else what Helm wrote on the IngressClass, which only an administrator can
write. Where neither says anything it is the namespace of the oldest pod at first sight, for good: it is recorded in the
ConfigMap `kubesleeper-activity`, beside the visits, so that a pod that comes while waker restarts changes nothing. Pods that
claim the class (`class_claims`) only add their namespaces.
`controller_pods` asks; the holder of the Lease records.
The subtle thing: until the record has been read nothing is chosen, so no pod counts and nobody falls asleep. What is
recorded wins over what another replica has chosen meanwhile.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

from waker import names
from waker.cluster.client import Api
from waker.cluster.resources import CONFIG_MAPS
from waker.errors import ClusterError, NotFound
from waker.plan.model import Pod
from waker.traffic.controllers import Adapter, ClassName
from waker.traffic.controllers.configured import parts
from waker.traffic.controllers.pod_namespaces import DeclaredNamespaces, in_namespaces

log = logging.getLogger(__name__)

KEY: Final = "controller-namespaces"
LOOK: Final = 10.0  # seconds between two looks at what is not recorded yet
RETRY: Final = 1.0  # seconds, while nothing can be chosen yet
AT_THE_END: Final = datetime.max.replace(tzinfo=UTC)  # for a pod without a creationTimestamp


AdapterByName = Callable[[str], Adapter | None]


class ControllerNamespaces:
    """The namespaces by controller.

    `adapter` knows the controllers as the settings want them, by `Route.controller`. `declared`: the namespaces that settings,
    IngressClasses or pods name; several if several do.
    """

    def __init__(
        self,
        api: Api,
        own_namespace: str,
        adapter: AdapterByName,
        declared: Callable[[str], DeclaredNamespaces],
        may_write: Callable[[], bool],
    ) -> None:
        self._api = api
        self._path = CONFIG_MAPS.one(own_namespace, names.ACTIVITY)
        self.adapter = adapter
        self._declared = declared
        self._may_write = may_write
        self._first_seen: dict[str, str] = {}
        self._recorded: dict[str, str] | None = None  # None: it has not been read yet

    def of(self, controller: str) -> frozenset[str]:
        """The namespaces of a controller's pods; empty if none is known yet."""
        declared = self._declared(controller)
        known = declared.said or self._seen(controller)
        # Before the record has been read, those that claim the class may be only half of its pods.
        return frozenset() if not known and self._recorded is None else known | declared.claimed

    def _seen(self, controller: str) -> frozenset[str]:
        """Where it was first seen. A class that begins to be special keeps the namespace of its controller."""
        served = parts(controller)
        seen = self._first_seen.get(controller) or ("" if served.own else self._first_seen.get(served.spec))
        return frozenset({seen}) if seen else frozenset()

    def scraped_adapter(self, controller: str) -> Adapter | None:
        """The adapter, without pods in other namespaces."""
        adapter = self.adapter(controller)
        return adapter and in_namespaces(adapter, self.of(controller))

    def choose(self, controller: str, pods: Iterable[Pod]) -> frozenset[str]:
        """Likewise. At first sight of a controller `pods`, all with its labels, decide."""
        declared = self._declared(controller)
        if self._recorded is None or declared.said or self._seen(controller):
            return self.of(controller)
        others = self._serving_others(controller) if declared.claimed else lambda _pod: False
        found = sorted(
            (each for each in pods if not others(each)),
            key=lambda each: (each.created_at or AT_THE_END, each.namespace, each.name),
        )
        if not found:
            return self.of(controller)
        self._first_seen[controller] = found[0].namespace
        log.info("pods of %s are taken from namespace %s, where it was first seen", controller, found[0].namespace)
        return self.of(controller)

    def _serving_others(self, controller: str) -> Callable[[Pod], bool]:
        """Of which pods their arguments prove that they do not serve the class."""
        served, adapter = parts(controller), self.adapter(controller)
        if not adapter or not adapter.serves or not adapter.tells_all:
            return lambda _pod: False
        serves, ingress_class = adapter.serves, ClassName(served.name, served.spec)
        return lambda pod: bool(pod.arguments) and not serves(pod.arguments, ingress_class)

    async def run(self) -> None:
        """Read the record, and record what is new, for ever."""
        while True:
            if self._recorded is None or self._first_seen.keys() - self._recorded.keys():
                await self.sync()
            await asyncio.sleep(RETRY if self._recorded is None else LOOK)

    async def sync(self) -> None:
        """Take over what is recorded, and record what is not, if this process may. After an error the next turn retries."""
        try:
            await self._sync()
        except NotFound:
            self._recorded = self._recorded or {}
        except ClusterError as error:
            log.warning("waker cannot read or record the namespaces of ingress controllers: %s", error)

    async def _sync(self) -> None:
        config_map = await self._api.get(self._path)
        self._recorded = decode((config_map.get("data") or {}).get(KEY, ""))
        self._first_seen |= self._recorded
        if self._first_seen != self._recorded and self._may_write():
            version = config_map["metadata"]["resourceVersion"]
            data = {KEY: json.dumps(self._first_seen, sort_keys=True)}
            await self._api.patch(self._path, {"metadata": {"resourceVersion": version}, "data": data})
            self._recorded = dict(self._first_seen)


def decode(text: str) -> dict[str, str]:
    """What is recorded. Empty if somebody has edited it into something else, for then it proves nothing."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    if isinstance(found, dict) and all(isinstance(each, str) and each for each in found.values()):
        return found
    log.warning("the recorded namespaces of ingress controllers cannot be read, so they are chosen again")
    return {}
