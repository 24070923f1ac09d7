"""Every locator of the mock marketplace, by role, label and text first: a changed page is mended here.

A regular expression lists the wordings of the layouts a, b and c. Rows are found by their data attribute, because their
roles differ (list items, table rows, articles) and the attribute does not.
"""

from __future__ import annotations

import json
import re

from playwright.async_api import Locator, Page


def _one_of(*wordings: str) -> re.Pattern[str]:
    """Exactly one of the wordings, whatever white space or required-mark stands around it."""
    return re.compile(r"^\s*(?:" + "|".join(re.escape(wording) for wording in wordings) + r")\s*\*?\s*$")


CAPTCHA = "Are you human?"
TWO_FACTOR = "Enter your security code"
TERMS = "We have updated our terms"
LOCKED = "Your account is locked"
RATE_LIMITED = "You are going too fast"
ERROR = "Something went wrong"
FORM_EXPIRED = "This form has expired"
SIGN_IN = ("Sign in", "Log in", "Welcome back")
TROUBLE_HEADINGS = (CAPTCHA, TWO_FACTOR, TERMS, LOCKED, RATE_LIMITED, ERROR, FORM_EXPIRED)

SIGN_IN_PATH = "/sign-in"
CHALLENGE_PATH = "/challenge"
INBOX_PATH = "/inbox"
THREAD_PATH = "/inbox/thread/"
THREAD_JSON_PATH = "/api/threads/"
LISTINGS_PATH = "/listings"
SELL_PATH = "/sell"
ITEM_PATH = "/item/"

NEXT_PAGE = ("Next", "Older", "Next page")

_HEARD = """root => {
  const texts = found => [...found].map(each => each.textContent.trim().replace(/\\s+/g, " "));
  return {
    headings: texts(root.querySelectorAll("h1")),
    alerts: texts(root.querySelectorAll('[role="alert"]:not([hidden])')),
    waitS: root.querySelector("[data-retry-after-s]")?.dataset.retryAfterS ?? "",
  };
}"""
_ACCOUNT = """root => root.querySelector("header [data-account]")?.dataset.account ?? null"""
_NEXT = f"""root => [...root.querySelectorAll('nav[aria-label="Pages"] a')]
  .find(link => {json.dumps(NEXT_PAGE)}.includes((link.ariaLabel ?? link.textContent).trim()))
  ?.getAttribute("href") ?? null"""
_THREADS = """root => {
  const list = root.querySelector("[data-threads]");
  const text = (row, name) => row.querySelector(`[data-field="${name}"]`)?.textContent.trim() ?? "";
  return list && {
    total: Number(list.dataset.totalThreads ?? 0),
    rows: [...root.querySelectorAll("[data-thread-id]")].map(row => ({
      id: row.dataset.threadId, unread: Number(row.dataset.unread), lastAt: row.dataset.lastActivity,
      counterpart: text(row, "counterpart"), listing: text(row, "listing"), excerpt: text(row, "excerpt"),
    })),
  };
}"""
_LISTINGS = """root => {
  const list = root.querySelector("[data-listings]");
  return list && {
    total: Number(list.dataset.totalListings ?? 0),
    rows: [...root.querySelectorAll("[data-listing-id]")].map(row => ({
      id: row.dataset.listingId,
      reference: row.querySelector('[data-field="reference"]')?.textContent.trim() ?? "",
      title: row.querySelector('[data-field="title"]').textContent.trim(),
    })),
  };
}"""
_LOG = """root => {
  const log = root.querySelector('[role="log"][aria-label="Messages"]');
  return log && log.ariaBusy === "false" ? [...log.querySelectorAll("[data-message-id]")].map(row => ({
    id: row.dataset.messageId, direction: row.dataset.direction,
    sender: row.querySelector('[data-field="sender"]').textContent.trim(),
    text: row.querySelector('[data-field="text"]').textContent,
    at: row.querySelector("time").dateTime,
  })) : null;
}"""
_PARTS = f"""{{
  heard: {_HEARD},
  account: {_ACCOUNT},
  next: {_NEXT},
  threads: {_THREADS},
  listings: {_LISTINGS},
  log: {_LOG},
}}"""
"""What is read of a page, each from its document: of the one that is open, or of one that was fetched."""

READ = f"""names => {{
  const parts = {_PARTS};
  return Object.fromEntries(names.map(name => [name, parts[name](document)]));
}}"""
"""Parts of the page that is open, in one question; null for a part that is not there."""
FETCH = f"""async ([path, names, limitMs]) => {{
  const parts = {_PARTS};
  const answer = await fetch(path, {{
    headers: {{ Accept: "text/html" }}, cache: "no-store", signal: AbortSignal.timeout(limitMs),
  }});
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return {{
    url: answer.url, status: answer.status, headers: Object.fromEntries(answer.headers),
    ...Object.fromEntries(names.map(name => [name, parts[name](page)])),
  }};
}}"""
"""The same parts of a page that is fetched while the one that is open stays, and what answered."""
FETCH_LOG = """async ([path, limitMs]) => {
  const answer = await fetch(path, {
    headers: { Accept: "application/json" }, cache: "no-store", signal: AbortSignal.timeout(limitMs),
  });
  const tidied = body => ({
    ...body, messages: body.messages?.map(each => ({ ...each, sender: each.sender.trim() })),
  });
  const json = answer.headers.get("content-type")?.includes("json");
  return {
    url: answer.url, status: answer.status, headers: Object.fromEntries(answer.headers),
    body: json ? tidied(await answer.json()) : {},
  };
}"""
DRAWN_LOG = f"""limitMs => new Promise(resolve => {{
  const read = {_LOG};
  const alert = () => document.querySelector('main [role="alert"]:not([hidden])');
  const watch = new MutationObserver(() => look());
  const over = found => {{ watch.disconnect(); clearTimeout(late); resolve(found); }};
  const late = setTimeout(() => over(null), limitMs);
  const look = () => {{ const found = read(document); if (found || alert()) over(found); }};
  watch.observe(document, {{ subtree: true, childList: true, attributes: true, characterData: true }});
  look();
}})"""
"""The log as soon as the page's script has drawn it; null when something else came, or nothing in time."""
READ_REVIEWED = """names => Object.fromEntries(names.map(name =>
  [name, document.querySelector(`main [data-field="${name}"]`)?.textContent ?? null]))"""
