"""Everything about the ingress controllers of a cluster but their visits: which serve a class, and which pods are theirs.

Wires the parts that know: `controller_namespaces` (whose pods count), `controller_pods`, `class_claims` (who serves a class
besides its own controller). `service` makes one and passes the parts on. It decides nothing itself.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple

from waker import names
from waker.cluster.client import Api
from waker.cluster.reviews import may_serve_ingresses
from waker.observe.class_claims import ClassClaims
from waker.observe.controller_namespaces import ControllerNamespaces
from waker.observe.controller_pods import ControllerPods
from waker.observe.live_settings import LiveConfig
from waker.plan.model import IngressClass
from waker.settings.configmap import Live
from waker.traffic.controllers import Adapter
from waker.traffic.controllers.configured import configured_adapter, configured_adapters
from waker.traffic.controllers.pod_namespaces import DeclaredNamespaces, declared_namespaces


@dataclass(frozen=True, slots=True)
class ControllerNeeds:
    """What it needs from the rest. `changed` is called when others serve a class; `report` writes an Event of the settings."""

    classes: Callable[[], Iterable[IngressClass]]
    changed: Callable[[], None]
    may_record: Callable[[], bool]
    report: Callable[[names.EventReason, str], None]
    clock: Callable[[], datetime]


class _Declared(NamedTuple):
    """What was worked out, and from what."""

    live: Live
    classes: tuple[IngressClass, ...]
    claimed: frozenset[str]
    namespaces: DeclaredNamespaces


class IngressControllers:
    """The controllers of a cluster."""

    def __init__(self, api: Api, own_namespace: str, config: LiveConfig, needs: ControllerNeeds) -> None:
        self._config = config
        self._classes = needs.classes
        self._declared: dict[str, _Declared] = {}  # by controller
        self.namespaces = ControllerNamespaces(
            api, own_namespace, self._adapter, self._declared_namespaces, needs.may_record
        )
        self.pods = ControllerPods(api, needs.clock, self.namespaces, self._adapters)
        self.claims = ClassClaims(
            self.pods,
            partial(may_serve_ingresses, api),
            needs.changed,
            partial(needs.report, names.EventReason.IGNORED_PODS),
        )

    async def start(self, tasks: asyncio.TaskGroup) -> None:
        """Know what is recorded and who serves which class, before anybody may be called idle."""
        await self.namespaces.sync()
        await self.claims.start(tasks)
        tasks.create_task(self.namespaces.run(), name="namespaces of controllers")

    def _adapter(self, controller: str) -> Adapter | None:
        return configured_adapter(controller, self._config.live)

    def _adapters(self, controller: str) -> tuple[Adapter, ...]:
        return configured_adapters(controller, self._config.live)

    def _declared_namespaces(self, controller: str) -> DeclaredNamespaces:
        """Asked for several times in each pass for an app, so it is worked out again only when something is new."""
        live, classes = self._config.live, tuple(self._classes())
        claimed = self.claims.namespaces(controller, live)
        known = self._declared.get(controller)
        if known is None or known.live is not live or (known.classes, known.claimed) != (classes, claimed):
            known = _Declared(live, classes, claimed, declared_namespaces(controller, classes, live, claimed))
            self._declared[controller] = known
        return known.namespaces
