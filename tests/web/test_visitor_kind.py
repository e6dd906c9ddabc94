import pytest
from multidict import CIMultiDict

from waker.plan.model import VisitorPolicy
from waker.web.visitor_kind import VisitorKind, visitor_kind

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        pytest.param(("GET", "/a", {"Sec-Fetch-Mode": "navigate", "User-Agent": CHROME}), "browser", id="navigation"),
        pytest.param(("GET", "/a", {"Accept": HTML}), "browser", id="an older browser"),
        pytest.param(("GET", "/a", {"accept": "TEXT/HTML"}), "browser", id="names and values in upper or lower case"),
        pytest.param(("GET", "/a", {"Sec-Fetch-Mode": "cors", "Accept": HTML}), "client", id="a script that wants HTML"),
        pytest.param(("GET", "/a", {"Sec-Fetch-Mode": "same-origin", "Sec-Fetch-Dest": "empty", "Accept": HTML}), "client",
                     id="a service worker that asks on behalf of its page"),
        pytest.param(("GET", "/a", {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}), "browser", id="a tab"),
        pytest.param(("GET", "/a", {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}), "browser", id="a frame"),
        pytest.param(("GET", "/a", {"Sec-Fetch-Dest": "frame"}), "browser", id="an old frame, by its destination alone"),
        pytest.param(("GET", "/a", {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "object"}), "client", id="an object"),
        pytest.param(("GET", "/a.png", {"Sec-Fetch-Mode": "no-cors"}), "client", id="an image"),
        pytest.param(("GET", "/a.png", {"Sec-Fetch-Dest": "image", "Accept": HTML}), "client", id="an image, by destination"),
        pytest.param(("GET", "/a", {"Accept": "application/ld+json, text/html;q=0.8"}), "client", id="prefers JSON"),
        pytest.param(("GET", "/a", {"Accept": "text/html; q=0.5, */*;q=0.1"}), "browser", id="prefers HTML, at a low weight"),
        pytest.param(("GET", "/a", {"Accept": "application/json, text/html;q=0"}), "client", id="refuses HTML"),
        pytest.param(("GET", "/a", {"Accept": "text/html;q=many"}), "client", id="a weight that is not a number"),
        pytest.param(("GET", "/a", {"Accept": "application/json, text/plain, */*"}), "client", id="axios"),
        pytest.param(("GET", "/a", {"Accept": "text/html, application/xhtml+xml, */*"}), "browser", id="Internet Explorer"),
        pytest.param(("GET", "/a", {"Accept": "text/event-stream"}), "client", id="EventSource"),
        pytest.param(("GET", "/a", {"Accept": "*/*", "User-Agent": "curl/8"}), "client", id="curl"),
        pytest.param(("GET", "/a", {}), "client", id="no headers at all"),
        pytest.param(("POST", "/a", {"Sec-Fetch-Mode": "navigate", "Accept": HTML}), "client", id="a form is held"),
        pytest.param(("PUT", "/a", {"Accept": HTML}), "client", id="upload"),
        pytest.param(("GET", "/a", {"Upgrade": "websocket", "Accept": HTML}), "client", id="websocket"),
        pytest.param(("GET", "/a", {"Sec-Fetch-Mode": "navigate", "User-Agent": "Cubot X30 " + CHROME}), "browser",
                     id="a phone called Cubot"),
        pytest.param(("HEAD", "/a", {"Accept": HTML}), "background", id="HEAD"),
        pytest.param(("OPTIONS", "/a", {}), "background", id="OPTIONS"),
        pytest.param(("OPTIONS", "/a", {"Origin": "https://a.example", "Access-Control-Request-Method": "PUT"}), "client",
                     id="CORS preflight"),
        pytest.param(("OPTIONS", "/a", {"Origin": "https://a.example"}), "background", id="OPTIONS that is not a preflight"),
        pytest.param(("HEAD", "/a", {"User-Agent": "UptimeRobot/2.0"}), "health-check", id="a monitor that sends HEAD"),
        pytest.param(("GET", "/favicon.ico", {"Accept": "image/*"}), "background", id="favicon"),
        pytest.param(("GET", "/robots.txt", {}), "background", id="robots"),
        pytest.param(("GET", "/.well-known/acme-challenge/x", {}), "background", id="ACME"),
        pytest.param(("GET", "/favicon.icon", {}), "client", id="almost a favicon"),
        pytest.param(("GET", "/a", {"Sec-Fetch-Mode": "navigate", "Sec-Purpose": "prefetch;prerender"}), "background",
                     id="prefetch"),
        pytest.param(("GET", "/a", {"Purpose": "prefetch", "Accept": HTML}), "background", id="older prefetch"),
        pytest.param(("GET", "/a", {"X-Moz": "prefetch", "Accept": HTML}), "background", id="oldest prefetch"),
        pytest.param(("GET", "/", {"User-Agent": "kube-probe/1.34", "Accept": "*/*"}), "health-check", id="kubelet"),
        pytest.param(("GET", "/", {"User-Agent": "ELB-HealthChecker/2.0"}), "health-check", id="ELB"),
        pytest.param(("GET", "/", {"User-Agent": "GoogleHC/1.0"}), "health-check", id="GoogleHC"),
        pytest.param(("GET", "/", {"User-Agent": "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.u.com/)",
                                   "Accept": HTML}), "health-check", id="UptimeRobot"),
        pytest.param(("GET", "/", {"User-Agent": "Pingdom.com_bot_version_1.4"}), "health-check", id="Pingdom"),
        pytest.param(("GET", "/", {"User-Agent": "Blackbox Exporter/0.27.0"}), "health-check", id="blackbox"),
        pytest.param(("GET", "/metrics", {"User-Agent": "Prometheus/3.5.0"}), "health-check", id="Prometheus"),
        pytest.param(("GET", "/", {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)", "Accept": HTML}), "background",
                     id="Googlebot"),
    ],
)  # fmt: skip
def test_the_kind_of_a_request(sent: tuple[str, str, dict[str, str]], kind: str) -> None:
    method, path, headers = sent
    assert visitor_kind(method, path, CIMultiDict(headers), VisitorPolicy()) is VisitorKind(kind)


