"""Amounts as a platform takes them: exact, with the decimals of their currency.

Must not: round. How a price is rounded is declared in the mapping, where people see it.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

from knect.model import minor_units
from knect.sdk.errors import Refused

__all__ = ["price_text"]


def price_text(field: str, value: Any, currency: str) -> str:
    """Return a price of the document's `field` as text, `12.50`. Raises Refused."""
    digits = minor_units(currency)
    if digits is None:
        unknown = f"the currency of {field} is {currency!r}, which ISO 4217 does not know"
        raise Refused(unknown, path="currency", value=currency)
    try:
        amount = Decimal(value)
        exact = amount.quantize(Decimal(1).scaleb(-digits))
    except (InvalidOperation, TypeError, ValueError):  # no number, or none a price could be
        amount = exact = Decimal("NaN")
    if amount.is_nan():
        raise Refused(f"{field} is {value!r}, which is no price", path=field, value=value)
    if amount != exact:
        raise Refused(
            f"{field} {amount} has more decimals than {currency} has ({digits}); declare how it is"
            f" rounded: mapping.set.{field}: roundMoney(...)",
            code="TooManyDecimals",
            path=field,
            value=str(amount),
        )
    if amount < 0:
        raise Refused(f"{field} is {amount}, below zero", path=field, value=str(amount))
    return f"{abs(exact):f}"  # there is a zero below zero
