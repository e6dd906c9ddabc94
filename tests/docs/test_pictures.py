"""The pictures are what the code does."""

from xml.etree import ElementTree

import pytest

from tests.docs.pictures import DOCS, PICTURES, PLACES, arrows, cycle, down_and_up
from waker.plan.model import Phase


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_up_to_date(name: str) -> None:
    drawn = PICTURES[name]()
    assert (DOCS / name).read_text() == drawn, "run: python -m tests.docs.pictures"
    ElementTree.fromstring(drawn)  # noqa: S314 it is our own


def test_every_phase_is_drawn_and_can_be_left() -> None:
    assert set(PLACES) == set(Phase)
    assert {one for one, _ in arrows()} == set(Phase) - {Phase.NOT_MANAGED}, (
        "no story begins with an app that is not enabled"
    )
    assert {other for _, other in arrows()} == set(Phase)
    assert set(cycle()) <= set(arrows())


def test_what_is_saved_is_written_before_it_is_needed() -> None:
    """As the picture shows: routes, then replicas; replicas, then routes, and what was saved goes last."""
    down, up = down_and_up()
    assert [each.of for each in down] == ["Ingress front", "Deployment shop"]
    assert [each.of for each in up] == ["Deployment shop", "Ingress front", "Deployment shop"]
    assert "replicas: 0" in down[1].lines
    assert "replicas: 3" in up[0].lines
    assert "saved-replicas: removed" in up[2].lines
