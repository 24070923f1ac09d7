"""Evidence and Sessions: what Attempts saw, and in which browsers."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Path, Query
from fastapi.responses import FileResponse

from runner.api import files
from runner.api.routing import PREFIX, Given, Routes
from runner.api.shapes import Cursor, EvidenceOut, Limit, Number, PageOut, SessionOut, page, wish
from runner.domain.access import Role
from runner.domain.jobs import Evidence
from runner.domain.states import EvidenceKind
from runner.store.pages import after_number, page_of

routes = Routes("evidence")

EvidenceId = Annotated[Number, Path(description="The file's id.")]


@routes.get("/evidence", role=Role.VIEWER)
async def list_evidence(
    given: Given,
    account: Annotated[str | None, Query(max_length=200)] = None,
    job: Number | None = None,
    attempt: Number | None = None,
    batch: Number | None = None,
    kind: Annotated[list[EvidenceKind] | None, Query(description="Only these; may be repeated.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PageOut[EvidenceOut]:
    """The files that show what Attempts saw, the newest first."""
    asked = wish(limit, cursor)
    found = await given.records.evidence.list_evidence(
        account_name=account,
        job_id=job,
        attempt_id=attempt,
        batch_id=batch,
        kinds=kind or (),
        limit=limit + 1,
        before_id=after_number(asked),
    )
    return page(page_of(found, asked, lambda each: each.id), _out)


@routes.get("/evidence/{evidence_id}", role=Role.VIEWER)
async def get_evidence(given: Given, evidence_id: EvidenceId) -> EvidenceOut:
    """What is known of one file."""
    return _out(await given.records.evidence.get(evidence_id))


@routes.get(
    "/evidence/{evidence_id}/file",
    role=Role.VIEWER,
    response_class=FileResponse,
    responses={200: {"description": "The file.", "content": {"application/octet-stream": {}}}},
)
async def get_file(given: Given, evidence_id: EvidenceId) -> FileResponse:
    """The file itself; a page is sent so that nothing in it runs."""
    found = await given.records.evidence.get(evidence_id)
    path = await asyncio.to_thread(files.inside, given.rules.evidence_dir, found.path)
    return await asyncio.to_thread(files.sent, path, name=f"evidence-{found.id}-{found.kind}{path.suffix}")


def _out(found: Evidence) -> EvidenceOut:
    fields = {name: getattr(found, name) for name in EvidenceOut.model_fields if name != "file"}
    return EvidenceOut(**fields, file=f"{PREFIX}/evidence/{found.id}/file")


sessions = Routes("sessions")


@sessions.get("/sessions", role=Role.VIEWER)
async def list_sessions(
    given: Given,
    account: Annotated[str | None, Query(max_length=200)] = None,
    open_: Annotated[bool, Query(alias="open", description="Only those that are open now.")] = False,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> PageOut[SessionOut]:
    """The times that Profiles were open in a browser, the newest first."""
    asked = wish(limit, cursor)
    found = await given.records.sessions.list_sessions(
        account_name=account, only_open=open_, limit=limit + 1, before_id=after_number(asked)
    )
    return page(page_of(found, asked, lambda each: each.id), SessionOut.model_validate)
