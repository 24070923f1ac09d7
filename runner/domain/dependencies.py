"""Which Job waits for which: the graph must have an end."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def find_cycle(needs: Mapping[Node, Iterable[Node]]) -> list[Node] | None:
    """A path of nodes that comes back to where it began, its first node named again at the end; None without one.

    `needs` says of each node what must be done before it; nodes that are only named there need nothing.
    """
    done: set[Node] = set()
    for start in needs:
        if start in done:
            continue
        path: dict[Node, Iterator[Node]] = {start: iter(needs[start])}
        while path:
            node = next(reversed(path))
            step = next((to for to in path[node] if to not in done), None)
            if step is None:
                done.add(node)
                del path[node]
            elif step in path:
                names = list(path)
                return [*names[names.index(step) :], step]
            else:
                path[step] = iter(needs.get(step, ()))
    return None


def in_order(needs: Mapping[Node, Iterable[Node]]) -> list[Node]:
    """The keys of a graph without a cycle, each after those of them that it needs."""
    ordered: dict[Node, None] = {}
    for start in needs:
        path: dict[Node, Iterator[Node]] = {} if start in ordered else {start: iter(needs[start])}
        while path:
            node = next(reversed(path))
            step = next((to for to in path[node] if to in needs and to not in ordered), None)
            if step is None:
                ordered[node] = None
                del path[node]
            else:
                path[step] = iter(needs[step])
    return list(ordered)
