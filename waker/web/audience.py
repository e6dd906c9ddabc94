"""Who is asking: a browser that can show a page, a client that can wait, or a probe that must not wake anything.

Pure: method, path and headers in, a word out. The tables are read top to bottom and the first match counts. What a
visitor says here decides comfort, never safety: whoever lies about it wakes an app or sees a page, no more.

| asked like this                                              | is      |
| ------------------------------------------------------------ | ------- |
| HEAD, OPTIONS, TRACE                                         | PROBE   |
| GET /favicon.ico, /robots.txt, an ACME challenge             | PROBE   |
| by an agent of the list; a prefetch                          | PROBE   |
| any method but GET, or an Upgrade                            | CLIENT  |
| GET, `Sec-Fetch-Mode: navigate`                              | BROWSER |
| GET, another Sec-Fetch-Mode (script, image, XHR)             | CLIENT  |
| GET, no Sec-Fetch-Mode, accepts text/html                    | BROWSER |
| anything else                                                | CLIENT  |
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Final


class Audience(StrEnum):
    """Kinds of visitors."""

    BROWSER = "browser"  # gets the page
    CLIENT = "client"  # is held, then passed on
    PROBE = "probe"  # is told to come back later, and wakes nothing


QUIET_METHODS: Final = frozenset({"HEAD", "OPTIONS", "TRACE"})
QUIET_PATHS: Final = frozenset(
    {"/favicon.ico", "/robots.txt", "/apple-touch-icon.png", "/apple-touch-icon-precomposed.png"}
)
QUIET_PREFIXES: Final = ("/.well-known/acme-challenge/",)

# Parts of a User-Agent, lower case. No bare "bot": there are telephones called Cubot.
QUIET_AGENTS: Final = (
    # health checks of clusters and load balancers
    "kube-probe/", "elb-healthchecker", "googlehc", "amazon-route53-health-check", "envoy/hc", "haproxy",
    "consul health check", "traefik/",
    # monitors
    "uptimerobot", "uptime-kuma", "pingdom", "blackbox exporter", "blackbox-exporter", "prometheus/", "statuscake",
    "site24x7", "better uptime", "betterstack", "datadog", "newrelicpinger", "checkly", "freshping", "hetrixtools",
    "nagios", "check_http", "zabbix", "updown.io", "cloudflare-healthchecks",
    # crawlers and link previews
    "googlebot", "google-inspectiontool", "bingbot", "bingpreview", "yandex.com/bots", "baiduspider", "duckduckbot",
    "applebot", "petalbot", "ahrefsbot", "semrushbot", "mj12bot", "dotbot", "gptbot", "claudebot", "ccbot",
    "amazonbot", "bytespider", "facebookexternalhit", "facebot", "twitterbot", "linkedinbot", "slackbot",
    "slack-imgproxy", "discordbot", "telegrambot", "whatsapp/", "skypeuripreview", "pinterestbot", "mastodon/",
    # scanners
    "censysinspect", "zgrab", "expanse", "masscan", "nuclei", "internetmeasurement",
)  # fmt: skip

KEPT: Final = 256  # agents
USUAL_AGENT: Final = 300  # characters; a longer one is not remembered, so that nobody fills the memory


def audience(method: str, path: str, headers: Mapping[str, str]) -> Audience:
    """Who asks. `headers` finds names in any case; `path` is without query."""
    if method in QUIET_METHODS or quiet(path, headers):
        return Audience.PROBE
    if method != "GET" or "Upgrade" in headers:
        return Audience.CLIENT  # a page instead of an answer to a form or a socket would lose what was sent
    mode = headers.get("Sec-Fetch-Mode")
    navigates = mode == "navigate" if mode else "text/html" in headers.get("Accept", "").lower()
    return Audience.BROWSER if navigates else Audience.CLIENT


def quiet(path: str, headers: Mapping[str, str]) -> bool:
    """Is this a request that nobody waits for?"""
    agent = headers.get("User-Agent", "")
    return (
        path in QUIET_PATHS
        or path.startswith(QUIET_PREFIXES)
        or "prefetch" in headers.get("Sec-Purpose", headers.get("Purpose", ""))
        or (known_quiet(agent) if len(agent) <= USUAL_AGENT else known_quiet.__wrapped__(agent))
    )


@lru_cache(KEPT)
def known_quiet(agent: str) -> bool:
    """Is it an agent of the list? Remembered, as a crowd has few."""
    lower = agent.lower()
    return any(part in lower for part in QUIET_AGENTS)
