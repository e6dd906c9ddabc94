"""Gathers the facts for which a plan asks: questions to ingress controllers and to the API server.

Only for the plan that needs them: a wake must not wait for anybody's answer.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from waker.cluster.autoscalers import least_replicas
from waker.observe.app import counted_as, snapshot
from waker.observe.door_listing import why_unlisted
from waker.observe.following import Way
from waker.observe.keys import NamespaceKey
from waker.observe.observed_app import ObservedApp
from waker.observe.replicas import Carried
from waker.plan.doors import DoorKey
from waker.plan.routes.discovery import unforeseen_way
from waker.plan.routes.keeper import newer_target, way_target
from waker.plan.routes.route import HttpTarget, RouteId, is_held
from waker.plan.snapshot import Fact, Snapshot
from waker.reconcile.context import Context
from waker.web.open_doors import OPEN_AFTER

WAY_BACK_AGAIN = (timedelta(milliseconds=500), timedelta(seconds=5))  # a tenth of the wait so far, within these
CLOSED_AGAIN = OPEN_AFTER + timedelta(seconds=1)  # its doors are closed by then


class Gatherer:
    """Gathers for all apps."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def gather(self, observed: ObservedApp, seen: Snapshot, fact: Fact) -> Snapshot:
        """The snapshot with this fact."""
        gathered = seen.gathered | {fact}
        match fact:
            case Fact.REACHABLE:
                return replace(seen, gathered=gathered, unreachable=await self._why_unreachable(observed))
            case Fact.FOLLOWED:
                since = await self._followed_since(observed)
                why = self._context.following.unfollowed(observed.workload.id)
                return replace(seen, gathered=gathered, followed_since=since, unfollowed=why)
            case Fact.FORWARDING:
                door = next(route.door for route in observed.routes if is_held(route))
                elsewhere = await self._context.replicas.forwarding(door)
                return replace(seen, gathered=gathered, forwarding=max(seen.forwarding, elsewhere))
            case Fact.READ:
                await self._context.visits.scraper.read_now(observed.workload.id)
                now = snapshot(observed, self._context.runtime.facts(observed))
                return replace(seen, gathered=gathered, traffic=now.traffic, certainty=now.certainty)
            case Fact.CARRIED:
                return replace(seen, gathered=gathered, **await self._carried(observed, seen))
            case Fact.UNSERVED:
                return replace(seen, gathered=gathered, **await self._served_now(observed))
            case Fact.LEAST_REPLICAS:
                least = await least_replicas(self._context.writes.api, observed.workload.id)
                return replace(seen, gathered=gathered, least_replicas=least)

    def settle(self, observed: ObservedApp, seen: Snapshot) -> None:
        """What this pass did not ask for need not be remembered for the next one."""
        if Fact.FOLLOWED not in seen.gathered:
            self._context.following.settle(observed.workload.id)

    async def way_back(self, observed: ObservedApp) -> timedelta | None:
        """Ask the controllers whether they send the routes that were given back to the app. When to ask again."""
        context, app = self._context, observed.workload.id
        since = context.registry.doors.unproved_since(app)
        if since is None or observed.is_held:
            return None
        # One for all of an object that lead to one backend: they were ready, and given back, in the same moment.
        routes = {(route.id.object, route.backend): route for route in observed.routes}
        if await context.following.way_back_proved(list(routes.values()), counted_as(observed), since):
            context.registry.doors.way_back_proved(app)
            context.queue.add(NamespaceKey(app.namespace))
            context.queue.add(NamespaceKey(app.namespace), CLOSED_AGAIN.total_seconds())
            return CLOSED_AGAIN
        soonest, latest = WAY_BACK_AGAIN
        return min(max(soonest, (context.clock() - since) / 10), latest)

    async def _served_now(self, observed: ObservedApp) -> dict[str, Any]:
        """What its pods show right before a sleep, as fields of the snapshot."""
        ports, services = observed.routed_ports, observed.discovery.services
        others = self._context.cluster.other_services(observed.workload)
        found = await self._context.served_ports.ask(observed.workload, services, set(ports.values()), others)
        unserved = frozenset(id for id, port in ports.items() if port in found.unserved)
        unforeseen = tuple(map(unforeseen_way, found.others))
        return {"unserved": unserved, "unforeseen": unforeseen, "strangers": found.strangers}

    async def _carried(self, observed: ObservedApp, seen: Snapshot) -> dict[str, Any]:
        """What waker's replicas have carried to it, as fields of the snapshot."""
        context, app = self._context, observed.workload.id
        numbers = {context.doors.book.number(app, route.backend) for route in observed.routes}
        found = await context.replicas.carried(max(numbers)) if any(numbers) else Carried(None)
        at = None if found.ago is None else context.clock() - found.ago
        return {"carried_at": max(filter(None, (at, seen.carried_at)), default=None), "silent_replica": found.silent}

    async def _followed_since(self, observed: ObservedApp) -> datetime | None:
        context, following, app = self._context, self._context.following, observed.workload.id
        newer = None if context.runtime.refusals.in_namespace(app.namespace) else self._newer_paths(observed)
        needed = following.needs_newer_path(app)
        since = await following.followed_since(app, observed.routes, counted_as(observed), newer)
        if following.needs_newer_path(app) and not needed:
            context.queue.add(NamespaceKey(app.namespace))
        return since

    def _newer_paths(self, observed: ObservedApp) -> dict[RouteId, Way]:
        """By route, the request that shows whether a controller has a newer configuration than its last move."""
        context, app = self._context, observed.workload.id
        moved_at = [route.swapped_at for route in observed.routes]
        ways: dict[HttpTarget, Way] = {}  # one for all routes of a class
        found = {}
        for route in observed.routes:
            ingress_class = context.cluster.class_name(observed.objects[route.id.object])
            target = newer_target(context.doors.book, app.namespace, ingress_class, app, moved_at)
            found[route.id] = ways.setdefault(target, Way(route, target))
        return found

    async def _why_unreachable(self, observed: ObservedApp) -> str:
        """Why its routes may not move to waker's doors yet, or a controller could not reach waker there; "" if all can.

        A controller that has not followed the way back yet would seem to follow this move, and then take both: first the way
        to an app that is down by then. Once the first of its routes leads here, that is past.
        """
        context, namespace = self._context, observed.workload.id.namespace
        await self.way_back(observed)
        if context.registry.doors.unproved_since(observed.workload.id) and not observed.is_held:
            return "its ingress controllers have not followed its last wake yet"
        why = why_unlisted(context.cluster, observed, context.replicas.hosts(), context.doors.book)
        if why:
            refusal = context.runtime.refusals.in_namespace(namespace)
            if refusal:  # tried again by itself, if it may be taken one day
                return f"{why}: {refusal}"
            context.queue.add(NamespaceKey(namespace))
            return why
        ways = {}
        for route in observed.routes:
            ingress_class = context.cluster.class_name(observed.objects[route.id.object])
            key = DoorKey(observed.workload.id, route.backend)
            target = way_target(context.doors.book, namespace, ingress_class, key)
            ways[target] = Way(route, target)
        return await context.following.unreachable(observed.workload.id, ways.values())
