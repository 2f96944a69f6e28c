"""What `POST /_knect/do/NAME` does: what a merchant, or time, does to the shop.

Orders are named by their number. Must not: be reachable over the simulated API.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from knect_connectors.magento2.simulator import acts, bills, generator, parts
from knect_connectors.magento2.simulator.access import Access
from knect_connectors.magento2.simulator.books import Books, Row
from knect_connectors.magento2.simulator.builder import Bought, OrderPlan, build_order

__all__ = ["Control"]


class Control:
    """Every method is an action."""

    def __init__(self, books: Books, access: Access) -> None:
        self._books = books
        self._access = access

    def create_orders(self, count: int, guests: int = 0) -> list[str]:
        """Place small paid orders now."""
        seed = self._books.counters.get("order", 0)
        return generator.small_orders(
            self._books, count, at=self._books.now(), seed=seed, guests=guests
        )

    def open_account(self, email: str, first: str, last: str) -> int:
        """Add a customer who has bought nothing yet; returns the id."""
        return int(self._books.add_customer(email, first, last, self._books.now())["id"])

    def place(self, sku: str, price: str, quantity: str = "1", email: str = "buyer@example.com",
              store: int = 1) -> str:  # fmt: skip
        """Place one unpaid order of one thing now."""
        bought = Bought(sku=sku, title=sku, price=Decimal(price), quantity=Decimal(quantity))
        plan = OrderPlan(at=self._books.now(), bought=(bought,), store=store, email=email,
                         address=generator.person(self._books.next("person")))  # fmt: skip
        return str(build_order(self._books, plan)["increment_id"])

    def edit(self, number: str, sku: str, price: str, quantity: str = "1") -> str:
        """Edit an order as the admin panel does: a new one with one line takes its place."""
        order = self._books.order(number)
        bought = Bought(sku=sku, title=sku, price=Decimal(price), quantity=Decimal(quantity))
        address = {name: order["billing_address"][name] for name in generator.person(0)}
        plan = OrderPlan(number="edited", at=self._books.now(), bought=(bought,), address=address,
                         email=order["customer_email"], store=order["store_id"])  # fmt: skip
        return str(acts.edit(self._books, order, build_order(self._books, plan))["increment_id"])

    def invoice(self, number: str) -> int:
        """Invoice what is left."""
        return int(bills.invoice(self._books, self._books.order(number))["entity_id"])

    def ship(self, number: str, track: str = "", email: bool = False) -> int:  # noqa: FBT001, FBT002 - arguments of a request
        """Ship what is left by hand."""
        given = {"track_number": track, "carrier_code": "custom", "title": "By hand"}
        row = acts.ship(self._books, self._books.order(number), notify=email,
                        tracks=[given] if track else None)  # fmt: skip
        return int(row["entity_id"])

    def refund(self, number: str) -> int:
        """Give back everything."""
        return int(bills.refund(self._books, self._books.order(number))["entity_id"])

    def cancel(self, number: str) -> bool:
        """Cancel what can be cancelled."""
        return acts.cancel(self._books, self._books.order(number))

    def hold(self, number: str) -> None:
        """Put an order on hold."""
        self.touch(number, state="holded", status="holded")

    def touch(self, number: str, **values: Any) -> None:
        """Change columns of an order, and its mark."""
        order = self._books.order(number)
        order |= values
        parts.touch(self._books, order)

    def stock(self, sku: str, quantity: str, source: str = "default") -> None:
        """Set a stock level by hand."""
        amount = Decimal(quantity)
        if self._books.sources is None:
            self._books.stock[_product(self._books, sku)["id"]] |= {
                "qty": amount, "is_in_stock": amount > 0}  # fmt: skip
        else:
            self._books.put_level(
                _product(self._books, sku)["sku"], source, amount, int(amount > 0)
            )

    def price(self, sku: str, price: str) -> None:
        """Set a product's price by hand."""
        row = _product(self._books, sku)
        row["price"] = Decimal(price)
        parts.touch(self._books, row)

    def delete_product(self, sku: str) -> None:
        """Delete a product; orders keep its SKU and lose its id."""
        row = _product(self._books, sku)
        del self._books.products[row["id"]], self._books.stock[row["id"]]
        for key in [key for key in self._books.source_items if key[0] == row["sku"]]:
            del self._books.source_items[key]
        for order in self._books.orders.values():
            for item in order["items"]:
                if item["product_id"] == row["id"]:
                    item["product_id"] = None

    def delete_order(self, number: str) -> None:
        """Delete an order for good, as extensions do."""
        del self._books.orders[self._books.order(number)["entity_id"]]

    def spoil(self, number: str) -> None:
        """Let an extension stumble over an order whenever it is told."""
        self._books.broken.add(self._books.order(number)["entity_id"])

    def deny(self, resources: list[str]) -> None:
        """Take the right to these resources, and give back all others."""
        self._access.denied = set(resources)

    def expire(self) -> None:
        """End every admin's token."""
        self._access.end_all()

    def skew(self, seconds: float) -> None:
        """Set how far the shop's clock is ahead."""
        self._books.skew = timedelta(seconds=seconds)

    def clock(self) -> datetime:
        """Return the shop's time."""
        return self._books.now()


def _product(books: Books, sku: str) -> Row:
    row = books.product(sku)
    if row is None:
        raise KeyError(sku)
    return row
