"""The journal against a real database and a site of a few lines, which keeps a ledger of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from runner.domain.effects import Effect, EffectKind, EffectState
from runner.domain.jobs import Lease, NewJob
from runner.engine.embedded import EmbeddedEngine
from runner.errors import ErrorKind, InDoubt, Interrupted, NeedsPerson, Rejected, RetryLater, StaleLease
from runner.orchestrator.effects import LAST_LOOK_S, SECOND_LOOK_S, Journal
from runner.sites.interface import BeforeSubmit
from runner.store.database import Database
from runner.store.effects import Effects
from runner.store.events import Events

PUBLISH = EffectKind.PUBLISH_LISTING
KEY = "AMY-1|ThinkPad|0123"
LATENCY_S = 30.0


class Fence:
    def __init__(self, doings: list[str], answered: bool) -> None:
        self._doings = doings
        self.answered = answered

    async def put_up(self) -> None:
        self._doings.append("fence up")


@dataclass
class Scene:
    """One Account at a site that does as the test says; `doings` is everything in the order in which it was done."""

    effects: Effects
    lease: Lease
    clock: Any
    latency_s: float | None = LATENCY_S
    fenced: bool = True
    answered: bool = False
    answers_when_done: bool = False
    ledger: list[str] = field(default_factory=list)
    doings: list[str] = field(default_factory=list)
    pauses_s: list[float] = field(default_factory=list)
    losses: list[Exception] = field(default_factory=list)
    during_pause: Callable[[], None] = lambda: None
    control: Any = None
    monotonic_s: float = 500.0

    def passes(self, seconds: float) -> None:
        """Time passes, on the wall and on the monotonic clock alike; `clock.forward` alone is a clock that is set."""
        self.clock.forward(seconds)
        self.monotonic_s += seconds

    def journal(self, lease: Lease | None = None) -> Journal:
        @asynccontextmanager
        async def fencing(kind: EffectKind) -> AsyncIterator[Any]:
            assert kind is PUBLISH
            yield Fence(self.doings, self.answered) if self.fenced else None
            self.doings.append("fence down")

        async def lost(error: Exception) -> None:
            self.doings.append("lost")
            self.losses.append(error)

        return Journal(
            self.effects,
            lease=lease or self.lease,
            commit_latency_s=self.latency_s,
            answers_when_done=self.answers_when_done,
            fence=fencing,
            lost=lost,
            control=self.control,
            pause=self.pause,
            monotonic_s=lambda: self.monotonic_s,
        )

    async def pause(self, seconds: float) -> None:
        self.pauses_s.append(seconds)
        self.passes(seconds)
        self.during_pause()

    async def find(self) -> list[str]:
        self.doings.append("look")
        return list(self.ledger)

    async def fire(self, before_submit: BeforeSubmit) -> str:
        await before_submit()
        self.doings.append("click")
        self.ledger.append(f"L{len(self.ledger) + 1}")
        return self.ledger[-1]

    async def perform(self, fire: Any = None, *, find: Any = None, lease: Lease | None = None) -> tuple[str, bool]:
        return await self.journal(lease).perform(
            PUBLISH, KEY, "payload", find=find or self.find, fire=fire or self.fire
        )

    async def stored(self) -> Effect:
        found = await self.effects.find("amy", PUBLISH, KEY)
        assert found is not None
        return found

    async def armed_by_an_earlier_attempt(self) -> Effect:
        effect = await self.effects.plan(self.lease, PUBLISH, KEY, "hash")
        effect = await self.effects.transition(self.lease, effect, EffectState.PREPARED)
        return await self.effects.transition(self.lease, effect, EffectState.ARMED)

    async def moved(self, *states: EffectState) -> Effect:
        effect = await self.effects.plan(self.lease, PUBLISH, KEY, "hash")
        for state in states:
            effect = await self.effects.transition(self.lease, effect, state, remote_id="L7")
        return effect


@pytest.fixture
def scene(db: Database, lease: Lease, clock: Any) -> Scene:
    return Scene(effects=Effects(db), lease=lease, clock=clock)


def breaking(scene: Scene, error: Exception, *, commits: int = 0) -> Callable[[BeforeSubmit], Any]:
    """A submit that commits so often and then ends in this error."""

    async def fire(before_submit: BeforeSubmit) -> str:
        await before_submit()
        scene.ledger.extend(f"L{number + 1}" for number in range(commits))
        raise error

    return fire


DROPPED = RetryLater("The connection was dropped.")


# ── The straight way ──────────────────────────────────────────────────────────────────────────────────────────


async def test_a_change_is_looked_for_then_fenced_then_fired_once(scene: Scene) -> None:
    assert await scene.perform() == ("L1", True)
    assert scene.doings == ["look", "fence up", "click", "fence down"]
    stored = await scene.stored()
    assert (stored.state, stored.remote_id) == (EffectState.CONFIRMED, "L1")


async def test_the_armed_state_is_stored_before_the_click(scene: Scene) -> None:
    seen: list[EffectState] = []

    async def fire(before_submit: BeforeSubmit) -> str:
        seen.append((await scene.stored()).state)
        await before_submit()
        seen.append((await scene.stored()).state)
        return "L1"

    await scene.perform(fire)
    assert seen == [EffectState.PREPARED, EffectState.ARMED]


async def test_every_state_on_the_way_is_an_event(scene: Scene, db: Database) -> None:
    await scene.perform()
    told = [event.name for event in await Events(db).since(0) if event.name.startswith("Effect")]
    assert told == ["EffectPlanned", "EffectPrepared", "EffectArmed", "EffectConfirmed"]


async def test_what_is_at_the_site_already_is_not_made_again(scene: Scene) -> None:
    scene.ledger.append("L9")
    assert await scene.perform() == ("L9", False)
    assert scene.doings == ["look"]
    assert (await scene.stored()).detail == "was there already"


async def test_a_confirmed_change_is_not_even_looked_for(scene: Scene) -> None:
    await scene.perform()
    scene.doings.clear()
    assert await scene.perform() == ("L1", False)
    assert scene.doings == []


@pytest.mark.parametrize("state", [EffectState.REJECTED, EffectState.NOT_DONE])
async def test_what_was_surely_not_done_is_done_on_the_next_try(scene: Scene, state: EffectState) -> None:
    steps = {
        EffectState.REJECTED: (EffectState.PREPARED, EffectState.ARMED, EffectState.REJECTED),
        EffectState.NOT_DONE: (EffectState.NOT_DONE,),
    }
    await scene.moved(*steps[state])
    assert await scene.perform() == ("L1", True)
    assert scene.ledger == ["L1"]


async def test_a_prepared_change_of_an_earlier_attempt_is_looked_for_again_before_it_is_fired(scene: Scene) -> None:
    await scene.moved(EffectState.PREPARED)
    assert await scene.perform() == ("L1", True)
    assert scene.doings[0] == "look"


# ── A shot that ends in an error ──────────────────────────────────────────────────────────────────────────────


async def test_an_error_before_the_click_leaves_nothing_to_settle(scene: Scene) -> None:
    async def fire(before_submit: BeforeSubmit) -> str:
        raise DROPPED

    with pytest.raises(RetryLater, match="dropped"):
        await scene.perform(fire)
    assert (await scene.stored()).state is EffectState.PREPARED
    assert scene.losses == []


async def test_a_lost_answer_is_read_back_and_found(scene: Scene) -> None:
    assert await scene.perform(breaking(scene, DROPPED, commits=1)) == ("L1", True)
    assert (await scene.stored()).detail == "read back: there"
    assert scene.pauses_s == []


async def test_the_page_is_kept_before_reading_back_leads_away_from_it(scene: Scene) -> None:
    await scene.perform(breaking(scene, DROPPED, commits=1))
    assert scene.doings == ["look", "fence up", "lost", "look"]
    assert scene.losses == [DROPPED]


async def test_a_refusal_that_read_back_confirms_is_rejected_and_told_in_the_site_s_words(scene: Scene) -> None:
    with pytest.raises(Rejected, match="too long"):
        await scene.perform(breaking(scene, Rejected("The title is too long.")))
    stored = await scene.stored()
    assert (stored.state, stored.detail) == (EffectState.REJECTED, "The title is too long.")
    assert scene.pauses_s == []


async def test_a_refusal_that_read_back_contradicts_is_a_success(scene: Scene) -> None:
    assert await scene.perform(breaking(scene, Rejected("Something went wrong."), commits=1)) == ("L1", True)
    assert (await scene.stored()).state is EffectState.CONFIRMED


async def test_absent_twice_after_the_settle_window_is_not_done(scene: Scene) -> None:
    with pytest.raises(RetryLater, match="dropped"):
        await scene.perform(breaking(scene, DROPPED))
    stored = await scene.stored()
    assert (stored.state, stored.detail) == (EffectState.NOT_DONE, "absent twice, settle window over")
    assert scene.doings.count("look") == 3  # the baseline, and two that agree


async def test_two_looks_must_agree(scene: Scene) -> None:
    scene.during_pause = lambda: scene.ledger.append("L1")
    assert await scene.perform(breaking(scene, DROPPED)) == ("L1", True)
    assert scene.ledger == ["L1"]


async def test_the_settle_window_begins_when_the_request_is_given_up(scene: Scene) -> None:
    """It may have been with the site all the while: our patience with it is no part of the site's latency."""

    async def slow(before_submit: BeforeSubmit) -> str:
        await before_submit()
        scene.passes(LATENCY_S + 12)
        raise DROPPED

    with pytest.raises(RetryLater):
        await scene.perform(slow)
    assert scene.pauses_s == [LATENCY_S]


