"""The application: all routes over one set of services."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from runner.api import problems
from runner.api.doors import Hall
from runner.api.routes import (
    account_desk,
    accounts,
    analytics,
    answering,
    desk,
    effects,
    errors,
    events,
    evidence,
    exports,
    figures,
    health,
    histories,
    inbox_figures,
    jobs,
    listing_groups,
    listings,
    notices,
    pace,
    people,
    rule_desk,
    schedules,
    sequences,
    shop,
    threads,
    understanding,
    work,
)
from runner.api.routing import GuardedRoute
from runner.api.services import Services

NOUNS = (
    account_desk.routes,
    accounts.routes,
    accounts.profiles,
    pace.routes,
    evidence.sessions,
    jobs.routes,
    jobs.batches,
    jobs.attempts,
    evidence.routes,
    errors.routes,
    # Before /listings/{listing_id}, which would take "groups" for an id.
    listing_groups.routes,
    listings.routes,
    threads.routes,
    desk.routes,
    histories.routes,
    inbox_figures.routes,
    answering.templates,
    answering.rules,
    answering.drafts,
    rule_desk.templates,
    rule_desk.rules,
    rule_desk.drafts,
    understanding.routes,
    sequences.sequences,
    sequences.enrolments,
    schedules.routes,
    effects.routes,
    work.routes,
    shop.rotation,
    shop.overview,
    analytics.routes,
    exports.routes,
    shop.settings,
    events.routes,
    notices.channels,
    notices.notices,
    notices.digests,
    people.session,
    people.operators,
    people.tokens,
    people.audit,
    figures.routes,
    health.routes,
)

DESCRIPTION = """\
The daily work of the `runner` command and all that it has stored, over HTTP.

Programs send `Authorization: Bearer TOKEN` (`runner tokens add NAME`), people sign in. Lists take `limit` and `cursor`
and give `next_cursor`; times are UTC; ids are strings; every refusal is an RFC 9457 problem document with a `code`.
"""


class App(FastAPI):
    """FastAPI with our own OpenAPI document."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        if not self.openapi_schema:
            self.openapi_schema = health.described(self)
        return self.openapi_schema


def create_app(services: Services) -> App:
    """The application; it owns nothing that would have to be closed but what `services` already owns."""
    app = App(
        title="runner",
        version=services.rules.version or "0",
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    app.state.services = services
    app.router.route_class = GuardedRoute
    for noun in NOUNS:
        noun.install(app)
    health.install(app)
    problems.install(app)
    app.add_middleware(Hall, services=services)
    return app
