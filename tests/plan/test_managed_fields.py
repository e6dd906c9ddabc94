"""waker takes itself, and nobody else, off the list of who owns an object's fields."""

from itertools import product

import pytest

from waker.demo.patches import json_patch
from waker.plan.managed_fields import released

WRITERS = ("kubectl", "helm", "kubesleeper-waker")


@pytest.mark.parametrize("managers", [each for count in range(4) for each in product(WRITERS, repeat=count)], ids=str)
def test_everybody_else_stays(managers: tuple[str, ...]) -> None:
    entries = [{"manager": each, "operation": "Update", "time": str(i)} for i, each in enumerate(managers)]
    found = {"metadata": {"resourceVersion": "7", **({"managedFields": entries} if entries else {})}}
    patch = released(found)
    assert bool(patch) is ("kubesleeper-waker" in managers)
    others = [each for each in entries if each["manager"] != "kubesleeper-waker"]
    after = json_patch(found, patch)["metadata"].get("managedFields", [])
    assert after == (others or ([{}] if entries else []))
    assert not patch or patch[0] == {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}
