"""One app as it was last decided on: what the reconciler hands to the registry, and what a change of it means to others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from waker.plan.actions import Plan
from waker.plan.model import AppId, PageLook, VisitorPolicy
from waker.plan.page_transport import PageTransport
from waker.plan.progress import Progress
from waker.plan.routes.route import Backend, ObjectId, Route, RouteId, is_held


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What the waiting page says of an app beside its phase."""

    progress: Progress = field(default_factory=Progress)
    typical: timedelta | None = None
    transports: Mapping[RouteId, PageTransport] = field(default_factory=dict)
    reference: str = ""
    has_logo: bool = False


class FirstKnock(NamedTuple):
    """When somebody first asked for an app, and what kind of visitor; "" if that is not known."""

    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class RegisteredApp:
    """One app as the public port sees it. `since`: when this wake began."""

    app: AppId
    plan: Plan
    title: str
    theme: str
    pinned: bool
    since: datetime | None
    routes: tuple[Route, ...]
    visitors: VisitorPolicy
    look: PageLook = field(default_factory=PageLook)
    may_sleep: bool = True  # managed, and not paused


def needs(each: RegisteredApp) -> list[tuple[RouteId, Backend, bool]]:
    """Its routes, and which of them need a door whatever is closing."""
    return [(route.id, route.backend, each.may_sleep or is_held(route)) for route in each.routes]


def targets(routes: tuple[Route, ...]) -> set[tuple[ObjectId, Backend]]:
    return {(route.id.object, route.backend) for route in routes}
