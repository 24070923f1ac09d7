"""The sign-in page, and who is signed in."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from runner.errors import ErrorKind, NeedsPerson
from runner.sites.mock import locators
from runner.sites.mock.browsing import Browsing


async def whoami(browsing: Browsing) -> str | None:
    """The username in the header of the page that this attempt has loaded, or else of the inbox."""
    if not browsing.loaded or not browsing.at_site:
        await browsing.open(locators.INBOX_PATH, signed_out_ok=True)
        browsing.mark_unused()
    account: str | None = (await browsing.read("account"))["account"]
    return account


async def sign_in(browsing: Browsing, username: str, password: str, *, remember: bool) -> None:
    """Fill in the sign-in form and submit it once. Raises NeedsPerson(VALIDATION) when the password is refused."""
    if browsing.path != locators.SIGN_IN_PATH or not browsing.loaded or _leads_elsewhere(browsing.page.url):
        await browsing.open(locators.SIGN_IN_PATH, signed_out_ok=True)
    find = browsing.find
    if browsing.path != locators.SIGN_IN_PATH:  # somebody is signed in still, and the site sent us on
        await browsing.submit(find.sign_out())
        await browsing.open(locators.SIGN_IN_PATH, signed_out_ok=True)
    await find.username().fill(username)
    await find.password().fill(password)
    await find.remember().set_checked(remember)
    response = await browsing.submit(find.sign_in())
    if browsing.path == locators.SIGN_IN_PATH and response is not None and response.status in (200, 400, 401, 422):
        said = " ".join(await find.main_alert().all_inner_texts()).strip()
        raise NeedsPerson(
            f'The password of account {username} was refused: "{said}"',
            cure="Mend the secret that the account's password refers to, then resume the account.",
            kind=ErrorKind.VALIDATION,
        )
    await browsing.expect_good(response)
    browsing.mark_unused()


def _leads_elsewhere(url: str) -> bool:
    """Whether this sign-in page goes on to another page than the inbox: a thread that is opened counts as read."""
    return parse_qs(urlsplit(url).query).get("next", [locators.INBOX_PATH]) != [locators.INBOX_PATH]
