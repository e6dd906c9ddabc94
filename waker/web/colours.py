"""An app's own colour, made fit for light and for dark pages: WCAG's contrast, and the nearest shade that has enough of it.

Pure. A colour is `#rrggbb`. `page_context` asks for both shades; themes draw lines and texts with them.
"""

from functools import lru_cache
from typing import Final, TypeAlias

ENOUGH: Final = 4.5  # for text, WCAG 1.4.3; lines need 3
LIGHT, DARK = "#efeae0", "#1d222e"  # the darkest light ground of all built-in themes, and the lightest dark one
SHADES: Final = 50  # steps on the way to black or white

Rgb: TypeAlias = tuple[float, float, float]


def contrast(one: str, other: str) -> float:
    """From 1 to 21."""
    low, high = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))))
    return (high + 0.05) / (low + 0.05)


@lru_cache(maxsize=64)
def readable_on(ground: str, colour: str) -> str:
    """The colour itself, or as little darker or lighter as it takes to be read on this ground."""
    target = (0.0, 0.0, 0.0) if contrast(ground, "#000000") > contrast(ground, "#ffffff") else (1.0, 1.0, 1.0)
    shades = (_mixed(_rgb(colour), target, step / SHADES) for step in range(SHADES + 1))
    return next(shade for shade in shades if contrast(ground, shade) >= ENOUGH)


def _rgb(colour: str) -> Rgb:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _mixed(colour: Rgb, target: Rgb, share: float) -> str:
    parts = (round(255 * (a + (b - a) * share)) for a, b in zip(colour, target, strict=True))
    return "#" + "".join(f"{part:02x}" for part in parts)


def _luminance(colour: Rgb) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
