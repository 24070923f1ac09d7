from __future__ import annotations

from bench import profile

LOOP = "run_forever (asyncio/base_events.py:608);"
RAW = [
    f"thread (7): MainThread;{LOOP}perform (runner/flow.py:3);execute (sqlalchemy/base.py:9) 30",
    f"thread (7): MainThread;{LOOP}perform (runner/flow.py:5) 10",
    f"thread (7): MainThread;{LOOP}EpollSelector.select (selectors.py:468) 500",
    "thread (8): asyncio_0;run (concurrent/thread.py:58) 500",
]


def test_only_the_loops_own_work_is_drawn_and_lines_of_one_function_are_one_bar() -> None:
    root = profile.tree(RAW)
    assert root.samples == 40
    (perform,) = root.calls.values()
    assert (perform.samples, [each.samples for each in perform.calls.values()]) == (40, [30])
    drawn = profile.draw(root, "words <&>")
    assert drawn.count("<g>") == 2
    assert "execute (sqlalchemy/base.py) 75.0%" in drawn
    assert "words &lt;&amp;&gt;" in drawn
