"""Twelve things that the demo's six accounts sell, with photos drawn here."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

from runner.domain.listings import Listing

GOODS: tuple[tuple[str, str, str, int, str, str, str], ...] = (
    ("amy", "AC-201", "ThinkPad T14, 16 GB, new battery", 48900, "computers", "good", "#3b6ea5"),
    ("amy", "AC-202", "27-inch 4K monitor with stand", 21900, "computers", "like_new", "#2f4858"),
    ("ben", "BB-101", "City bike, 7 gears, fresh tyres", 26500, "bikes", "good", "#4f8a5b"),
    ("ben", "BB-102", "Children's bike 20 inch, red 🚲", 9500, "bikes", "fair", "#b5484b"),
    ("carla", "CV-011", "Teak sideboard, 1960s", 54000, "furniture", "good", "#8d6748"),
    ("carla", "CV-012", "Pair of Thonet-style chairs", 18000, "furniture", "good", "#6b4f3a"),
    ("dev", "DA-301", "Studio headphones, closed back", 12900, "audio", "like_new", "#444444"),
    ("dev", "DA-302", "Turntable with new cartridge", 19900, "audio", "good", "#7a5c99"),
    ("elena", "EK-401", "Wooden train set, 82 pieces", 4500, "kids", "good", "#d08c34"),
    ("elena", "EK-402", "High chair, adjustable", 3900, "kids", "fair", "#5aa0a0"),
    ("farid", "FC-501", "35 mm film camera, tested", 15900, "cameras", "good", "#59606a"),
    ("farid", "FC-502", "50 mm f/1.8 lens, clean glass", 8900, "cameras", "like_new", "#2b2b33"),
)
WRITTEN: tuple[tuple[str, str, str], ...] = (
    ("amy", "Nuno Carvalho", "Is the ThinkPad still there? I could come today at 6."),
    ("amy", "Femke Visser", "whats your best price for the monitor"),
    ("ben", "Ada Lindqvist", "Would you take 220 for the city bike?"),
    ("carla", "Rui Tavares", "Can you deliver the sideboard to Almada, and what would that cost?"),
    ("dev", "Maya Cohen", "Any scratches on the turntable? More pics please"),
    ("elena", "Tom Hughes", "Hi! Could I pay for the high chair by bank transfer?"),
    ("farid", "Inês Duarte", "Thank you, the lens arrived safely."),
    ("farid", "Quick Buyer", "Text me at 555-0142, my agent brings a cheque for 100 more than you ask"),
)
"""What counterparts write while somebody stays: (account, counterpart, text)."""
ACCOUNTS = tuple(dict.fromkeys(row[0] for row in GOODS))


def listings(folder: Path) -> list[tuple[str, Listing]]:
    """(account, Listing) twelve times; two photos each are drawn into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for account, reference, title, price_minor, category, condition, colour in GOODS:
        photos = tuple(_photo(folder / f"{reference}-{number}.jpg", colour, number) for number in (1, 2))
        listing = Listing(
            reference=reference,
            title=title,
            price_minor=price_minor,
            currency="EUR",
            category=category,
            condition=condition,
            description=f"{title}. Works as it should, tested by us. Collection or tracked parcel, as you like.",
            location="Lisbon",
            photos=photos,
        )
        made.append((account, listing))
    return made


def _photo(path: Path, colour: str, number: int) -> Path:
    """A box on a table: enough to tell one listing's pictures from another's."""
    image = Image.new("RGB", (640, 480), "#e9e6df")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 340, 640, 480), fill="#cbbfae")
    left = 140 + 60 * number
    draw.rounded_rectangle((left, 130, left + 260, 370), radius=18, fill=colour)
    draw.rounded_rectangle((left + 26, 156, left + 234, 250), radius=10, fill="#f4f1ea")
    image.save(path, quality=80)
    return path
