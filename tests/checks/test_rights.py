"""The rights that `waker check` asks for are those that the manifests grant: no more, no fewer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from waker.checks.rights import NEEDED

K8S = Path(__file__).parents[2] / "k8s"

Right = tuple[str, str, str, str]  # group, resource, name or "", verb


def granted(file: str) -> Iterator[Right]:
    """Of the first object in a manifest. Of several names the first one stands for all."""
    role = next(each for each in yaml.safe_load_all((K8S / file).read_text()) if "rules" in each)
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    yield group, resource, (rule.get("resourceNames") or [""])[0], verb


@pytest.mark.parametrize(("file", "own"), [("cluster-role.yaml", False), ("role.yaml", True)])
def test_the_table_is_what_the_manifests_grant(file: str, own: bool) -> None:
    asked = {(each.group, each.resource, each.name, verb) for each in NEEDED if each.own is own for verb in each.verbs}
    assert asked == set(granted(file))


def test_each_right_has_a_reason() -> None:
    assert all(each.why.startswith("to ") for each in NEEDED)
