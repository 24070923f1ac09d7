"""Draws the photos of docs/examples/listings.csv: `python docs/examples/make_photos.py` writes them beside itself.

Plain shapes on a wall and a floor, 800 x 600, each below 25 kB, the same bytes at every run.
"""

import math
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

SIZE = (800, 600)
FLOOR_Y = 430
MAX_BYTES = 25_000
DARK, STEEL, WOOD, PAPER = "#2b2f36", "#9aa3ad", "#a8703c", "#f4f1ea"
Draw = ImageDraw.ImageDraw


def laptop(d: Draw) -> None:
    d.rounded_rectangle((230, 170, 570, 395), 14, fill=DARK)
    d.rectangle((246, 186, 554, 380), fill="#3f7fbf")
    d.polygon([(246, 380), (246, 300), (340, 240), (430, 320), (554, 250), (554, 380)], fill="#2f5f94")
    d.polygon([(230, 395), (570, 395), (650, 470), (150, 470)], fill=STEEL)
    for row in range(3):
        y = 405 + row * 14
        for key in range(14):
            x = 236 - row * 14 + key * (24 + row * 2)
            d.rectangle((x, y, x + 17, y + 8), fill=DARK)
    d.polygon([(355, 450), (445, 450), (450, 466), (350, 466)], fill="#7d8791")


def monitor(d: Draw) -> None:
    d.rounded_rectangle((160, 110, 640, 390), 10, fill=DARK)
    d.rectangle((174, 124, 626, 366), fill="#6fb1a0")
    d.ellipse((480, 150, 560, 230), fill="#f6d98b")
    d.polygon([(174, 366), (300, 230), (400, 320), (470, 270), (626, 366)], fill="#3b7465")
    d.rectangle((380, 390, 420, 465), fill=STEEL)
    d.rounded_rectangle((300, 460, 500, 478), 8, fill=STEEL)


def bike(d: Draw, colour: str = "#c0392b") -> None:
    for x in (250, 550):
        d.ellipse((x - 110, 280, x + 110, 500), outline=DARK, width=12)
        for spoke in range(12):
            angle = spoke * math.pi / 6
            d.line((x, 390, x + 102 * math.cos(angle), 390 + 102 * math.sin(angle)), fill=STEEL, width=2)
    frame = [(250, 390), (350, 240), (390, 400), (250, 390)]
    d.line(frame, fill=colour, width=14, joint="curve")
    d.line([(350, 240), (510, 230), (390, 400)], fill=colour, width=14, joint="curve")
    d.line([(550, 390), (500, 190), (545, 175)], fill=colour, width=12, joint="curve")
    d.line([(530, 172), (575, 190)], fill=DARK, width=14)
    d.line([(350, 240), (338, 200)], fill=STEEL, width=12)
    d.rounded_rectangle((295, 186, 385, 206), 10, fill=DARK)
    d.ellipse((362, 372, 418, 428), outline=DARK, width=10)
    d.line([(390, 400), (420, 455)], fill=DARK, width=9)


def city_bike(d: Draw) -> None:
    bike(d, "#1f6f78")
    d.rectangle((560, 190, 680, 270), fill=WOOD)
    for x in range(575, 680, 20):
        d.line((x, 190, x, 270), fill="#7a4f28", width=3)


def lamp(d: Draw) -> None:
    d.ellipse((300, 470, 500, 505), fill=DARK)
    d.line([(400, 485), (310, 340), (430, 210)], fill=STEEL, width=14, joint="curve")
    d.ellipse((295, 325, 325, 355), fill=DARK)
    d.polygon([(400, 180), (470, 150), (560, 270), (430, 300)], fill="#d98c2b")
    d.polygon([(430, 300), (560, 270), (650, 500), (400, 500)], fill="#f7e7b4")


def chair(d: Draw) -> None:
    d.rounded_rectangle((290, 130, 500, 320), 24, fill="#4f7d5b")
    d.rounded_rectangle((270, 310, 530, 372), 20, fill="#5f9470")
    for x0, x1 in ((295, 270), (505, 530), (340, 330), (460, 470)):
        d.line((x0, 370, x1, 515), fill=WOOD, width=13)
    d.line((278, 455, 522, 455), fill=WOOD, width=8)


def sideboard(d: Draw) -> None:
    d.rectangle((130, 260, 670, 450), fill=WOOD)
    for x in (140, 320, 500):
        d.rectangle((x, 272, x + 160, 438), fill="#bd8350")
        d.ellipse((x + 132, 344, x + 148, 360), fill=DARK)
    for x in (160, 640):
        d.line((x, 450, x + (-14 if x < 400 else 14), 520), fill="#6f4824", width=14)
    d.rectangle((200, 190, 250, 260), fill="#cfd8dc")
    d.polygon([(225, 195), (180, 110), (222, 150), (235, 90), (240, 150), (280, 115)], fill="#4d8b4a")


def phone(d: Draw) -> None:
    d.rounded_rectangle((310, 110, 490, 500), 28, fill=DARK)
    d.rounded_rectangle((322, 124, 478, 486), 18, fill="#8e5aa8")
    d.rounded_rectangle((375, 130, 425, 144), 7, fill=DARK)
    for row in range(4):
        for column in range(3):
            x, y = 342 + column * 42, 200 + row * 48
            d.rounded_rectangle((x, y, x + 30, y + 30), 8, fill=("#f2c14e", "#5fb3d9", "#ef6f6c")[(row + column) % 3])


