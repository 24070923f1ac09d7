"""How long a due Job is passed over before it counts as more pressing: priority without starvation."""

from __future__ import annotations

from datetime import datetime

from runner.domain.states import Priority

RAISED_EVERY_S = 900
"""A due Job that waits is raised by one priority for every quarter of an hour since its due_at: low becomes normal,
then high, then urgent. So a stream of urgent Jobs delays a low one by 45 minutes at most; then the two take turns."""

_ALL = tuple(Priority)


def raised(priority: Priority, *, due_at: datetime, now: datetime) -> Priority:
    """The priority that counts at `now` for a Job that fell due at `due_at`."""
    steps = int((now - due_at).total_seconds() // RAISED_EVERY_S)
    return _ALL[max(0, priority.rank - max(0, steps))]
