"""Orders to fill a simulated shop with: a varied set, small ones for load, and people.

The same seed gives the same orders. Must not: look at the clock; the caller says when.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from msgspec import structs

from knect.sdk.testing import DEFAULT_SKUS, PEOPLE, UNKNOWN_SKU, Sku
from knect_connectors.magento2.simulator import acts, bills
from knect_connectors.magento2.simulator.books import Books, Row
from knect_connectors.magento2.simulator.builder import Bought, OrderPlan, build_order

__all__ = ["KINDS", "fill_catalog", "fill_orders", "person", "small_orders"]

#: The unusual orders, each once among those let in, in the order they are placed.
KINDS = (
    "guest", "edited", "edited twice", "configurable", "bundle", "fixed bundle", "virtual",
    "coupon to zero", "deleted product", "partly invoiced and shipped", "refunded",
    "refunded in part", "cancelled", "cancelled in part", "second currency", "second website",
    "waiting for payment", "shipping discount", "gift card",
)  # fmt: skip


def person(number: int) -> Row:
    """Return the address of one of a few people."""
    first, last, country, postcode, city, street = PEOPLE[number % len(PEOPLE)]
    lines = [street, "2nd floor"] if country == "PL" else [street]
    return {"firstname": first, "lastname": last, "street": lines, "city": city,
            "postcode": postcode, "country_id": country}  # fmt: skip


def fill_catalog(books: Books, skus: Sequence[Sku], *, stock: int = 0) -> None:
    """Make each a product of the shop."""
    for one in skus:
        row = books.add_product(one.sku, one.title, one.price)
        books.stock[row["id"]] |= {"qty": Decimal(stock), "is_in_stock": stock > 0}
        if books.sources:
            books.put_level(one.sku, books.sources[0], Decimal(stock), int(stock > 0))


def _customers(books: Books, at: datetime) -> list[Row]:
    found = []
    for index, (first, last, *_) in enumerate(PEOPLE):
        row = books.add_customer(f"customer{index}@example.com", first, last, at)
        identifier = books.next("address")
        row["addresses"] = [{
            "id": identifier, "customer_id": row["id"], "telephone": "+34 600 00 00",
            "region": {"region_code": None, "region": None, "region_id": 0}, "region_id": 0,
            "default_billing": True, "default_shipping": True, **person(index),
        }]  # fmt: skip
        row |= {"default_billing": str(identifier), "default_shipping": str(identifier)}
        found.append(row)
    return found


def _bought(random: Random, skus: Sequence[Sku]) -> Bought:
    one = random.choice(skus)
    return Bought(sku=one.sku, title=one.title, price=one.price,
                  quantity=Decimal(random.choice((1, 1, 1, 2, 3))))  # fmt: skip


def fill_orders(
    books: Books,
    *,
    start: datetime,
    count: int,
    let_in: int,
    skus: Sequence[Sku] = DEFAULT_SKUS,
    seed: int = 7,
) -> dict[str, str]:
    """Put in `count` orders of which the last `let_in` changed at `start` or after, 20 s apart.

    The rest lie in the 30 days before. Returns the unusual ones: kind -> order number.
    """
    random = Random(seed)  # noqa: S311 - reproducible on purpose
    customers = _customers(books, start - timedelta(days=40))
    earlier = count - let_in
    kinds = list(KINDS[:let_in])
    places = sorted(random.sample(range(let_in), len(kinds)))
    special: dict[str, str] = {}
    for index in range(count):
        kind = None
        if index < earlier:
            at = start - timedelta(days=30) + timedelta(days=30) * index / (earlier + 1)
        else:
            at = start + timedelta(seconds=20 * (index - earlier))
            if index - earlier in places:
                kind = kinds[places.index(index - earlier)]
        number = _one(books, random, at.replace(microsecond=0), customers, skus, kind)
        if kind:
            special[kind] = number
    return special


def _one(
    books: Books,
    random: Random,
    at: datetime,
    customers: Sequence[Row],
    skus: Sequence[Sku],
    kind: str | None,
) -> str:
    who = random.randrange(len(customers))
    plan: dict[str, Any] = {
        "at": at,
        "bought": tuple(_bought(random, skus) for _ in range(random.choice((1, 1, 2, 2, 3, 4)))),
        "address": person(who),
        "email": customers[who]["email"],
        "customer": customers[who],
        "shipping": random.choice((Decimal(0), Decimal("4.90"), Decimal("9.90"))),
    }
    if random.random() < 0.2:
        first = plan["bought"][0]
        plan["bought"] = (structs.replace(first, discount=Decimal("1.50")), *plan["bought"][1:])
    if (shape := _SHAPES.get(kind or "")) is not None:
        shape(plan)
    order = build_order(books, OrderPlan(**plan))
    if (happens := _AFTER.get(kind or "")) is not None:
        happens(books, order, plan, at)
    elif kind != "waiting for payment":
        bills.invoice(books, order, at=at)
    return str(order["increment_id"])


# ---------------------------------------------------------------- how they are unusual


def _two_lines(plan: Row) -> None:
    plan["bought"] = (
        Bought(sku="KN-100", title="Kettle", price=Decimal("39.90"), quantity=Decimal(3)),
        Bought(sku="KN-300", title="Cup, pair", price=Decimal("12.00"), quantity=Decimal(2)),
    )
    plan["shipping"] = Decimal("4.90")


def _configurable(plan: Row) -> None:
    plan["bought"] = (Bought(sku="KN-300", title="Cup, pair", price=Decimal("12.00"),
                             quantity=Decimal(2), kind="configurable"),)  # fmt: skip


_PARTS = (
    Bought(sku="KN-200", title="Teapot 1.2 l", price=Decimal("24.50")),
    Bought(sku="KN-300", title="Cup, pair", price=Decimal("12.00"), quantity=Decimal(2)),
)


def _bundle(plan: Row) -> None:
    plan["bought"] = (Bought(sku="TEA-SET-KN-200-KN-300", title="Tea set", price=Decimal(0),
                             kind="bundle", parts=_PARTS),)  # fmt: skip


def _fixed(plan: Row) -> None:
    plan["bought"] = (Bought(sku="GIFT-SET", title="Gift set", price=Decimal("44.00"),
                             kind="fixed", parts=_PARTS),)  # fmt: skip


def _virtual(plan: Row) -> None:
    plan["bought"] = (Bought(sku="KN-WARRANTY", title="Warranty", price=Decimal("9.00"),
                             kind="virtual"),)  # fmt: skip
    plan["shipping"] = Decimal(0)


def _for_nothing(plan: Row) -> None:
    plan["bought"] = tuple(
        structs.replace(one, discount=one.price * one.quantity) for one in plan["bought"]
    )
    plan |= {"shipping": Decimal(0), "coupon": "FREE"}


def _deleted(plan: Row) -> None:
    gone = Bought(sku=UNKNOWN_SKU, title="Old teapot", price=Decimal("19.00"), deleted=True)
    plan["bought"] = (*plan["bought"], gone)


_SHAPES: Mapping[str, Callable[[Row], None]] = {
    "guest": lambda plan: plan.update(customer=None, email="guest@example.com"),
    "edited": _two_lines,
    "edited twice": _two_lines,
    "configurable": _configurable,
    "bundle": _bundle,
    "fixed bundle": _fixed,
    "virtual": _virtual,
    "coupon to zero": _for_nothing,
    "deleted product": _deleted,
    "partly invoiced and shipped": _two_lines,
    "refunded": _two_lines,
    "refunded in part": _two_lines,
    "cancelled in part": _two_lines,
    "second currency": lambda plan: plan.update(store=2),
    "second website": lambda plan: plan.update(store=3),
    "shipping discount": lambda plan: plan.update(
        shipping=Decimal("9.90"), shipping_discount=Decimal("9.90"), coupon="SHIPFREE"
    ),
    "gift card": lambda plan: plan.update(gift_card=Decimal("3.00")),
}


def _again(books: Books, order: Row, plan: Row, bought: tuple[Bought, ...], at: datetime) -> Row:
    """Edit an order: the same, but with other lines."""
    new = build_order(books, OrderPlan(**{**plan, "number": "edited", "bought": bought, "at": at}))
    return acts.edit(books, order, new)


def _edited(books: Books, order: Row, plan: Row, at: datetime) -> None:
    first, second = plan["bought"]
    fewer = structs.replace(first, quantity=Decimal(2))
    bills.invoice(books, _again(books, order, plan, (fewer, second), at), at=at)


def _edited_twice(books: Books, order: Row, plan: Row, at: datetime) -> None:
    first, second = plan["bought"]
    fewer = structs.replace(first, quantity=Decimal(2))
    once = _again(books, order, plan, (fewer, second), at)
    bills.invoice(books, _again(books, once, plan, (fewer,), at), at=at)


def _partly(books: Books, order: Row, plan: Row, at: datetime) -> None:
    del plan
    one = {order["items"][0]["item_id"]: Decimal(1)}
    bills.invoice(books, order, one, at=at)
    acts.ship(books, order, one, at=at)


def _refunded(books: Books, order: Row, plan: Row, at: datetime) -> None:
    del plan
    bills.invoice(books, order, at=at)
    bills.refund(books, order, at=at)


def _refunded_in_part(books: Books, order: Row, plan: Row, at: datetime) -> None:
    del plan
    bills.invoice(books, order, at=at)
    one = {order["items"][0]["item_id"]: Decimal(1)}
    bills.refund(books, order, one, shipping=Decimal(0), plus=Decimal("2.00"),
                minus=Decimal("0.50"), at=at)  # fmt: skip


def _cancelled(books: Books, order: Row, plan: Row, at: datetime) -> None:
    del plan
    acts.cancel(books, order, at=at)


def _cancelled_partly(books: Books, order: Row, plan: Row, at: datetime) -> None:
    _partly(books, order, plan, at)
    acts.cancel(books, order, at=at)


_AFTER = {
    "edited": _edited,
    "edited twice": _edited_twice,
    "partly invoiced and shipped": _partly,
    "refunded": _refunded,
    "refunded in part": _refunded_in_part,
    "cancelled": _cancelled,
    "cancelled in part": _cancelled_partly,
}


def small_orders(
    books: Books,
    count: int,
    *,
    at: datetime,
    seed: int = 0,
    skus: Sequence[Sku] = DEFAULT_SKUS,
    spacing: float = 0.0,
    guests: int = 0,
) -> list[str]:
    """Put in small paid orders, `spacing` seconds apart (0: all at one instant); return numbers.

    `guests`: how many different e-mail addresses; 0: one per order.
    """
    random = Random(seed)  # noqa: S311 - reproducible on purpose
    made = []
    for index in range(count):
        when = (at + timedelta(seconds=spacing * index)).replace(microsecond=0)
        one = random.choice(skus)
        bought = Bought(sku=one.sku, title=one.title, price=one.price,
                        quantity=Decimal(1 + random.randrange(3)))  # fmt: skip
        number = books.number(1)
        plan = OrderPlan(
            number=number,
            at=when,
            bought=(bought,),
            address=person(index),
            shipping=Decimal("4.90"),
            email=f"buyer{index % guests if guests else number}@example.com",
        )
        bills.invoice(books, build_order(books, plan), at=when)
        made.append(number)
    return made
