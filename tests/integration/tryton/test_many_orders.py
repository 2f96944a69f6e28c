"""Orders made by chance, delivered in batches: each sale comes to what its customer paid."""

import random
from decimal import ROUND_HALF_UP, Decimal

import pytest
from tests.integration.tryton.conftest import SKUS
from tests.support.orders import a_line, a_shipping, an_order

from knect.model import Order, OrderLine, ShippingLine, minor_units

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

SEED = 20261124
RATES = ("0.19", "0.07", "0.20", "0.21", "0.10", "0.0825", "0.06")


class Shop:
    """Makes orders as a shop does: tax rounded per line, half up, on what the line costs."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def order(self, number: str) -> Order:
        pick = self.chance
        currency = pick.choice(("EUR", "EUR", "USD", "GBP", "JPY"))
        unit = Decimal(1).scaleb(-(minor_units(currency) or 0))
        included = pick.random() < 0.5
        lines = [self.line(i, unit, included) for i in range(pick.randint(1, 12))]
        shipping = [self.shipping(unit, included)] if pick.random() < 0.7 else []
        parts = [line.quantity * line.unit_price for line in lines] + [s.price for s in shipping]
        total = sum(parts) - sum(d.amount for x in (*lines, *shipping) for d in x.discounts)
        if not included:
            total += sum(t.amount for x in (*lines, *shipping) for t in x.taxes)
        rounding = pick.choice((0, 0, 0, -1, 2)) * unit
        return an_order(
            str(total + rounding),
            *lines,
            number=number,
            currency=currency,
            taxes_included=included,
            shipping_lines=tuple(shipping),
            rounding=rounding,
        )

    def line(self, i: int, unit: Decimal, included: bool) -> OrderLine:
        pick = self.chance
        quantity = Decimal(pick.choice((1, 1, 1, 2, 3, 7, 24, 150)))
        price = Decimal(pick.randint(1, 30_000)) * unit
        discount = (price * quantity * pick.randint(0, 100) / 100).quantize(unit)
        discount = discount if pick.random() < 0.4 else Decimal(0)
        return a_line(
            pick.choice(SKUS),
            str(price),
            quantity=str(quantity),
            discount=str(discount),
            taxes=self.taxes(price * quantity - discount, unit, included),
            id=str(i),
        )

    def shipping(self, unit: Decimal, included: bool) -> ShippingLine:
        price = Decimal(self.chance.randint(1, 2_000)) * unit
        return a_shipping(str(price), taxes=self.taxes(price, unit, included))

    def taxes(self, amount: Decimal, unit: Decimal, included: bool) -> tuple[tuple[str, str], ...]:
        rates = self.chance.sample(RATES, self.chance.choice((0, 1, 1, 1, 2)))
        base = amount / (1 + sum(map(Decimal, rates))) if included else amount
        return tuple(
            (rate, str((base * Decimal(rate)).quantize(unit, ROUND_HALF_UP))) for rate in rates
        )


async def test_a_hundred_orders_made_by_chance_come_to_what_was_paid(hand):
    shop = Shop(SEED)
    orders = [shop.order(f"X{i}") for i in range(100)]
    for start in range(0, len(orders), 25):
        await deliver_together(hand, orders[start : start + 25])
    sales = await hand.client.search_read(
        "sale.sale",
        [["web_id", "in", [order.source_id for order in orders]]],
        ["web_id", "total_amount", "state", "currency.code"],
    )
    shown = {s["web_id"]: (s["total_amount"], s["currency."]["code"], s["state"]) for s in sales}
    assert len(sales) == len(orders), f"seed {SEED}"
    for order in orders:
        paid = (order.totals.total, order.currency, "confirmed")
        assert shown[order.source_id] == paid, f"seed {SEED}, order {order.number}"


async def deliver_together(hand, orders):
    plans = [await hand.effects(order) for order in orders]
    given = [{} for _ in orders]
    for step in range(4):
        calls = [hand.call(plan[step], ids) for plan, ids in zip(plans, given, strict=True)]
        outcomes = await hand.destination.write(calls)
        for plan, ids, outcome in zip(plans, given, outcomes, strict=True):
            assert outcome.error is None, f"seed {SEED}: {outcome.error}"
            ids[plan[step].name] = outcome.found.destination_id
