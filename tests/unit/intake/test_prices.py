from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.intake.prices import NotAPrice, Price, read_currency, read_price


@pytest.mark.parametrize(
    ("written", "minor", "currency"),
    [
        ("250", 25000, None),
        ("250.5", 25050, None),
        ("250,50", 25050, None),
        ("0.50", 50, None),
        ("1299", 129900, None),
        ("1,299.00", 129900, None),
        ("1.299,00", 129900, None),
        ("1 299,00", 129900, None),
        ("1\u202f299,00", 129900, None),
        ("1\u00a0299", 129900, None),
        ("1'299.00", 129900, None),
        ("1’299.50", 129950, None),
        ("1,299,000", 129900000, None),
        ("1.299.000,5", 129900050, None),
        ("€ 250", 25000, "EUR"),
        ("€250.00", 25000, "EUR"),
        ("250 €", 25000, "EUR"),
        ("250,- €", 25000, "EUR"),
        ("250,-", 25000, None),
        ("250.--", 25000, None),
        ("EUR 1.299,00", 129900, "EUR"),
        ("usd 12", 1200, "USD"),
        ("$1,299.00", 129900, "USD"),
        ("£9.99", 999, "GBP"),
        ("CHF 1'299.-", 129900, "CHF"),
        ("1.299,-", 129900, None),
        (" +12 ", 1200, None),
        (Decimal("250.0"), 25000, None),
        (Decimal("118.99999999999999"), 11900, None),
        (Decimal("1E+2"), 10000, None),
    ],
)
def test_prices_are_read_as_people_write_them(written: str | Decimal, minor: int, currency: str | None) -> None:
    assert read_price(written) == Price(minor=minor, currency=currency)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("1.299", "ambiguous: write 1299.00"),
        ("1,299", "ambiguous: write 1299.00"),
        ("€ 12.500", "ambiguous: write 12500.00"),
        ("0.123", "not a price"),
        ("1.2345", "not a price"),
        ("1,29,900", "not a price"),
        ("12,34,56", "not a price"),
        ("1.299.00", "not a price"),
        ("1,2.3", "not a price"),
        ("VB", "not a price"),
        ("250 VB", "not a currency"),
        ("250-300", "not a price"),
        ("€ 250 $", "two currencies"),
        ("0", "above zero"),
        ("0.00", "above zero"),
        ("-5", "above zero"),
        ("€ -5", "above zero"),
        ("", "not a price"),
        ("٢٥٠", "not a price"),
        ("1e3", "not a price"),
        ("999999999999", "too high"),
        (Decimal("1.299"), "more than two digits"),
        (Decimal(-3), "above zero"),
        (Decimal("1E+500000"), "too high"),
        (Decimal("NaN"), "too high"),
    ],
)
def test_what_is_not_surely_a_price_is_refused(written: str | Decimal, said: str) -> None:
    with pytest.raises(NotAPrice) as caught:
        read_price(written)
    assert said in str(caught.value)


@given(st.integers(min_value=1, max_value=10_000_000_000), st.sampled_from([",.", ".,", " ,", "'."]))
def test_every_amount_is_read_back_from_each_countrys_writing(minor: int, marks: str) -> None:
    grouped = f"{minor // 100:,}".replace(",", marks[0])
    assert read_price(f"{grouped}{marks[1]}{minor % 100:02d}").minor == minor


def test_a_currency_is_known_by_code_or_symbol_and_a_slip_gets_the_nearest() -> None:
    assert [read_currency(text) for text in ("eur", " € ", "Euro", "US$", "GBP")] == ["EUR", "EUR", "EUR", "USD", "GBP"]
    with pytest.raises(NotAPrice, match="Did you mean EUR"):
        read_currency("EURR")
