import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.intake.photos import MAX_PHOTO_BYTES, NotAPhoto, PhotoFolder

Photo = Callable[..., Path]


def refusal(folder: PhotoFolder, name: str) -> str:
    with pytest.raises(NotAPhoto) as caught:
        folder.find(name)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_the_kinds_that_sites_take_are_found_whatever_their_names(tmp_path: Path, photo: Photo, kind: str) -> None:
    path = photo("sub folder/any.jpg", kind=kind)
    assert PhotoFolder(tmp_path).find("sub folder/any.jpg") == path.resolve()
    assert PhotoFolder(tmp_path).find("sub folder\\any.jpg") == path.resolve()
    assert PhotoFolder(tmp_path).find(str(path)) == path.resolve()


def test_a_name_composed_otherwise_is_the_same_photo(tmp_path: Path, photo: Photo) -> None:
    path = photo(unicodedata.normalize("NFD", "Küche.jpg"))
    assert PhotoFolder(tmp_path).find(unicodedata.normalize("NFC", "Küche.jpg")) == path.resolve()


def test_folders_are_searched_in_their_order(tmp_path: Path, photo: Photo) -> None:
    first, second = photo("a/x.jpg"), photo("b/x.jpg")
    assert PhotoFolder(tmp_path / "a", tmp_path / "b").find("x.jpg") == first.resolve()
    first.unlink()
    assert PhotoFolder(tmp_path / "a", tmp_path / "b").find("x.jpg") == second.resolve()


@pytest.mark.parametrize(
    "name",
    ["../outside.jpg", "sub/../../outside.jpg", "..\\outside.jpg", "C:\\photos\\x.jpg", "/etc/passwd", "link.jpg"],
)
def test_a_path_out_of_the_folder_is_refused_even_where_the_file_exists(
    tmp_path: Path, photo: Photo, name: str
) -> None:
    outside = photo("outside.jpg")
    inner = tmp_path / "photos"
    inner.mkdir()
    (inner / "link.jpg").symlink_to(outside)
    assert "leads out of the photo folder" in refusal(PhotoFolder(inner), name)


def test_a_name_that_cannot_be_a_path_is_refused(tmp_path: Path) -> None:
    assert "leads out" in refusal(PhotoFolder(tmp_path), "a\0b.jpg")
    assert "no such photo" in refusal(PhotoFolder(tmp_path), "x" * 5000)


def test_a_missing_photo_gets_the_nearest_name_without_regard_to_case(tmp_path: Path, photo: Photo) -> None:
    photo("Laptop-Front.JPG")
    assert "Did you mean Laptop-Front.JPG?" in refusal(PhotoFolder(tmp_path), "laptop-front.jpg")


def test_a_photo_folder_that_is_not_there_gives_missing_photos(tmp_path: Path) -> None:
    assert "no such photo" in refusal(PhotoFolder(tmp_path / "none"), "a.jpg")


def test_too_large_too_strange_and_damaged_files_are_named_apart(tmp_path: Path, photo: Photo) -> None:
    folder = PhotoFolder(tmp_path)
    large = photo("large.jpg")
    os.truncate(large, MAX_PHOTO_BYTES + 1)
    assert refusal(folder, "large.jpg") == "too large: 5.0 MB, at most 5 MB"
    (tmp_path / "text.jpg").write_text("not a picture")
    assert refusal(folder, "text.jpg").startswith("not an image")
    (tmp_path / "empty.jpg").touch()
    assert refusal(folder, "empty.jpg").startswith("not an image")
    photo("old.jpg", kind="BMP")
    assert "kind BMP" in refusal(folder, "old.jpg")
    (tmp_path / "dir.jpg").mkdir()
    assert refusal(folder, "dir.jpg") == "is not a file"


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_that_was_cut_off_is_refused(tmp_path: Path, photo: Photo, kind: str) -> None:
    path = photo("cut.jpg", kind=kind, size=(800, 600))
    os.truncate(path, path.stat().st_size * 2 // 3)
    assert "damaged or cut off" in refusal(PhotoFolder(tmp_path), "cut.jpg")


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path: Path, photo: Photo) -> None:
    photo("vast.png", kind="PNG", size=(20_000, 5_001))
    assert "too many pixels (20000 x 5001)" in refusal(PhotoFolder(tmp_path), "vast.png")


def test_a_photo_examined_once_is_not_examined_again(tmp_path: Path, photo: Photo) -> None:
    path = photo("a.jpg")
    folder = PhotoFolder(tmp_path)
    folder.find("a.jpg")
    path.write_bytes(b"no longer a picture")
    assert folder.find("a.jpg") == path.resolve()
    assert refusal(PhotoFolder(tmp_path), "a.jpg").startswith("not an image")
