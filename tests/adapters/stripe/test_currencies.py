"""How much is Stripe's amount in ISO 4217's minor units?"""

from decimal import Decimal

import pytest

from ledgerstone.adapters.stripe.currencies import minor, minor_text, text
from ledgerstone.adapters.stripe.faults import Unusable


@pytest.mark.parametrize(
    ("stripe", "currency", "iso", "why"),
    [
        (1050, "usd", 1050, "hundredths in both"),
        (-1050, "eur", -1050, "hundredths in both"),
        (500, "jpy", 500, "whole in both"),
        (500, "krw", 500, "whole in both"),
        (500, "clp", 500, "whole in both"),
        (5120, "kwd", 5120, "thousandths in both"),
        (5120, "tnd", 5120, "thousandths in both"),
        (500, "mga", 50_000, "whole at Stripe, hundredths in ISO"),
        (500, "isk", 5, "hundredths at Stripe, whole in ISO"),
        (-500, "isk", -5, "hundredths at Stripe, whole in ISO"),
        (500, "ugx", 5, "hundredths at Stripe, whole in ISO"),
        (1000, "huf", 1000, "hundredths in both, though paid out whole"),
        (1000, "twd", 1000, "hundredths in both, though paid out whole"),
        (7, "usdc", 7, "not in ISO"),
    ],
)
def test_amounts_are_in_minor_units_of_the_standard(stripe: int, currency: str, iso: int, why: str) -> None:
    assert minor(stripe, currency) == iso, why
    assert minor_text(stripe, currency) == str(iso), why


def test_half_a_krona_is_not_rounded_away() -> None:
    with pytest.raises(Unusable, match="550 is not a whole amount of isk"):
        minor(550, "isk")


def test_a_price_may_be_a_fraction_of_a_minor_unit() -> None:
    assert minor_text(Decimal("0.5"), "usd") == "0.5"
    assert minor_text(Decimal("550"), "isk") == "5.5"
    assert minor_text(Decimal("0.01"), "mga") == "1"


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        ("12.5", "12.5"),
        ("12.50", "12.5"),
        ("25.0", "25"),
        ("100", "100"),
        ("1E+2", "100"),
        ("-0.0", "0"),
        ("0E+99", "0"),
    ],
)
def test_equal_numbers_are_equal_texts(number: str, kept: str) -> None:
    assert text(Decimal(number)) == kept


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1E+999999", "1E-999999", "1." + "1" * 40])
def test_a_number_that_no_price_has_is_not_written_out(number: str) -> None:
    with pytest.raises(Unusable):
        text(Decimal(number))
