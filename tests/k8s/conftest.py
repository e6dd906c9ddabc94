"""The manifests of k8s/, parsed once, by kind."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from waker import names

FOLDER = Path(__file__).parents[2] / "k8s"
Manifest = Mapping[str, Any]
SECOND = {names.ACTIVITY, names.READER}


def listed() -> list[str]:
    """The files that the kustomization names."""
    found: list[str] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
    return found


@pytest.fixture(scope="session")
def manifests() -> dict[str, Manifest]:
    """Every object by its kind; the second ones of a kind by their names."""
    documents = [each for name in listed() for each in yaml.safe_load_all((FOLDER / name).read_text())]
    found = {
        each["metadata"]["name"] if each["metadata"]["name"] in SECOND else each["kind"]: each for each in documents
    }
    assert len(found) == len(documents), "there are two objects of a kind: these tests would see only one of them"
    return found
