from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.domain.classification import MessageType
from runner.domain.templates import Placeholder, Template, best, check, fill, plain
from runner.errors import SetupError

VALUES = {Placeholder.BUYER_NAME: "Ida", Placeholder.PRICE: None}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Hi {buyer_name}!", "Hi Ida!"),
        ("Hi { buyer_name }!", "Hi Ida!"),
        ("It costs {price|what it says}.", "It costs what it says."),
        ("{{buyer_name}} is {buyer_name}", "{buyer_name} is Ida"),
        ("Hi{price|}", "Hi"),
        ("Set {{}} and 100 %s %(x)s $x", "Set {} and 100 %s %(x)s $x"),
    ],
)
def test_a_text_has_its_values_in_their_places(text: str, filled: str) -> None:
    assert fill(text, VALUES).text == filled


def test_a_value_that_is_missing_and_has_no_fall_back_leaves_no_text_at_all() -> None:
    found = fill("Hi {buyer_name}, {price} or {pickup_place}, {price}", VALUES)
    assert (found.text, found.missing) == (None, (Placeholder.PRICE, Placeholder.PICKUP_PLACE))


@pytest.mark.parametrize("empty", ["", "  ", "\n", "\u200b"])
def test_a_value_without_anything_to_see_is_missing(empty: str) -> None:
    assert fill("Hi {buyer_name}", {Placeholder.BUYER_NAME: empty}).missing == (Placeholder.BUYER_NAME,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hi {buyer_nme}", "Did you mean {buyer_name}?"),
        ("Hi {}", "no placeholder {}"),
        ("Hi {buyer_name.__class__}", "no placeholder {buyer_name.__class__}"),
        ("Hi {buyer_name!r}", "no placeholder"),
        ("Hi {0}", "There are: buyer_name, listing_title"),
        ("Hi {buyer_name", "A brace stands alone"),
        ("Hi }", "A brace stands alone"),
        ("  ", "empty"),
        ("x" * 5_001, "more than 5,000"),
    ],
)
def test_a_text_that_nobody_could_fill_is_refused_with_what_to_do(text: str, said: str) -> None:
    with pytest.raises(SetupError) as refused:
        check(text)
    assert said in str(refused.value)


@given(st.text())
def test_what_a_page_says_is_never_read_for_placeholders_and_stays_on_one_line(name: str) -> None:
    text = fill("{buyer_name|x}", {Placeholder.BUYER_NAME: name}).text
    assert text == (plain(name) or "x")
    assert len(text.splitlines()) == 1
    assert fill("{buyer_name}", {Placeholder.BUYER_NAME: "{price} {{ %s"}).text == "{price} {{ %s"


def template(number: int, **selectors: Any) -> Template:
    return Template(id=number, name="hello", variants=("Hi",), created_at=datetime(2026, 1, 1, tzinfo=UTC), **selectors)


def test_the_template_that_fits_best_is_an_accounts_own_then_a_sites_then_a_languages_then_a_types() -> None:
    family = [
        template(1),
        template(2, type=MessageType.OFFER),
        template(3, language="es"),
        template(4, site="mock"),
        template(5, account="amy"),
        template(6, account="amy", type=MessageType.PAYMENT),
    ]

    def chosen(type_: MessageType = MessageType.OFFER, **asked: Any) -> int:
        found = best(family, **{"type_": type_, "site": "x", "language": None, "account": "ben"} | asked)
        assert found is not None
        return found.id

    assert chosen(MessageType.CLOSING) == 1
    assert chosen() == 2
    assert chosen(language="es") == 3
    assert chosen(language="es", site="mock") == 4
    assert chosen(language="es", site="mock", account="amy") == 5
    assert chosen(MessageType.PAYMENT, account="amy") == 6
    assert best(family[4:], type_=None, site="mock", language=None, account="ben") is None
