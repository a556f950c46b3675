"""Colors with the names that shops give them."""

from __future__ import annotations

RGB = tuple[float, float, float]
"""Red, green, blue, each 0 to 1."""

COLORS: dict[str, RGB] = {
    "black": (0.10, 0.10, 0.11),
    "charcoal": (0.24, 0.25, 0.27),
    "gray": (0.52, 0.53, 0.55),
    "silver": (0.74, 0.75, 0.77),
    "white": (0.93, 0.93, 0.91),
    "cream": (0.90, 0.84, 0.72),
    "sand": (0.78, 0.67, 0.50),
    "tan": (0.66, 0.44, 0.25),
    "brown": (0.36, 0.22, 0.14),
    "burgundy": (0.43, 0.09, 0.15),
    "red": (0.74, 0.13, 0.13),
    "rust": (0.72, 0.32, 0.14),
    "mustard": (0.83, 0.62, 0.15),
    "olive": (0.38, 0.40, 0.20),
    "forest": (0.11, 0.31, 0.21),
    "mint": (0.58, 0.80, 0.69),
    "teal": (0.07, 0.44, 0.46),
    "sky": (0.49, 0.69, 0.85),
    "blue": (0.14, 0.33, 0.67),
    "navy": (0.10, 0.15, 0.32),
    "lilac": (0.66, 0.57, 0.78),
    "plum": (0.36, 0.17, 0.36),
    "rose": (0.83, 0.54, 0.56),
    "coral": (0.91, 0.45, 0.37),
}


def luminance(color: RGB) -> float:
    """Relative luminance by Rec. 709 weights, 0 to 1."""
    return 0.2126 * color[0] + 0.7152 * color[1] + 0.0722 * color[2]


def dimmed(color: RGB, factor: float) -> RGB:
    """`color` with each part multiplied by `factor`."""
    return color[0] * factor, color[1] * factor, color[2] * factor


def blended(first: RGB, second: RGB, share: float) -> RGB:
    """`share` of `second` in `first`."""
    red, green, blue = (a + share * (b - a) for a, b in zip(first, second, strict=True))
    return red, green, blue


def ink_on(color: RGB) -> RGB:
    """A dark or light ink that can be read on `color`."""
    return (0.95, 0.94, 0.90) if luminance(color) < 0.42 else (0.09, 0.09, 0.11)
