"""Pillow: pictures made smaller and stored."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageFilter

from benchmarks.judgement.case import Case, folder

COUNT = 40


def photographs(place: Path) -> None:
    """Make JPEG files of 1000 × 750."""
    for number in range(COUNT):
        path = place / f"{number}.jpg"
        if not path.exists():
            Image.effect_noise((1000, 750), 20 + number).convert("RGB").save(path, quality=80)


def thumbnail(number: int) -> int:
    """Read a photograph, make it smaller, and store it in memory."""
    with Image.open(folder() / f"{number}.jpg") as picture:
        small = picture.resize((200, 150), Image.Resampling.LANCZOS)
    stored = io.BytesIO()
    small.save(stored, "JPEG")
    return len(stored.getvalue())


def blur(number: int) -> int:
    """Blur a picture; the GIL is let go."""
    picture = Image.linear_gradient("L").resize((800, 800)).point(lambda value: (value + number) % 256)
    return int(picture.filter(ImageFilter.GaussianBlur(4)).getpixel((100, 100)))


CASES = (
    Case(name="Pillow, thumbnails", function=thumbnail, prepare=photographs, count=COUNT),
    Case(name="Pillow, blur", function=blur, count=60),
)
