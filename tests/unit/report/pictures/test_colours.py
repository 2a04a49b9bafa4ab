"""Colours that can be read, on a light and a dark ground."""

from __future__ import annotations

import pytest

from poolwise.report.pictures.colours import DARK, FAINT, GROUNDS, LIGHT, WORDS


def luminance(colour: str) -> float:
    """Compute the relative luminance of a colour (WCAG 2.2)."""
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Compute the contrast of two colours (WCAG 2.2), 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_words_and_shapes_can_be_told_from_their_ground(colours) -> None:
    """Words have a contrast of 4.5 to 1 on each ground, shapes one of 3 to 1."""
    for ground in GROUNDS:
        for name, colour in colours.items():
            if name in WORDS:
                assert contrast(colour, colours[ground]) >= 4.5, name
            elif name not in (*FAINT, *GROUNDS):
                assert contrast(colour, colours[ground]) >= 3, name


def test_both_schemes_have_the_same_colours() -> None:
    """A colour of one scheme is one of the other."""
    assert LIGHT.keys() == DARK.keys()