async def test_after_the_window_a_moment_still_lies_between_the_two_looks(scene: Scene) -> None:
    async def slow_look() -> list[str]:
        scene.passes(LATENCY_S + 5)
        return []

    with pytest.raises(RetryLater):
        await scene.perform(breaking(scene, DROPPED), find=slow_look)
    assert scene.pauses_s == [SECOND_LOOK_S]


async def test_where_an_answer_ends_a_request_an_error_page_is_tried_again_without_a_person(scene: Scene) -> None:
    scene.latency_s, scene.answers_when_done, scene.answered = None, True, True
    with pytest.raises(RetryLater):
        await scene.perform(breaking(scene, DROPPED))
    assert (await scene.stored()).state is EffectState.NOT_DONE
    assert scene.pauses_s == [SECOND_LOOK_S]
    assert await scene.perform() == ("L1", True)


@pytest.mark.parametrize(("answered", "answers_when_done"), [(True, False), (False, True)])
async def test_an_answer_counts_only_where_it_came_and_means_the_end(
    scene: Scene, answered: bool, answers_when_done: bool
) -> None:
    scene.latency_s, scene.answered, scene.answers_when_done = None, answered, answers_when_done
    with pytest.raises(InDoubt):
        await scene.perform(breaking(scene, DROPPED))


