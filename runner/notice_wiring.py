"""The wiring of what people are told: Channels, the ways out, and digests."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from datetime import time, timedelta
from urllib.parse import unquote, unquote_plus
from zoneinfo import ZoneInfo

from runner.config import secrets
from runner.config.settings import Settings
from runner.domain.channels import Channel, ChannelWay
from runner.domain.clock import Clock
from runner.domain.digests import DigestTimes
from runner.domain.retry import RetryPolicy
from runner.logs import Redactor
from runner.notices.apart import apart
from runner.notices.digest_page import as_html
from runner.notices.digest_pdf import as_pdf
from runner.notices.digest_words import as_text
from runner.notices.services import Services
from runner.notices.webhook import Webhook
from runner.orchestrator.digesting import Digesting
from runner.orchestrator.telling import Telling, Terms
from runner.store.channels import Channels
from runner.store.database import Database
from runner.store.digests import Digests
from runner.store.events import Events
from runner.store.notice_deliveries import NoticeDeliveries
from runner.store.notices import Notices

MULTIPLIER, JITTER = 4.0, 0.2
SHORTEST_PART = 6
"""Parts of an address that are shorter are words such as `json` and port numbers, and open nothing."""
HOST = re.compile(r"localhost|\d+(\.\d+){3}|([a-z0-9-]+\.)+[a-z]{2,24}", re.IGNORECASE)
PLAIN_OPTIONS = ("format", "mode", "overflow", "verify")
"""Options of Apprise's own whose values are words such as `insecure` and `markdown`."""


def telling(settings: Settings, db: Database, *, clock: Clock, redactor: Redactor) -> Telling:
    """Telling people, on the terms of the configuration."""
    notices = settings.notices
    policy = RetryPolicy(
        max_attempts=notices.max_attempts,
        first_wait_s=notices.first_wait_s,
        multiplier=MULTIPLIER,
        max_wait_s=notices.max_wait_s,
        jitter=JITTER,
    )
    return Telling(
        channels=Channels(db),
        notices=Notices(db, window=timedelta(seconds=notices.repeat_after_s)),
        deliveries=NoticeDeliveries(db),
        digesting=_digesting(settings, db, clock=clock),
        senders={
            ChannelWay.APPRISE: Services(timeout_s=notices.send_s),
            ChannelWay.WEBHOOK: Webhook(timeout_s=notices.send_s, clock=clock),
        },
        secret_of=lambda channel: _secret(settings, channel, redactor),
        terms=Terms(policy=policy, send_s=notices.send_s, console_url=notices.console_url),
        events=Events(db),
        clock=clock,
        dice=random.Random(),  # noqa: S311 — spreads waits, guards nothing
    )


def _digesting(settings: Settings, db: Database, *, clock: Clock) -> Digesting:
    """Digests at the times of the configuration."""
    hour, minute = map(int, settings.notices.digest_at.split(":"))
    zone = ZoneInfo(settings.notices.timezone or settings.browser.timezone)
    return Digesting(
        figures=Digests(db),
        times=DigestTimes(at=time(hour, minute), day=settings.notices.digest_day, zone=zone),
        as_html=as_html,
        as_text=as_text,
        as_pdf=as_pdf,
        clock=clock,
    )


async def _secret(settings: Settings, channel: Channel, redactor: Redactor) -> str:
    """An Apprise URL, or a webhook's key, known to the Redactor before anybody can log it. Raises SetupError."""
    folder = settings.file.parent if settings.file else None
    what = "Apprise URL" if channel.way is ChannelWay.APPRISE else "signing key"
    whose = f'The {what} of channel "{channel.name}"'
    # A keyring may ask somebody, and a file may be a pipe that nobody writes to.
    found = await apart(lambda: secrets.fetch(channel.secret, whose=whose, what=what, base_dir=folder))
    secret = found.value.get_secret_value()
    redactor.add(secret)
    if channel.way is ChannelWay.APPRISE:
        redactor.add(*(part for part in _parts(secret) if len(part) >= SHORTEST_PART))
    return secret


def _parts(url: str) -> Iterator[str]:
    """What may open a door in an Apprise URL, or several, as it is written and unquoted: not the scheme, the host and
    the names of options, which are words that stand everywhere."""
    for one in re.split(r"[,\s]*[A-Za-z][\w+.-]*://", url):
        place, _, query = one.partition("?")
        authority, _, path = place.partition("/")
        user, _, host = authority.rpartition("@")
        host, _, port = host.partition(":")
        found = [user, port, path]
        if not HOST.fullmatch(host):
            found.append(host)  # many services have a token in its place
        for option in query.split("&"):
            name, is_, value = option.partition("=")
            if name.lower() not in PLAIN_OPTIONS:
                found.append(value if is_ else name)
        for part in (piece for each in found for piece in re.split(r"[:/@,\s]+", each)):
            yield from (part, unquote(part), unquote_plus(part))