READ_BOX = "box => [...box.options].map(option => [option.value, option.label])"
READ_OPTIONS = f"boxes => boxes.map({READ_BOX})"
READ_ERRORS = "rows => rows.map(row => [row.dataset.errorFor, row.textContent.trim()])"
READ_TEXTS = "rows => rows.map(row => row.textContent.trim())"

FIELD_LABELS = {
    "reference": _one_of("Your reference", "Seller reference"),
    "title": _one_of("Title", "Listing title"),
    "price": _one_of("Price", "Asking price"),
    "currency": _one_of("Currency"),
    "category": _one_of("Category"),
    "condition": _one_of("Condition"),
    "description": _one_of("Description"),
    "location": _one_of("Location"),
}
"""The fields of a Listing, by our name for them."""


class Locators:
    """The locators of one page; each method names what a person would look for."""

    def __init__(self, page: Page) -> None:
        self._page = page

    # Every page

    def sign_out(self) -> Locator:
        return self._page.get_by_role("button", name="Sign out")

    def main_alert(self) -> Locator:
        return self._page.get_by_role("main").get_by_role("alert")

    def trouble_heading(self) -> Locator:
        """The heading of any page that may take the place of another."""
        return self._page.get_by_role("heading", level=1, name=_one_of(*TROUBLE_HEADINGS, *SIGN_IN))

    # Pop-ups: looked for before every action, so by attributes, which costs a third of asking for every role

    def survey(self) -> Locator:
        return self._page.locator('[role="dialog"]').filter(has_text="How are we doing?")

    def survey_no(self) -> Locator:
        return self.survey().get_by_role("button", name="No, thanks")

    def cookies(self) -> Locator:
        return self._page.locator('[role="region"][aria-label="Cookies"]')

    def cookies_necessary(self) -> Locator:
        return self.cookies().get_by_role("button", name="Only necessary cookies")

    # Sign in

    def username(self) -> Locator:
        wordings = _one_of("E-mail or username", "E-mail address or username", "Username or e-mail")
        return self._page.get_by_label(wordings)

    def password(self) -> Locator:
        return self._page.get_by_label(_one_of("Password"))

    def remember(self) -> Locator:
        return self._page.get_by_role("checkbox", name=_one_of("Keep me signed in", "Remember me", "Stay signed in"))

    def sign_in(self) -> Locator:
        return self._page.get_by_role("main").get_by_role("button", name=_one_of("Sign in", "Log in"))

    # Inbox and thread

    def threads(self) -> Locator:
        return self._page.locator("[data-threads]")

    def log(self) -> Locator:
        return self._page.get_by_role("log", name="Messages")

    def drawn_log(self) -> Locator:
        """The log once the page's script has drawn it."""
        return self.log().and_(self._page.locator('[aria-busy="false"]'))

    def reply(self) -> Locator:
        return self._page.get_by_label(_one_of("Write a reply", "Your message"))

    def send(self) -> Locator:
        return self._page.get_by_role("button", name=_one_of("Send", "Send message"))

    def sent(self) -> Locator:
        return self._page.get_by_role("status").filter(has_text="Message sent.")

    # Sell

    def field(self, name: str) -> Locator:
        """A field of the listing form, by our name for it."""
        return self._page.get_by_role("main").get_by_label(FIELD_LABELS[name])

    def field_errors(self) -> Locator:
        return self._page.locator("[data-error-for]")

    def to_photos(self) -> Locator:
        return self._page.get_by_role("button", name=_one_of("Continue to photos", "Next: photos"))

    def choose_photos(self) -> Locator:
        return self._page.get_by_label(_one_of("Choose photos", "Upload photos"))

    def photos_done(self, count: int) -> Locator:
        """The list of photos when `count` have arrived and none is on its way."""
        return self._page.locator(f'[data-photos][data-uploading="0"][data-count="{count}"]')

    def upload_errors(self) -> Locator:
        return self._page.locator("[data-upload-errors]").get_by_text(re.compile(r"\S"))

    def to_review(self) -> Locator:
        wordings = _one_of("Continue to review", "Next: review")
        return self._page.get_by_role("button", name=wordings).or_(self._page.get_by_role("link", name=wordings))

    def reviewed(self, name: str) -> Locator:
        return self._page.get_by_role("main").locator(f'[data-field="{name}"]')

    def publish(self) -> Locator:
        wordings = _one_of("Publish listing", "Publish now", "Publish")
        return self._page.get_by_role("button", name=wordings)

    # My listings

    def listings(self) -> Locator:
        return self._page.locator("[data-listings]")
