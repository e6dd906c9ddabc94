"""The page for operators as HTML: the whole page for the first answer, and each part of it for what has changed since.

No IO after the start, and it knows nothing of requests. Everything comes from the templates `dashboard.html` and
`dashboard_parts.html`, which escape what they are given. Parts have no times that run by themselves: the page's own script
counts, so a part only changes when something has happened.
"""

from collections.abc import Mapping
from typing import Any, Final

from markupsafe import Markup

from waker.web import files
from waker.web.page import load_template

State = Mapping[str, Any]

PARTS: Final = ("tiles", "causes", "wakes", "controllers", "savings")
STAGES: Final = ("asked", "scheduled", "started", "ready", "routed")
UNITS: Final = {"coreHours": "core hours", "replicaHours": "replica hours"}
WIDTH: Final = 100.0  # of a chart, in its own units
SHORTEST: Final = 0.8  # of a bar that should still be seen


class DashboardPage:
    """Renders pages. `actions`: with buttons."""

    def __init__(self, *, actions: bool) -> None:
        self._actions = actions
        self._page, self._part = load_template("dashboard.html"), load_template("dashboard_parts.html")
        self._style = Markup(files.read("static", "dashboard.css"))  # noqa: S704 our own file
        self._script = Markup(files.read("static", "dashboard.js"))  # noqa: S704

    def page(self, state: State, nonce: str, words: str, tile: str) -> str:
        """The whole page; `words` and `tile` are what it is filtered by."""
        parts = {name: Markup(html) for name, html in self.parts(state).items()}  # noqa: S704 made by our templates
        rows = [Markup(self.row(each)) for each in state["apps"]]  # noqa: S704
        context = {"state": state, "parts": parts, "rows": rows, "nonce": nonce, "words": words, "tile": tile}
        fixed = {"style": self._style, "script": self._script, "actions": self._actions}
        return self._page(context | fixed)  # type: ignore[arg-type]

    def parts(self, state: State) -> dict[str, str]:
        """All parts but the rows, by name."""
        longest = max((each["seconds"] for each in state["wakes"]), default=0.0)
        more = {
            "wakes": [each | {"bars": bars(each["stages"], longest)} for each in state["wakes"]],
            "columns": columns(state["hours"], unit := unit_of(state["hours"])),
            "unit": UNITS[unit],
            "stages": STAGES,
        }
        return {name: self._html(name, state=state, **more) for name in PARTS}

    def row(self, app: Mapping[str, Any]) -> str:
        """One app."""
        wake = app["lastWake"]
        return self._html(
            "row", app=app, bars=bars(wake["stages"], wake["seconds"]) if wake else [], actions=self._actions
        )

    def _html(self, part: str, **values: Any) -> str:
        return self._part({"part": part, **values}).strip()  # type: ignore[arg-type]


def row_id(app: Mapping[str, Any]) -> str:
    """Of an app, unique on the page."""
    return f"{app['namespace']}/{app['kind']}/{app['name']}"


def bars(stages: Mapping[str, float], longest: float) -> list[dict[str, Any]]:
    """The stages of a wake side by side, where the longest wake is WIDTH wide."""
    found, x = [], 0.0
    for stage, seconds in stages.items():
        width = max(WIDTH * seconds / longest, SHORTEST) if longest else 0.0
        found.append({"stage": stage, "seconds": seconds, "x": round(x, 2), "width": round(width, 2)})
        x += width
    return found


def unit_of(hours: list[Mapping[str, Any]]) -> str:
    """What the chart of savings shows: cores, or replicas where no app has requests."""
    return "coreHours" if any(each["coreHours"] for each in hours) else "replicaHours"


def columns(hours: list[Mapping[str, Any]], unit: str) -> list[dict[str, Any]]:
    """What was saved in each hour, as columns of a chart that is WIDTH wide and high."""
    highest = max((each[unit] for each in hours), default=0.0)
    width = WIDTH / max(len(hours), 24)
    return [
        {
            "at": each["at"],
            "amount": each[unit],
            "x": round(index * width, 3),
            "width": round(width * 0.8, 3),
            "height": round(WIDTH * each[unit] / highest, 2) if highest else 0.0,
        }
        for index, each in enumerate(hours)
    ]
