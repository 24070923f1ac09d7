from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from runner.domain.dependencies import find_cycle, in_order

GRAPHS = st.dictionaries(st.integers(0, 7), st.lists(st.integers(0, 7), max_size=3))


def test_a_cycle_is_named_as_the_path_through_it() -> None:
    assert find_cycle({"d": ["a"], "a": ["x", "b"], "b": ["c"], "c": ["a"]}) == ["a", "b", "c", "a"]


def test_a_node_that_needs_itself_is_a_cycle() -> None:
    assert find_cycle({"a": ["a"]}) == ["a", "a"]


def test_two_ways_to_the_same_node_are_no_cycle() -> None:
    assert find_cycle({"a": ["b", "c"], "b": ["d"], "c": ["d"]}) is None


def test_a_chain_of_thousands_is_no_matter() -> None:
    chain = {number: [number + 1] for number in range(20_000)}
    assert find_cycle(chain) is None
    assert in_order(chain)[0] == 19_999


@given(GRAPHS)
def test_a_graph_has_either_a_cycle_or_an_order(needs: dict[int, list[int]]) -> None:
    cycle = find_cycle(needs)
    if cycle is not None:
        assert cycle[0] == cycle[-1]
        assert all(after in needs[before] for before, after in pairwise(cycle))
        return
    order = in_order(needs)
    assert sorted(order) == sorted(needs)
    place = {node: number for number, node in enumerate(order)}
    assert all(place[need] < place[node] for node in needs for need in needs[node] if need in place)
