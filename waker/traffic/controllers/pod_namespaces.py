"""In which namespaces the pods of a controller are, as settings, Helm and the pods themselves say.

Pure. `observe.controller_namespaces` asks, and knows besides where a controller was first seen. The subtle thing: a pod that
claims a class says nothing of the pods that claim none, so what it says only adds.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from waker.plan.model import IngressClass
from waker.settings.configmap import Live
from waker.settings.parsing import split_list
from waker.traffic.controllers.adapter import Adapter
from waker.traffic.controllers.configured import BY_NAME, NO_SETTINGS, ServedClass, parts


class DeclaredNamespaces(NamedTuple):
    """Where a controller's pods are, as far as anybody says so. `claimed` adds to whatever else is known."""

    said: frozenset[str] = frozenset()  # by settings or by Helm's annotations
    claimed: frozenset[str] = frozenset()  # by pods' arguments


def declared_namespaces(
    controller: str, classes: Iterable[IngressClass], live: Live, claimed: frozenset[str] = frozenset()
) -> DeclaredNamespaces:
    """The namespaces of its pods: a setting alone, else Helm's annotations and those that `claimed` the class."""
    served = parts(controller)
    of_own = f"{served.name}.{served.own}" if served.own else served.name
    setting = live.classes.get(of_own, NO_SETTINGS).namespace
    if setting:
        return DeclaredNamespaces(frozenset({setting}))
    listed = split_list(live.classes.get(served.name, NO_SETTINGS).adapter)
    if claimed and served.own and served.own not in listed:
        return DeclaredNamespaces(claimed)  # it serves the class only because they say so
    return DeclaredNamespaces(_installed_in(served, classes, live), claimed)


def _installed_in(served: ServedClass, classes: Iterable[IngressClass], live: Live) -> frozenset[str]:
    """Where Helm has installed its classes."""
    if served.own:
        adapter = BY_NAME.get(served.own)
        of_it = [each for each in classes if adapter and each.controller == adapter.controller]
    elif served.name:
        of_it = [each for each in classes if each.name == served.name]
    else:
        of_it = [each for each in classes if each.controller == served.spec and each.name not in live.classes]
    return frozenset(each.release_namespace for each in of_it if each.release_namespace)


def in_namespaces(adapter: Adapter, namespaces: Iterable[str]) -> Adapter:
    """The adapter of pods in these namespaces only; as it is if there are none."""
    inside = [
        each._replace(namespace=namespace)
        for namespace in sorted(namespaces)
        for each in adapter.selectors
        if each.namespace in ("", namespace)
    ]
    return replace(adapter, selectors=tuple(dict.fromkeys(inside))) if inside else adapter
