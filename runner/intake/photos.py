"""Photos named in a table: found in their folder and nowhere else, and looked at before anybody uploads them."""

import os
import unicodedata
import warnings
from pathlib import Path, PurePosixPath

from PIL import Image, UnidentifiedImageError

from runner.intake.report import did_you_mean

MAX_PHOTO_BYTES = 5 * 1024 * 1024
MAX_PHOTO_PIXELS = 100_000_000
MAX_PHOTOS = 10
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")


class NotAPhoto(ValueError):
    """Why a name gives no photo, and what to do."""


class PhotoFolder:
    """The folders that photo names are looked up in, in their order; every file is examined once."""

    def __init__(self, *folders: Path) -> None:
        self._roots = [folder.resolve() for folder in folders]
        self._verdicts: dict[Path, str | None] = {}

    def find(self, name: str) -> Path:
        """The real path of a named photo. Raises NotAPhoto: outside the folder, missing, too large, not an image."""
        if "://" in name:
            raise NotAPhoto("photos are files in a folder, not addresses: download it first")
        path = self._locate(name)
        if path not in self._verdicts:
            self._verdicts[path] = _flaw(path)
        flaw = self._verdicts[path]
        if flaw:
            raise NotAPhoto(flaw)
        return path

    def _locate(self, name: str) -> Path:
        outside = 0
        for spelling in dict.fromkeys((name, name.replace("\\", "/"))):
            for root in self._roots:
                found = _inside(root, spelling)
                outside += found is None
                if found is not None and os.path.exists(found):  # unlike Path.exists, never raises
                    return found
                twin = _twin(root, spelling) if found is not None else None
                if twin is not None:
                    return twin
        if outside:
            raise NotAPhoto(f"leads out of the photo folder {self._roots[0]}: only files inside it are taken")
        near = did_you_mean(PurePosixPath(name.replace("\\", "/")).name, self._names(name))
        raise NotAPhoto(f"no such photo in {' or '.join(map(str, self._roots))}.{near}")

    def _names(self, name: str) -> list[str]:
        inner = PurePosixPath(name.replace("\\", "/")).parent
        folders = {folder for root in self._roots for folder in (root, root / inner) if _inside(root, str(inner))}
        return [path.name for folder in sorted(folders) if os.path.isdir(folder) for path in folder.iterdir()]


def _inside(root: Path, name: str) -> Path | None:
    """The resolved path (symbolic links followed), or None when it leads out of the folder or cannot be a path."""
    if len(name) > 1 and name[1] == ":":  # a Windows drive
        return None
    try:
        path = (root / name).resolve()
    except (ValueError, OSError, RuntimeError):  # NUL in the name, or links in a circle
        return None
    return path if path.is_relative_to(root) else None


def _twin(root: Path, name: str) -> Path | None:
    """A file whose name is the same to the eye but composed otherwise: macOS writes "ü" as two characters."""
    folder = (root / name).parent
    wanted = unicodedata.normalize("NFC", Path(name).name)
    if not os.path.isdir(folder):
        return None
    found = next((path for path in folder.iterdir() if unicodedata.normalize("NFC", path.name) == wanted), None)
    return _inside(root, str(found)) if found else None


def _flaw(path: Path) -> str | None:
    if not path.is_file():
        return "is not a file"
    size = path.stat().st_size
    if size > MAX_PHOTO_BYTES:
        return f"too large: {size / 2**20:.1f} MB, at most {MAX_PHOTO_BYTES // 2**20} MB"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below is ours
            return _undecodable(path)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            return f"cannot be opened: {error.strerror}"
        kind = "not an image" if isinstance(error, UnidentifiedImageError) else "damaged or cut off"
        return f"{kind}: save it again as JPEG or PNG"


def _undecodable(path: Path) -> str | None:
    with Image.open(path) as image:
        if image.format not in FORMATS:
            return f"an image of kind {image.format}, which sites do not take: save it as JPEG or PNG"
        if image.width * image.height > MAX_PHOTO_PIXELS:
            return f"too many pixels ({image.width} x {image.height}): make it smaller"
        image.verify()
    with Image.open(path) as image:  # verify() does not notice a JPEG that is cut off; decoding an eighth of it does
        image.draft("L", (image.width // 8 or 1, image.height // 8 or 1))
        image.load()
    return None
