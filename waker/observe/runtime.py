"""What a running service knows of an app and the API server does not: its visits, its requests, its pods' own word.

Called by `reconcile.app` before it decides, and by the service when `status` or `explain` asks. A command that runs without
the service has no `Runtime`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from waker.cluster.app_endpoints import AppEndpoints
from waker.cluster.app_pods import AppPods
from waker.observe.app import RuntimeFacts, all_ready, annotations_of, ready_routes, start_failure
from waker.observe.controller_pods import ControllerPods
from waker.observe.observed_app import ObservedApp
from waker.observe.refusals import Refusals
from waker.plan.doors import DoorKey
from waker.plan.model import Workload
from waker.plan.savings import Savings
from waker.plan.sleep_due import last_visit
from waker.plan.wakes import Wakes
from waker.traffic.visits import VisitSources
from waker.web.registered_app import RegisteredApp
from waker.web.registry import AppRegistry


@dataclass(frozen=True, slots=True)
class Runtime:
    """The parts that know. `leading`: whether this replica may put apps to sleep."""

    visits: VisitSources
    registry: AppRegistry
    endpoints: AppEndpoints
    app_pods: AppPods
    refusals: Refusals
    leading: Callable[[], bool]
    controller_pods: ControllerPods
    wakes: Wakes = field(default_factory=Wakes)
    savings: Savings = field(default_factory=Savings)

    def facts(self, observed: ObservedApp) -> RuntimeFacts:
        """What is known of one app now."""
        app = observed.workload.id
        registered = self.registry.get(app)
        return RuntimeFacts(
            traffic=self.visits.traffic(app),
            certainty=self.visits.certainty(app),
            arrived_at=self.registry.knocked_at(app),
            leader=self.leading(),
            forwarding=self.registry.forwarding_now(app),
            carried_at=self.registry.carried_at(app),
            ready=all_ready(observed, self.endpoints),
            ready_routes=ready_routes(observed, self.endpoints),
            probed_ready=bool(self.app_pods.probed_ready(app)),
            start_failure=start_failure(observed, self.app_pods.starts(app)),
            strangers=self.endpoints.strangers(app),
            refusal=self.refusals.of(app),
            passes_on=registered is not None and registered.plan.open,
            uncounted=self.uncounted(observed) if observed.workload.replicas else (),
        )

    def uncounted(self, observed: ObservedApp) -> tuple[str, ...]:
        """Visits that a controller does not count, as the arguments of its pods say: sentences."""
        ways = {(route.controller, route.id.object): route for route in observed.routes}
        return tuple(
            f"{route.id.object}: {why}"
            for route in ways.values()
            for why in self.controller_pods.uncounted_ways(route.controller, annotations_of(observed, route))
        )

    def forwarding(self, door: DoorKey | None) -> dict[str, int | bool | float | None] | None:
        """For the other replicas: how many requests this one forwards to the app of a door, and whether it may begin more.

        `carried`: seconds since it last did, null if it never has. None for a door that is not in this replica's book yet:
        its app is unknown, and it may have others.
        """
        if door is None:
            return None
        found, ago = self.registry.get(door.app), self.registry.carried_ago(door.app)
        return {
            "forwarding": self.registry.forwarding_now(door.app),
            "open": found is not None and found.plan.open,
            "carried": None if ago is None else ago.total_seconds(),
        }

    def last_visit(self, workload: Workload, registered: RegisteredApp) -> datetime | None:
        """The last sign of life of one app, from what is in memory: a thousand rows of `waker status` must not take long."""
        app = workload.id
        traffic, certainty = self.visits.traffic(app), self.visits.certainty(app)
        return last_visit(workload.notes, registered.routes, traffic, certainty, self.registry.knocked_at(app))
