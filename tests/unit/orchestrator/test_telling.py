"""Telling people: what comes to a receiver that is really there, when it comes, and how often."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import random
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from runner import notice_wiring
from runner.config.settings import Settings
from runner.domain.accounts import SecretRef
from runner.domain.channels import Channel, ChannelWay, Delivery, NewChannel, Preferences
from runner.domain.classification import Classification, MessageType
from runner.domain.digests import DigestTimes
from runner.domain.messages import RemoteMessage, ThreadSummary
from runner.domain.notices import CHOSEN, NoticeKind, NoticeState
from runner.domain.rules import Hours
from runner.domain.states import AccountState, Direction
from runner.errors import StoreBusy
from runner.logs import Redactor
from runner.notices.interface import Parcel
from runner.orchestrator.telling import AT_ONCE, MOST_IN_A_ROW, Telling
from runner.store.accounts import Accounts
from runner.store.channels import Channels
from runner.store.classifications import Classifications
from runner.store.database import Database
from runner.store.events import Events
from runner.store.notice_deliveries import NoticeDeliveries
from runner.store.threads import Threads

KEY = "a-signing-key-of-the-test"


@pytest.fixture
def telling(db: Database, clock: Any) -> Telling:
    return made(db, clock)


def made(db: Database, clock: Any, **notices: Any) -> Telling:
    settings = Settings.model_validate({"notices": {"first_wait_s": 30, "max_attempts": 3, "send_s": 60, **notices}})
    return notice_wiring.telling(settings, db, clock=clock, redactor=Redactor())


Hook = Callable[..., Awaitable[Channel]]


@pytest.fixture
def hook(db: Database, tmp_path: Path, receiver: Any) -> Hook:
    (tmp_path / "key").write_text(KEY)

    async def add(name: str = "hook", *, kinds: tuple[NoticeKind, ...] = CHOSEN, **wanted: Any) -> Channel:
        secret = SecretRef(kind="file", name=str(tmp_path / "key"))
        new = NewChannel(
            name=name,
            way=ChannelWay.WEBHOOK,
            address=receiver.url,
            secret=secret,
            preferences=Preferences(kinds=kinds, **wanted),
        )
        return await Channels(db).add(new)

    return add


@pytest.fixture
def parks(db: Database) -> Callable[..., Awaitable[None]]:
    async def park(state: AccountState = AccountState.PARKED, account: str = "amy") -> None:
        await Accounts(db).set_state(account, state, "a captcha" if state is AccountState.PARKED else None)

    return park


async def test_a_parked_account_is_told_once_signed_and_again_when_it_is_over(
    telling: Telling, hook: Hook, parks: Any, receiver: Any, clock: Any
) -> None:
    await hook()
    await parks()
    assert await telling.sweep() == 1
    assert await telling.sweep() == 0
    (request,) = receiver.requests
    assert request.json | {"id": "", "at": ""} == {
        "id": "",
        "kind": "account_parked",
        "subject": "account:amy",
        "title": "amy is parked",
        "lines": ["a captcha", "Take it over: runner handoff amy"],
        "account": "amy",
        "at": "",
        "recovers": False,
        "repeats": 0,
        "link": None,
        "data": {},
    }
    stamp = request.headers["runner-timestamp"]
    assert int(stamp) == int(clock.now().timestamp())
    signed = hmac.new(KEY.encode(), stamp.encode() + b"." + request.body, hashlib.sha256).hexdigest()
    assert request.headers["runner-signature"] == f"v1={signed}"
    assert request.headers["runner-notice-id"] == request.json["id"]
    await parks(AccountState.ACTIVE)
    await telling.sweep()
    assert receiver.titles == ["amy is parked", "amy is active again"]
    assert receiver.got[1]["recovers"] is True


async def test_what_is_the_same_is_counted_and_told_with_the_next_one(
    telling: Telling, hook: Hook, db: Database, receiver: Any, clock: Any
) -> None:
    await hook()
    for _ in range(4):
        await Events(db).append("ErrorFlood", account="amy", group="g1", count=6, kind="network", error="503")
        await telling.sweep()
        clock.forward(60)
    assert len(receiver.requests) == 1
    clock.forward(600)
    await Events(db).append("ErrorFlood", account="amy", group="g1", count=6, kind="network", error="503")
    await telling.sweep()
    last = receiver.got[-1]
    assert len(receiver.requests) == 2
    assert last["repeats"] == 3
    assert "3 more of these came after the notice before this one." in last["lines"]


async def test_trouble_after_a_recovery_is_told_however_soon_it_comes(
    telling: Telling, hook: Hook, parks: Any, receiver: Any
) -> None:
    await hook()
    for state in (AccountState.PARKED, AccountState.ACTIVE, AccountState.PARKED):
        await parks(state)
        await telling.sweep()
    assert receiver.titles == ["amy is parked", "amy is active again", "amy is parked"]


async def test_one_trouble_seen_from_two_sides_is_told_once(
    telling: Telling, hook: Hook, db: Database, parks: Any, receiver: Any
) -> None:
    await hook()
    await Events(db).append("PersonNeeded", account="amy", what="A captcha.", cure="Solve it.")
    await parks()
    await telling.sweep()
    assert receiver.titles == ["amy needs a person"]
    assert receiver.got[0]["lines"] == ["A captcha.", "Solve it.", "Take it over: runner handoff amy"]


async def test_a_flood_that_ended_is_told_though_its_process_is_gone(
    telling: Telling, hook: Hook, db: Database, receiver: Any, clock: Any
) -> None:
    await hook()
    await Events(db).append("ErrorFlood", account="amy", group="g1", count=6, kind="network", error="503")
    await telling.sweep()
    clock.forward(599)
    await made(db, clock).sweep()
    assert len(receiver.requests) == 1
    clock.forward(1)
    await made(db, clock).sweep()
    await made(db, clock).sweep()
    assert receiver.titles[1:] == ["The failures of one kind have ended"]


async def test_quiet_hours_hold_everything_and_end_with_one_summary(
    telling: Telling, hook: Hook, parks: Any, receiver: Any, clock: Any
) -> None:
    await hook(quiet=Hours.parse("22:00-07:00"), timezone="Europe/Berlin")
    clock.time = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)  # 22:30 in Berlin
    for account, state in (("amy", AccountState.PARKED), ("bob", AccountState.PARKED), ("amy", AccountState.ACTIVE)):
        await parks(state, account)
        await telling.sweep()
    clock.time = datetime(2026, 11, 23, 5, 59, tzinfo=UTC)
    await telling.sweep()
    assert receiver.requests == []
    clock.time = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
    await telling.sweep()
    await telling.sweep()
    (summary,) = receiver.got
    assert summary["title"] == "3 notices from your quiet hours"
    assert summary["lines"] == ["amy is parked", "bob is parked", "amy is active again"]
    await parks(AccountState.ACTIVE, "bob")
    await telling.sweep()
    assert receiver.titles[1:] == ["bob is active again"]


async def test_a_receiver_that_is_down_gets_it_when_it_is_up_again(
    telling: Telling, hook: Hook, parks: Any, receiver: Any, clock: Any
) -> None:
    await hook()
    receiver.status = 503
    await parks()
    await telling.sweep()
    await telling.sweep()
    assert len(receiver.requests) == 1, "the next try waits"
    receiver.status = 200
    clock.forward(30)
    await telling.sweep()
    await telling.sweep()
    assert len(receiver.requests) == 2
    assert len({each["id"] for each in receiver.got}) == 1


async def test_what_is_given_up_is_listed_with_its_reason_and_sent_when_somebody_retries_it(
    telling: Telling, hook: Hook, parks: Any, receiver: Any, clock: Any
) -> None:
    await hook()
    receiver.status = 500
    await parks()
    for _ in range(6):
        await telling.sweep()
        clock.forward(3600)
    assert len(receiver.requests) == 3
    (dead,) = await telling.deliveries.list_deliveries(states=[NoticeState.DEAD])
    assert (dead.attempts, dead.detail) == (3, "The receiver answered 500.")
    receiver.status = 200
    assert await telling.deliveries.retry([dead.id]) == 1
    assert await telling.deliveries.retry([dead.id]) == 0
    await telling.sweep()
    assert (await telling.deliveries.get(dead.id)).state is NoticeState.SENT


DIES = """
import asyncio, os, signal, sys
from datetime import datetime
from pathlib import Path
from runner import notice_wiring
from runner.config.settings import Settings
from runner.logs import Redactor
from runner.store.database import Database

