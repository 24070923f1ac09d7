from typing import Any

import pytest

from runner.marketplace.faults import FaultError, Faults

ACCOUNTS = ("amy", "ben")


def faults(*rules: dict[str, Any]) -> Faults:
    made = Faults()
    made.replace(list(rules), ACCOUNTS)
    return made


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"route": "/inbox", "effekt": "hang"}, 'rule 1: key "effect" is missing'),
        ({"route": "/inbox", "effect": "hangs"}, "unknown effect 'hangs'; did you mean \"hang\"?"),
        (
            {"route": "/inbox", "effect": "hang", "acount": "amy"},
            'unknown key "acount" for effect hang; did you mean "account"?',
        ),
        ({"effect": "hang"}, 'key "route" is missing'),
        ({"route": "inbox", "effect": "hang"}, "'inbox' should begin with"),
        ({"route": "PSOT /inbox", "effect": "hang"}, "unknown method 'PSOT'; did you mean \"POST\"?"),
        ({"route": "/", "effect": "hang", "account": "aby"}, "unknown 'aby'; did you mean \"amy\"?"),
        ({"route": "/", "effect": "hang", "probability": 1.5}, 'key "probability": expected 0 to 1, got 1.5'),
        ({"route": "/", "effect": "hang", "count": -1}, 'key "count": expected 0 or more, got -1'),
        ({"route": "/", "effect": "hang", "count": True}, 'key "count": expected a whole number, got True'),
        ({"route": "/", "effect": "latency_ms"}, 'key "ms" is missing'),
        ({"route": "/", "effect": "latency_ms", "ms": "2"}, "key \"ms\": expected a number, got '2'"),
        ({"route": "/", "effect": "layout", "variant": "d"}, 'key "variant": expected "a", "b" or "c"'),
        ({"route": "/", "effect": "status", "status": 200}, 'key "status": expected 400 to 599, got 200'),
        ({"route": "/", "effect": "hang", "ms": 5}, 'unknown key "ms" for effect hang'),
    ],
)
def test_wrong_rule_is_refused_with_its_number_and_key(rule: dict[str, Any], words: str) -> None:
    with pytest.raises(FaultError) as caught:
        faults({"route": "/ok", "effect": "hang"}, rule)
    assert str(caught.value).startswith("rule 1: ")
    assert words in str(caught.value)


def test_wrong_rule_leaves_the_old_rules_in_force() -> None:
    made = faults({"route": "/inbox", "effect": "hang"})
    with pytest.raises(FaultError):
        made.replace([{"route": "/inbox", "effect": "nothing"}])
    assert made.fire("GET", "/inbox", None)


@pytest.mark.parametrize("given", [{}, "hang", None])
def test_rules_must_be_a_list(given: object) -> None:
    with pytest.raises(FaultError, match="list of rules"):
        Faults().replace(given)


def test_route_may_name_a_method() -> None:
    made = faults({"route": "POST /sell/*/publish", "effect": "hang"})
    assert not made.fire("GET", "/sell/3/publish", None)
    assert not made.fire("POST", "/sell/3/review", None)
    assert made.fire("POST", "/sell/3/publish", None)


def test_rule_for_an_account_spares_the_others() -> None:
    made = faults({"route": "*", "effect": "hang", "account": "amy"})
    assert not made.fire("GET", "/inbox", "ben")
    assert not made.fire("GET", "/inbox", None)
    assert made.fire("GET", "/inbox", "amy")


def test_rule_stops_after_its_count() -> None:
    made = faults({"route": "*", "effect": "hang", "count": 2})
    assert [len(made.fire("GET", "/inbox", None)) for _ in range(4)] == [1, 1, 0, 0]
    assert made.described()[0]["fired"] == 2


def test_probability_draws_alike_from_the_same_seed() -> None:
    rule = {"route": "*", "effect": "hang", "probability": 0.3, "seed": 5}
    first, second = faults(rule), faults(rule)
    drawn = [len(first.fire("GET", "/inbox", None)) for _ in range(200)]
    assert drawn == [len(second.fire("GET", "/inbox", None)) for _ in range(200)]
    assert 35 <= sum(drawn) <= 85


@pytest.mark.parametrize("effect", ["popup", "crash_renderer", "captcha", "expire_session"])
def test_effect_on_pages_does_not_waste_itself_on_pictures(effect: str) -> None:
    made = faults({"route": "*", "effect": effect, "count": 1})
    assert not made.fire("GET", "/photos/90001.jpg", "amy")
    assert not made.fire("GET", "/static/site.css", "amy")
    assert made.fire("GET", "/inbox", "amy")


def test_slow_image_is_about_pictures_only() -> None:
    made = faults({"route": "*", "effect": "slow_image"})
    assert not made.fire("GET", "/inbox", "amy")
    assert made.fire("GET", "/photos/90001.jpg", "amy")
