"""An app's own colour: as it is where it can be read, else the nearest shade that can."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waker.web.colours import DARK, ENOUGH, LIGHT, contrast, readable_on


@given(st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}"))
def test_every_colour_becomes_readable_on_both_grounds(colour: str) -> None:
    for ground in (LIGHT, DARK):
        shade = readable_on(ground, colour)
        assert contrast(ground, shade) >= ENOUGH
        assert shade == colour or contrast(ground, colour) < ENOUGH


@pytest.mark.parametrize(
    ("one", "other", "ratio"), [("#000000", "#ffffff", 21), ("#777777", "#ffffff", 4.48), ("#123456", "#123456", 1)]
)
def test_the_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)
    assert contrast(other, one) == contrast(one, other)
