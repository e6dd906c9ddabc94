"""The table of controllers as this cluster's settings want it: which adapter serves a class, and where its pods are.

Pure. A class with settings of its own goes by `CONTROLLER@CLASS`, for two classes of one controller may be read in two
ways; all others go by their `spec.controller`. What an IngressClass can say has no `@` in it.
"""

from collections.abc import Iterable
from dataclasses import replace

from waker.plan.model import IngressClass
from waker.settings.classes import ClassSettings
from waker.settings.live import Live
from waker.traffic.controllers import ALL, Access, Adapter, Port, Selector, Values, adapter_for


def configured_classes(classes: Iterable[IngressClass], live: Live) -> tuple[IngressClass, ...]:
    """The IngressClasses, with the name their controller goes by. One that only a setting knows is added."""
    found = {each.name: each for each in classes}
    for name in live.classes:
        each = found.get(name, IngressClass(name, "", default=False))
        found[name] = each._replace(controller=f"{each.controller}@{name}")
    return tuple(found.values())


def controller_name(controller: str) -> str:
    """The `spec.controller` of what a class's controller goes by."""
    return controller.partition("@")[0]


def configured_adapter(controller: str, live: Live) -> Adapter | None:
    """The adapter for what a class's controller goes by, None if there is none."""
    spec, _, name = controller.partition("@")
    said = live.classes.get(name, ClassSettings())
    adapter = next((each for each in ALL if each.name == said.adapter), None) or adapter_for(spec)
    if adapter and name:
        adapter = _as_said(replace(adapter, controller=controller), said)
    if adapter and adapter.status and live.ignore_statuses:
        ignored = Values(adapter.status, live.ignore_statuses)
        adapter = replace(adapter, not_visits=(*adapter.not_visits, ignored))
    return adapter


def _as_said(adapter: Adapter, said: ClassSettings) -> Adapter:
    selectors = adapter.selectors
    if said.selector:
        selectors = (Selector(said.selector, said.namespace),)
    elif said.namespace:
        selectors = tuple(dict.fromkeys(each._replace(namespace=said.namespace) for each in selectors))
    return replace(
        adapter,
        selectors=selectors,
        metrics=_port(adapter.metrics, said.port),
        path=said.path or adapter.path,
        access=Access(
            said.scheme or adapter.access.scheme,
            said.tls_verify != "false",
            said.ca_file,
            said.server_name,
            said.token_file,
        ),
        any_host=adapter.any_host or said.any_host == "true",
    )


def _port(usual: Port, said: str) -> Port:
    if said.isdigit():
        return Port((), int(said))
    return Port((said,), usual.number) if said else usual
