"""Figures for Prometheus: read from the store when they are asked for, so that every process tells the same."""

from __future__ import annotations

from datetime import timedelta

from fastapi import Response
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from runner.api.routing import Given, Routes
from runner.domain.access import Role

routes = Routes("metrics", prefix="")

HOUR = timedelta(hours=1)
PLAIN = {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus' text format."}


@routes.get("/metrics", role=Role.VIEWER, response_class=Response, responses={200: PLAIN})
async def metrics(given: Given) -> Response:
    """Figures for Prometheus; give it a token with the scope metrics:read."""
    now = given.clock.now()
    found = await given.shop.overview(now - HOUR)
    stuck = await given.queue.stuck(given.rules.stuck_after)
    registry = CollectorRegistry()

    def by_state(name: str, words: str, counts: dict[str, int]) -> None:
        gauge = Gauge(name, words, ["state"], registry=registry)
        for state, count in counts.items():
            gauge.labels(state).set(count)

    def one(name: str, words: str, value: float) -> None:
        Gauge(name, words, registry=registry).set(value)

    by_state("runner_accounts", "Accounts by state.", found.accounts)
    by_state("runner_jobs", "Jobs by state.", found.jobs)
    by_state("runner_listings", "Listings by state.", found.listings)
    one("runner_threads", "Threads that are stored.", found.threads)
    one("runner_threads_unread", "Threads with unread messages.", found.unread_threads)
    one("runner_sessions_open", "Browsers that are open.", found.open_sessions)
    one("runner_messages_inbound_1h", "Messages received in the last hour.", found.messages_inbound)
    one("runner_messages_outbound_1h", "Messages sent in the last hour.", found.messages_outbound)
    one("runner_attempts_succeeded_1h", "Attempts that went well in the last hour.", found.attempts_succeeded)
    one("runner_attempts_failed_1h", "Attempts that carry an error kind in the last hour.", found.attempts_failed)
    one("runner_ready", "1 when work goes on or there is none, as /readyz says.", stuck.due_since is None)
    one("runner_last_event", "The number of the newest event.", given.feed.newest)
    return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
