"""What simulated shops sell, and to whom.

Why: the same goods at both ends of a demo, and people whose names and addresses are as varied as
the world's. Must not: grow rules; what is unusual about an order is a platform's own.
"""

from decimal import Decimal

from msgspec import Struct

__all__ = ["DEFAULT_SKUS", "PEOPLE", "UNKNOWN_SKU", "Sku", "read_skus"]


class Sku(Struct, frozen=True, kw_only=True):
    """Something to sell; the price is before tax unless the order includes it."""

    sku: str
    title: str
    price: Decimal


DEFAULT_SKUS: tuple[Sku, ...] = (
    Sku(sku="KN-100", title="Kettle", price=Decimal("39.90")),
    Sku(sku="KN-200", title="Teapot 1.2 l", price=Decimal("24.50")),
    Sku(sku="KN-300", title="Cup, pair", price=Decimal("12.00")),
    Sku(sku="KN-400", title="Tea, 250 g", price=Decimal("7.95")),
    Sku(sku="KN-500", title="Strainer", price=Decimal("4.20")),
)
#: Sold by the shop, unknown to the ERP.
UNKNOWN_SKU = "KN-99"

#: First and last name, country, postcode, city, street.
PEOPLE = (
    ("Ana", "García", "ES", "28013", "Madrid", "Calle Mayor 1"),
    ("Björn", "Öberg", "SE", "111 29", "Stockholm", "Storgatan 4"),
    ("Chloé", "Lefèvre", "FR", "75001", "Paris", "Rue de Rivoli 9"),
    ("Dörte", "Müller", "DE", "10115", "Berlin", "Chausseestraße 12"),
    ("Eoin", "O'Brien", "IE", "D02 X285", "Dublin", "Dawson Street 3"),
    ("يوسف", "حداد", "FR", "13001", "Marseille", "Rue Paradis 5"),
    ("Łukasz", "Żak", "PL", "00-001", "Warszawa", "Złota 44"),
    ("🫖 Tina", "Tee", "NL", "1012 JS", "Amsterdam", "Dam 1"),
)


def read_skus(text: str | None) -> tuple[Sku, ...]:
    """Return what `SKU=title=price,…` names; without it, the default. Raises ValueError."""
    if not text:
        return DEFAULT_SKUS
    found = []
    for part in text.split(","):
        sku, title, price = part.split("=")
        found.append(Sku(sku=sku.strip(), title=title.strip(), price=Decimal(price)))
    return tuple(found)
