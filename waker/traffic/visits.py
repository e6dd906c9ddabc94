"""Who visits, from all who know a part of it: controllers that are scraped, and queries that show activity.

Plain calls on one loop; nothing is decided here. An app that both know is idle only if it is for both, and unknown if one of
them does not know. `reconcile` has apps watched, `observe.runtime` asks.
"""

from collections.abc import Collection
from dataclasses import replace

from waker.plan.model import AppId, Background
from waker.plan.snapshot import Certainty, Traffic
from waker.traffic.controllers import Interest
from waker.traffic.queries import ActivityQueries
from waker.traffic.scrape import Scraper
from waker.traffic.unknown_causes import UnknownCause
from waker.traffic.watched_apps import LostVisits, SignOfLife

IN_USE = "a query showed that it is in use"
IGNORED = "its idle period goes on, as controller.CLASS.lost-counts is ignore"


class VisitSources:
    """Both sources."""

    def __init__(self, scraper: Scraper, queries: ActivityQueries) -> None:
        self.scraper = scraper
        self._queries = queries
        self._by_query_alone: set[AppId] = set()

    def watch(
        self,
        app: AppId,
        interests: frozenset[Interest],
        queries: Collection[str],
        incarnation: str,
        background: Background | None = None,
    ) -> None:
        """From now on, watch exactly these series and queries for an app. Cheap when nothing has changed."""
        self._queries.watch(app, queries)
        if queries and not interests:
            self._by_query_alone.add(app)
            self.scraper.unwatch(app)
        else:
            self._by_query_alone.discard(app)
            self.scraper.watch(app, interests, incarnation, background)

    def unwatch(self, app: AppId) -> None:
        """Stop watching an app that is asleep."""
        self._queries.watch(app, ())
        self._by_query_alone.discard(app)
        self.scraper.unwatch(app)

    def forget(self, app: AppId) -> None:
        """Stop watching an app, and forget everything about it."""
        self.unwatch(app)
        self.scraper.forget(app)

    def await_known(self, app: AppId) -> None:
        """Have the app reconciled once its traffic is known."""
        self._queries.await_known(app)
        self.scraper.await_known(app)

    def traffic(self, app: AppId) -> Traffic:
        """When the app was last visited, and why that is unsure, if it is."""
        asked = self._queries.traffic(app)
        if asked is None:
            return self.scraper.traffic(app)
        if app in self._by_query_alone:
            return asked
        counted = self.scraper.traffic(app)
        last = max((counted, asked), key=lambda each: each.visited_at.timestamp() if each.visited_at else 0.0)
        return Traffic(last.visited_at, counted.unknown or asked.unknown, counted.lasting, last.lost)

    def certainty(self, app: AppId) -> Certainty:
        """How well its traffic is known. Meaningless where `traffic` is unknown."""
        if self._queries.traffic(app) is None:
            return self.scraper.certainty(app)
        asked, counted = self._queries.certainty(app), self.scraper.certainty(app)
        until = min((each for each in (asked.until, counted.until) if each), default=None)
        return replace(counted, until=until)

    def signs(self, app: AppId) -> list[SignOfLife]:
        """What moves its idle clock, for people: the last visit that was seen, a query, the last loss of counts since.

        And the last loss that does not move it, as the user ignores losses.
        """
        watched, asked = self.scraper.watched(app), self._queries.traffic(app)
        found = []
        if watched and watched.loss:
            found.append(SignOfLife(watched.loss.at, watched.loss.why))
        if watched and watched.ignored:
            found.append(SignOfLife(watched.ignored.at, f"{watched.ignored.why} ({IGNORED})"))
        if watched and watched.seen_at:
            found.append(SignOfLife(watched.seen_at, watched.seen_by))
        elif watched and watched.visited_at and not watched.lost:
            found.append(SignOfLife(watched.visited_at, watched.because))
        if asked and asked.visited_at and not asked.lost:
            found.append(SignOfLife(asked.visited_at, IN_USE))
        return found

    def lost(self, app: AppId) -> LostVisits | None:
        """That nobody was seen when its idle clock began, as visits may have been lost; None if that is not so."""
        watched, asked = self.scraper.watched(app), self._queries.traffic(app)
        if not watched or not watched.loss or (asked and asked.visited_at and asked.visited_at > watched.loss.at):
            return None
        return LostVisits(watched.loss, watched.seen_at)

    def unknown_cause(self, app: AppId) -> UnknownCause | None:
        """Why its traffic cannot be known, in one word; None if it can."""
        asked = self._queries.traffic(app)
        if asked and asked.unknown:
            return UnknownCause.QUERY
        return None if asked and app in self._by_query_alone else self.scraper.unknown_cause(app)

    def unanswered(self, app: AppId) -> str:
        """Why a query for the app shows nothing, "" if there is none or all are answered."""
        asked = self._queries.traffic(app)
        return asked.unknown if asked else ""
