"""The listing form in three steps, and the account's own listings."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Response

from runner.domain.listings import Listing, RemoteListing
from runner.errors import AttemptError, Rejected, RetryLater, SiteChanged
from runner.intake.report import did_you_mean
from runner.sites.interface import BeforeSubmit, Steps
from runner.sites.mock import locators, troubles
from runner.sites.mock.browsing import Browsing, last_response

MOST_ROUNDS = 3
SELECTS = ("currency", "category", "condition")


async def publish(browsing: Browsing, step: Steps, listing: Listing, before_submit: BeforeSubmit) -> RemoteListing:
    """All three steps of the form, each as a Step. Raises Rejected with the Site's own words."""
    async with step("fill in details", listing.title):
        await _fill_details(browsing, listing)
    for number, photo in enumerate(listing.photos, start=1):
        async with step("add photo", f"{number} of {len(listing.photos)}: {photo.name}"):
            await _add_photo(browsing, photo, number)
    async with step("review"):
        await _review(browsing, listing)
    async with step("publish", listing.title):
        response = await browsing.submit(browsing.find.publish(), before_submit)
        return await _published(browsing, listing, response)


async def find_listing(browsing: Browsing, listing: Listing) -> list[RemoteListing]:
    """Own listings with this reference and title, oldest first.

    All pages are read, and the Site's search is left alone: "absent" lets a Listing be published, so it must not rest
    on how a search splits words. A Listing deleted meanwhile moves others to a page that was read already: when fewer
    were seen than the Site counts, all is read again.
    """
    wanted = (as_shown(listing.reference), as_shown(listing.title))
    seen: dict[str, tuple[str, str]] = {}
    for _ in range(MOST_ROUNDS):
        total = 0
        path: str | None = locators.LISTINGS_PATH
        while path is not None:
            await browsing.open(path)
            read = await browsing.read("listings", "next")
            if read["listings"] is None:
                await browsing.find.listings().wait_for(state="attached")  # raises, and names what is missing
                read = await browsing.read("listings", "next")
            total, rows = read["listings"]["total"], read["listings"]["rows"]
            seen.update({row["id"]: (as_shown(row["reference"]), as_shown(row["title"])) for row in rows})
            path = browsing.next_path(path, read["next"])
        if len(seen) >= total:
            break
    return [_remote(browsing, each, listing) for each in reversed(seen) if seen[each] == wanted]


def as_shown(text: str) -> str:
    """A one-line text as pages show it: white space collapsed."""
    return " ".join(text.split())


async def _fill_details(browsing: Browsing, listing: Listing) -> None:
    await browsing.open(locators.SELL_PATH)
    find = browsing.find
    texts = {
        "reference": listing.reference,
        "title": listing.title,
        "price": f"{listing.price_minor // 100}.{listing.price_minor % 100:02d}",
        "description": listing.description,
        "location": listing.location,
    }
    for name, text in texts.items():
        await find.field(name).fill(text)
    for name in SELECTS:
        await _choose(browsing, name, getattr(listing, name))
    response = await browsing.submit(find.to_photos())
    if response is not None and response.status == 422:
        raise await _refused(browsing)
    await browsing.expect_good(response)


async def _choose(browsing: Browsing, name: str, wanted: str) -> None:
    """Choose the option with this value or text, in any case. Raises Rejected with the options that exist."""
    box = browsing.find.field(name)
    boxes: list[list[list[str]]] = await box.evaluate_all(locators.READ_OPTIONS)
    # Asked without waiting, for the form is there; where it is not, the wait says what is missing.
    options = boxes[0] if len(boxes) == 1 else await box.evaluate(locators.READ_BOX)
    matching = [value for value, label in options if value and _plain(wanted) in (_plain(value), _plain(label))]
    if not matching:
        labels = [label for value, label in options if value]
        raise Rejected(
            f'The site has no {name} "{wanted}".{did_you_mean(wanted, labels)}', cure=f"There are: {', '.join(labels)}."
        )
    await box.select_option(value=matching[0])


def _plain(text: str) -> str:
    return " ".join(text.replace("_", " ").replace("-", " ").casefold().split())


async def _refused(browsing: Browsing) -> AttemptError:
    """The Site's words per field."""
    rows: list[list[str]] = await browsing.find.field_errors().evaluate_all(locators.READ_ERRORS)
    words = [f"{field}: {text}" for field, text in rows if text]
    if not words:
        words = [" ".join(await browsing.find.main_alert().all_inner_texts()).strip()]
    return Rejected(f"The site refused the listing: {' '.join(words)}", cure="Mend those fields of the listing.")


async def _add_photo(browsing: Browsing, photo: Path, number: int) -> None:
    find = browsing.find
    async with browsing.answers() as answers:
        await find.choose_photos().set_input_files(photo)
        await browsing.first_of(
            find.photos_done(number), find.upload_errors(), late=f"The photo {photo.name} did not arrive in time."
        )
    if await find.photos_done(number).count() == 1:
        return
    await browsing.raise_trouble()
    said: list[str] = await find.upload_errors().evaluate_all(locators.READ_TEXTS)
    known = (
        troubles.by_status(last_response(answers[-1]))
        if answers
        else RetryLater(f"The connection broke while {photo.name} was sent.")
    )
    raise known or Rejected(
        f'The site refused the photo {photo}: "{" ".join(said)}"', cure="Mend or leave out that photo."
    )


async def _review(browsing: Browsing, listing: Listing) -> None:
    """Go to the last step, and make sure that what would be published is what was meant."""
    await browsing.expect_good(await browsing.submit(browsing.find.to_review()))
    wanted_by_name = {"title": listing.title, "reference": listing.reference}
    texts: dict[str, str | None] = await browsing.page.evaluate(locators.READ_REVIEWED, list(wanted_by_name))
    for name, wanted in wanted_by_name.items():
        if not wanted:
            continue
        text = texts[name] or await browsing.find.reviewed(name).first.text_content() or ""
        if as_shown(text) != as_shown(wanted):
            raise SiteChanged(
                f'The review shows the {name} "{text.strip()}" instead of "{wanted}".', cure="Nothing was published."
            )


async def _published(browsing: Browsing, listing: Listing, response: Response | None) -> RemoteListing:
    if browsing.path.startswith(locators.ITEM_PATH):
        return _remote(browsing, browsing.path.removeprefix(locators.ITEM_PATH), listing)
    if response is not None and response.status == 422:
        raise await _refused(browsing)
    await browsing.expect_good(response)
    raise SiteChanged(
        f"After publishing the site shows {browsing.path} and no listing.", cure="Look at the screenshot."
    )


def _remote(browsing: Browsing, remote_id: str, listing: Listing) -> RemoteListing:
    return RemoteListing(
        remote_id=remote_id,
        url=f"{browsing.base_url}{locators.ITEM_PATH}{remote_id}",
        reference=listing.reference,
        title=listing.title,
    )
