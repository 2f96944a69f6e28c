"""The simulated shop's tables and its clock.

Rows are what the API shows of them, with None for what it leaves out. Must not: know a route.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from knect.seams import Clock
from knect_connectors.magento2.simulator.money import text_of

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
    Store(id=1, code="default", name="Main Website\nMain Website Store\nDefault Store View",
          website=1, base="EUR", currency="EUR"),
    Store(id=2, code="uk", name="Main Website\nMain Website Store\nUnited Kingdom", website=1,
          base="EUR", currency="GBP", rate=Decimal("0.8512")),
    Store(id=3, code="us", name="American Website\nAmerican Store\nUS English", website=2,
          base="USD", currency="USD"),
)  # fmt: skip


class Books(Struct, kw_only=True):
    """Everything the shop knows. `skew` is how far its clock is ahead of ours.

    `price_scope`: global or website; `sources`: None where the inventory modules were taken out;
    `deducts`: a shipment takes its pieces off its source, as Magento has it.
    """

    clock: Clock
    skew: timedelta = timedelta()
    mark_lag: timedelta = timedelta()
    stores: tuple[Store, ...] = STORES
    price_scope: str = "website"
    deducts: bool = True
    sources: list[str] | None = field(default_factory=lambda: ["default"])
    orders: dict[int, Row] = field(default_factory=dict)
    invoices: dict[int, Row] = field(default_factory=dict)
    shipments: dict[int, Row] = field(default_factory=dict)
    creditmemos: dict[int, Row] = field(default_factory=dict)
    customers: dict[int, Row] = field(default_factory=dict)
    products: dict[int, Row] = field(default_factory=dict)
    #: (SKU, source code) -> quantity and status
    source_items: dict[tuple[str, str], Row] = field(default_factory=dict)
    #: product id -> its stock item
    stock: dict[int, Row] = field(default_factory=dict)
    #: (product id, store id) -> values that stand for this store view only
    scoped: dict[tuple[int, int], Row] = field(default_factory=dict)
    #: ids of orders on which an extension stumbles when they are told
    broken: set[int] = field(default_factory=set)
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

    def number(self, store: int) -> str:
        """Return the next order number of a store view."""
        prefix = "" if store == 1 else str(store)
        width = 9 if store == 1 else 8
        return f"{prefix}{self.next(f'number{store}'):0{width}d}"

    def store(self, identifier: Any) -> Store | None:
        """Return a store view by id or code."""
        wanted = str(identifier)
        return next((one for one in self.stores if wanted in (str(one.id), one.code)), None)

    def order(self, number: str) -> Row:
        """Return an order by its number. Raises KeyError."""
        for row in self.orders.values():
            if row["increment_id"] == number:
                return row
        raise KeyError(number)

    def product(self, sku: str) -> Row | None:
        """Return the product of a SKU; the database does not mind case."""
        folded = sku.rstrip().casefold()
        return next(
            (row for row in self.products.values() if row["sku"].casefold() == folded), None
        )

    def add_product(self, sku: str, title: str, price: Decimal, *, kind: str = "simple") -> Row:
        """Add an active product with its stock."""
        identifier, now = self.next("product"), self.marked()
        row: Row = {
            "id": identifier, "sku": sku, "name": title, "attribute_set_id": 4, "price": price,
            "status": 1, "visibility": 4, "type_id": kind, "created_at": now, "updated_at": now,
            "weight": Decimal("0.5"),
            "extension_attributes": {"website_ids": [1, 2], "category_links": None},
            "product_links": [], "options": [], "media_gallery_entries": [], "tier_prices": [],
            "custom_attributes": {"description": title, "tax_class_id": "2",
                                  "url_key": sku.lower()},
        }  # fmt: skip
        self.products[identifier] = row
        self.stock[identifier] = {"item_id": identifier, "product_id": identifier, "stock_id": 1,
                                  "qty": Decimal(0), "is_in_stock": False,
                                  "manage_stock": True}  # fmt: skip
        if self.sources and kind in ("simple", "virtual", "downloadable"):
            self.put_level(sku, self.sources[0], Decimal(0), 0)
        return row

    def put_level(self, sku: str, source: str, quantity: Decimal, status: int) -> None:
        """Set what lies at a source."""
        self.source_items[sku, source] = {
            "sku": sku, "source_code": source, "quantity": quantity, "status": status,
        }  # fmt: skip

    def add_customer(self, email: str, first: str, last: str, at: datetime) -> Row:
        """Add a customer without addresses."""
        identifier = self.next("customer")
        row: Row = {
            "id": identifier, "group_id": 1, "created_at": text_of(at), "updated_at": text_of(at),
            "created_in": "Default Store View", "email": email, "firstname": first,
            "lastname": last, "store_id": 1, "website_id": 1, "addresses": [],
            "disable_auto_group_change": 0, "extension_attributes": {"is_subscribed": False},
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
            "products": list(self.products.values()),
            "source_items": list(self.source_items.values()),
            "stock": list(self.stock.values()),
            "scoped": [{"product_id": p, "store_id": s, **v} for (p, s), v in self.scoped.items()],
            "mails": self.mails,
        }
