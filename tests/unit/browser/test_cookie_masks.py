from __future__ import annotations

import json

from runner.browser import cookie_masks

RECORDED = {
    "type": "resource-snapshot",
    "snapshot": {
        "request": {
            "url": "http://127.0.0.1/",
            "headers": [{"name": "Cookie", "value": "session=canary"}, {"name": "Accept", "value": "text/html"}],
            "cookies": [{"name": "session", "value": "canary"}],
        },
        "response": {"headers": [{"name": "set-cookie", "value": "session=canary; HttpOnly"}], "cookies": []},
    },
}


def test_values_of_cookies_are_masked_and_all_else_stays() -> None:
    text = cookie_masks.masked(json.dumps(RECORDED) + "\n")
    assert "canary" not in text
    found = json.loads(text)["snapshot"]["request"]
    assert found["headers"][1] == {"name": "Accept", "value": "text/html"}
    assert found["cookies"][0]["name"] == "session"
    assert text.endswith("\n")


def test_half_a_line_that_may_hold_a_cookie_is_left_out() -> None:
    assert "canary" not in cookie_masks.masked('{"headers":[{"name":"Cookie","value":"session=canary')


def test_what_holds_none_is_not_touched() -> None:
    assert cookie_masks.masked('{"a":  1}\n{"b"') == '{"a":  1}\n{"b"'
