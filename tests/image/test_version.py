"""The version stands in waker/__init__.py alone. The package reads it from there, and the Dockerfile names no other.

The manifests have to repeat it, see tests/k8s; so do the documents, see tests/docs.
"""

import re
from configparser import ConfigParser
from pathlib import Path

import waker

ROOT = Path(__file__).parents[2]


def test_it_is_a_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", waker.__version__)


def test_the_package_has_this_version() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert setup["metadata"]["version"] == "attr: waker.__version__"


def test_the_dockerfile_names_no_version() -> None:
    assert not re.search(r"\b\d+\.\d+\.\d+\b", (ROOT / "Dockerfile").read_text())


def test_the_labels_of_the_image_say_what_the_package_says() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', (ROOT / "Dockerfile").read_text()))
    assert labels["licenses"] == setup["metadata"]["license"]
    assert labels["description"] == setup["metadata"]["description"]
    assert (labels["version"], labels["revision"]) == ("$VERSION", "$REVISION")
    assert {"title", "url", "source", "documentation"} <= labels.keys()
