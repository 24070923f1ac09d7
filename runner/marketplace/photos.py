"""Photos: checking what is uploaded, keeping it, drawing the seeded ones, making thumbnails."""

import colorsys
import hashlib
import io
import random
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageOps, UnidentifiedImageError

MOST_BYTES = 5 * 1024 * 1024
MEDIA_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
MOST_PIXELS = 60_000_000
THUMB_SIDE = 320


class PhotoError(ValueError):
    """An upload is refused; the message is for the person who chose the file."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A photo that has been checked and kept: its file's name in the photos folder."""

    file: str
    media_type: str
    content_hash: str
    size_bytes: int


def check(name: str, content: bytes) -> str:
    """Returns the media type of a picture, or raises PhotoError for what is none that we take."""
    if len(content) > MOST_BYTES:
        raise PhotoError(f"“{name}” is larger than 5 MB.")
    unreadable = PhotoError(f"“{name}” is not a picture that we can read. Use JPEG, PNG or WebP.")
    try:
        with Image.open(io.BytesIO(content), formats=list(MEDIA_TYPES)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise PhotoError(f"“{name}” has too many pixels.")
            image.load()
            return MEDIA_TYPES[image.format or ""]
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, PhotoError):
            raise
        raise unreadable from error


def store(folder: Path, name: str, content: bytes) -> Stored:
    """Checks an upload and writes it, with its thumbnail, under its own hash; raises PhotoError."""
    media_type = check(name, content)
    digest = hashlib.sha256(content).hexdigest()
    file = f"{digest}.{ENDINGS[media_type]}"
    _write(folder / file, content)
    _write(folder / f"{digest}-thumb.jpg", _thumb(content))
    return Stored(file=file, media_type=media_type, content_hash=digest, size_bytes=len(content))


def _write(path: Path, content: bytes) -> None:
    """Writes a file in one step, so that a picture is never served by half."""
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(content)
    partial.replace(path)


