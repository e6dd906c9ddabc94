"""What `helm test` does until it knows where the ingress controller is: the script of the chart, without its last lines."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.install.programs import CHART

SOURCE = (CHART / "files" / "cycle.py").read_text()
SETTINGS = {
    "TIMEOUT_SECONDS": "120", "URL": "", "HOST": "shop.example.com", "NAMESPACE": "kubesleeper",
    "KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443",
}  # fmt: skip


def written(name: str, address: str = "", of_class: str = "nginx") -> dict[str, Any]:
    known = {"ingress": [{"ip": address}]} if address else {}
    return {"metadata": {"name": name}, "spec": {"ingressClassName": of_class}, "status": {"loadBalancer": known}}


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """The functions of the script, in a cluster with these Ingresses; the first one is the sample app's."""

    def load(mine: dict[str, Any], *others: dict[str, Any]) -> dict[str, Any]:
        for name, text in SETTINGS.items():
            monkeypatch.setenv(name, text)
        functions: dict[str, Any] = {"__name__": "cycle"}
        exec(compile(SOURCE.partition("\n# Helm may print")[0], "cycle.py", "exec"), functions)  # noqa: S102
        answers = {"ingresses/kubesleeper-test": mine, "ingresses?limit=500": {"items": [mine, *others]}}
        functions["read"] = lambda url: next(found for end, found in answers.items() if url.endswith(end))
        return functions

    return load


@pytest.mark.parametrize(
    ("mine", "others", "address"),
    [
        pytest.param("10.0.0.7", ["10.0.0.8"], "http://10.0.0.7", id="its own"),
        pytest.param("", ["", "10.0.0.8"], "http://10.0.0.8", id="of another of its class"),
        pytest.param("", ["fd00::8"], "http://[fd00::8]", id="IPv6"),
        pytest.param("", [], "", id="of none"),
    ],
)
def test_the_address_is_that_of_its_class(
    script: Callable[..., dict[str, Any]], mine: str, others: list[str], address: str
) -> None:
    more = [written(f"other-{number}", each) for number, each in enumerate(others)]
    found = script(written("kubesleeper-test", mine), written("traefik", "10.9.9.9", "traefik"), *more)
    assert found["address"]() == address


def test_without_an_address_it_gives_up_before_long_and_says_what_to_set(
    script: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = script(written("kubesleeper-test"))
    passed = 0.0

    def sleep(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    monkeypatch.setattr(found["time"], "sleep", sleep)
    monkeypatch.setattr(found["time"], "monotonic", lambda: passed)
    known = ("the ingress controller has an address", found["address"], "known", found["no_address"])
    with pytest.raises(SystemExit) as caught:
        found["until"](*known, found["ADDRESS_WITHIN"])
    assert passed == 75
    told = str(caught.value.code)
    assert told.startswith("FAILED: not within 75 s: ")
    assert "--set test.url=http://SERVICE.NAMESPACE.svc" in told


def test_a_run_begins_with_a_line_of_its_own() -> None:
    """Helm may show the last words of the pod that it has just removed."""
    *_, last = SOURCE.partition("\n# Helm may print")
    assert re.match(r".*\nprint\(f\"A new run, begun at ", last)