async def test_before_a_person_is_asked_a_late_commit_is_waited_for(scene: Scene) -> None:
    scene.latency_s = None
    scene.during_pause = lambda: scene.ledger.append("L1")
    assert await scene.perform(breaking(scene, DROPPED)) == ("L1", True)
    assert scene.pauses_s == [LAST_LOOK_S]


async def test_a_site_that_may_commit_at_any_time_leaves_doubt_and_is_not_fired_again(scene: Scene) -> None:
    scene.latency_s = None
    with pytest.raises(InDoubt, match="nobody can tell"):
        await scene.perform(breaking(scene, DROPPED))
    assert (await scene.stored()).state is EffectState.UNKNOWN
    with pytest.raises(InDoubt, match="nobody can tell"):
        await scene.perform()
    assert scene.ledger == []


async def test_a_site_that_may_commit_at_any_time_but_shows_it_leaves_no_doubt(scene: Scene) -> None:
    scene.latency_s = None
    assert await scene.perform(breaking(scene, DROPPED, commits=1)) == ("L1", True)


async def test_a_site_that_cannot_be_read_back_leaves_the_change_armed_and_tells_the_first_error(scene: Scene) -> None:
    looks = 0

    async def find() -> list[str]:
        nonlocal looks
        looks += 1
        if looks > 1:
            raise RetryLater("The site does not answer.")
        return []

    with pytest.raises(RetryLater, match="dropped"):
        await scene.perform(breaking(scene, DROPPED, commits=1), find=find)
    assert (await scene.stored()).state is EffectState.ARMED


# ── Armed by an earlier attempt ───────────────────────────────────────────────────────────────────────────────


async def test_an_earlier_shot_that_hit_is_found_and_not_repeated(scene: Scene) -> None:
    await scene.armed_by_an_earlier_attempt()
    scene.ledger.append("L1")
    assert await scene.perform() == ("L1", False)
    assert scene.ledger == ["L1"]


async def test_an_earlier_shot_that_arrives_late_is_waited_for(scene: Scene) -> None:
    await scene.armed_by_an_earlier_attempt()
    scene.passes(10)
    scene.during_pause = lambda: scene.ledger.append("late")
    assert await scene.perform() == ("late", False)
    # The whole window once more: how long ago another process armed it, only a clock that may have been set could say.
    assert scene.pauses_s == [LATENCY_S]
    assert scene.ledger == ["late"]


