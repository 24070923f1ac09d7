"""Adapters by name: found through the entry point group `runner.sites`, so that a Site is added without touching us."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

from runner.errors import NotFound, SetupError
from runner.sites.interface import Site

GROUP = "runner.sites"


def adapters(found: Iterable[EntryPoint] | None = None) -> tuple[str, ...]:
    """The names of all installed adapters; nothing is imported."""
    return tuple(sorted({point.name for point in _points(found)}))


def site_class(adapter: str, found: Iterable[EntryPoint] | None = None) -> type[Site]:
    """The Site class of an adapter. `found` replaces the installed entry points, for tests.

    Raises NotFound with the nearest names; SetupError naming the package when its entry point is broken.
    """
    points = _points(found)
    named = [point for point in points if point.name == adapter]
    if not named:
        raise NotFound("site adapter", adapter, (point.name for point in points))
    if len({point.value for point in named}) > 1:
        owners = " and ".join(sorted(_package(point) for point in named))
        raise SetupError(f'Two packages offer the site adapter "{adapter}": {owners}.', cure="Uninstall one of them.")
    return _checked(named[0], _loaded(named[0]))


def _points(found: Iterable[EntryPoint] | None) -> list[EntryPoint]:
    return list(entry_points(group=GROUP) if found is None else found)


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else f"an unnamed package ({point.value})"


def _loaded(point: EntryPoint) -> object:
    try:
        return point.load()
    except Exception as error:
        raise SetupError(
            f'The site adapter "{point.name}" of {_package(point)} cannot be imported from {point.value}: '
            f"{type(error).__name__}: {error}.",
            cure="Mend or reinstall that package.",
        ) from error


def _checked(point: EntryPoint, loaded: object) -> type[Site]:
    what = f'The site adapter "{point.name}" of {_package(point)} ({point.value})'
    if not (isinstance(loaded, type) and issubclass(loaded, Site)):
        raise SetupError(
            f"{what} is not a Site class.", cure="Let the entry point name a subclass of runner.sites.interface.Site."
        )
    if inspect.isabstract(loaded):
        missing = ", ".join(sorted(loaded.__abstractmethods__))
        raise SetupError(
            f"{what} does not implement: {missing}.", cure="Implement them; docs/writing-a-site.md shows how."
        )
    return loaded
