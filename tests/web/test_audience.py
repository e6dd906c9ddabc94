import pytest
from multidict import CIMultiDict

from waker.web.audience import Audience, audience

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("asks", "is_"),
    [
        pytest.param(("GET", "/a", {"Sec-Fetch-Mode": "navigate", "User-Agent": CHROME}), "browser", id="navigation"),
        pytest.param(("GET", "/a", {"Accept": HTML}), "browser", id="older browser: accepts html"),
        pytest.param(("GET", "/a", {"accept": "TEXT/HTML"}), "browser", id="names and values in any case"),
        pytest.param(("GET", "/a", {"Sec-Fetch-Mode": "cors", "Accept": HTML}), "client", id="a script that wants html"),
        pytest.param(("GET", "/a.png", {"Sec-Fetch-Mode": "no-cors"}), "client", id="an image"),
        pytest.param(("GET", "/a", {"Accept": "*/*", "User-Agent": "curl/8"}), "client", id="curl"),
        pytest.param(("GET", "/a", {}), "client", id="no headers at all"),
        pytest.param(("POST", "/a", {"Sec-Fetch-Mode": "navigate", "Accept": HTML}), "client", id="a form is held"),
        pytest.param(("PUT", "/a", {"Accept": HTML}), "client", id="upload"),
        pytest.param(("GET", "/a", {"Upgrade": "websocket", "Accept": HTML}), "client", id="websocket"),
        pytest.param(("GET", "/a", {"Sec-Fetch-Mode": "navigate", "User-Agent": "Cubot X30 " + CHROME}), "browser",
                     id="a telephone called Cubot"),
        pytest.param(("HEAD", "/a", {"Accept": HTML}), "probe", id="HEAD"),
        pytest.param(("OPTIONS", "/a", {}), "probe", id="OPTIONS"),
        pytest.param(("GET", "/favicon.ico", {"Accept": "image/*"}), "probe", id="favicon"),
        pytest.param(("GET", "/robots.txt", {}), "probe", id="robots"),
        pytest.param(("GET", "/.well-known/acme-challenge/x", {}), "probe", id="ACME"),
        pytest.param(("GET", "/favicon.icon", {}), "client", id="nearly a favicon"),
        pytest.param(("GET", "/a", {"Sec-Fetch-Mode": "navigate", "Sec-Purpose": "prefetch;prerender"}), "probe",
                     id="prefetch"),
        pytest.param(("GET", "/", {"User-Agent": "kube-probe/1.34", "Accept": "*/*"}), "probe", id="kubelet"),
        pytest.param(("GET", "/", {"User-Agent": "ELB-HealthChecker/2.0"}), "probe", id="ELB"),
        pytest.param(("GET", "/", {"User-Agent": "GoogleHC/1.0"}), "probe", id="GoogleHC"),
        pytest.param(("GET", "/", {"User-Agent": "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.u.com/)",
                                   "Accept": HTML}), "probe", id="UptimeRobot"),
        pytest.param(("GET", "/", {"User-Agent": "Pingdom.com_bot_version_1.4"}), "probe", id="Pingdom"),
        pytest.param(("GET", "/", {"User-Agent": "Blackbox Exporter/0.27.0"}), "probe", id="blackbox"),
        pytest.param(("GET", "/metrics", {"User-Agent": "Prometheus/3.5.0"}), "probe", id="Prometheus"),
        pytest.param(("GET", "/", {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)", "Accept": HTML}), "probe",
                     id="Googlebot"),
    ],
)  # fmt: skip
def test_audience(asks: tuple[str, str, dict[str, str]], is_: str) -> None:
    method, path, headers = asks
    assert audience(method, path, CIMultiDict(headers)) is Audience(is_)
