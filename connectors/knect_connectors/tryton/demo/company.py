"""What the demo's company sells, in which currencies and with which taxes: plain values.

Must not: import Tryton; the values cross a process border as JSON.
"""

from datetime import date
from decimal import Decimal

from msgspec import Struct

__all__ = ["SERVICES", "DemoCompany", "DemoPriceLine", "DemoPriceList", "DemoProduct"]

#: Products that stand for what an order contains besides goods, by code; see mapping.py.
SERVICES = {
    "SHIPPING": "Shipping",
    "TIP": "Tip",
    "ROUNDING": "Rounding difference",
    "FEE": "Fee",
    "GIFTCARD": "Gift card sold",
    "DISCOUNT": "Discount of the whole order",
    "REFUND": "Refund of an amount",
}


class DemoProduct(Struct, frozen=True, kw_only=True):
    """One thing on sale; `price` without tax, in the company's currency.

    `variants` are (suffix of the code, ((attribute, value), ...)); with any, `sku` is the prefix.
    """

    sku: str
    name: str
    price: Decimal = Decimal(10)
    variants: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()


class DemoPriceLine(Struct, frozen=True, kw_only=True):
    """A line of a price list: a formula over `unit_price`, for one product or all, on some days."""

    formula: str = "unit_price"
    sku: str | None = None
    start: date | None = None
    end: date | None = None


class DemoPriceList(Struct, frozen=True, kw_only=True):
    """A price list in the company's currency; the first line that fits is the price."""

    name: str
    lines: tuple[DemoPriceLine, ...] = (DemoPriceLine(),)
    tax_included: bool = False


class DemoCompany(Struct, frozen=True, kw_only=True):
    """The company a database is set up for. `rates` are units per euro, the company's currency."""

    name: str = "Acme Trading"
    shop: str = "acme"
    products: tuple[DemoProduct, ...] = ()
    tax_rates: tuple[Decimal, ...] = (
        Decimal("0.19"),
        Decimal("0.07"),
        Decimal("0.20"),
        Decimal("0.21"),
        Decimal("0.10"),
        Decimal("0.0825"),
        Decimal("0.06"),
    )
    rates: tuple[tuple[str, Decimal], ...] = (
        ("EUR", Decimal(1)),
        ("USD", Decimal("1.10")),
        ("GBP", Decimal("0.85")),
        ("CHF", Decimal("0.95")),
        ("JPY", Decimal(160)),
    )
    countries: tuple[str, ...] = (
        *("AT", "AU", "BE", "CA", "CH", "CZ", "DE", "DK", "ES", "FI", "FR", "GB", "IE", "IT"),
        *("JP", "LU", "NL", "NO", "PL", "PT", "SE", "US"),
    )
    # Shops round the tax of each line; `document` makes more rounding lines.
    tax_rounding: str = "line"
    carriers: tuple[str, ...] = ("DHL", "UPS")
    payment_journal: str = "Web shop"  # one per currency, `Web shop EUR`
    zone: str | None = "Europe/Berlin"
    stock: tuple[tuple[str, Decimal], ...] = ()
    price_lists: tuple[DemoPriceList, ...] = ()
    first_year: int = 2025
    last_year: int = 2028
