"""The checks that need no browser, with their long and short forms."""

from __future__ import annotations

from collections.abc import Callable

from tests.chaos import (
    engine_disk_faults,
    engine_exclusivity,
    engine_journal_machine,
    engine_power_cut,
    schedule_jumps,
    time_jumps,
    virtual_days,
)

ENGINE_CHECKS: dict[str, tuple[Callable[..., None], dict[str, int], dict[str, int]]] = {
    # The check, its long form, its short form.
    "exclusivity": (engine_exclusivity.exclusivity, {"claims": 10_000, "kills": 1_000}, {"claims": 40, "kills": 5}),
    "trusting_rescuer": (engine_exclusivity.trusting_rescuer, {"claims": 2_000}, {"claims": 1_000}),
    "bad_disk": (engine_disk_faults.bad_disk, {"every": 1}, {"every": 40}),
    "locked": (engine_disk_faults.locked, {"tenths": 300}, {"tenths": 6}),
    "power_cut": (engine_power_cut.power_cut, {"cuts": 300, "per_mille": 5}, {"cuts": 10, "per_mille": 20}),
    "power_cut_unsynced": (
        engine_power_cut.power_cut_unsynced,
        {"cuts": 30, "per_mille": 5},
        {"cuts": 3, "per_mille": 20},
    ),
    "time_jumps": (time_jumps.time_jumps, {"rounds": 10}, {"rounds": 1}),
    "schedule_jumps": (schedule_jumps.schedule_jumps, {"zones": 4}, {"zones": 1}),
    "journal_machine": (engine_journal_machine.journal_machine, {"steps": 100_000}, {"steps": 400}),
    "hasty_journal": (engine_journal_machine.hasty_journal, {"steps": 5_000}, {"steps": 500}),
    "virtual_days": (virtual_days.lives_twice, {"days": 1_000, "repeat": 20}, {"days": 2, "repeat": 1}),
}
