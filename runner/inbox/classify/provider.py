"""A language model that is asked what Messages want, over an OpenAI-compatible API; behind it stands the local one.

Whatever goes wrong, the local one answers: no key, no budget, no answer in time, or an answer that is not one of the
types. The text of a Message is data that a stranger wrote. It can at most talk the model into a wrong type, for nothing
but a type and a number is taken from an answer.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import structlog
from pydantic import SecretStr

from runner.domain.classification import Asked, Classification, Likely, MessageType
from runner.domain.clock import Clock
from runner.inbox.classify.facts import facts_in
from runner.inbox.classify.instructions import INSTRUCTIONS
from runner.inbox.classify.interface import Classifier
from runner.store.provider_use import ProviderUse

log = structlog.get_logger()

LONGEST_TEXT = 4_000
LONGEST_ANSWER = 200_000
KEY_RESTS = timedelta(minutes=10)
"""A key that was refused or is used up is left alone for so long."""

PROVIDER_RESTS = timedelta(minutes=1)
"""After a failure the local classifier answers at once for so long."""

REFUSED = (401, 402, 403, 429)
CHARS_PER_TOKEN = 3
ANSWER_TOKENS = 40
"""Of one Message in an answer: reserved beforehand, and corrected by what the provider says."""

Key = Callable[[], Awaitable[SecretStr]]


@dataclass(frozen=True, kw_only=True)
class ProviderTerms:
    """Where and what is asked, and how much at most; times in seconds."""

    base_url: str
    model: str
    timeout_s: float
    batch: int
    requests_per_day: int
    tokens_per_day: int


class _Unanswered(Exception):
    """The provider gives no answer now; the message says why, and holds nothing of what was sent."""


class ProviderClassifier:
    """Asks the provider, some Messages at once; what it does not answer is answered by `local`."""

    def __init__(
        self, terms: ProviderTerms, *, keys: Sequence[Key], use: ProviderUse, local: Classifier, clock: Clock
    ) -> None:
        self._terms = terms
        self._keys = keys
        self._use = use
        self._local = local
        self._clock = clock
        self._key_rests: dict[int, datetime] = {}
        self._rests_until: datetime | None = None

    async def classify(self, asked: Sequence[Asked]) -> list[Classification]:
        """One Classification for each, in order."""
        found: dict[int, Classification] = {}
        if self._rests_until is None or self._clock.now() >= self._rests_until:
            await self._ask_all(asked, found)
        left = [number for number in range(len(asked)) if number not in found]
        if left:
            local = await self._local.classify([asked[number] for number in left])
            found |= dict(zip(left, local, strict=True))
        return [found[number] for number in range(len(asked))]

    async def _ask_all(self, asked: Sequence[Asked], found: dict[int, Classification]) -> None:
        try:
            async with httpx.AsyncClient(timeout=self._terms.timeout_s, trust_env=False) as client:
                for start in range(0, len(asked), self._terms.batch):
                    part = asked[start : start + self._terms.batch]
                    said = await self._answer(client, part)
                    found |= {start + number: each for number, each in said.items()}
                    if len(said) < len(part):
                        log.warning("the provider says nothing usable of some messages", of=len(part) - len(said))
        except Exception as error:  # noqa: BLE001 — whatever it is, the local one answers
            # Never with a traceback: it would show the headers, and so the key.
            self._rests_until = self._clock.now() + PROVIDER_RESTS
            why = str(error) if isinstance(error, _Unanswered) else type(error).__name__
            log.warning("the provider does not answer; the local classifier does", why=why)
        else:
            self._rests_until = None

    async def _answer(self, client: httpx.AsyncClient, part: Sequence[Asked]) -> dict[int, Classification]:
        """What it says of some Messages, by their places; those of which it says nothing usable are left out."""
        body = _question(part, self._terms.model)
        by = f"provider:{self._terms.model}"
        for number in self._keys_at_hand():
            answer = await self._request(client, body, number, answers=len(part))
            if answer is not None:
                return {place: _classification(part[place], said, by) for place, said in _said(answer, part)}
        raise _Unanswered("every key is refused or used up")

    def _keys_at_hand(self) -> list[int | None]:
        if not self._keys:
            return [None]
        now = self._clock.now()
        return [number for number in range(len(self._keys)) if self._key_rests.get(number, now) <= now]

    async def _request(
        self, client: httpx.AsyncClient, body: Mapping[str, Any], number: int | None, *, answers: int
    ) -> Mapping[str, Any] | None:
        """One request with one key; None when that key is refused or used up."""
        estimate = len(json.dumps(body)) // CHARS_PER_TOKEN + ANSWER_TOKENS * answers
        limits = {"requests_per_day": self._terms.requests_per_day, "tokens_per_day": self._terms.tokens_per_day}
        headers = await self._headers(number)
        day = await self._use.reserve(estimate, **limits)
        if day is None:
            raise _Unanswered("today's budget is used up")
        try:
            async with asyncio.timeout(self._terms.timeout_s):
                response = await client.post(f"{self._terms.base_url}/chat/completions", json=body, headers=headers)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
            raise _Unanswered(type(error).__name__) from None
        if number is not None and (response.status_code in REFUSED or _quota_is_gone(response)):
            self._key_rests[number] = self._clock.now() + KEY_RESTS
            log.warning("a key of the provider is refused or used up", key=number + 1, status=response.status_code)
            return None
        if response.status_code != httpx.codes.OK or len(response.content) > LONGEST_ANSWER:
            raise _Unanswered(f"status {response.status_code}, {len(response.content)} bytes")
        answer = _document(response.content)
        await self._use.correct(day, _tokens(answer, estimate) - estimate)
        return answer

    async def _headers(self, number: int | None) -> dict[str, str]:
        if number is None:
            return {}
        try:
            key = await self._keys[number]()
        except Exception as error:  # noqa: BLE001 — whatever keeps a key from being read, the local one answers
            raise _Unanswered(f"key {number + 1} cannot be read: {type(error).__name__}") from None
        return {"Authorization": f"Bearer {key.get_secret_value()}"}


def _question(part: Sequence[Asked], model: str) -> dict[str, Any]:
    messages = [
        {"id": place, "first_contact": each.first_contact, "text": each.text[:LONGEST_TEXT]}
        for place, each in enumerate(part)
    ]
    return {
        "model": model,
        "temperature": 0,
        "messages": [
            {"role": "system", "content": INSTRUCTIONS},
            {"role": "user", "content": json.dumps({"messages": messages}, ensure_ascii=False)},
        ],
    }


def _said(answer: Mapping[str, Any], part: Sequence[Asked]) -> list[tuple[int, tuple[MessageType, float]]]:
    """What an answer says of each Message: one of the types and a number from 0 to 1, or nothing at all."""
    try:
        content = answer["choices"][0]["message"]["content"]
        items = json.loads(content)["answers"]
    except (KeyError, IndexError, TypeError, ValueError, RecursionError):
        return []
    found: dict[int, tuple[MessageType, float] | None] = {}
    for item in items if isinstance(items, list) else ():
        place = item.get("id") if isinstance(item, dict) else None
        if isinstance(place, int) and not isinstance(place, bool) and 0 <= place < len(part):
            # Said twice is not said: one text may have spoken for another.
            found[place] = None if place in found else _verdict(item)
    return [(place, said) for place, said in found.items() if said is not None]


def _verdict(item: Mapping[str, Any]) -> tuple[MessageType, float] | None:
    if set(item) != {"id", "type", "confidence"} or item["type"] not in list(MessageType):
        return None
    sure = item["confidence"]
    if isinstance(sure, bool) or not isinstance(sure, int | float) or not 0 <= sure <= 1:
        return None
    return MessageType(item["type"]), float(sure)


def _classification(asked: Asked, said: tuple[MessageType, float], by: str) -> Classification:
    type_, sure = said
    return Classification(
        type=type_,
        confidence=sure,
        top=(Likely(type=type_, probability=sure),),
        first_contact=asked.first_contact,
        extracted=facts_in(asked.text),
        by=by,
    )


def _document(content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        raise _Unanswered("the answer is no JSON") from None
    if not isinstance(found, dict):
        raise _Unanswered("the answer is no object")
    return found


def _tokens(answer: Mapping[str, Any], estimate: int) -> int:
    """What a request took, as the provider says; as estimated where it says nothing believable."""
    usage = answer.get("usage")
    said = usage.get("total_tokens") if isinstance(usage, dict) else None
    return said if isinstance(said, int) and not isinstance(said, bool) and 0 < said < 10_000_000 else estimate


def _quota_is_gone(response: httpx.Response) -> bool:
    """Some providers say with another status that a key's quota is used up."""
    return response.is_client_error and b"insufficient_quota" in response.content[:LONGEST_ANSWER]
