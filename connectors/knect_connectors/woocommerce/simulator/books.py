"""The simulated shop's tables and its clock.

Rows are what the API tells of them, with amounts unrounded and times in UTC only; `shapes` makes an
answer of one. Must not: know a route, or a fault.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from knect.seams import Clock
from knect_connectors.woocommerce.payload import instant_text

__all__ = ["Books", "Row"]

#: What is kept of one object.
Row = dict[str, Any]

_ADDRESS = ("first_name", "last_name", "company", "address_1", "address_2", "city", "state",
            "postcode", "country")  # fmt: skip


class Books(Struct, kw_only=True):
    """Everything the shop knows. `skew`: how far its clock is ahead; `offset`: of its own zone."""

    clock: Clock
    skew: timedelta = timedelta()
    offset: timedelta = timedelta(hours=1)
    currency: str = "EUR"
    prices_include_tax: bool = False
    rate: Decimal = Decimal(19)
    orders: dict[int, Row] = field(default_factory=dict)
    refunds: dict[int, list[Row]] = field(default_factory=dict)
    notes: dict[int, list[Row]] = field(default_factory=dict)
    customers: dict[int, Row] = field(default_factory=dict)
    products: dict[int, Row] = field(default_factory=dict)
    variations: dict[int, dict[int, Row]] = field(default_factory=dict)
    webhooks: dict[int, Row] = field(default_factory=dict)
    mails: list[Row] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    #: (topic, row) of what happened and was not told to webhooks yet
    events: list[tuple[str, Row]] = field(default_factory=list)

    def now(self) -> datetime:
        """Return the web server's clock."""
        return self.clock.now() + self.skew

    def next(self, name: str, first: int = 1) -> int:
        """Return the next number of a sequence; orders, refunds and products share one: `post`."""
        self.counters[name] = max(self.counters.get(name, first - 1) + 1, first)
        return self.counters[name]

    def touch(self, row: Row, topic: str = "") -> None:
        """Mark a row as changed now, and tell it as an event."""
        row["date_modified_gmt"] = instant_text(self.now())
        if topic:
            self.events.append((topic, row))

    def by_sku(self, sku: str) -> Row | None:
        """Return the product or variation of a SKU; the database does not mind case."""
        folded = sku.strip().casefold()
        rows = [
            *self.products.values(),
            *(v for of in self.variations.values() for v in of.values()),
        ]
        return next(
            (row for row in rows if folded and row["sku"].strip().casefold() == folded), None
        )

    def add_product(
        self,
        sku: str,
        name: str,
        price: str | Decimal,
        *,
        stock: int | None = 0,
        kind: str = "simple",
    ) -> Row:
        """Add a published product; `stock` None: nobody counts it."""
        identifier = self.next("post", 90)
        row: Row = {
            "id": identifier, "name": name, "slug": sku.lower(), "type": kind, "status": "publish",
            "featured": False, "catalog_visibility": "visible", "description": "",
            "short_description": "", "parent_id": 0, "tags": [], "categories": [], "images": [],
            "attributes": [], "default_attributes": [], "variations": [], "grouped_products": [],
            "sold_individually": False, "reviews_allowed": True, "purchase_note": "",
            **_sellable(sku, str(price), stock),
        }  # fmt: skip
        self._dated(row)
        self.products[identifier] = row
        return row

    def add_variation(
        self,
        parent: Row,
        sku: str,
        options: dict[str, str],
        price: str | Decimal,
        *,
        stock: int | None = 0,
    ) -> Row:
        """Add a variation to a variable product."""
        identifier = self.next("post", 90)
        row: Row = {
            "id": identifier, "parent_id": parent["id"], "type": "variation", "status": "publish",
            "name": ", ".join(options.values()), "description": "", "image": None,
            "attributes": [{"id": 0, "name": name, "option": one} for name, one in options.items()],
            **_sellable(sku, str(price), stock),
        }  # fmt: skip
        self._dated(row)
        self.variations.setdefault(parent["id"], {})[identifier] = row
        parent["variations"] = [*parent["variations"], identifier]
        return row

    def add_customer(self, email: str, first: str, last: str, at: datetime | None = None) -> Row:
        """Add an account without addresses."""
        identifier = self.next("user", 2)
        empty = dict.fromkeys((*_ADDRESS, "phone"), "")
        row: Row = {
            "id": identifier, "email": email, "first_name": first, "last_name": last,
            "role": "customer", "username": email.partition("@")[0], "is_paying_customer": False,
            "billing": {**empty, "email": ""}, "shipping": dict(empty),
            "avatar_url": "https://secure.gravatar.com/avatar/0", "meta_data": [],
        }  # fmt: skip
        self._dated(row, at)
        self.customers[identifier] = row
        return row

    def _dated(self, row: Row, at: datetime | None = None) -> None:
        text = instant_text(at or self.now())
        row |= {"date_created_gmt": text, "date_modified_gmt": text}

    def note(
        self, order: int, text: str, *, to_customer: bool = False, author: str = "system"
    ) -> Row:
        """Add a note to an order; one for the customer is mailed."""
        row: Row = {
            "id": self.next("note", 200), "author": author, "note": text,
            "customer_note": to_customer, "date_created_gmt": instant_text(self.now()),
        }  # fmt: skip
        self.notes.setdefault(order, []).append(row)
        if to_customer:
            self.mails.append({"order": order, "kind": "customer_note", "text": text})
        return row

    def snapshot(self) -> Row:
        """Return all tables."""
        return {
            "now": self.now(),
            "orders": list(self.orders.values()),
            "refunds": [one for of in self.refunds.values() for one in of],
            "notes": {str(order): of for order, of in self.notes.items()},
            "customers": list(self.customers.values()),
            "products": list(self.products.values()),
            "variations": [one for of in self.variations.values() for one in of.values()],
            "webhooks": list(self.webhooks.values()),
            "mails": self.mails,
        }


def _sellable(sku: str, price: str, stock: int | None) -> Row:
    counted = stock is not None
    return {
        "sku": sku, "global_unique_id": "", "price": price, "regular_price": price,
        "sale_price": "", "date_on_sale_from_gmt": None, "date_on_sale_to_gmt": None,
        "on_sale": False, "purchasable": True, "virtual": False, "downloadable": False,
        "downloads": [], "download_limit": -1, "download_expiry": -1, "tax_status": "taxable",
        "tax_class": "", "manage_stock": counted, "stock_quantity": stock,
        "stock_status": "instock" if stock is None or stock > 0 else "outofstock",
        "backorders": "no", "backorders_allowed": False, "backordered": False, "weight": "",
        "dimensions": {"length": "", "width": "", "height": ""}, "shipping_class": "",
        "shipping_class_id": 0, "menu_order": 0, "meta_data": [],
    }  # fmt: skip
