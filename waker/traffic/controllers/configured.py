"""The table of controllers as this cluster's settings want it: which adapters serve a class, and where their pods are.

Pure. What serves a class goes by a name, which routes carry:

    SPEC                  the `spec.controller` of the IngressClass; nothing is special about the class
    SPEC@CLASS            the class has settings, or is served by several controllers
    SPEC@CLASS+ADAPTER    pods of that other controller serve it, too, as their arguments say (`observe.class_claims`)
    SPEC@CLASS/ADAPTER    this one of several; the first one goes by the name without it

The subtle thing: two classes of one controller may be read in two ways, so a class with settings is a controller of its own. No
name of an IngressClass has one of these signs; `-` stands for Ingresses without a class where there is no default one.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Final, NamedTuple

from waker.plan.model import Background, IngressClass
from waker.settings.configmap import Live
from waker.settings.durations import parse_duration
from waker.settings.ingress_class import NO_CLASS, ClassSettings
from waker.settings.parsing import parse_background, parse_statuses, split_list
from waker.traffic.controllers import (
    ALL,
    DEFAULT_LAG,
    Access,
    Adapter,
    Counted,
    Family,
    LostCounts,
    Port,
    Selector,
    Values,
    adapter_for,
)
from waker.traffic.controllers.adapter import Process
from waker.traffic.controllers.templates import label_names, spellings, unlike_keepers

NO_SETTINGS: Final = ClassSettings()
BY_NAME: Final = {each.name: each for each in ALL}
BY_QUERY: Final = "query"  # an adapter that reads no pods
UNNAMED: Final = {each.class_name: each for each in ALL if each.class_name}

# The adapters, by name, whose pods say in their arguments that they serve a class.
Claims = Callable[[IngressClass], tuple[str, ...]]


class ServedClass(NamedTuple):
    """The parts of the name that what serves a class goes by."""

    spec: str  # IngressClass.spec.controller
    name: str = ""  # of the class
    beside: tuple[str, ...] = ()
    own: str = ""  # the adapter that is meant; "" for the first one


@lru_cache(maxsize=256)  # taken apart for each route in each pass
def parts(controller: str) -> ServedClass:
    """`k8s.io/ingress-nginx@nginx+traefik`, taken apart."""
    spec, _, rest = controller.partition("@")
    rest, _, own = rest.partition("/")
    name, *beside = rest.split("+")
    return ServedClass(spec, name, tuple(beside), own)


def controller_name(controller: str) -> str:
    """The `spec.controller` in the name that a class's controller goes by."""
    return controller.partition("@")[0]


def _nobody(_class: IngressClass) -> tuple[str, ...]:
    return ()


def configured_classes(
    classes: Iterable[IngressClass], live: Live, claims: Claims = _nobody
) -> tuple[IngressClass, ...]:
    """The IngressClasses with the name that their controller goes by, and those that only settings or controllers name."""
    found = {each.name: each for each in classes}
    default = any(each.default for each in found.values())
    for name, adapter in UNNAMED.items():
        found.setdefault(name, IngressClass(name, adapter.controller, default=False))
    for name in live.classes:
        found.setdefault(name, IngressClass(name, "", default=name == NO_CLASS and not default))
    return tuple(_known_as(each, live, claims(each)) for each in found.values())


def _known_as(each: IngressClass, live: Live, claiming: tuple[str, ...]) -> IngressClass:
    beside = "".join(f"+{name}" for name in sorted(set(claiming) - set(_own(each, live)))) if claiming else ""
    if each.name in live.classes or beside:
        return each._replace(controller=f"{each.controller}@{each.name}{beside}")
    return each


def _own(each: IngressClass, live: Live) -> tuple[str, ...]:
    """The adapters of a class as the settings, or its controller, say."""
    listed = split_list(live.classes.get(each.name, NO_SETTINGS).adapter)
    known = None if listed else adapter_for(each.controller)
    return (known.name,) if known else listed


class _Configured:
    """What was made of the newest settings: it is asked for with each route of each pass."""

    def __init__(self) -> None:
        self._live: Live | None = None
        self._one: dict[str, Adapter | None] = {}
        self._all: dict[str, tuple[Adapter, ...]] = {}

    def one(self, controller: str, live: Live) -> Adapter | None:
        self._begin(live)
        if controller not in self._one:
            self._one[controller] = _adapter_of(controller, live)
        return self._one[controller]

    def all(self, controller: str, live: Live) -> tuple[Adapter, ...]:
        self._begin(live)
        if controller not in self._all:
            self._all[controller] = _adapters_of(controller, live)
        return self._all[controller]

    def _begin(self, live: Live) -> None:
        if self._live is not live:
            self._live, self._one, self._all = live, {}, {}