async def test_an_earlier_shot_that_missed_is_fired_again_after_its_window_and_a_fresh_look(scene: Scene) -> None:
    await scene.armed_by_an_earlier_attempt()
    assert await scene.perform() == ("L1", True)
    assert scene.pauses_s == [LATENCY_S]
    assert scene.doings == ["look", "look", "look", "fence up", "click", "fence down"]


async def test_an_earlier_shot_at_a_site_without_a_bound_is_left_to_a_person(scene: Scene) -> None:
    scene.latency_s = None
    await scene.armed_by_an_earlier_attempt()
    scene.passes(86_400)
    with pytest.raises(InDoubt):
        await scene.perform()
    assert scene.ledger == []


@pytest.mark.parametrize("set_by_s", [-86_400, 86_400])
async def test_a_clock_that_is_set_leaves_the_window_of_an_earlier_shot_as_it_is(scene: Scene, set_by_s: int) -> None:
    await scene.armed_by_an_earlier_attempt()
    scene.clock.forward(set_by_s)
    await scene.perform()
    assert scene.pauses_s == [LATENCY_S]


@pytest.mark.parametrize("set_by_s", [-86_400, 86_400])
async def test_a_clock_that_is_set_right_after_the_click_leaves_the_window_as_it_is(
    scene: Scene, set_by_s: int
) -> None:
    async def fire(before_submit: BeforeSubmit) -> str:
        await before_submit()
        scene.clock.forward(set_by_s)
        raise DROPPED

    scene.during_pause = lambda: scene.ledger.append("late")
    assert await scene.perform(fire) == ("late", True)
    assert scene.pauses_s == [LATENCY_S]


# ── Twice at the site ─────────────────────────────────────────────────────────────────────────────────────────


async def test_two_at_the_site_quarantine_the_account(scene: Scene) -> None:
    with pytest.raises(NeedsPerson, match="shows it 2 times") as caught:
        await scene.perform(breaking(scene, DROPPED, commits=2))
    assert caught.value.kind is ErrorKind.INTERNAL
    stored = await scene.stored()
    assert (stored.state, stored.remote_id) == (EffectState.DUPLICATED, "L1")
    with pytest.raises(InDoubt):
        await scene.perform()


async def test_without_a_fence_a_success_is_read_back_for_a_second_one(scene: Scene) -> None:
    scene.fenced = False

    async def repeated_by_the_browser(before_submit: BeforeSubmit) -> str:
        await before_submit()
        scene.ledger.extend(["L1", "L2"])
        return "L2"

    with pytest.raises(NeedsPerson, match="shows it 2 times"):
        await scene.perform(repeated_by_the_browser)
    assert (await scene.stored()).state is EffectState.DUPLICATED


async def test_without_a_fence_one_at_the_site_is_confirmed(scene: Scene) -> None:
    scene.fenced = False
    assert await scene.perform() == ("L1", True)
    assert scene.doings == ["look", "click", "fence down", "look"]


# ── Adapters that break the contract ──────────────────────────────────────────────────────────────────────────


async def test_an_adapter_that_arms_twice_is_stopped_before_its_second_click(scene: Scene) -> None:
    async def fire(before_submit: BeforeSubmit) -> str:
        await before_submit()
        scene.ledger.append("L1")
        await before_submit()
        scene.ledger.append("L2")
        return "L2"

    # What was made is found by reading back, so this attempt ends well.
    assert await scene.perform(fire) == ("L1", True)
    assert scene.ledger == ["L1"]
    assert [type(error) for error in scene.losses] == [InDoubt]


async def test_an_adapter_that_submits_without_arming_is_our_bug_and_a_person_looks(scene: Scene) -> None:
    async def fire(before_submit: BeforeSubmit) -> str:
        return "L1"

    with pytest.raises(InDoubt, match="without arming") as caught:
        await scene.perform(fire)
    assert caught.value.kind is ErrorKind.INTERNAL


# ── Fences of the lease ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_worker_that_lost_its_lease_cannot_arm(scene: Scene, engine: EmbeddedEngine) -> None:
    async def fire(before_submit: BeforeSubmit) -> str:
        await engine.release_dead(dead=[scene.lease.owner])
        await before_submit()
        scene.ledger.append("too late")
        return "L1"

    with pytest.raises(StaleLease):
        await scene.perform(fire)
    assert scene.ledger == []


async def test_the_natural_key_of_an_earlier_attempt_of_the_same_job_is_known(scene: Scene) -> None:
    assert await scene.journal().begun(PUBLISH) is None
    await scene.perform()
    assert await scene.journal().begun(PUBLISH) == KEY
    assert await scene.journal().begun(EffectKind.SEND_MESSAGE) is None


