"""What the play asks of a shop and of an ERP, whichever they are, and what each tells it holds.

Why: one play and one judge for all pairs; a platform is a module that starts it, works in it by
hand and reads it by hand. Must not: reach a platform through Knect.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from msgspec import Struct, field

__all__ = [
    "CARRIER",
    "PRICES",
    "STOCK",
    "Erp",
    "Held",
    "Offer",
    "Renaming",
    "Sale",
    "Shop",
    "Shown",
    "Sold",
    "Words",
]

#: What is sold everywhere, SKU -> price at the start; of each so many pieces.
PRICES = {
    "KN-100": "39.90", "KN-200": "24.50", "KN-300": "12.00", "KN-400": "7.95", "KN-500": "4.20",
}  # fmt: skip
STOCK = 4_000
#: The carrier every parcel goes with, as the ERP calls it.
CARRIER = "DHL"


class Words(Struct, frozen=True, kw_only=True):
    """What an end calls the things a value map translates."""

    location: str
    price_list: str
    carrier: str


class Sold(Struct, frozen=True, kw_only=True):
    """An order as the shop has it now. `number` is what people say."""

    id: str
    number: str
    total: Decimal
    paid: Sequence[Decimal] = ()  # money that arrived
    given_back: Sequence[Decimal] = ()  # money that went back
    refunds: Sequence[Decimal] = ()
    parcels: Sequence[str] = ()  # tracking numbers of what counts as sent
    cancelled: bool = False


class Offer(Struct, frozen=True, kw_only=True):
    """What the shop shows of a SKU."""

    price: Decimal
    pieces: int


class Shown(Struct, frozen=True, kw_only=True):
    """All that a shop holds. `mails`: what customers were told -> how often; `people`: e-mail of an
    account -> first and last name.
    """

    orders: Sequence[Sold]
    mails: Counter[tuple[str, ...]]
    offers: Mapping[str, Offer]
    people: Mapping[str, str]


class Sale(Struct, frozen=True, kw_only=True):
    """A document the ERP made of an order: the order's id in the shop, its own id and number."""

    order: str
    id: str
    document: str
    total: Decimal
    cancelled: bool = False


class Held(Struct, frozen=True, kw_only=True):
    """All that an ERP holds of the shop's. `payments`: (received or returned, amount)."""

    sales: Sequence[Sale]
    prices: Mapping[str, Decimal]
    available: Mapping[str, int]
    emails: Counter[str]  # of customers
    payments: Counter[tuple[str, Decimal]] = field(default_factory=Counter)
    credits: Counter[Decimal] = field(default_factory=Counter)


class Shop(Protocol):
    """A shop at work."""

    words: Words
    flows: frozenset[str]
    acts: frozenset[str]

    def documents(self) -> str:
        """Return its Connection and Secret, called `acme-shop`."""
        ...

    def sell(self, count: int, seed: int) -> Sequence[str]:
        """Have new orders, paid; returns their ids."""
        ...

    def allows(self, act: str, order: str) -> bool:
        """Tell whether `refund`, `edit` or `cancel` can be done to an order there."""
        ...

    def refund(self, order: str) -> None:
        """Give the money of one piece back, or all of it."""
        ...

    def edit(self, order: str) -> str:
        """Let the merchant change what was sold; returns the id the order has from now on."""
        ...

    def shown(self) -> Shown:
        """Return what there is."""
        ...

    def calm(self) -> None:
        """Let no further fault happen."""
        ...

    def requests(self) -> tuple[int, int]:
        """Return how many requests it has seen, and how many of them changed something."""
        ...

    def injected(self) -> Counter[str]:
        """Return the faults it really injected."""
        ...


class Erp(Protocol):
    """An ERP at work, and somebody who works in it. `matches`: customers can be found by e-mail."""

    words: Words
    matches: bool
    flows: frozenset[str]
    acts: frozenset[str]

    def documents(self) -> str:
        """Return its Connection and Secret, called `acme-erp`."""
        ...

    def ship_one(self, tracking: str, spared: Collection[str]) -> str | None:
        """Send the oldest open sale of an order not in `spared`, in one parcel; return the order."""
        ...

    def cancel_one(self, spared: Collection[str]) -> str | None:
        """Cancel the newest open sale of an order not in `spared`; return the order."""
        ...

    def count(self, sku: str, pieces: int) -> None:
        """Count a product's pieces on the shelf."""
        ...

    def price(self, sku: str, price: Decimal) -> None:
        """Give a product another price."""
        ...

    def held(self) -> Held:
        """Return what there is."""
        ...

    def calm(self) -> None:
        """Let no further fault happen."""
        ...

    def requests(self) -> tuple[int, int]:
        """Return how many requests it has seen, and how many of them changed something."""
        ...

    def injected(self) -> Counter[str]:
        """Return the faults it really injected."""
        ...


class Renaming(Protocol):
    """An ERP that keeps first and last names, and somebody who corrects them."""

    def rename_one(self, name: str, emails: Collection[str]) -> str | None:
        """Correct the name of a customer who has one of the e-mails; return that e-mail."""
        ...
