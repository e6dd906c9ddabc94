"""One app as it stands in the cluster: its workload, what its user wants, its routes, and what stands against its sleep."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from waker import names
from waker.cluster.app_endpoints import ServicePortName
from waker.plan.model import Policy, Workload
from waker.plan.notes import Unreadable
from waker.plan.policy import PolicyReading, policy_if_enabled, read_policy
from waker.plan.routes.discovery import Discovery
from waker.plan.routes.route import ObjectId, Route, RouteId, RouteObject, is_held, port_of
from waker.settings.configmap import Live


def policy_of(workload: Workload, live: Live) -> Policy | None:
    """What the user of a workload wants, without a look at its routes; None if it is not enabled."""
    return read_policy(workload.annotations, live, workload.id.namespace).policy


@dataclass(frozen=True)
class ObservedApp:
    """One app as it stands in the cluster. `objects` are those that its routes are in."""

    workload: Workload
    reading: PolicyReading
    discovery: Discovery
    objects: Mapping[ObjectId, RouteObject]
    live: Live
    conflicts: tuple[str, ...] = ()  # sentences: objects of others in the place of waker's own
    refusals: tuple[str, ...] = ()  # sentences: it must never sleep

    @property
    def policy(self) -> Policy | None:
        """What its user wants; None if it is not enabled."""
        return self.reading.policy

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes that lead to its pods, or led to them before a swap."""
        return self.discovery.routes

    @property
    def problems(self) -> tuple[str, ...]:
        """Why it cannot sleep. Only an enabled app has problems with its objects."""
        return self.reading.problems + (self.obstacles if self.policy else ())

    @property
    def page_problems(self) -> tuple[str, ...]:
        """What the page of an enabled app goes without, and why."""
        logo = self.workload.logo
        bad = (f"{names.LOGO}: {logo.why}",) if self.policy and isinstance(logo, Unreadable) else ()
        return self.reading.page_problems + bad

    @property
    def obstacles(self) -> tuple[str, ...]:
        """Why it could not sleep if it were enabled."""
        return self.refusals + self.discovery.problems + self.conflicts

    @property
    def is_held(self) -> bool:
        """Whether some route of it leads to waker."""
        return any(map(is_held, self.routes))

    @cached_property
    def routed_ports(self) -> dict[RouteId, ServicePortName]:
        """The Service port that each route leads to. A route to one that its Service lacks is left out."""
        services = {each.name: each for each in self.discovery.services}
        found = {
            route.id: (route.backend.service, port_of(services[route.backend.service], route.backend))
            for route in self.routes
        }
        return {id: (service, port.name) for id, (service, port) in found.items() if port}

    @cached_property
    def awaited_ports(self) -> frozenset[ServicePortName]:
        """Those that a wake waits for: behind which pods listened before the sleep. If that was none, all."""
        ports = self.routed_ports
        served = frozenset(ports[route.id] for route in self.routes if route.served and route.id in ports)
        return served or frozenset(ports.values())

    def released(self) -> "ObservedApp":
        """The same app as if it were not enabled."""
        return replace(self, reading=PolicyReading(None))

    def as_if_enabled(self) -> "ObservedApp":
        """The same app as if its annotation `enabled` were true; itself if it is enabled."""
        found = policy_if_enabled(self.workload.annotations, self.live, self.workload.id.namespace)
        return replace(self, reading=found)
