"""When each query was tried last, and whether it failed: kept though its app asks others meanwhile.

No IO and no clock; `queries` asks. The subtle thing: users edit their queries, and may do so all the time. What was tried just
now is not new because its annotation was away for a moment.
"""

from collections.abc import Collection, Container, Iterable
from datetime import datetime
from typing import Final, NamedTuple

from waker.plan.model import AppId

MOST_FORMER: Final = 10  # of one app, that are not asked any more


class QueryTry(NamedTuple):
    """When a query was asked, and whether it has had no answer."""

    at: datetime
    failed: bool


class QueryTries:
    """Of all apps."""

    def __init__(self) -> None:
        self._by_app: dict[AppId, dict[str, QueryTry]] = {}  # the newest last

    def note(self, app: AppId, query: str, tried: QueryTry) -> None:
        """It is tried now, or answered."""
        of_app = self._by_app.setdefault(app, {})
        of_app.pop(query, None)
        of_app[query] = tried

    def last(self, app: AppId, query: str) -> QueryTry | None:
        """None if it is new."""
        return self._by_app.get(app, {}).get(query)

    def keep(self, app: AppId, queries: Collection[str]) -> None:
        """An app asks these from now on: of others only the newest are remembered."""
        of_app = self._by_app.get(app, {})
        former = [query for query in of_app if query not in queries]
        for query in former[:-MOST_FORMER]:
            del of_app[query]

    def forget(self, before: datetime, asking: Container[AppId]) -> None:
        """What was tried before this time by apps that do not ask any more decides nothing."""
        gone = [app for app, tried in self._by_app.items() if app not in asking and _newest(tried.values()) < before]
        for app in gone:
            del self._by_app[app]


def _newest(tries: Iterable[QueryTry]) -> datetime:
    return max(each.at for each in tries)
