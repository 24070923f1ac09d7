from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Writes a file of the given name and content, and returns its path."""

    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


@pytest.fixture
def photo(tmp_path: Path) -> Callable[..., Path]:
    """Draws a small picture of the given name in the folder of the table."""

    def draw(name: str, *, kind: str = "JPEG", size: tuple[int, int] = (64, 48)) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, "teal").save(path, kind)
        return path

    return draw
