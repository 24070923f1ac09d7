import importlib.util
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from runner.config import load
from runner.intake.accounts import read_accounts
from runner.intake.listings import read_listings

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"


def test_the_example_accounts_are_read_without_a_word() -> None:
    taken = read_accounts(EXAMPLES / "accounts.csv", known_sites={"mock"}, default_site=None)
    assert (taken.problems, taken.warnings) == ((), ())
    assert [account.name for _, account in taken.items] == ["amy", "ben", "carla", "dev", "elena", "farid"]


def test_the_example_configuration_loads_and_names_the_site_of_the_accounts() -> None:
    settings = load.load(EXAMPLES / "playwright.config.toml", environ={})
    assert {name: site.base_url for name, site in settings.sites.items()} == {"mock": "http://127.0.0.1:8765"}


@pytest.mark.parametrize("photos_dir", [None, EXAMPLES / "photos"])
def test_the_example_listings_are_read_without_a_word_and_spread_over_the_accounts(photos_dir: Path | None) -> None:
    names = {"amy", "ben", "carla", "dev", "elena", "farid"}
    taken = read_listings(EXAMPLES / "listings.csv", photos_dir=photos_dir, known_accounts=names)
    assert (taken.problems, taken.warnings) == ((), ())
    assert Counter(account for _, new in taken.items for account in new.accounts) == dict.fromkeys(names, 2)
    assert all(new.listing.photos for _, new in taken.items)


def test_the_example_photos_are_what_their_script_draws(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_photos", EXAMPLES / "make_photos.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert sorted(script.PHOTOS) == sorted(path.name for path in (EXAMPLES / "photos").iterdir())
    for name, drawing in script.PHOTOS.items():
        path = EXAMPLES / "photos" / name
        assert path.stat().st_size <= 25_000
        with Image.open(path) as stored:
            drawn = script.draw(*drawing)
            assert stored.size == drawn.size == (800, 600)
            pairs = zip(stored.resize((8, 6)).tobytes(), drawn.resize((8, 6)).tobytes(), strict=True)
            assert max(abs(a - b) for a, b in pairs) < 16
