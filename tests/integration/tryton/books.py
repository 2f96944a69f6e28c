"""One order's sale in Tryton with its refunds and payments, as tests write and read them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from msgspec import structs
from tests.support.orders import a_line, a_shipping, an_order

from knect.model import Order, Refund, RefundLine
from knect.sdk.contract import Delivery, Effect, Outcome
from knect_connectors.tryton.demo.people import Person

__all__ = ["A", "B", "Books", "a_refund", "back", "cancelled", "two_lines"]

A = "gid://shopify/LineItem/1"
B = "gid://shopify/LineItem/2"


def two_lines(number: int, quantity: str = "3", **more: Any) -> Order:
    """3 x 10.00 and 1 x 5.00 with 19 %, and 4.90 of shipping: 47.48."""
    net = Decimal(quantity) * 10
    tax = (net * Decimal("0.19")).quantize(Decimal("0.01"))
    total = net + tax + Decimal("5.95") + Decimal("5.83")
    lines = [
        a_line("SKU-001", "10.00", quantity=quantity, taxes=(("0.19", str(tax)),), id=A),
        a_line("SKU-002", "5.00", quantity="1", taxes=(("0.19", "0.95"),), id=B),
    ]
    shipping = a_shipping("4.90", taxes=(("0.19", "0.93"),))
    return an_order(
        str(total), *lines, number=str(number), source_id=f"life-{number}",
        shipping_lines=(shipping,), **more,
    )  # fmt: skip


class Books:
    """One order's sale, its refunds and payments."""

    def __init__(self, hand, clerk, order: Order) -> None:
        self.hand, self.order = hand, order
        self.person = Person(clerk)
        self.sale = 0

    async def deliver(self, order: Order | None = None) -> None:
        self.order = order or self.order
        await self.hand.deliver(self.order)
        self.sale = (await self.hand.sale(self.order))["id"]

    async def plan(self, entity: str, record: Any) -> Sequence[Effect]:
        """Return all effects of a child."""
        destination = self.hand.destination
        references = destination.references(entity, record)
        resolved = await destination.resolve([r for r in references if r.kind != "orders"])
        return destination.plan(
            Delivery(
                entity=entity,
                external_id=record.source_id,
                document=destination.to_document(entity, record, {}),
                record=record,
                bound=None,
                resolved={**resolved, ("orders", record.order_id): str(self.sale)},
                settings={},
            )
        )

    async def child(self, entity: str, record: Any) -> Outcome:
        """Write all effects of a child; returns the last outcome, or the first error."""
        destination = self.hand.destination
        given: dict[str, str] = {}
        outcome = Outcome()
        for effect in await self.plan(entity, record):
            call = self.hand.call(effect, given)
            (outcome,) = await destination.write([call])
            if outcome.error is not None:
                raise outcome.error
            assert outcome.found is not None
            given[effect.name] = outcome.found.destination_id
            (again,) = await destination.write([call])
            assert again.found is not None
            assert again.found.destination_id == outcome.found.destination_id, effect.name
        return outcome

    async def state(self) -> tuple[str, Decimal]:
        sale = await self.hand.sale(self.order)
        return sale["state"], sale["total_amount"]

    async def credits(self) -> list[dict[str, Any]]:
        return await self.hand.client.search_read(
            "sale.sale",
            [["origin", "=", f"sale.sale,{self.sale}"]],
            ["total_amount", "state", "shipment_method", "web_id", "lines"],
            order=[["id", "ASC"]],
        )

    async def worth(self) -> Decimal:
        """What the ERP says the customer owes for good: sold less credited."""
        _, total = await self.state()
        return total + sum((one["total_amount"] for one in await self.credits()), Decimal(0))


def a_refund(books: Books, *lines: RefundLine, source_id: str = "1", **more: Any) -> Refund:
    total = sum((x.amount + x.tax for x in lines), Decimal(0))
    total += more.get("shipping", Decimal(0)) + more.get("shipping_tax", Decimal(0))
    total += more.get("adjustment", Decimal(0))
    fields = {
        "order_id": books.order.source_id,
        "order_number": books.order.number,
        "currency": "EUR",
        "total": total,
        "created_at": datetime(2026, 3, 5, tzinfo=UTC),
        **more,
    }
    return Refund(source_id=f"{books.order.source_id}-refund-{source_id}", lines=lines, **fields)


def back(line: str, quantity: str, amount: str, tax: str, restock: str = "return") -> RefundLine:
    sku = "SKU-001" if line == A else "SKU-002"
    return RefundLine(
        line_id=line, sku=sku, quantity=Decimal(quantity), amount=Decimal(amount),
        tax=Decimal(tax), restock=restock,
    )  # fmt: skip


def cancelled(order: Order) -> Order:
    return structs.replace(order, cancelled_at=datetime(2026, 3, 4, tzinfo=UTC))
