"""The table of controllers as this cluster's settings want it: which adapter serves a class, and where its pods are.

Pure. A class with settings of its own goes by the name `CONTROLLER@CLASS`, as two classes of one controller may be read in
two ways; all others go by their `spec.controller`. No IngressClass can have an `@` in its controller's name.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from waker.plan.model import Background, IngressClass
from waker.settings.configmap import Live
from waker.settings.durations import parse_duration
from waker.settings.ingress_class import ClassSettings
from waker.settings.parsing import parse_background
from waker.traffic.controllers import ALL, Access, Adapter, Port, Selector, Values, adapter_for

NO_SETTINGS: Final = ClassSettings()


def configured_classes(classes: Iterable[IngressClass], live: Live) -> tuple[IngressClass, ...]:
    """The IngressClasses with the name that their controller goes by, and those that only settings name."""
    found = {each.name: each for each in classes}
    for name in live.classes:
        each = found.get(name, IngressClass(name, "", default=False))
        found[name] = each._replace(controller=f"{each.controller}@{name}")
    return tuple(found.values())


def controller_name(controller: str) -> str:
    """The `spec.controller` in the name that a class's controller goes by."""
    return controller.partition("@")[0]


def configured_adapter(controller: str, live: Live) -> Adapter | None:
    """The adapter by the name that a class's controller goes by, None if there is none."""
    spec, _, name = controller.partition("@")
    settings = live.classes.get(name, NO_SETTINGS)
    named = next((each for each in ALL if each.name == settings.adapter), None) if settings.adapter else None
    adapter = named or adapter_for(spec)
    if adapter and name:
        adapter = _with_settings(replace(adapter, controller=controller), settings)
    if adapter and adapter.status and live.ignore_statuses:
        ignored = Values(adapter.status, live.ignore_statuses)
        adapter = replace(adapter, not_visits=(*adapter.not_visits, ignored))
    return adapter


def declared_namespaces(controller: str, classes: Iterable[IngressClass], live: Live) -> frozenset[str]:
    """The namespaces of its pods by the settings, else by Helm's annotations on its IngressClasses; empty if nothing says."""
    spec, _, name = controller.partition("@")
    setting = live.classes.get(name, ClassSettings()).namespace
    if setting:
        return frozenset({setting})
    of_it = (each for each in classes if (each.name == name if name else each.controller == spec))
    plain = (each for each in of_it if name or each.name not in live.classes)
    return frozenset(each.release_namespace for each in plain if each.release_namespace)


def in_namespaces(adapter: Adapter, namespaces: Iterable[str]) -> Adapter:
    """The adapter of pods in these namespaces only; as it is if there are none."""
    inside = [
        each._replace(namespace=namespace)
        for namespace in sorted(namespaces)
        for each in adapter.selectors
        if each.namespace in ("", namespace)
    ]
    return replace(adapter, selectors=tuple(dict.fromkeys(inside))) if inside else adapter


def _with_settings(adapter: Adapter, settings: ClassSettings) -> Adapter:
    selectors = adapter.selectors
    if settings.selector:
        selectors = (Selector(settings.selector, settings.namespace),)
    elif settings.namespace:
        selectors = tuple(dict.fromkeys(each._replace(namespace=settings.namespace) for each in selectors))
    return replace(
        adapter,
        selectors=selectors,
        metrics=_port(adapter.metrics, settings.port),
        path=settings.path or adapter.path,
        access=Access(
            settings.scheme or adapter.access.scheme,
            settings.tls_verify != "false",
            settings.ca_file,
            settings.server_name,
            settings.token_file,
        ),
        any_host=adapter.any_host or settings.any_host == "true",
        strict=settings.lost_counts == "strict" if settings.lost_counts else adapter.strict,
        excuse_after=parse_duration(settings.excuse_after) if settings.excuse_after else adapter.excuse_after,
        background=Background(*parse_background(settings.background)) if settings.background else None,
        lag=max(adapter.lag, parse_duration(settings.lag)) if settings.lag else adapter.lag,
    )


def _port(default: Port, setting: str) -> Port:
    if setting.isdigit():
        return Port((), int(setting))
    return Port((setting,), default.number) if setting else default
