"""With which settings a controller would load a backend if waker had no keeper. `reconcile.namespace` gives them to keepers."""

from collections.abc import Iterator, Mapping

from waker.observe.cluster import ClusterCache
from waker.plan.routes import keeper
from waker.plan.routes.keeper import ClassesSeen, UpstreamSettings
from waker.plan.routes.route import Backend, RouteObject


def classes_seen(cluster: ClusterCache, namespace: str) -> ClassesSeen:
    """The classes of one namespace, and the settings as the Ingresses of users have them at this moment."""
    served_by = cluster.served_by()

    def settings(ingress_class: str, backend: Backend) -> UpstreamSettings:
        naming = cluster.naming(namespace, backend.service)
        return keeper.upstream_settings(backend, _beside(ingress_class, naming, cluster, served_by))

    return ClassesSeen(served_by, settings)


def _beside(
    ingress_class: str, naming: list[RouteObject], cluster: ClusterCache, served_by: Mapping[str, str]
) -> Iterator[RouteObject]:
    """Those of users that the controller of this class serves. It may serve other classes, too."""
    served = served_by.get(ingress_class, "")
    for found in naming:
        name = cluster.class_name(found)
        if not found.managed and (name == ingress_class or (served and served_by.get(name) == served)):
            yield found
