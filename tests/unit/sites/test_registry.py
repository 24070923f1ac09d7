"""Adapters are found by their entry points."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from runner.errors import NotFound, SetupError
from runner.sites import registry
from runner.sites.mock.site import MockSite


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group=registry.GROUP)


MOCK = point("mock", "runner.sites.mock.site:MockSite")


def test_the_mock_adapter_is_installed() -> None:
    assert "mock" in registry.adapters()
    assert registry.site_class("mock") is MockSite


def test_an_unknown_adapter_names_the_nearest() -> None:
    with pytest.raises(NotFound, match=r'There is no site adapter "mok".*Did you mean "mock"'):
        registry.site_class("mok", [MOCK])


def test_a_broken_import_names_the_adapter_and_the_error() -> None:
    with pytest.raises(SetupError, match=r'"shop".*shop_that_is_gone.site:Shop.*ModuleNotFoundError'):
        registry.site_class("shop", [point("shop", "shop_that_is_gone.site:Shop")])


def test_a_broken_entry_point_names_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "acme_sites-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-sites\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[runner.sites]\nacme = acme_sites.site:Acme\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(SetupError, match=r'"acme" of acme-sites 1\.2 cannot be imported'):
        registry.site_class("acme")


def test_something_that_is_no_site_is_refused() -> None:
    with pytest.raises(SetupError, match="is not a Site class"):
        registry.site_class("shop", [point("shop", "pathlib:Path")])


def test_an_unfinished_site_names_what_is_missing() -> None:
    with pytest.raises(SetupError, match="does not implement: find_listing, find_message, login"):
        registry.site_class("shop", [point("shop", "runner.sites.interface:Site")])


def test_two_packages_with_one_adapter_name_are_refused() -> None:
    with pytest.raises(SetupError, match='Two packages offer the site adapter "mock"'):
        registry.site_class("mock", [MOCK, point("mock", "other.site:Mock")])
