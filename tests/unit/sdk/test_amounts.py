import pytest

from knect.sdk.amounts import price_text
from knect.sdk.errors import Refused


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        ("12.5", "EUR", "12.50"),
        ("12.500", "EUR", "12.50"),
        (12, "JPY", "12"),
        ("0.125", "KWD", "0.125"),
        ("-0", "EUR", "0.00"),
        ("1E+3", "EUR", "1000.00"),
    ],
)
def test_a_price_has_the_decimals_of_its_currency(value: object, currency: str, text: str) -> None:
    assert price_text("price", value, currency) == text


@pytest.mark.parametrize(
    ("value", "currency", "code", "path", "sentence"),
    [
        ("12.345", "EUR", "TooManyDecimals", "price", "declare how it is rounded"),
        ("12.5", "JPY", "TooManyDecimals", "price", r"more decimals than JPY has \(0\)"),
        ("-1", "EUR", None, "price", "price is -1, below zero"),
        ("cheap", "EUR", None, "price", "'cheap', which is no price"),
        (None, "EUR", None, "price", "None, which is no price"),
        ("NaN", "EUR", None, "price", "'NaN', which is no price"),
        ("Infinity", "EUR", None, "price", "'Infinity', which is no price"),
        ("1e40", "EUR", None, "price", "'1e40', which is no price"),
        ("1.00", "EURO", None, "currency", "'EURO', which ISO 4217 does not know"),
    ],
)
def test_what_is_no_price_is_refused_with_its_field(
    value: object, currency: str, code: str | None, path: str, sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence) as caught:
        price_text("price", value, currency)
    assert (caught.value.code, caught.value.path) == (code, path)
