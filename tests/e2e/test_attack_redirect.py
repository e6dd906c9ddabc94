"""Attack: in redirect mode somebody else chooses where a visitor is sent.

With a header at the sleeping app, with a `url=` of another app's host, or with a rule `*.com` of a tenant. The wait host
sends a visitor back to the app that they came from, and to nobody else.
"""

from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest

from tests.e2e import apps, intruder, load, waiting_host
from tests.e2e.apps import StageApp
from tests.e2e.bed import needs_bed
from tests.e2e.cluster import until
from tests.e2e.intruder import ask, title
from tests.e2e.load import LoadAnswer, Who
from tests.e2e.scene import Scene, every_controller
from tests.e2e.waiting_host import WAIT
from waker import names

EVIL = "https://evil.com/"  # one label below com: what `*.com` matches
REDIRECT = {names.WHILE_ASLEEP: "redirect"}
PATHS = ("/", "/back", "/api/v1/app")
WILD = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: wild}
spec:
  ingressClassName: $class
  rules:
  - host: "*.com"
    http: &http
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: wild, port: {name: http}}}}
  - {host: $host, http: *http}
"""

pytestmark = needs_bed("uses an image that writes down what it is sent")


@every_controller
def test_a_header_does_not_choose_the_target(scene: Scene) -> None:
    shop, vault = (intruder.witness(scene, name, REDIRECT) for name in ("shop", "vault"))
    intruder.pin_asleep(scene, shop, vault)
    waiting_host.set_to(scene, WAIT)
    try:
        until("redirects", lambda: ask(scene, shop.host).status == 302)
        for claim in (vault.host, "evil.com", WAIT):
            for name in ("X-Forwarded-Host", "X-Original-Host", "X-Host"):
                location = ask(scene, shop.host, "/a", (name, claim)).header("location")
                assert f"//{claim}" not in dict(parse_qsl(urlsplit(location).query)).get("url", ""), location
            location = ask(scene, shop.host, "/a", ("Forwarded", f"host={claim}")).header("location")
            assert claim == WAIT or claim not in location
    finally:
        waiting_host.set_to(scene, "")


def test_a_tenants_wildcard_opens_nothing(scene: Scene, tmp_path: Path) -> None:
    with intruder.second_tenant(scene) as other, waiting_host.wait_host(scene, tmp_path):
        own = f"wild.{other.namespace}.example.org"
        intruder.write(other, WILD, host=own)
        wild = intruder.witness(other, "wild", REDIRECT, ingresses=("wild",))
        until("it answers", lambda: ask(scene, own).header("x-app") == wild.name)
        refuses(scene, dict.fromkeys(("url",), EVIL), EVIL, "while the tenant's app is awake")
        other.pin(wild, "asleep")
        until("it sleeps", lambda: not scene.api.get("Deployment", other.namespace, "wild")["spec"]["replicas"], 60)
        until("its page or a redirect", lambda: ask(scene, own).who is Who.WAKER)

        for given in (query(ask(scene, own)), query(ask(scene, "evil.com")), {}):
            refuses(scene, given | {"url": EVIL}, EVIL, "while the tenant's app sleeps")


def test_the_url_of_another_app_is_refused(scene: Scene, tmp_path: Path) -> None:
    with intruder.second_tenant(scene) as other:
        shop = intruder.witness(scene, "shop", REDIRECT)
        vault = intruder.witness(other, "vault", REDIRECT)
        scene.sleep(shop)
        other.sleep(vault)
        with waiting_host.wait_host(scene, tmp_path):
            sent = until("a redirect", lambda: query(ask(scene, shop.host)))

            for url in (f"http://{vault.host}/", f"https://{vault.host}/x", f"http://{vault.host}./"):
                for answer in refuses(scene, sent | {"url": url}, vault.host, "it is another app's"):
                    assert title(vault.name) not in answer.body
            intruder.stays_asleep(other, vault)
            goes_back(scene, shop, sent)


def query(answer: LoadAnswer) -> dict[str, str]:
    """The fields with which the wait host is called."""
    return dict(parse_qsl(urlsplit(answer.header("location")).query))


def refuses(scene: Scene, fields: dict[str, str], target: str, when: str) -> list[LoadAnswer]:
    """No answer of the wait host leads there."""
    found = []
    for path in PATHS:
        answer = load.ask_now(scene.address, load.browser(WAIT, "", f"{path}?{urlencode(fields, quote_via=quote)}"))
        assert target not in answer.header("location"), f"{path}: {when}"
        assert (answer.who, answer.status // 100) == (Who.WAKER, 4), f"{path}: {when}: {answer}"
        found.append(answer)
    return found


def goes_back(scene: Scene, shop: StageApp, sent: dict[str, str]) -> None:
    """And the app's own address is accepted."""
    path = f"/back?{urlencode(sent, quote_via=quote)}"

    def back() -> bool:
        answer = load.ask_now(scene.address, load.browser(WAIT, "", path))
        return answer.header("location") == sent["url"]

    load.ask_now(scene.address, load.browser(WAIT, "", path.replace("/back", "/", 1)))
    until("the way back is open", back)
    until(f"{shop.name} is awake", lambda: not apps.awake(scene.api, shop), 60)


@pytest.mark.parametrize("url", [EVIL, f"http://{WAIT}/", "//evil.com/", "http://shop.example.org@evil.com/"])
def test_a_foreign_url_is_refused(scene: Scene, tmp_path: Path, url: str) -> None:
    shop = intruder.witness(scene, "shop", REDIRECT)
    scene.sleep(shop)
    with waiting_host.wait_host(scene, tmp_path):
        sent = until("a redirect", lambda: query(ask(scene, shop.host)))
        refuses(scene, sent | {"url": url}, url, "it is nobody's")
