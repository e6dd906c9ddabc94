"""What kind of visitor sends a request: a browser, a client that can wait, or one that must not wake anything.

Pure: method, path, headers and the app's own lists go in, a `VisitorKind` comes out. The table is read from top to bottom
and the first match counts. What a visitor claims decides comfort, never safety: a visitor who lies wakes an app or sees
the waiting page, no more.

| request                                                                    | kind         |
| -------------------------------------------------------------------------- | ------------ |
| by a health check or monitor in `user_agents`, or in the app's own list    | HEALTH_CHECK |
| for a path in the app's own list                                           | HEALTH_CHECK |
| by a bot in `user_agents`; a prefetch                                      | BACKGROUND   |
| for /favicon.ico, /robots.txt, an ACME challenge, ...                      | BACKGROUND   |
| OPTIONS that is a CORS preflight: a script waits for the answer            | CLIENT       |
| HEAD, OPTIONS, TRACE                                                       | BACKGROUND   |
| any method but GET, or with `Upgrade`                                      | CLIENT       |
| GET, `Sec-Fetch-Dest`: document, iframe, frame                             | BROWSER      |
| GET, any other `Sec-Fetch-Dest` (script, image, XHR, <object>)             | CLIENT       |
| GET, only `Sec-Fetch-Mode: navigate`                                       | BROWSER      |
| GET, only another `Sec-Fetch-Mode`                                         | CLIENT       |
| GET, no `Sec-Fetch-*`, HTML has the highest weight in `Accept`             | BROWSER      |
| GET, no `Sec-Fetch-*`, accepts `*/*`, and the app has `while-asleep: page` | BROWSER      |
| any other                                                                  | CLIENT       |
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Final

from waker.plan.model import VisitorPolicy
from waker.web import user_agents


class VisitorKind(StrEnum):
    """Kinds of visitors, by what they get from a sleeping app."""

    BROWSER = "browser"  # the waiting page
    CLIENT = "client"  # held, then forwarded
    BACKGROUND = "background"  # nobody waits for the answer: "come back later", and nothing is woken
    HEALTH_CHECK = "health-check"  # the same, but 200 if the user wants it to stay green

    @property
    def waits(self) -> bool:
        """Whether somebody waits for the answer. Only then is the app woken."""
        return self in (VisitorKind.BROWSER, VisitorKind.CLIENT)


QUIET_METHODS: Final = frozenset({"HEAD", "OPTIONS", "TRACE"})
QUIET_PATHS: Final = frozenset(
    {"/favicon.ico", "/robots.txt", "/apple-touch-icon.png", "/apple-touch-icon-precomposed.png"}
)
QUIET_PREFIXES: Final = ("/.well-known/acme-challenge/",)

LONGEST_AGENT: Final = 500  # characters of a User-Agent that are looked at; those of browsers have less than 300
CACHED: Final = 256  # User-Agents
LONGEST_CACHED: Final = 300  # characters; a longer User-Agent is not cached, so that nobody can fill the memory

LOOKED_AT: Final = frozenset({"document", "iframe", "frame"})  # the Sec-Fetch-Dest of what a person sees
PREFETCH_HEADERS: Final = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")  # "the user has not asked for this yet"


def visitor_kind(method: str, path: str, headers: Mapping[str, str], policy: VisitorPolicy) -> VisitorKind:
    """The kind of a request. `headers` finds names in any case; `path` is decoded and has no query."""
    agent = headers.get("User-Agent", "")[:LONGEST_AGENT].lower()
    known = known_agent(agent) if len(agent) <= LONGEST_CACHED else known_agent.__wrapped__(agent)
    if known is VisitorKind.HEALTH_CHECK or ignored(path, agent, policy):
        return VisitorKind.HEALTH_CHECK
    if known or background_request(path, headers) or (method in QUIET_METHODS and not preflight(method, headers)):
        return VisitorKind.BACKGROUND
    if method != "GET" or "Upgrade" in headers:
        return VisitorKind.CLIENT  # a page instead of the answer to a form or a WebSocket would lose what was sent
    return VisitorKind.BROWSER if wants_page(headers, policy) else VisitorKind.CLIENT


@lru_cache(CACHED)
def known_agent(agent: str) -> VisitorKind | None:
    """The kind of a User-Agent (lower case) in `user_agents`, None if it is not there. Cached: many visitors, few agents."""
    if any(part in agent for part in user_agents.HEALTH_CHECKS):
        return VisitorKind.HEALTH_CHECK
    return VisitorKind.BACKGROUND if any(part in agent for part in user_agents.BOTS) else None


def ignored(path: str, agent: str, policy: VisitorPolicy) -> bool:
    """Whether the user's own lists (`ignore-agents`, `ignore-paths`) say that this request wakes nothing."""
    return any(part.lower() in agent for part in policy.ignore_agents) or any(
        path_matches(path, entry) for entry in policy.ignore_paths
    )


def background_request(path: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser sends this by itself, without anybody having asked for it."""
    return (
        path in QUIET_PATHS
        or path.startswith(QUIET_PREFIXES)
        or any("prefetch" in headers.get(name, "") or headers.get(name) == "preview" for name in PREFETCH_HEADERS)
    )


def preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Whether this is a CORS preflight (Fetch, 4.8). Only the app can answer it, so it is held."""
    return method == "OPTIONS" and "Origin" in headers and "Access-Control-Request-Method" in headers


def path_matches(path: str, entry: str) -> bool:
    """Whether a path is in an entry of `ignore-paths`: `/ping` matches itself only, `/static/*` all that begins like it."""
    return path.startswith(entry[:-1]) if entry.endswith("*") else path == entry


def wants_page(headers: Mapping[str, str], policy: VisitorPolicy) -> bool:
    """Whether somebody will look at the answer to this GET as a page."""
    destination, mode = headers.get("Sec-Fetch-Dest"), headers.get("Sec-Fetch-Mode")
    if destination or mode:
        return destination in LOOKED_AT if destination else mode == "navigate"
    weights = dict(accepted_types(headers.get("Accept", "*/*")))
    html = max(weights.get("text/html", 0.0), weights.get("application/xhtml+xml", 0.0))
    return 0 < html >= max(weights.values()) or (policy.while_asleep == "page" and weights.get("*/*", 0.0) > 0)


def accepted_types(accept: str) -> Iterator[tuple[str, float]]:
    """The media ranges of an Accept header (RFC 9110, 12.5.1) and their weights. An unreadable weight is 0."""
    for entry in accept.lower().split(","):
        media_range, *parameters = (word.strip() for word in entry.split(";"))
        weight = next((word[2:] for word in parameters if word.startswith("q=")), "1")
        yield media_range, float(weight) if weight.replace(".", "", 1).isdecimal() and weight.isascii() else 0.0
