"""Why a controller pod's metrics page could not be read, and what to do: each cause has a fix of its own.

Called by `fetch`, which knows the network. Each text ends a sentence about the pod: what happened, a semicolon, what to do.
What a pod sends is quoted, and cut. The subtle thing: a refused connection proves that the pod is reached and that nothing
listens there; only silence is a NetworkPolicy.
"""

import ssl
from typing import Final

import aiohttp
from yarl import URL

from waker.errors import ScrapeError
from waker.traffic.controllers import Access, Adapter
from waker.traffic.lines import cut

SPEAKS_HTTPS: Final = "if that port speaks https, set controller.CLASS.scheme to https"
OTHER_PAGES: Final = ("text/html", "text/xml", "application/json", "application/xml", "application/vnd.google.protobuf")
# How OpenSSL calls an answer in plain HTTP.
PLAIN_HTTP: Final = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")
# X509_V_ERR_... of OpenSSL.
EXPIRED: Final = (9, 10)  # or not valid yet
ANOTHER_NAME: Final = (62, 64)  # of a host, of an address


def refused_answer(answer: aiohttp.ClientResponse, adapter: Adapter) -> ScrapeError:
    """For an answer that is not 200."""
    status, access = answer.status, adapter.access
    place = f"{answer.url.path} on port {answer.url.port}"
    if status in (401, 403):
        return ScrapeError(_not_allowed(status, access, answer.url.path))
    if 300 <= status < 400:
        return ScrapeError(_redirect(status, answer.headers.get("Location", ""), answer.url))
    if status == 404:
        fix = f"{adapter.enable}, or set controller.CLASS.path or port if its page is elsewhere"
        return ScrapeError(f"has no page {place} (HTTP 404); {fix}")
    if status == 400 and access.scheme == "http":
        return ScrapeError(f"does not understand waker's scrape of {place} (HTTP 400); {SPEAKS_HTTPS}")
    if status == 429:
        return ScrapeError("is asked too often, it says (HTTP 429); set a longer scrape-interval")
    if status >= 500:
        fix = "look at that pod's log, and at that of a sidecar, if it has one"
        return ScrapeError(f"failed to write its metrics page (HTTP {status}); {fix}")
    return ScrapeError(f"answered waker's scrape of {place} with HTTP {status}; check controller.CLASS.path and port")


def _not_allowed(status: int, access: Access, path: str) -> str:
    if status == 401 and not access.token_file:
        return "asks for a token (HTTP 401); set controller.CLASS.token-file"
    if status == 401:
        return f"does not accept the token in {access.token_file} (HTTP 401); check controller.CLASS.token-file"
    if access.token_file:
        fix = f"allow it `get` on the nonResourceURL {path}"
        return f"refuses the owner of the token in {access.token_file} (HTTP 403); {fix}"
    fix = "set controller.CLASS.token-file, or let the controller answer waker's pods"
    return f"refuses waker's scrape (HTTP 403); {fix}"


def _redirect(status: int, location: str, url: URL) -> str:
    what = f"redirects waker's scrape to {cut(location)} (HTTP {status}), and waker follows no redirect"
    if url.scheme == "http" and location.startswith("https:"):
        return f"{what}; set controller.CLASS.scheme to https, and port if that is another one"
    return f"{what}; set controller.CLASS.path to where the page is"


def no_metrics_page(content_type: str, head: bytes, adapter: Adapter) -> ScrapeError | None:
    """For a page that shows none of the wanted metrics: whether it is something else. `head`: its first bytes."""
    kind, begin = content_type.partition(";")[0].strip().lower(), head.lstrip()
    if not begin.startswith(b"<") and (kind not in OTHER_PAGES or begin.startswith(b"#")):
        return None
    what = f"sends no metrics page ({kind if kind in OTHER_PAGES else 'markup'})"
    return ScrapeError(f"{what}; check controller.CLASS.path and port, and {adapter.enable}")


def failed_request(error: Exception, url: URL, adapter: Adapter, *, answered: bool) -> ScrapeError:
    """For what the HTTP client raises. `answered`: the status had arrived."""
    where = f"{url.host}:{url.port}"
    match error:
        case aiohttp.ClientSSLError():
            return ScrapeError(_no_tls(error, where))
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            fix = f"{adapter.enable}, or set controller.CLASS.port"
            return ScrapeError(f"refuses connections at {where}, so nothing listens there; {fix}")
        case aiohttp.ClientConnectorError():
            why = error.os_error.strerror or type(error.os_error).__name__
            return ScrapeError(f"cannot be reached at {where} ({why}); check its node, and NetworkPolicies")
        case aiohttp.ConnectionTimeoutError():
            fix = "let NetworkPolicies and firewalls admit waker's pods to that port"
            return ScrapeError(f"does not answer at {where}; {fix}")
        case TimeoutError() if answered:
            fix = "have it write less, see 'Ingress controllers' in the operations guide"
            return ScrapeError(f"did not send its metrics page in time; {fix}")
        case TimeoutError():
            return ScrapeError(f"took waker's scrape at {where} and did not answer in time; look at that pod's log")
        case _ if answered:
            fix = "if that stays, look at that pod's log"
            return ScrapeError(f"broke off its metrics page: {type(error).__name__}; {fix}")
        case _ if url.scheme == "http":
            return ScrapeError(f"gave no answer in HTTP at {where}; {SPEAKS_HTTPS}")
    return ScrapeError(f"closed the connection at {where} without an answer; look at that pod's log")


def _no_tls(error: aiohttp.ClientSSLError, where: str) -> str:
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _bad_certificate(cause, where)
    reason = getattr(cause, "reason", None) or "no reason given"
    what = f"speaks no TLS at {where} that waker understands ({reason})"
    if any(each in reason for each in PLAIN_HTTP):
        return f"{what}; if that port speaks plain HTTP, set controller.CLASS.scheme to http"
    return f"{what}; check controller.CLASS.port, server-name and scheme"


def _bad_certificate(cause: ssl.SSLCertVerificationError, where: str) -> str:
    what = f"shows a certificate at {where} that waker does not trust ({cause.verify_message})"
    if cause.verify_code in EXPIRED:
        return f"{what}; renew it"
    if cause.verify_code in ANOTHER_NAME:
        return f"{what}; set controller.CLASS.server-name to a name in it"
    return f"{what}; set controller.CLASS.ca-file to the CA that has signed it, or tls-verify to false"
