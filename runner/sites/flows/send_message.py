"""Sends one Message in a Thread, once, whatever happens in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, StringConstraints

from runner.domain.effects import EffectKind, answered_of, message_key
from runner.domain.messages import RemoteMessage, keyed
from runner.domain.states import Direction
from runner.errors import Conflict, Rejected
from runner.sites.flow import Flow, Stage
from runner.sites.interface import BeforeSubmit
from runner.sites.params import Params

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
"""As long as over HTTP; where a site takes less, it refuses in its own words."""

Keyed = list[tuple[str, RemoteMessage]]

MOST_TOLD = 2_000
"""Characters of each Message that the result repeats."""


class SendMessageParams(Params):
    """Which Thread, what text, and which inbound Message it answers."""

    thread: Word = Field(
        description="The site's id of the thread, as `runner inbox list` shows it.", coerce_numbers_to_str=True
    )
    text: Text = Field(description="What to write.")
    answering: str | None = Field(
        None, description="Key of the inbound message that is answered; the last one when it is not given."
    )
    unless_written_since: bool = Field(
        False, description="Do not send it when anybody, counterpart or ours, has written after that message."
    )
    follows: Word | None = Field(
        None,
        description="For a follow-up: key of the last message, of either side, that it follows; "
        "not sent when anybody has written after it.",
    )

    not_after: AwareDatetime | None = Field(
        None, description="Do not send it after this moment, such as 2026-12-24T18:00+01:00."
    )

    @property
    def guarded(self) -> bool:
        """Whether the Thread is read again, and nothing sent that somebody has overtaken."""
        return self.unless_written_since or self.follows is not None


class _Overtaken(Exception):
    """Somebody has written since; nothing was fired, and nothing is to be.

    `by` says who: "counterpart" or "ours"; or why else: "gone" (the Message that it is about), "doubt" (about another
    send), "late", "withdrawn".
    """

    def __init__(self, why: str, *, by: str, said: Sequence[str] = ()) -> None:
        super().__init__(why)
        self.by = by
        self.said = said


class _Withheld(_Overtaken):
    """The reply is not to go out now, and nobody else sees to the Message: a person is asked."""


class SendMessage(Flow[SendMessageParams]):
    """The Effect's natural key is thread, answered Message and text, so that one question gets the same answer once.

    A follow-up answers nothing new: the Message that it follows stands in that place, which is another one for every
    step of a Sequence, so that a step with the words of the one before it is neither that one nor refused.
    """

    name = "send_message"
    summary = "Sends a message in a thread."
    changes = True
    Params = SendMessageParams

    def repeated(self, params: Mapping[str, Any], natural_keys: Sequence[str]) -> Mapping[str, Any]:
        """The Message that was answered then is named: the last one may be another by now."""
        if not natural_keys or params.get("answering") is not None or params.get("follows") is not None:
            return params
        answered = answered_of(natural_keys[0])
        if not answered:
            raise Conflict(
                "This message answered none that is known: sent again, it would answer another.",
                cure="Look at the thread, and write anew: runner run ACCOUNT send_message",
            )
        return {**params, "answering": answered}

    async def perform(self, stage: Stage[SendMessageParams]) -> Mapping[str, Any]:
        """Result: `thread`, `message` (its id), `answering`, `already_there`. Raises Rejected with the Site's words.

        Where nothing was sent, because somebody has written since or it is not wanted any more, `not_sent` says why,
        `overtaken_by` who it was and `said` what the counterpart wrote, and `message` is None.
        """
        params = stage.params
        async with stage.step("read thread", params.thread):
            pairs = keyed(
                await stage.repeats.repeatable("reading the thread", lambda: stage.site.messages(params.thread))
            )
        begun = await stage.effects.begun(EffectKind.SEND_MESSAGE)
        answered = params.follows or _answered(pairs, params, begun)
        if params.follows is not None and begun is None and answered not in {key for key, _ in pairs}:
            return _told_not_sent(params.thread, answered, _gone())
        earlier = _outbound_before(pairs, answered)

        async def find() -> list[str]:
            found = keyed(await stage.site.find_message(params.thread, params.text))
            return [_reference(key, message) for key, message in found if key not in earlier]

        async def fire(before_submit: BeforeSubmit) -> str:
            before = await _guarded(stage, answered, before_submit)
            async with stage.step("send", f"{len(params.text)} characters"):
                sent = await stage.site.send(params.thread, params.text, before_submit=before)
            if sent.remote_id is not None:
                return sent.remote_id
            return (await find())[-1]

        natural_key = message_key(params.thread, answered, params.text)
        try:
            message, fired = await stage.effects.perform(
                EffectKind.SEND_MESSAGE, natural_key, params.text, find=find, fire=fire
            )
        except _Overtaken as overtaken:
            await stage.inbox.not_sent(str(overtaken), asks_person=isinstance(overtaken, _Withheld))
            return _told_not_sent(params.thread, answered, overtaken)
        return _told(params.thread, message, answered, already_there=not fired)


def _told(thread: str, message: str | None, answered: str, *, already_there: bool) -> dict[str, Any]:
    return {"thread": thread, "message": message, "answering": answered, "already_there": already_there}


def _told_not_sent(thread: str, answered: str, overtaken: _Overtaken) -> dict[str, Any]:
    why = {"not_sent": str(overtaken), "overtaken_by": overtaken.by, "said": list(overtaken.said)}
    return _told(thread, None, answered, already_there=False) | why


async def _guarded(stage: Stage[SendMessageParams], answered: str, before_submit: BeforeSubmit) -> BeforeSubmit:
    """Look whether it is still to be sent, now and at the click; raises _Overtaken, before anything is armed."""
    await _expect_wanted(stage)

    async def while_wanted() -> None:
        await _expect_wanted(stage)
        await before_submit()

    if stage.params.guarded:
        return await _unless_written_since(stage, answered, while_wanted)
    return while_wanted


async def _expect_wanted(stage: Stage[SendMessageParams]) -> None:
    until = stage.params.not_after
    if until is not None and stage.clock.now() > until:
        why = f"not sent: it was to go out until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC and not later"
        raise _Withheld(why, by="late")
    withdrawn = await stage.inbox.withdrawn()
    if withdrawn is not None:
        raise (_Withheld if withdrawn.asks_person else _Overtaken)(f"not sent: {withdrawn.why}", by="withdrawn")


async def _unless_written_since(
    stage: Stage[SendMessageParams], answered: str, before_submit: BeforeSubmit
) -> BeforeSubmit:
    """Read the Thread again, now and at the click."""
    thread = stage.params.thread
    if await stage.effects.others_in_doubt(EffectKind.SEND_MESSAGE, f"{thread}|"):
        # Another reply may still arrive there, and is not to be seen yet: two would be one too many.
        why = "not sent: nobody can tell yet whether another reply in this thread was sent"
        raise _Withheld(why, by="doubt")
    async with stage.step("read again", thread):
        _expect_newest(await stage.site.messages(thread), answered)

    async def at_the_click() -> None:
        anew = await stage.site.messages_at_the_click(thread)
        if anew is not None:
            _expect_newest(anew, answered)
        await before_submit()

    return at_the_click


def _expect_newest(messages: Sequence[RemoteMessage], answered: str) -> None:
    keys = [key for key, _ in keyed(messages)]
    if answered not in keys:
        raise _gone()
    since = messages[keys.index(answered) + 1 :]
    if since:
        ours = since[-1].direction is Direction.OUTBOUND
        said = [each.text[:MOST_TOLD] for each in since if each.direction is Direction.INBOUND]
        why = f"not sent: {'somebody of ours' if ours else 'the counterpart'} has written since"
        raise _Overtaken(why, by="ours" if ours else "counterpart", said=said[-5:])


def _gone() -> _Withheld:
    return _Withheld("not sent: the message that it answers or follows is not there any more", by="gone")


def _answered(pairs: Keyed, params: SendMessageParams, begun: str | None) -> str:
    """The key of the Message that is answered; "" in a Thread without an inbound one.

    An Attempt that follows another keeps to what that one answered: a Message that arrived in between must not make
    the same reply a new one.
    """
    inbound = [key for key, message in pairs if message.direction is Direction.INBOUND]
    if params.answering is not None:
        if params.answering in inbound:
            return params.answering
        raise Rejected(
            f'Thread {params.thread} has no inbound message with the key "{params.answering}".',
            cure="`runner inbox show` lists the keys; leave `answering` out to answer the last message.",
        )
    for key in [*inbound, ""]:
        if begun is not None and message_key(params.thread, key, params.text) == begun:
            return key
    return inbound[-1] if inbound else ""


def _outbound_before(pairs: Keyed, answered: str) -> set[str]:
    """Keys of what we wrote up to the answered Message: the same words there were an answer to something else."""
    keys = [key for key, _ in pairs]
    end = keys.index(answered) + 1 if answered in keys else 0
    return {key for key, message in pairs[:end] if message.direction is Direction.OUTBOUND}


def _reference(key: str, message: RemoteMessage) -> str:
    return message.remote_id or key
