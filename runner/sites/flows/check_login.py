"""Checks that the Site shows the Account as signed in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.errors import ErrorKind, NeedsPerson, SessionExpired
from runner.sites.flow import Flow, Stage
from runner.sites.params import Params


class CheckLoginParams(Params):
    """Takes nothing."""


class CheckLogin(Flow[CheckLoginParams]):
    """Asks the Site who is signed in; the result names whom it showed."""

    name = "check_login"
    summary = "Signs in if need be, and checks that the site shows the right account."
    Params = CheckLoginParams

    async def perform(self, stage: Stage[CheckLoginParams]) -> Mapping[str, Any]:
        """Result: `signed_in_as`. Raises SessionExpired when signed out, NeedsPerson when it is somebody else."""
        username = stage.account.username
        async with stage.step("check who is signed in", username):
            shown = await stage.repeats.repeatable("asking who is signed in", stage.site.whoami)
        if shown is None:
            raise SessionExpired(f"The site shows nobody as signed in, not {username}.")
        if not stage.site.same_account(shown, username):
            raise NeedsPerson(
                f"The profile of {stage.account.name} is signed in as {shown}, not as {username}.",
                cure="Sign out in that profile by hand, or mend the account's username.",
                kind=ErrorKind.VALIDATION,
            )
        return {"signed_in_as": shown}
