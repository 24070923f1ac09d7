"""Reads the whole inbox: every Thread past the paging, and the Messages of those that changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.domain.messages import ThreadSummary, keyed
from runner.sites.flow import Flow, Stage
from runner.sites.params import Params
from runner.sites.reading import Reading


class ReadInboxParams(Params):
    """Takes nothing."""


class ReadInbox(Flow[ReadInboxParams]):
    """Incremental: a Thread whose fingerprint is as it was is not opened. Each is saved as soon as it is read."""

    name = "read_inbox"
    summary = "Reads all threads of the inbox, and the messages of those that changed."
    Params = ReadInboxParams

    async def perform(self, stage: Stage[ReadInboxParams]) -> Mapping[str, Any]:
        """Result: `threads`, `threads_opened`, `messages` (in those opened), `new_messages`, `unread` (before)."""
        known = await stage.inbox.known()
        reading = Reading(site=stage.site, may_be_fast=stage.may_read_unseen)
        async with stage.step("list threads"):
            summaries = await stage.repeats.repeatable("listing the threads", reading.threads)
        # The oldest of the changed first: when an Attempt ends half-way, what is left is what will change again.
        changed = [summary for summary in reversed(summaries) if known.get(summary.remote_id) != summary.fingerprint]
        messages = new_messages = 0
        for number, summary in enumerate(changed, start=1):
            async with stage.step("read thread", f"{number} of {len(changed)}: {summary.counterpart}"):
                # What was there at the first reading is history, and would be a picture for every Thread.
                shown = stage.evidence.keeps_threads and summary.remote_id in known
                read, new = await _read(stage, reading, summary, shown=shown)
                if new and shown:
                    await stage.evidence.keep_thread(summary.remote_id)
            messages += read
            new_messages += new
        await stage.inbox.read_to_the_end()
        return {
            "threads": len(summaries),
            "threads_opened": len(changed),
            "messages": messages,
            "new_messages": new_messages,
            "unread": sum(summary.unread for summary in summaries),
        }


async def _read(
    stage: Stage[ReadInboxParams], reading: Reading, summary: ThreadSummary, *, shown: bool
) -> tuple[int, int]:
    """How many Messages the Thread has, and how many of them are new. Saved with the fingerprint of the inbox's row:

    a Message that arrives between that row and this reading changes the row, and the Thread is opened once more.
    """
    messages = await stage.repeats.repeatable(
        f"reading the thread with {summary.counterpart}", lambda: reading.messages(summary.remote_id, shown=shown)
    )
    return len(messages), await stage.inbox.save(summary, keyed(messages))