async def leased(engine: EmbeddedEngine, **more: Any) -> Lease:
    """A lease on another job of amy's, the one before given up as failed."""
    (job,) = await engine.submit([NewJob(account="amy", flow="publish_listing", max_attempts=1, **more)])
    lease = await engine.claim_job(job.id, owner="w1", ttl_s=10)
    assert lease is not None
    return lease


async def failed(engine: EmbeddedEngine, lease: Lease) -> None:
    await engine.fail(lease, kind=ErrorKind.NETWORK, error="It failed.")


async def retried(engine: EmbeddedEngine, lease: Lease) -> Lease:
    await engine.retry(lease.job.id)
    again = await engine.claim_job(lease.job.id, owner="w1", ttl_s=10)
    assert again is not None
    return again


async def test_a_job_and_its_replays_are_held_to_what_one_of_them_has_confirmed(
    scene: Scene, engine: EmbeddedEngine
) -> None:
    first = scene.lease
    await failed(engine, first)
    second = await leased(engine, replay_of=first.job.id)
    await failed(engine, second)
    third = await leased(engine, replay_of=second.job.id)
    stranger = KEY + "|a later message"

    assert await scene.perform(lease=third) == ("L1", True)
    await engine.succeed(third, {})

    for lease in (first, second):
        again = await retried(engine, lease)
        await scene.effects.plan(again, PUBLISH, stranger, "hash")
        journal = scene.journal(again)
        assert await journal.begun(PUBLISH) == KEY
        made = await journal.made(PUBLISH)
        assert made is not None
        assert made.remote_id == "L1"
        await failed(engine, again)
    other = await leased(engine)
    assert await scene.journal(other).begun(PUBLISH) is None, "a job of the same flow that repeats nothing"


async def test_what_a_replay_did_is_known_after_it_was_pruned(scene: Scene, engine: EmbeddedEngine) -> None:
    first = scene.lease
    await failed(engine, first)
    second = await leased(engine, replay_of=first.job.id)
    assert await scene.perform(lease=second) == ("L1", True)
    await engine.succeed(second, {})
    third = await leased(engine, replay_of=second.job.id)
    await failed(engine, third)
    assert (await engine.delete([second.job.id])).changed == [second.job.id]

    for lease in (first, third):
        again = await retried(engine, lease)
        assert await scene.journal(again).begun(PUBLISH) == KEY
        await failed(engine, again)
    assert (await engine.get(third.job.id)).replay_of == first.job.id


class Hands:
    """Control as the journal sees it: how often a person has had the page, and when nobody may."""

    def __init__(self, doings: list[str]) -> None:
        self.turns = 0
        self._doings = doings

    @contextmanager
    def armed(self) -> Iterator[None]:
        self._doings.append("hands off")
        yield
        self._doings.append("hands on")


async def test_nobody_gets_the_page_between_arming_and_the_answer(scene: Scene) -> None:
    scene.control = Hands(scene.doings)
    assert await scene.perform() == ("L1", True)
    assert scene.doings == ["look", "hands off", "fence up", "click", "fence down", "hands on"]


async def test_what_a_person_may_have_done_meanwhile_is_looked_at_before_anything_is_fired(scene: Scene) -> None:
    scene.control = Hands(scene.doings)

    async def taken_over(before_submit: BeforeSubmit) -> str:
        scene.control.turns += 1  # while the form was being filled in, and they published it by hand
        scene.ledger.append("by hand")
        return await scene.fire(before_submit)

    with pytest.raises(Interrupted, match="A person had the page"):
        await scene.perform(taken_over)
    assert "click" not in scene.doings
    assert (await scene.stored()).state is EffectState.PREPARED
    assert await scene.perform() == ("by hand", False)
    assert scene.ledger == ["by hand"]


# ── What others have under way ────────────────────────────────────────────────────────────────────────────────


async def test_what_another_job_has_fired_and_nobody_has_settled_is_told(
    scene: Scene, db: Database, lease: Lease
) -> None:
    await scene.armed_by_an_earlier_attempt()
    others = replace(lease, job=replace(lease.job, id=lease.job.id + 1))
    assert not await scene.journal().others_in_doubt(PUBLISH, KEY), "one's own is no other's"
    assert await scene.journal(others).others_in_doubt(PUBLISH, KEY[:2])
    assert not await scene.journal(others).others_in_doubt(PUBLISH, "something else|")
    await scene.perform()
    assert not await scene.journal(others).others_in_doubt(PUBLISH, KEY[:2]), "it is settled"