OWN = VisitorPolicy(ignore_paths=("/ping", "/static/*"), ignore_agents=("Nightly-Job",))
PAGE = VisitorPolicy(while_asleep="page")


@pytest.mark.parametrize(
    ("policy", "sent", "kind"),
    [
        pytest.param(OWN, ("GET", "/ping", {}), "health-check", id="its own path"),
        pytest.param(OWN, ("GET", "/ping/more", {}), "client", id="below its own path"),
        pytest.param(OWN, ("POST", "/static/a/b.css", {}), "health-check", id="below a star, with any method"),
        pytest.param(OWN, ("GET", "/static", {}), "client", id="shorter than the prefix"),
        pytest.param(OWN, ("GET", "/", {"User-Agent": "acme nightly-job/3", "Accept": HTML}), "health-check", id="own agent"),
        pytest.param(OWN, ("GET", "/", {"User-Agent": "x" * 489 + "nightly-job"}), "health-check", id="in 500 characters"),
        pytest.param(OWN, ("GET", "/", {"User-Agent": "x" * 490 + "nightly-job"}), "client", id="beyond 500 characters"),
        pytest.param(PAGE, ("GET", "/", {"Accept": "*/*", "User-Agent": "curl/8"}), "browser", id="page: curl"),
        pytest.param(PAGE, ("GET", "/", {}), "browser", id="page: no Accept header"),
        pytest.param(PAGE, ("GET", "/", {"Accept": "application/json"}), "client", id="page: JSON only"),
        pytest.param(PAGE, ("GET", "/", {"Accept": "application/json, */*;q=0"}), "client", id="page: refuses all but JSON"),
        pytest.param(PAGE, ("GET", "/", {"Accept": "*/*", "Sec-Fetch-Dest": "empty"}), "client", id="page: a script"),
        pytest.param(PAGE, ("POST", "/", {"Accept": "*/*"}), "client", id="page: a form is still held"),
        pytest.param(PAGE, ("GET", "/", {"Accept": "*/*", "Upgrade": "websocket"}), "client", id="page: a socket is held"),
        pytest.param(PAGE, ("GET", "/", {"User-Agent": "kube-probe/1.34"}), "health-check", id="page: a health check"),
        pytest.param(VisitorPolicy(while_asleep="hold"), ("GET", "/", {"Accept": HTML}), "browser", id="hold: a browser"),
    ],
)  # fmt: skip
def test_the_kind_of_a_request_for_an_app_with_its_own_policy(
    policy: VisitorPolicy, sent: tuple[str, str, dict[str, str]], kind: str
) -> None:
    method, path, headers = sent
    assert visitor_kind(method, path, CIMultiDict(headers), policy) is VisitorKind(kind)
