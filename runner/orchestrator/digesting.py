"""Digests at work: which have fallen due, and one made ready to be sent or shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from runner.domain.clock import Clock
from runner.domain.digests import Digest, DigestTimes, Due, span_of, span_until
from runner.domain.notices import DIGESTS, NoticeKind
from runner.notices.interface import Enclosed, Parcel
from runner.store.digests import Digests


class Digesting:
    """Makes digests; `as_html`, `as_text` and `as_pdf` draw one."""

    def __init__(
        self,
        *,
        figures: Digests,
        times: DigestTimes,
        as_html: Callable[[Digest], str],
        as_text: Callable[[Digest], tuple[str, ...]],
        as_pdf: Callable[[Digest], bytes],
        clock: Clock,
    ) -> None:
        self._figures = figures
        self._times = times
        self._as_html, self._as_text, self._as_pdf = as_html, as_text, as_pdf
        self._clock = clock

    def due(self) -> list[Due]:
        """The digests that fell due last, one of each kind."""
        now = self._clock.now()
        return [self._times.last_due(kind, now) for kind in DIGESTS]

    async def latest(self, kind: NoticeKind) -> Digest:
        """The last whole day, or the last seven."""
        today = self._clock.now().astimezone(self._times.zone).date()
        return await self._figures.digest(span_until(kind, today, self._times.zone))

    async def html(self, digest: Digest) -> str:
        """As one HTML file that loads nothing."""
        return await asyncio.to_thread(self._as_html, digest)

    async def pdf(self, digest: Digest) -> bytes:
        """As a PDF."""
        return await asyncio.to_thread(self._as_pdf, digest)

    async def filled(self, parcel: Parcel) -> Parcel:
        """A digest's Notice with its figures, as text, as HTML, and enclosed."""
        digest = await self._figures.digest(span_of(NoticeKind(parcel.kind), parcel.data))
        html, pdf = await self.html(digest), await self.pdf(digest)
        name = f"{parcel.kind}-{digest.span.until.isoformat()}"
        files = (
            Enclosed(name=f"{name}.html", media_type="text/html", content=html.encode()),
            Enclosed(name=f"{name}.pdf", media_type="application/pdf", content=pdf),
        )
        return replace(parcel, lines=(*self._as_text(digest), *parcel.lines), html=html, files=files)
