"""What a page has instead of a missing element: read from Playwright's words, ranked by likeness."""

from __future__ import annotations

import pytest

from runner.browser.look_alikes import Wanted, elements, ranked, read

SNAPSHOT = """
- banner:
  - link "Inbox 5":
    - /url: /inbox
  - 'button "Sign out: now"'
- main:
  - heading "Messages" [level=1]
  - textbox "Write a reply": hunter2-typed
  - textbox: hunter2-typed
  - button "Send it" [disabled]
  - button "Report \\"spam\\""
  - paragraph: All messages are kept.
"""


@pytest.mark.parametrize(
    ("locator", "wanted"),
    [
        ('get_by_role("button", name="Send")', [Wanted(by="get_by_role", role="button", names=("Send",))]),
        (
            'get_by_role("main").get_by_role("button", name='
            're.compile(r"^\\s*(?:Send|Send\\ message)\\s*\\*?\\s*$")).first',
            [Wanted(by="get_by_role", role="button", names=("Send", "Send message"))],
        ),
        ('get_by_label("Name", exact=True)', [Wanted(by="get_by_label", names=("Name",))]),
        ('locator("[data-threads]")', [Wanted(by="css", names=("[data-threads]",))]),
        (
            'get_by_text("One").or_(get_by_text("Two")).first',
            [Wanted(by="get_by_text", names=("Two",)), Wanted(by="get_by_text", names=("One",))],
        ),
        ('get_by_role("status").filter(has_text="Sent")', [Wanted(by="get_by_role", role="status")]),
        ("something else entirely", []),
    ],
)
def test_a_locator_is_read_from_the_words_of_its_error(locator: str, wanted: list[Wanted]) -> None:
    assert read(locator) == wanted


def test_the_page_is_read_with_names_and_never_with_what_was_typed() -> None:
    seen = elements(SNAPSHOT)

    assert ("button", "Sign out: now") in seen
    assert ("button", 'Report "spam"') in seen
    assert ("textbox", "Write a reply") in seen
    assert ("paragraph", "All messages are kept.") in seen
    assert "hunter2" not in str(seen)


def test_the_likest_of_the_same_role_comes_first() -> None:
    found = ranked(read('get_by_role("button", name="Send")'), elements(SNAPSHOT))

    assert next((each.role, each.name) for each in found) == ("button", "Send it")
    assert found[0].likeness > found[1].likeness
    assert len(found) <= 5


def test_a_field_is_found_by_a_label_that_was_reworded() -> None:
    found = ranked(read('get_by_label("Your reply")'), elements(SNAPSHOT))

    assert (found[0].role, found[0].name) == ("textbox", "Write a reply")


def test_where_nothing_is_alike_all_of_the_kind_are_shown_as_the_page_has_them() -> None:
    seen = [("textbox", name) for name in ("Your reference", "Title", "Cost", "Location", "Description", "Colour")]

    found = ranked(read('get_by_label("Price")'), [*seen, ("button", "Continue")])

    assert [each.name for each in found] == [name for _, name in seen]


def test_a_mark_is_compared_with_the_marks_of_the_page() -> None:
    found = ranked(read('locator("[data-threads]")'), [("ul", "[data-thread-list]"), ("b", "#x"), ("i", ".icon")])

    assert [each.name for each in found] == ["[data-thread-list]"]
