"""What a new waker needs at its peak while it lists objects that are as large as the API server takes them."""

from bench import footprint, peaks
from bench.tables import table
from tests.e2e.cluster import ClusterApi, Json
from tests.e2e.install import InstalledWaker

COUNT = 60  # objects of each kind; an informer lists 50 at once if they are small
OWN = "bench-large"  # the namespace
SIZE = 1_000_000  # bytes of one object; etcd takes 1.5 MiB
VALUE = 100_000  # bytes of one value in it


def run(api: ClusterApi) -> None:
    """Print a row for each Python."""
    waker = InstalledWaker(api, settings={})
    waker.ensure()
    footprint.stop(waker)
    api.create_namespace(OWN)
    for number in range(COUNT):
        api.create(deployment(f"large-{number}"))
    rows = [(title, *row(api, waker, image)) for image, title in footprint.IMAGES.items()]
    print(table((f"a new waker beside {COUNT} Deployments of 1 MB", "peak RSS MiB", "RSS MiB after"), rows))


def row(api: ClusterApi, waker: InstalledWaker, image: str) -> tuple[str, str]:
    """Start waker and look at the most that it has needed, and at what it needs later."""
    footprint.restart(api, waker, image)
    (process,) = waker.processes()
    return f"{peaks.peak(process):.1f}", f"{footprint.memory(process).rss:.1f}"


def deployment(name: str) -> Json:
    """A Deployment of SIZE bytes without pods."""
    values = [{"name": f"V{number}", "value": "x" * VALUE} for number in range(SIZE // VALUE)]
    labels = {"app": name}
    pod = {"containers": [{"name": "app", "image": "fake:1", "env": values}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": OWN, "name": name},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