class Clock:
    def now(self):
        return datetime.fromisoformat(sys.argv[2])

async def main():
    async with Database.open(Path(sys.argv[1]), clock=Clock()) as db:
        telling = notice_wiring.telling(Settings(), db, clock=Clock(), redactor=Redactor())
        telling.deliveries.sent = lambda delivery: os.kill(os.getpid(), signal.SIGKILL)
        await telling.sweep()

asyncio.run(main())
"""


async def test_whoever_is_killed_between_sending_and_recording_leaves_it_to_be_sent_once_more_under_the_same_id(
    hook: Hook, parks: Any, receiver: Any, clock: Any, db: Database
) -> None:
    await hook()
    await parks()
    command = [sys.executable, "-c", DIES, str(db.path), clock.now().isoformat()]
    child = await asyncio.create_subprocess_exec(*command)
    assert await child.wait() == -signal.SIGKILL
    other = made(db, clock)
    await other.sweep()
    assert len(receiver.requests) == 1, "it may still be on its way"
    clock.forward(120)
    await other.sweep()
    clock.forward(3600)
    await other.sweep()
    assert [each["id"] for each in receiver.got] == [receiver.got[0]["id"]] * 2


async def test_a_recovery_never_overtakes_the_trouble_that_it_ends(
    telling: Telling, hook: Hook, parks: Any, receiver: Any, clock: Any
) -> None:
    await hook()
    receiver.status = 500
    await parks()
    await telling.sweep()
    receiver.status = 200
    await parks(AccountState.ACTIVE)
    await telling.sweep()
    clock.forward(30)
    await telling.sweep()
    assert receiver.titles == ["amy is parked", "amy is parked", "amy is active again"]


async def test_a_channel_is_told_what_it_asks_for_and_nothing_from_before_it_was_there(
    telling: Telling, hook: Hook, db: Database, parks: Any, receiver: Any
) -> None:
    await Accounts(db).set_tags("bob", ["night"])
    await parks(account="bob")
    await hook("tagged", tags=("night",))
    await hook("named", accounts=("amy",))
    await hook("floods", kinds=(NoticeKind.ERROR_FLOOD,))
    await telling.sweep()
    assert receiver.requests == []
    await parks()
    await telling.sweep()
    await parks(AccountState.ACTIVE, "bob")
    await parks(AccountState.PARKED, "bob")
    await telling.sweep()
    sent = await telling.deliveries.list_deliveries()
    assert [(each.channel, each.title) for each in reversed(sent)] == [
        ("named", "amy is parked"),
        ("tagged", "bob is parked"),
    ]


async def test_new_messages_are_told_by_type_without_their_words_unless_they_are_asked_for(
    telling: Telling, hook: Hook, db: Database, receiver: Any, clock: Any
) -> None:
    await hook("plain", kinds=(NoticeKind.NEW_MESSAGE,), types=(MessageType.OFFER,))
    await hook("words", kinds=(NoticeKind.NEW_MESSAGE,), excerpts=True)
    await arrives(db, clock.now(), "Would you take 20?", MessageType.OFFER)
    await arrives(db, clock.now() - timedelta(days=30), "An old one", MessageType.OFFER)
    await arrives(db, clock.now(), "Where is it?", MessageType.PICKUP_DELIVERY)
    await telling.sweep()
    sent = await telling.deliveries.list_deliveries()
    assert sorted((each.channel, each.title, each.lines) for each in sent) == [
        ("plain", "New message to amy: offer", ()),
        ("words", "New message to amy: offer", ("From Ida about A lamp:", "Would you take 20?")),
        ("words", "New message to amy: pickup delivery", ("From Ida about A lamp:", "Where is it?")),
    ]


async def arrives(db: Database, at: datetime, text: str, type_: MessageType) -> None:
    summary = ThreadSummary(
        remote_id=text, counterpart="Ida", listing_title="A lamp", excerpt="", last_at=at, unread=1, url="http://x/"
    )
    message = RemoteMessage(remote_id=text, direction=Direction.INBOUND, sender="Ida", text=text, sent_at=at)
    await Threads(db).save_thread("amy", summary, "f", [(f"id:{text}", message)])
    rows = Classifications(db)
    said = Classification(type=type_, confidence=0.9, top=(), first_contact=True, by="x")
    await rows.record([(each.id, said) for each in await rows.unclassified(limit=10)])


async def test_two_processes_that_sweep_at_once_send_each_notice_once(
    telling: Telling, hook: Hook, db: Database, parks: Any, receiver: Any, clock: Any, tmp_path: Path
) -> None:
    await hook()
    async with Database.open(tmp_path / "runner.db", clock=clock) as second:
        for account in ("amy", "bob"):
            await parks(account=account)
        others = [made(each, clock) for each in (db, second)]
        await asyncio.gather(*(each.sweep() for each in (telling, *others)))
    assert sorted(receiver.titles) == ["amy is parked", "bob is parked"]


async def test_a_digest_is_sent_once_a_day_through_restarts_and_nights_that_change_the_clock(
    db: Database, hook: Hook, receiver: Any, clock: Any
) -> None:
    zone = "Europe/Berlin"
    clock.time = datetime(2026, 10, 23, 0, 0, tzinfo=UTC)
    await hook(kinds=(NoticeKind.DAILY_DIGEST,), timezone=zone)
    for _ in range(8):  # four days, one of them of 25 hours, looked at every twelve hours
        clock.forward(12 * 3600)
        for _ in range(2):
            await made(db, clock, timezone=zone, digest_at="02:30").sweep()
    assert receiver.titles == [
        "Daily digest: Thursday, 22 October 2026",
        "Daily digest: Friday, 23 October 2026",
        "Daily digest: Saturday, 24 October 2026",
        "Daily digest: Sunday, 25 October 2026",
    ]
    assert all(each["lines"][0].startswith("Jobs done: 0") for each in receiver.got)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
def test_a_digest_falls_due_once_on_every_day_whatever_the_clocks_do(zone: str) -> None:
    dice = random.Random(zone)
    for at in (time(0, 0), time(1, 30), time(2, 30), time(8, 0), time(23, 59)):
        times = DigestTimes(at=at, day="sunday", zone=ZoneInfo(zone))
        moment, seen = datetime(2026, 1, 1, tzinfo=UTC), []
        while moment < datetime(2027, 1, 1, tzinfo=UTC):
            due = times.last_due(NoticeKind.DAILY_DIGEST, moment)
            assert due.at <= moment
            seen.append(due)
            moment += timedelta(minutes=dice.randint(20, 400))
        days = sorted({each.name for each in seen})
        assert len(days) in (365, 366)
        assert len({(each.name, each.at) for each in seen}) == len(days), "one moment for each day"


async def test_a_digest_goes_out_as_a_page_with_its_pdf_over_a_mail(
    db: Database, mailbox: Any, clock: Any, tmp_path: Path
) -> None:
    (tmp_path / "url").write_text(f"mailto://127.0.0.1:{mailbox.port}/?from=r@shop.test&to=ada@shop.test&mode=insecure")
    wanted = Preferences(kinds=(NoticeKind.WEEKLY_DIGEST,))
    secret = SecretRef(kind="file", name=str(tmp_path / "url"))
    await Channels(db).add(NewChannel(name="mail", way=ChannelWay.APPRISE, secret=secret, preferences=wanted))
    clock.time = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
    await made(db, clock).sweep()
    await made(db, clock).sweep()
    (mail,) = mailbox.mails
    assert mail["subject"] == "Weekly digest: 16 November to 22 November 2026"
    assert "<h1>Weekly digest" in mail.get_body(("html",)).get_content()
    names = [each.get_filename() for each in mail.iter_attachments()]
    assert names == ["weekly_digest-2026-11-23.html", "weekly_digest-2026-11-23.pdf"]


async def test_many_at_once_are_one_mail_and_every_request_of_a_webhook(
    db: Database, hook: Hook, mailbox: Any, receiver: Any, clock: Any, tmp_path: Path
) -> None:
    (tmp_path / "url").write_text(f"mailto://127.0.0.1:{mailbox.port}/?from=r@shop.test&to=ada@shop.test&mode=insecure")
    wanted = Preferences(kinds=(NoticeKind.NEW_MESSAGE,))
    secret = SecretRef(kind="file", name=str(tmp_path / "url"))
    await Channels(db).add(NewChannel(name="mail", way=ChannelWay.APPRISE, secret=secret, preferences=wanted))
    await hook(kinds=(NoticeKind.NEW_MESSAGE,))
    for number in range(6):
        await arrives(db, clock.now(), f"Question {number}", MessageType.OFFER)
    await made(db, clock).sweep()
    assert [each["subject"] for each in mailbox.mails] == ["6 notices at once"]
    assert len(receiver.requests) == 6


async def test_a_message_that_needs_a_person_is_told_though_it_was_told_as_new(
    telling: Telling, hook: Hook, db: Database, receiver: Any, clock: Any
) -> None:
    await hook()
    await arrives(db, clock.now(), "Would you take 20?", MessageType.OFFER)
    await telling.sweep()
    for name, data in (("PersonAsked", {"words": "Is that a fair price?"}), ("MessageDecided", {"notify": True})):
        await Events(db).append(name, account="amy", message=1, thread=1, **data)
        await telling.sweep()
    assert receiver.titles == ["New message to amy: offer", "A message to amy needs a person"]


async def test_a_person_hears_of_a_reply_that_was_not_sent_whatever_a_rule_said_before(
    telling: Telling, hook: Hook, db: Database, receiver: Any, clock: Any
) -> None:
    await hook()
    of: dict[str, Any] = {"message": 1, "thread": 1, "rule": "offers"}
    await Events(db).append("MessageDecided", account="amy", **of, words="a reply goes out", notify=True)
    await telling.sweep()
    clock.time += timedelta(minutes=5)
    await Events(db).append("PersonAsked", account="amy", **of, words="the type is not sure")
    await Events(db).append("PersonAsked", account="amy", **of, draft=4, words="not sent: its job failed")
    await telling.sweep()
    assert [each["lines"][0] for each in receiver.got] == [
        "a reply goes out",
        "the type is not sure",
        "not sent: its job failed",
    ]


async def test_an_event_that_cannot_be_told_holds_up_nothing_behind_it(
    telling: Telling, hook: Hook, db: Database, receiver: Any, parks: Any
) -> None:
    await hook()
    of_a_later_release: dict[str, Any] = {"message": 1, "thread": 1, "type": "no_such_type", "first_contact": True}
    await Events(db).append("MessageClassified", account="amy", **of_a_later_release)
    await parks()
    await telling.sweep()
    assert receiver.titles == ["amy is parked"]


async def test_a_channel_that_was_off_is_not_told_what_happened_meanwhile(
    telling: Telling, hook: Hook, db: Database, parks: Any, receiver: Any
) -> None:
    await hook()
    await Channels(db).set_enabled("hook", enabled=False)
    await parks()
    await telling.sweep()
    await Channels(db).set_enabled("hook", enabled=True)
    await telling.sweep()
    assert receiver.requests == []
    await parks(account="bob")
    await Channels(db).set_enabled("hook", enabled=True)
    await telling.sweep()
    assert receiver.titles == ["bob is parked"], "to enable what is on already changes nothing"


async def test_a_secret_that_never_comes_is_a_failed_try(
    db: Database, parks: Any, receiver: Any, clock: Any, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    secret = SecretRef(kind="file", name=str(tmp_path / "pipe"))
    await Channels(db).add(NewChannel(name="hangs", way=ChannelWay.WEBHOOK, address=receiver.url, secret=secret))
    await parks()
    await made(db, clock, send_s=0.05).sweep()
    (failed,) = await NoticeDeliveries(db).list_deliveries(states=[NoticeState.WAITING])
    assert (failed.channel, failed.attempts) == ("hangs", 1)
    assert "secret could not be read in time" in (failed.detail or "")
    os.close(os.open(tmp_path / "pipe", os.O_WRONLY | os.O_NONBLOCK))  # lets the thread that still reads it end


class Hangs:
    """A way out that takes a Notice and never says so."""

    def __init__(self) -> None:
        self.taken = 0
        self.begun = asyncio.Event()

    async def send(self, parcel: Parcel, *, address: str | None, secret: str) -> None:
        self.taken += 1
        self.begun.set()
        await asyncio.Event().wait()


async def test_a_receiver_that_hangs_holds_up_neither_the_end_nor_the_last_word_to_others(
    db: Database, hook: Hook, parks: Any, receiver: Any, clock: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.orchestrator.telling.LAST_SWEEP_S", 3.0)
    hangs, telling, stop = Hangs(), made(db, clock), asyncio.Event()
    telling._senders = {**telling._senders, ChannelWay.APPRISE: hangs}
    secret = SecretRef(kind="file", name=str(tmp_path / "key"))
    await hook(accounts=("bob",))
    wanted = Preferences(accounts=("amy",))
    await Channels(db).add(NewChannel(name="hangs", way=ChannelWay.APPRISE, secret=secret, preferences=wanted))
    await parks()
    repeating = asyncio.create_task(telling.repeat(stop))
    await hangs.begun.wait()
    await parks(account="bob")
    stop.set()
    await repeating
    assert hangs.taken == 1
    assert receiver.titles == ["bob is parked"]


async def test_no_more_is_taken_once_it_is_to_stop_and_only_some_before_the_next_look(
    telling: Telling, hook: Hook, db: Database, receiver: Any, clock: Any
) -> None:
    await hook()
    for number in range(12):
        await Events(db).append("JobUnknown", account="amy", error=f"no answer {number}")
        await Events(db).append("LimitNear", account="amy", kind=f"kind{number}", window="day", used=9, limit=10)
    stop = asyncio.Event()
    assert await telling.sweep(stop) == AT_ONCE * MOST_IN_A_ROW
    stop.set()
    assert await telling.sweep(stop) == 0


async def test_whoever_fails_cuts_off_nobody_else_who_is_sending(
    telling: Telling, hook: Hook, parks: Any, receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hook()
    for account in ("amy", "bob"):
        await parks(account=account)
    sent, calls = telling.deliveries.sent, []

    async def busy_once(delivery: Delivery) -> None:
        calls.append(delivery.id)
        if len(calls) == 1:
            raise StoreBusy("The store is busy.")
        await sent(delivery)

    monkeypatch.setattr(telling.deliveries, "sent", busy_once)
    with pytest.raises(StoreBusy):
        await telling.sweep()
    states = [each.state for each in await telling.deliveries.list_deliveries()]
    assert sorted(states) == sorted([NoticeState.SENT, NoticeState.WAITING])


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ((24, 23, 0), (25, 0, 30)),  # 01:00, before the hour that comes twice
        ((25, 0, 15), (25, 0, 30)),  # 02:15 for the first time
        ((25, 0, 45), None),  # 02:45 for the first time
        ((25, 1, 15), (25, 1, 30)),  # 02:15 for the second time
        ((25, 1, 30), None),
        ((25, 21, 0), (26, 1, 30)),
    ],
)
def test_quiet_hours_that_end_in_the_hour_that_comes_twice_hold_no_day(
    now: tuple[int, int, int], end: tuple[int, int, int] | None
) -> None:
    wanted = Preferences(quiet=Hours.parse("22:00-02:30"), timezone="Europe/Berlin")
    expected = None if end is None else datetime(2026, 10, *end, tzinfo=UTC)
    assert wanted.quiet_until(datetime(2026, 10, *now, tzinfo=UTC)) == expected


async def test_quiet_hours_that_end_in_the_hour_that_is_left_out_end_after_it() -> None:
    wanted = Preferences(quiet=Hours.parse("22:00-02:30"), timezone="Europe/Berlin")
    assert wanted.quiet_until(datetime(2026, 3, 29, 0, 0, tzinfo=UTC)) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)


async def test_of_an_apprise_url_what_opens_it_is_masked_and_no_ordinary_word(
    db: Database, clock: Any, tmp_path: Path
) -> None:
    url = "mailtos://sender:pa%2Fss-word@mail.example.com:587/token-in-path?format=markdown&to=s3cret-box, slack://TOKENA1/x"
    (tmp_path / "url").write_text(url)
    redactor, new = Redactor(), SecretRef(kind="file", name=str(tmp_path / "url"))
    where = await Channels(db).add(NewChannel(name="mail", way=ChannelWay.APPRISE, secret=new))
    await notice_wiring._secret(Settings(), where, redactor)
    plain = "mailtos is the format of mail.example.com, in markdown"
    assert redactor.text(plain) == plain
    for secret in ("pa%2Fss-word", "pa/ss-word", "token-in-path", "s3cret-box", "TOKENA1", url):
        assert secret not in redactor.text(f"it was {secret} again")