def headphones(d: Draw) -> None:
    d.arc((230, 120, 570, 520), 180, 360, fill=DARK, width=26)
    for x in (205, 505):
        d.rounded_rectangle((x, 300, x + 90, 450), 34, fill="#34495e")
        d.rounded_rectangle((x + 18, 318, x + 72, 432), 24, fill="#5d7a96")


def camera(d: Draw) -> None:
    d.rounded_rectangle((200, 220, 600, 470), 22, fill=DARK)
    d.rectangle((200, 265, 600, 300), fill=STEEL)
    d.rectangle((330, 175, 470, 222), fill="#3a3f47")
    d.rounded_rectangle((225, 190, 285, 222), 8, fill=STEEL)
    for radius, colour in ((112, "#4a5058"), (88, "#15181c"), (62, "#27466b"), (30, "#4f86c6")):
        d.ellipse((400 - radius, 360 - radius, 400 + radius, 360 + radius), fill=colour)
    d.ellipse((412, 318, 436, 342), fill="#dbe9f7")


def pram(d: Draw) -> None:
    d.pieslice((210, 110, 570, 470), 180, 270, fill="#b5485d")
    d.chord((210, 150, 570, 440), 0, 180, fill="#d9697f")
    d.rectangle((210, 286, 570, 302), fill="#8c3346")
    d.line([(560, 295), (660, 190), (690, 200)], fill=DARK, width=12, joint="curve")
    d.line([(300, 420), (480, 480)], fill=STEEL, width=10)
    d.line([(480, 420), (300, 480)], fill=STEEL, width=10)
    for x in (290, 490):
        d.ellipse((x - 45, 440, x + 45, 530), outline=DARK, width=12)
        d.ellipse((x - 8, 477, x + 8, 493), fill=STEEL)


def coffee_machine(d: Draw) -> None:
    d.rounded_rectangle((250, 120, 550, 500), 18, fill="#b23a3a")
    d.rectangle((285, 270, 515, 440), fill="#38211f")
    d.rounded_rectangle((350, 255, 450, 300), 8, fill=STEEL)
    d.line((450, 280, 560, 280), fill=DARK, width=16)
    d.polygon([(350, 370), (450, 370), (435, 440), (365, 440)], fill=PAPER)
    d.arc((430, 380, 475, 425), 270, 90, fill=PAPER, width=9)
    d.line((400, 300, 400, 372), fill="#7a4a21", width=6)
    d.rectangle((260, 445, 540, 470), fill=STEEL)
    for x, colour in ((300, "#f2c14e"), (345, PAPER), (390, PAPER)):
        d.ellipse((x, 170, x + 28, 198), fill=colour)
    d.ellipse((450, 150, 520, 220), fill=PAPER)
    d.line((485, 185, 505, 165), fill=DARK, width=5)


PHOTOS: dict[str, tuple[Callable[[Draw], None], str, str]] = {
    "laptop.jpg": (laptop, "#dfe6ec", "#b99a73"),
    "monitor.jpg": (monitor, "#ece6dc", "#9c8465"),
    "bike.jpg": (bike, "#cfe3ee", "#8c9a86"),
    "city-bike.jpg": (city_bike, "#f0ead8", "#a39a8c"),
    "lamp.jpg": (lamp, "#5b6675", "#3d3a38"),
    "chair.jpg": (chair, "#efe3d3", "#c2a27c"),
    "sideboard.jpg": (sideboard, "#dbe5dd", "#b7a58e"),
    "phone.jpg": (phone, "#e9e4f0", "#b3a8bf"),
    "headphones.jpg": (headphones, "#f2e6dc", "#c9a98f"),
    "camera.jpg": (camera, "#e3dccf", "#8a6d4d"),
    "pram.jpg": (pram, "#dff0ea", "#b9c2a0"),
    "coffee-machine.jpg": (coffee_machine, "#e8edf0", "#8f979c"),
}


def draw(subject: Callable[[Draw], None], wall: str, floor: str) -> Image.Image:
    """One photo: the subject on its wall and floor, a little soft at the edges."""
    image = Image.new("RGB", SIZE, wall)
    canvas = ImageDraw.Draw(image)
    canvas.rectangle((0, FLOOR_Y, *SIZE), fill=floor)
    canvas.ellipse((150, 480, 650, 545), fill=_darker(image, (400, 560)))
    subject(canvas)
    return image.filter(ImageFilter.GaussianBlur(0.8))


def _darker(image: Image.Image, at: tuple[int, int]) -> tuple[int, ...]:
    pixel = image.getpixel(at)
    return tuple(channel * 4 // 5 for channel in pixel) if isinstance(pixel, tuple) else (0, 0, 0)


def main() -> None:
    folder = Path(__file__).parent / "photos"
    folder.mkdir(exist_ok=True)
    for name, (subject, wall, floor) in PHOTOS.items():
        path = folder / name
        draw(subject, wall, floor).save(path, "JPEG", quality=72, optimize=True)
        if path.stat().st_size > MAX_BYTES:
            raise SystemExit(f"{path} is larger than {MAX_BYTES} bytes: lower its quality.")


if __name__ == "__main__":
    main()
