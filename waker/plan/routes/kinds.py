"""The kinds of routes that waker can move: a line each."""

from collections.abc import Mapping
from typing import Any

from waker.plan.routes.ingress import INGRESS
from waker.plan.routes.route import RouteId, RouteKind

KINDS: Mapping[str, RouteKind[Any]] = {each.name: each for each in (INGRESS,)}


def kind_of(id: RouteId) -> RouteKind[Any]:
    """What is special about a route of this kind."""
    return KINDS[id.object.kind]
