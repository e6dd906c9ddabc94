"""What Prometheus has counted of the apps of one controller over a long time: which of them somebody has visited.

Queries and answers only; `candidates` says what follows. A counter that was not there at the beginning of that time has
grown, too, though `increase` does not see its first value. The subtle thing: without samples from before that time nothing
is known.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from waker.cluster.client import Api
from waker.cluster.resources import SERVICES
from waker.errors import ClusterError, ScrapeError
from waker.traffic.controllers import Adapter, SeriesKey
from waker.traffic.targets import RENAMED, own_labels

ANSWERED: Final = "success"


def visited_query(adapter: Adapter, within: timedelta) -> str:
    """PromQL: a sample for each key that somebody has counted under."""
    series = f"{adapter.requests.metric}{{{','.join(_ignored(adapter))}}}"
    labels = adapter.requests.labels
    by = f"sum by ({', '.join((*labels, *(f'{RENAMED}{each}' for each in labels)))})"
    length = seconds(within)
    return f"{by} (increase({series}[{length}])) > 0 or {by} ({series} unless {series} offset {length}) > 0"


def known_query(adapter: Adapter, within: timedelta) -> str:
    """PromQL: a sample if Prometheus knows this counter since then."""
    return f"count({adapter.requests.metric} offset {seconds(within)})"


def seconds(length: timedelta) -> str:
    """As PromQL writes it."""
    return f"{int(length.total_seconds())}s"


def _ignored(adapter: Adapter) -> Iterator[str]:
    for each in adapter.not_visits:
        yield f'{each.label}!~"{"|".join(sorted(each.values))}"'


def keys_of(adapter: Adapter, answer: Mapping[str, Any]) -> frozenset[SeriesKey]:
    """The keys in an answer. Raises ScrapeError."""
    return frozenset(adapter.requests.key(own_labels(each.get("metric") or {})) for each in samples(answer))


def samples(answer: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    """Those of an instant vector. Raises ScrapeError."""
    data = answer.get("data")
    if answer.get("status") != ANSWERED or not isinstance(data, dict) or data.get("resultType") != "vector":
        raise ScrapeError(f"Prometheus answered with no vector: {str(answer.get('error', ''))[:200]}")
    found: Iterable[Mapping[str, Any]] = data.get("result") or ()
    return found


async def ask(api: Api, url: str, query: str) -> Mapping[str, Any]:
    """What Prometheus answers, through the API server. Raises ScrapeError."""
    path = proxied(url)
    try:
        return await api.get(f"{path}/api/v1/query", {"query": query})
    except ClusterError as error:
        raise ScrapeError(f"Prometheus could not be asked through the API server: {error}") from error


def proxied(url: str) -> str:
    """The path of a Service's URL through the API server. Raises ScrapeError if it is no Service of this cluster."""
    parts = urlsplit(url)
    name, *rest = (parts.hostname or "").split(".")
    if not name or not rest or (len(rest) > 1 and rest[1] != "svc"):
        raise ScrapeError(f"{url[:200]} names no Service of this cluster as http://NAME.NAMESPACE:PORT does")
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    service = SERVICES.one(rest[0], f"{'https:' if secure else ''}{name}:{port}")
    return f"{service}/proxy{parts.path.rstrip('/')}"
