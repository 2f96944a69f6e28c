"""Money as a decimal and an ISO 4217 code.

Amounts inside a record are bare decimals in the record's one `currency`; `Money` is used where a
second currency stands beside it. Digits after the point are those of the source: 10.0 stays 10.0.
Must not: round, convert, or meet a float.
"""

from decimal import Decimal

from msgspec import Struct

__all__ = ["CURRENCY_CODE", "Money", "minor_units"]

#: Pattern of a currency code.
CURRENCY_CODE = r"^[A-Z]{3}$"

#: ISO 4217 minor units that are not 2 (amendment 176). CLDR's display digits differ: not used.
_MINOR_UNITS = {
    **dict.fromkeys(
        "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0
    ),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}

_TWO_DIGITS = frozenset(
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD "
    "CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL "
    "GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR "
    "LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD "
    "PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC "
    "SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR "
    "ZMW ZWG".split()
)


class Money(Struct, frozen=True, kw_only=True, gc=False):
    """An amount and its currency."""

    amount: Decimal
    currency: str


def minor_units(currency: str) -> int | None:
    """Return the number of decimals ISO 4217 gives a currency, None if it knows no such code."""
    if currency in _MINOR_UNITS:
        return _MINOR_UNITS[currency]
    return 2 if currency in _TWO_DIGITS else None
