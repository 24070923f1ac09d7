"""What can be said about evidence without a browser."""

from __future__ import annotations

import pytest

from runner.browser.masks import without_passwords


@pytest.mark.parametrize(
    "field",
    [
        '<input type="password" value="hunter22">',
        "<input value='hunter22' type='password' name=p>",
        "<INPUT TYPE=PASSWORD VALUE=hunter22 autofocus>",
        '<input\n type="password"\n value="hunter22"/>',
    ],
)
def test_the_value_of_a_password_field_is_removed(field):
    cleaned = without_passwords(f"<p>{field}</p>")
    assert "hunter22" not in cleaned


def test_other_fields_keep_theirs():
    page = '<input type="text" value="laptop"><input name="password-hint" value="a town"><option value="1">'
    assert without_passwords(page) == page
