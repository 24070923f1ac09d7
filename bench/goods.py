"""What is sold in the bench: a listing per session, told apart by its number, and one photo for all."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw


def listing(number: int, picture: Path) -> dict[str, str]:
    """The fields of a listing as a form takes them."""
    return {
        "reference": f"BENCH-{number:05d}",
        "title": f"35 mm film camera, tested, number {number}",
        "price": "159.00",
        "currency": "EUR",
        "category": "cameras",
        "condition": "good",
        "description": "Works as it should, tested by us. Collection or tracked parcel, as you like.",
        "location": "Lyon",
        "photo": str(picture),
    }


def photo(path: Path) -> Path:
    """Draw the photo, 1600 by 1200 as from a small camera."""
    image = Image.effect_noise((1600, 1200), 40).convert("RGB")
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((400, 300, 1200, 900), radius=60, fill="#59606a")
    draw.ellipse((620, 420, 980, 780), fill="#22252a")
    image.save(path, quality=80)
    return path
