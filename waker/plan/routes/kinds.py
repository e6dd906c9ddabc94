"""The kinds of routes that waker can move: a line each."""

from collections.abc import Mapping, Set
from typing import Any

from waker.plan.notes import Unreadable
from waker.plan.routes.ingress import INGRESS
from waker.plan.routes.route import Route, RouteId, RouteKind, RouteObject

KINDS: Mapping[str, RouteKind[Any]] = {each.name: each for each in (INGRESS,)}


def unclaimed(found: RouteObject, claimed: Set[RouteId]) -> tuple[list[Route], list[RouteId]]:
    """The routes of an object that lead to waker for no app that claims them, and the saved entries to drop with them."""
    saved = {} if isinstance(found.saved, Unreadable) else found.saved
    orphans = {id: each for id, each in saved.items() if id not in claimed}
    return list(KINDS[found.id.kind].routes(found, (), orphans, "")), list(orphans)


def kind_of(id: RouteId) -> RouteKind[Any]:
    """What is special about a route of this kind."""
    return KINDS[id.object.kind]
