"""Who is asking: a browser that can show a page, a client that can wait, or a probe that must not wake anything.

Pure: method, path, headers and the app's own lists in, a word out. The table is read top to bottom and the first match
counts. What a visitor says here decides comfort, never safety: whoever lies wakes an app or sees a page, no more.

| asked like this                                                           | is      |
| ------------------------------------------------------------------------- | ------- |
| by a monitor or health check of the list, or by an agent of the app's own | MONITOR |
| a path of the app's own list                                              | MONITOR |
| by a crawler of the list; a prefetch                                      | PROBE   |
| /favicon.ico, /robots.txt, an ACME challenge, ...                         | PROBE   |
| OPTIONS that is a CORS preflight: a script waits behind it                | CLIENT  |
| HEAD, OPTIONS, TRACE                                                      | PROBE   |
| any method but GET, or an Upgrade                                         | CLIENT  |
| GET, `Sec-Fetch-Dest`: document, iframe, frame                            | BROWSER |
| GET, another Sec-Fetch-Dest (script, image, XHR, <object>)                | CLIENT  |
| GET, `Sec-Fetch-Mode: navigate` alone                                     | BROWSER |
| GET, another Sec-Fetch-Mode alone                                         | CLIENT  |
| GET, no Sec-Fetch-*, likes nothing better than HTML                       | BROWSER |
| GET, no Sec-Fetch-*, takes anything (`*/*`), and the app is set to `page` | BROWSER |
| anything else                                                             | CLIENT  |
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Final

from waker.plan.model import VisitorPolicy


class VisitorKind(StrEnum):
    """Kinds of visitors."""

    BROWSER = "browser"  # gets the page
    CLIENT = "client"  # is held, then passed on
    BACKGROUND = "background"  # nobody waits for the answer: is told to come back later, and wakes nothing
    HEALTH_CHECK = "health-check"  # the same, but its owner may want it to stay green

    @property
    def waits(self) -> bool:
        """Somebody wants the app: it is woken."""
        return self in (VisitorKind.BROWSER, VisitorKind.CLIENT)


QUIET_METHODS: Final = frozenset({"HEAD", "OPTIONS", "TRACE"})
QUIET_PATHS: Final = frozenset(
    {"/favicon.ico", "/robots.txt", "/apple-touch-icon.png", "/apple-touch-icon-precomposed.png"}
)
QUIET_PREFIXES: Final = ("/.well-known/acme-challenge/",)

# Parts of a User-Agent, lower case. No bare "bot": there are telephones called Cubot.
MONITORS: Final = (
    # health checks of clusters and load balancers
    "kube-probe/", "elb-healthchecker", "googlehc", "amazon-route53-health-check", "envoy/hc", "haproxy",
    "consul health check", "traefik/",
    # monitors
    "uptimerobot", "uptime-kuma", "pingdom", "blackbox exporter", "blackbox-exporter", "prometheus/", "statuscake",
    "site24x7", "better uptime", "betterstack", "datadog", "newrelicpinger", "checkly", "freshping", "hetrixtools",
    "nagios", "check_http", "zabbix", "updown.io", "cloudflare-healthchecks",
)  # fmt: skip
CRAWLERS: Final = (
    # search engines and link previews
    "googlebot", "google-inspectiontool", "bingbot", "bingpreview", "yandex.com/bots", "baiduspider", "duckduckbot",
    "applebot", "petalbot", "ahrefsbot", "semrushbot", "mj12bot", "dotbot", "gptbot", "claudebot", "ccbot",
    "amazonbot", "bytespider", "facebookexternalhit", "facebot", "twitterbot", "linkedinbot", "slackbot",
    "slack-imgproxy", "discordbot", "telegrambot", "whatsapp/", "skypeuripreview", "pinterestbot", "mastodon/",
    # scanners
    "censysinspect", "zgrab", "expanse", "masscan", "nuclei", "internetmeasurement",
)  # fmt: skip

KEPT: Final = 256  # agents
USUAL_AGENT: Final = 300  # characters; a longer one is not remembered, so that nobody fills the memory

PAGES: Final = frozenset({"document", "iframe", "frame"})  # Sec-Fetch-Dest of what a person looks at
EARLY: Final = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")  # where browsers say that nobody has asked yet


def visitor_kind(method: str, path: str, headers: Mapping[str, str], reception: VisitorPolicy) -> VisitorKind:
    """Who asks. `headers` finds names in any case; `path` is decoded and without query."""
    agent = headers.get("User-Agent", "").lower()
    known = known_agent(agent) if len(agent) <= USUAL_AGENT else known_agent.__wrapped__(agent)
    if known is VisitorKind.HEALTH_CHECK or ignored(path, agent, reception):
        return VisitorKind.HEALTH_CHECK
    if known or background_request(path, headers) or (method in QUIET_METHODS and not preflight(method, headers)):
        return VisitorKind.BACKGROUND
    if method != "GET" or "Upgrade" in headers:
        return VisitorKind.CLIENT  # a page instead of an answer to a form or a socket would lose what was sent
    return VisitorKind.BROWSER if wants_page(headers, reception) else VisitorKind.CLIENT


@lru_cache(KEPT)
def known_agent(agent: str) -> VisitorKind | None:
    """What an agent of the lists is, None if it is on none of them. Remembered, as a crowd has few."""
    if any(part in agent for part in MONITORS):
        return VisitorKind.HEALTH_CHECK
    return VisitorKind.BACKGROUND if any(part in agent for part in CRAWLERS) else None


def ignored(path: str, agent: str, reception: VisitorPolicy) -> bool:
    """Whether the app's owner has said that this wakes nothing."""
    return any(part.lower() in agent for part in reception.ignore_agents) or any(
        path_matches(path, each) for each in reception.ignore_paths
    )


def background_request(path: str, headers: Mapping[str, str]) -> bool:
    """Whether no person or program has asked for this by itself."""
    return (
        path in QUIET_PATHS
        or path.startswith(QUIET_PREFIXES)
        or any("prefetch" in headers.get(name, "") or headers.get(name) == "preview" for name in EARLY)
    )


def preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser asks if its script may ask (Fetch, 4.8). Only the app knows, so this waits for it."""
    return method == "OPTIONS" and "Origin" in headers and "Access-Control-Request-Method" in headers


def path_matches(path: str, entry: str) -> bool:
    """`/ping` is itself only, `/static/*` all that begins like it."""
    return path.startswith(entry[:-1]) if entry.endswith("*") else path == entry


def wants_page(headers: Mapping[str, str], reception: VisitorPolicy) -> bool:
    """Whether the answer to this GET will be looked at as a page."""
    target, mode = headers.get("Sec-Fetch-Dest"), headers.get("Sec-Fetch-Mode")
    if target or mode:
        return target in PAGES if target else mode == "navigate"
    likes = dict(preferences(headers.get("Accept", "*/*")))
    html = max(likes.get("text/html", 0.0), likes.get("application/xhtml+xml", 0.0))
    return 0 < html >= max(likes.values()) or (reception.while_asleep == "page" and likes.get("*/*", 0.0) > 0)


def preferences(accept: str) -> Iterator[tuple[str, float]]:
    """An Accept header (RFC 9110, 12.5.1) as media ranges with their weights. What cannot be read weighs nothing."""
    for entry in accept.lower().split(","):
        kind, *parameters = (word.strip() for word in entry.split(";"))
        weight = next((word[2:] for word in parameters if word.startswith("q=")), "1")
        yield kind, float(weight) if weight.replace(".", "", 1).isdecimal() and weight.isascii() else 0.0
