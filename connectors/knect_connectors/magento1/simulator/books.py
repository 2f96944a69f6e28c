"""The simulated shop's tables, its clock and its sessions.

Rows are what the API shows of them: texts and None. Must not: know a wire format, or a fault.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from knect.seams import Clock
from knect_connectors.magento1.simulator.money import stored, text_of

__all__ = ["Books", "Row", "Store"]

#: What the API shows of one record.
Row = dict[str, Any]


class Store(Struct, frozen=True, kw_only=True):
    """A store view. `rate`: how much of `currency` one of the website's `base` is."""

    id: int
    code: str
    name: str
    website: int
    base: str
    currency: str
    rate: Decimal = Decimal(1)


STORES: tuple[Store, ...] = (
    Store(id=1, code="default", name="Main Website\nMain Store\nEnglish", website=1,
          base="EUR", currency="EUR"),
    Store(id=2, code="uk", name="Main Website\nMain Store\nUnited Kingdom", website=1,
          base="EUR", currency="GBP", rate=Decimal("0.8512")),
    Store(id=3, code="us", name="American Website\nAmerican Store\nUS English", website=2,
          base="USD", currency="USD"),
)  # fmt: skip


class Books(Struct, kw_only=True):
    """Everything the shop knows. `skew` is how far its clock is ahead of ours."""

    clock: Clock
    skew: timedelta = timedelta()
    mark_lag: timedelta = timedelta()
    stores: tuple[Store, ...] = STORES
    orders: dict[str, Row] = field(default_factory=dict)
    invoices: dict[str, Row] = field(default_factory=dict)
    shipments: dict[str, Row] = field(default_factory=dict)
    creditmemos: dict[str, Row] = field(default_factory=dict)
    customers: dict[str, Row] = field(default_factory=dict)
    addresses: dict[str, Row] = field(default_factory=dict)
    products: dict[str, Row] = field(default_factory=dict)
    stock: dict[str, Row] = field(default_factory=dict)
    #: (product id, store code) -> values that stand for this store view only
    scoped: dict[tuple[str, str], Row] = field(default_factory=dict)
    mails: list[Mapping[str, Any]] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)

    def now(self) -> datetime:
        """Return the web server's clock."""
        return self.clock.now() + self.skew

    def marked(self) -> str:
        """Return what a change is marked with: the clock of the node that made it."""
        return text_of(self.now() - self.mark_lag)

    def next(self, name: str, first: int = 1) -> int:
        """Return the next number of a sequence."""
        self.counters[name] = max(self.counters.get(name, first - 1) + 1, first)
        return self.counters[name]

    def store(self, identifier: Any) -> Store | None:
        """Return a store view by id or code."""
        wanted = str(identifier)
        return next((one for one in self.stores if wanted in (str(one.id), one.code)), None)

    def product_by_sku(self, sku: str) -> Row | None:
        """Return the product of a SKU; the database does not mind case."""
        folded = sku.strip().casefold()
        return next(
            (row for row in self.products.values() if row["sku"].casefold() == folded), None
        )

    def add_product(self, sku: str, title: str, price: Decimal, *, kind: str = "simple") -> Row:
        """Add an active product with its stock item."""
        identifier = str(self.next("product"))
        now = self.marked()
        row: Row = {
            "product_id": identifier, "sku": sku, "set": "4", "type": kind, "type_id": kind,
            "categories": [], "websites": ["1", "2"], "category_ids": [], "website_ids": ["1", "2"],
            "created_at": now, "updated_at": now, "name": title, "description": title,
            "short_description": title, "weight": "0.5000", "status": "1", "url_key": sku.lower(),
            "url_path": f"{sku.lower()}.html", "visibility": "4", "has_options": "0",
            "gift_message_available": None, "price": stored(price), "special_price": None,
            "special_from_date": None, "special_to_date": None, "tax_class_id": "2",
            "tier_price": [], "meta_title": None, "meta_keyword": None, "meta_description": "",
            "custom_design": None, "custom_layout_update": None, "options_container": "container2",
        }  # fmt: skip
        self.products[identifier] = row
        self.stock[identifier] = {"qty": stored(0), "is_in_stock": "0", "manage_stock": "1"}
        return row

    def add_customer(self, email: str, first: str, last: str, at: datetime) -> Row:
        """Add a customer without addresses."""
        identifier = str(self.next("customer"))
        row: Row = {
            "customer_id": identifier, "created_at": text_of(at), "updated_at": text_of(at),
            "increment_id": None, "store_id": "1", "website_id": "1", "created_in": "English",
            "email": email, "firstname": first, "middlename": None, "lastname": last,
            "group_id": "1", "prefix": "", "suffix": None, "dob": None, "taxvat": None,
            "confirmation": None, "password_hash": "0" * 32,
        }  # fmt: skip
        self.customers[identifier] = row
        return row

    def snapshot(self) -> Row:
        """Return all tables."""
        return {
            "now": self.now(),
            "orders": list(self.orders.values()),
            "invoices": list(self.invoices.values()),
            "shipments": list(self.shipments.values()),
            "creditmemos": list(self.creditmemos.values()),
            "customers": list(self.customers.values()),
            "addresses": list(self.addresses.values()),
            "products": list(self.products.values()),
            "stock": self.stock,
            "scoped": [{"product_id": p, "store": s, **row} for (p, s), row in self.scoped.items()],
            "mails": self.mails,
        }
