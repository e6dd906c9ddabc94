"""What a route is, to everybody outside this room: a backend, who holds it, and an id that only has a text.

A *kind* of route is one file beside this one that fills in a `RouteKind`, and a line in `kinds`. What an object of that
kind looks like, and how its routes are read, moved and asked for, is known there and nowhere else.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from waker import names
from waker.plan.model import IngressClass, Service, ServicePort
from waker.plan.notes import Unreadable
from waker.plan.routes.aliases import ServiceAddress

Json = Mapping[str, Any]
Patch = list[dict[str, Any]]  # a JSON-Patch


class Backend(NamedTuple):
    """Where a route leads: a Service and one of its ports, by name or by number, as the user wrote it."""

    service: str
    port: str | int


class Holder(Enum):
    """Where a route leads now."""

    APP = "app"
    WAKER = "waker"


class ObjectId(NamedTuple):
    """The object that holds a route. `kind` is a key of `kinds.KINDS`."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


class RouteId(Protocol):
    """Which route. Opaque: it can be compared and hashed, and `str()` is its text for people."""

    @property
    def object(self) -> ObjectId:
        """The object that holds it."""

    def __hash__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Route:
    """A route of an app. `backend` is the user's own, also while the route leads to waker."""

    id: RouteId
    backend: Backend
    holder: Holder
    controller: str  # what serves it, see `traffic.controllers.configured`; "" if unknown
    swaps: int = 0  # how often it was pointed at waker in this sleep
    swapped_at: datetime | None = None
    door: int = 0  # waker's port for this app and backend; 0: it has none yet, or that is not known here
    leads_to: str | int = ""  # the port of waker that it names, while it leads to waker
    served: bool = True  # False: no pod listened behind it before the sleep, so after it none is waited for


class Original(NamedTuple):
    """The user's backend of one route, as remembered while waker holds it. `swaps`: how often in this sleep."""

    id: RouteId
    backend: Backend
    at: datetime
    swaps: int
    served: bool = True


Originals = Mapping[RouteId, Original]


class RouteAddress(NamedTuple):
    """For which requests a route is: the host ("" any, `*.` one label), the path, and how the path is matched ("" any path)."""

    host: str
    path: str
    match: str


class HttpTarget(NamedTuple):
    """A request that a route takes: its Host header and its path."""

    host: str
    path: str


class CountedBackend(NamedTuple):
    """A route's backend in the terms from which controllers build the names that they count it under."""

    namespace: str
    object_name: str  # of the Ingress, or of the HTTPRoute
    service: str
    port_written: str | int  # as it stands in the route
    port_name: str
    port_number: int
    default_backend: bool = False
    port_target: str | int = ""  # of the pods
    host: str = ""
    path: str = ""
    rule: int = 0  # of an HTTPRoute
    route: str = ""  # for people


class RouteObject(Protocol):
    """An object that holds routes, as the rest sees it: an Ingress."""

    @property
    def id(self) -> ObjectId: ...
    @property
    def version(self) -> str:
        """Its resourceVersion."""

    @property
    def annotations(self) -> Mapping[str, str]: ...
    @property
    def saved(self) -> Originals | Unreadable:
        """What waker remembers of routes that it holds."""

    @property
    def managed(self) -> bool:
        """Made by KubeSleeper."""


O = TypeVar("O", bound=RouteObject)  # noqa: E741 the object


@dataclass(frozen=True, slots=True)
class RouteKind(Generic[O]):
    """All that is special about one kind of route. Every function is pure."""

    name: str  # of the API's kind
    api_version: str
    plural: str
    parse: Callable[[Json], O]
    services: Callable[[O], set[str]]  # that its routes lead to, or led to before a swap
    affected: Callable[[O, O], set[str]]  # the Services whose routes differ between two versions, in whatever it may be
    mentions: Callable[[O], set[ServiceAddress]]  # whose own addresses its annotations name
    hosts: Callable[[O], set[str]]  # for which it has routes, in small letters
    logins: Callable[[O], set[HttpTarget]]  # who is asked who may come in, by a public address
    doors: Callable[[O], set[str | int]]  # the ports of waker that its routes name
    class_name: Callable[[O, Iterable[IngressClass]], str]  # of the object; "" if there is none
    controller: Callable[[O, Iterable[IngressClass]], str]  # what serves it; "" if that cannot be said
    # To these Services, and those that lead to waker; with these originals, served by this controller.
    routes: Callable[[O, Container[str], Originals, str], Iterator[Route]]
    refusals: Callable[[O, Sequence[Route]], Iterator[str]]  # sentences: why these routes of it cannot be moved
    redirect: Callable[[O, Iterable[Route], datetime], Patch]  # points routes at their doors. Raises Conflict
    restore: Callable[[O, Iterable[Route], Iterable[RouteId]], Patch]  # and drops saved entries. Raises Conflict
    address: Callable[[Any], RouteAddress]  # of a route id of this kind
    request: Callable[[Any], HttpTarget | None]  # one that this route takes, None if none is known
    request_below: Callable[[Any], HttpTarget | None]  # one below its path, which an exact route of others leaves to it
    counted_backend: Callable[[Route, ServicePort | None], CountedBackend]


def port_of(service: Service, backend: Backend) -> ServicePort | None:
    """The Service port that a backend names, by number or by name."""
    return next((port for port in service.ports if backend.port in (port.number, port.name or None)), None)


def door_backend(number: int) -> Backend:
    """A door, as a backend of a route."""
    return Backend(names.WAKER_SERVICE, number)


def is_held(route: Route) -> bool:
    """Whether the route leads to waker."""
    return route.holder is Holder.WAKER


def is_astray(route: Route) -> bool:
    """Whether the route leads to waker, but not to its own door: to another app's, or to one that is no more."""
    return is_held(route) and bool(route.door) and route.leads_to != route.door