def _thumb(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as image:
        small = image.convert("RGB")
        small.thumbnail((THUMB_SIDE, THUMB_SIDE))
        out = io.BytesIO()
        small.save(out, "JPEG", quality=80)
        return out.getvalue()


def file_of(folder: Path, row: sqlite3.Row, *, thumb: bool) -> tuple[Path, str]:
    """Returns a photo's file and media type; a seeded photo is drawn when it is first asked for."""
    full = folder / str(row["file"])
    small = full.with_name(f"{full.stem}-thumb.jpg")
    if row["art_seed"] is not None and not (full.exists() and small.exists()):
        content = draw(int(row["art_seed"]), str(row["art_category"]))
        _write(full, content)
        _write(small, _thumb(content))
    return (small, "image/jpeg") if thumb else (full, str(row["media_type"]))


def draw(art_seed: int, category: str) -> bytes:
    """Draws a still life for a seeded listing: a backdrop, a table, and an object of its category; JPEG bytes.

    The object comes from the seed without its last digit, so that all photos of a listing show the same thing.
    """
    scene, thing = random.Random(art_seed), random.Random(art_seed // 10)  # noqa: S311 (repeatable, not secret)
    image = Image.new("RGB", (800, 600))
    pen = ImageDraw.Draw(image)
    wall = _tone(scene, 165, 225)
    for y in range(430):
        pen.line([(0, y), (800, y)], fill=_shade(wall, 1 - y / 1700))
    wood = (scene.randrange(150, 190), scene.randrange(115, 145), scene.randrange(82, 108))
    for y in range(430, 600):
        pen.line([(0, y), (800, y)], fill=_shade(wood, 1.06 - (y - 430) / 700))
    image = _with_shadow(image, scene)
    ARTISTS.get(category, _crate)(ImageDraw.Draw(image), thing)
    out = io.BytesIO()
    _seen_from(image, art_seed % 10, scene).filter(ImageFilter.GaussianBlur(0.6)).save(out, "JPEG", quality=82)
    return out.getvalue()


def _seen_from(image: Image.Image, number: int, rng: random.Random) -> Image.Image:
    """Returns the first photo as it is, the second from near, the third from the other side."""
    if number == 2:
        left, top = rng.randrange(120, 220), rng.randrange(130, 190)
        return image.crop((left, top, left + 440, top + 330)).resize((800, 600), Image.Resampling.BICUBIC)
    return ImageOps.mirror(image) if number == 3 else image


def _tone(rng: random.Random, low: int, high: int) -> tuple[int, int, int]:
    """Returns a quiet colour: a grey between two bounds, leaning a little to one side."""
    grey = rng.randrange(low, high)
    red, green, blue = (max(0, min(255, grey + rng.randrange(-20, 21))) for _ in range(3))
    return red, green, blue


def _vivid(rng: random.Random) -> tuple[int, int, int]:
    """Returns a strong colour."""
    red, green, blue = (int(part * 255) for part in colorsys.hsv_to_rgb(rng.random(), 0.62, 0.72))
    return red, green, blue


def _shade(colour: tuple[int, int, int], factor: float) -> tuple[int, int, int]:
    red, green, blue = (max(0, min(255, int(part * factor))) for part in colour)
    return red, green, blue


def _with_shadow(image: Image.Image, rng: random.Random) -> Image.Image:
    mask = Image.new("L", image.size, 0)
    ImageDraw.Draw(mask).ellipse((190, 470, 630 + rng.randrange(60), 540), fill=120)
    return Image.composite(Image.new("RGB", image.size, (30, 24, 20)), image, mask.filter(ImageFilter.GaussianBlur(18)))


def _computer(pen: ImageDraw.ImageDraw, rng: random.Random) -> None:
    body, screen = _tone(rng, 50, 130), _vivid(rng)
    shift = rng.randrange(-50, 50)
    pen.rounded_rectangle((220 + shift, 170, 580 + shift, 420), 14, fill=body)
    pen.rectangle((236 + shift, 186, 564 + shift, 404), fill=screen)
    for row in range(rng.randrange(2, 6)):
        pen.rectangle(
            (260 + shift, 215 + row * 34, 300 + shift + rng.randrange(220), 229 + row * 34), fill=_shade(screen, 1.25)
        )
    pen.polygon(
        [(220 + shift, 420), (580 + shift, 420), (640 + shift, 510), (160 + shift, 510)], fill=_shade(body, 1.5)
    )
    for row in range(4):
        y = 434 + row * 15
        pen.line([(232 + shift - row * 9, y), (568 + shift + row * 9, y)], fill=body, width=7)


def _bike(pen: ImageDraw.ImageDraw, rng: random.Random) -> None:
    frame = _vivid(rng)
    for x in (270, 545):
        pen.ellipse((x - 105, 300, x + 105, 510), outline=(35, 35, 38), width=12)
        for step in range(6):
            pen.line([(x - 100 + step * 40, 405), (x, 405 - 90 + step * 30)], fill=(150, 150, 155), width=2)
    points = [(270, 405), (345, 250), (510, 250), (395, 405), (270, 405)]
    pen.line(points, fill=frame, width=13, joint="curve")
    pen.line([(395, 405), (335, 225)], fill=frame, width=13)
    pen.line([(545, 405), (500, 215), (540 + rng.randrange(30), 200)], fill=frame, width=12)
    pen.rounded_rectangle((300, 212, 375, 230), 9, fill=(40, 30, 26))


def _furniture(pen: ImageDraw.ImageDraw, rng: random.Random) -> None:
    wood = (rng.randrange(110, 180), rng.randrange(70, 110), rng.randrange(35, 65))
    top, width = rng.randrange(230, 300), rng.randrange(320, 460)
    left = 400 - width // 2
    for x in (left + 18, left + width - 34):
        pen.polygon([(x, 430), (x + 18, 430), (x + 12, 515), (x + 4, 515)], fill=_shade(wood, 0.6))
    pen.rectangle((left, top, left + width, 440), fill=wood)
    doors = rng.randrange(2, 5)
    for number in range(doors):
        x = left + 10 + number * (width - 20) // doors
        pen.rectangle((x, top + 14, x + (width - 20) // doors - 8, 428), fill=_shade(wood, rng.uniform(1.08, 1.3)))
        pen.ellipse((x + 12, 340, x + 24, 352), fill=(215, 190, 120))


def _audio(pen: ImageDraw.ImageDraw, rng: random.Random) -> None:
    box = _tone(rng, 45, 130)
    for x in (250, 430):
        pen.rounded_rectangle((x, 190, x + 140, 505), 10, fill=box)
        for y, radius in ((270, 30 + rng.randrange(14)), (400, 55)):
            pen.ellipse(
                (x + 70 - radius, y - radius, x + 70 + radius, y + radius),
                fill=(28, 28, 30),
                outline=(190, 190, 195),
                width=4,
            )
            pen.ellipse((x + 58, y - 12, x + 82, y + 12), fill=_shade(box, 1.4))


def _camera(pen: ImageDraw.ImageDraw, rng: random.Random) -> None:
    leather, metal = _tone(rng, 25, 80), rng.randrange(150, 215)
    pen.rounded_rectangle((235, 265, 575, 505), 22, fill=leather)
    pen.rounded_rectangle((235, 245, 575, 310), 18, fill=(metal, metal, metal))
    pen.rectangle((350, 215, 460, 262), fill=_shade((metal, metal, metal), 0.85))
    for radius, tone in ((105, 60), (86, 30), (60, 70 + rng.randrange(60)), (28, 20)):
        pen.ellipse(
            (405 - radius, 395 - radius, 405 + radius, 395 + radius), fill=(tone, tone, tone + rng.randrange(25))
        )
    pen.ellipse((375, 360, 398, 380), fill=(235, 240, 250))


def _kids(pen: ImageDraw.ImageDraw, rng: random.Random) -> None:
    for row in range(3):
        for column in range(3 - row):
            x, y = 250 + column * 105 + row * 52, 410 - row * 100
            colour = _vivid(rng)
            pen.rounded_rectangle((x, y, x + 96, y + 96), 12, fill=colour)
            pen.ellipse((x + 26, y + 26, x + 70, y + 70), fill=_shade(colour, 0.75))


def _phone(pen: ImageDraw.ImageDraw, rng: random.Random) -> None:
    pen.rounded_rectangle((310, 160, 490, 512), 26, fill=_tone(rng, 30, 120))
    screen = _tone(rng, 40, 90)
    pen.rounded_rectangle((320, 172, 480, 500), 18, fill=screen)
    for row in range(5):
        for column in range(3):
            x, y = 338 + column * 46, 200 + row * 54
            pen.rounded_rectangle((x, y, x + 32, y + 32), 8, fill=_vivid(rng))


def _crate(pen: ImageDraw.ImageDraw, rng: random.Random) -> None:
    wood = _tone(rng, 100, 190)
    pen.polygon([(400, 190), (480, 300), (320, 300)], fill=_shade(wood, 1.25))
    pen.rectangle((392, 290, 408, 470), fill=_shade(wood, 0.7))
    pen.ellipse((330, 462, 470, 506), fill=_shade(wood, 0.55))


ARTISTS = {
    "computers": _computer,
    "bikes": _bike,
    "furniture": _furniture,
    "audio": _audio,
    "cameras": _camera,
    "kids": _kids,
    "phones": _phone,
}
