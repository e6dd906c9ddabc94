"""Whatever the API server says about a route: a visitor at a closed door is turned away, and nothing fails."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from waker.cluster.client import Api
from waker.errors import ClusterError
from waker.observe.route_lookup import RouteLookup
from waker.plan.doors import DoorKey
from waker.plan.model import AppId, Kind
from waker.plan.routes.ingress_object import IngressRouteId
from waker.plan.routes.route import Backend, Holder, Route
from waker.web.registry import AppRegistry

DOOR = DoorKey(AppId(Kind.DEPLOYMENT, "demo", "shop"), Backend("shop", 80))
ROUTE = Route(IngressRouteId("demo", "front", "shop.example.org", "/", "Prefix"), DOOR.backend, Holder.APP, "")


@pytest.mark.parametrize("found", [ClusterError("no"), {"kind": "Status"}, {"metadata": "x"}, ["x"]], ids=repr)
async def test_an_answer_without_a_route_opens_no_door(found: Any) -> None:
    async def get(_path: str) -> Any:
        if isinstance(found, ClusterError):
            raise found
        return found

    registry = SimpleNamespace(get=lambda _app: SimpleNamespace(routes=(ROUTE,)))
    lookup = RouteLookup(cast(Api, SimpleNamespace(get=get)), cast(AppRegistry, registry))
    assert not await lookup.leads_to(20_000, DOOR)