_newest: Final = _Configured()


def configured_adapter(controller: str, live: Live) -> Adapter | None:
    """One adapter by the name that it goes by, None if there is none."""
    return _newest.one(controller, live)


def configured_adapters(controller: str, live: Live) -> tuple[Adapter, ...]:
    """All adapters that serve a class, by the name that its controller goes by. Empty if nothing is known of it."""
    return _newest.all(controller, live)


def _adapters_of(controller: str, live: Live) -> tuple[Adapter, ...]:
    served = parts(controller)
    listed = split_list(live.classes.get(served.name, NO_SETTINGS).adapter)[1:] if served.name else ()
    others = dict.fromkeys((*listed, *served.beside))
    names = (controller, *(f"{served.spec}@{served.name}/{each}" for each in others))
    return tuple(adapter for name in names if (adapter := configured_adapter(name, live)))


def _adapter_of(controller: str, live: Live) -> Adapter | None:
    served = parts(controller)
    of_class = live.classes.get(served.name, NO_SETTINGS) if served.name else NO_SETTINGS
    listed = split_list(of_class.adapter)
    if served.own:
        settings = live.classes.get(f"{served.name}.{served.own}", NO_SETTINGS)
        adapter = BY_NAME.get(served.own)
    else:
        settings, adapter = of_class, _first(served, of_class, listed)
    if adapter is None:
        return None
    if served.name:
        adapter = _with_settings(replace(adapter, controller=controller), settings)
        adapter = replace(adapter, instead=_instead(served, listed, adapter))
    ignored = live.ignore_statuses | parse_statuses(of_class.ignore_statuses)
    if adapter.status and ignored:
        adapter = replace(adapter, not_visits=(*adapter.not_visits, Values(adapter.status, ignored)))
    return adapter


def _first(served: ServedClass, settings: ClassSettings, listed: tuple[str, ...]) -> Adapter | None:
    if settings.metric:
        return _by_metric(served.name, settings)
    known = BY_NAME.get(listed[0]) if listed else adapter_for(served.spec)
    if known is None and settings.query:
        return by_query(served.name)
    return known


def _instead(served: ServedClass, listed: tuple[str, ...], adapter: Adapter) -> str:
    """What to set when the pods of one of several controllers are gone for good."""
    serving = dict.fromkeys((*(listed or (adapter.name,)), *served.beside))
    left = ",".join(each for each in serving if each != adapter.name)
    if not left:
        return ""
    return (
        f"if {adapter.title} does not serve class {served.name} any more, set controller.{served.name}.adapter: {left}"
    )


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
        lost_counts=LostCounts(settings.lost_counts) if settings.lost_counts else adapter.lost_counts,
        excuse_after=parse_duration(settings.excuse_after) if settings.excuse_after else adapter.excuse_after,
        ignore_labels=split_list(settings.ignore_labels),
        background=Background(*parse_background(settings.background)) if settings.background else None,
        lag=max(adapter.lag, parse_duration(settings.lag)) if settings.lag else adapter.lag,
        activity=settings.query or adapter.activity,
    )


def _port(default: Port, setting: str) -> Port:
    if setting.isdigit():
        return Port((), int(setting))
    return Port((setting,), default.number) if setting else default


def _by_metric(name: str, settings: ClassSettings) -> Adapter:
    """A controller of which nothing is known but what settings say."""
    return Adapter(
        name="metric",
        title=f"the controller of class {name}",
        controller="",
        selectors=(Selector(settings.selector, settings.namespace),),
        metrics=_port(Port((), 0), settings.port),
        path="/metrics",
        requests=Family(settings.metric, label_names(settings.labels)),
        counted=Counted.END,
        names_proven=False,
        process=Process("process_start_time_seconds", +1),
        spellings=partial(spellings, settings.labels),
        unproved=partial(unlike_keepers, settings.labels),
        proxy=_port(Port((), 0), settings.http_port) if settings.http_port else None,
        lag=DEFAULT_LAG,
        status=settings.status_label,
        enable=f"check controller.{name}.metric",
    )


def by_query(name: str) -> Adapter:
    """A controller whose pods nobody reads: a load balancer outside of the cluster, say."""
    return Adapter(
        name=BY_QUERY,
        title=f"the controller of class {name}",
        controller="",
        selectors=(),
        metrics=Port((), 0),
        path="",
        requests=Family("", ()),
        counted=Counted.END,
        spellings=lambda _backend: (),
        lag=DEFAULT_LAG,
        enable="",
    )
